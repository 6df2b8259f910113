//! The guide, README and `docs/`: its table of contents, its links, its pages of verbs, and the commands that it tells people to type.

mod commands;
mod world;

use std::collections::BTreeSet;
use std::path::Path;

use drift_tests::book::{self, links, prose, root, verbs, words};

/// Flags of other programs.
const OF_OTHERS: [&str; 9] =
    ["XMaxReadRate", "XMaxWriteRate", "XTimeout", "archives", "binary", "conf", "dry-run", "ignore-scripts", "master"];

/// A link of a page as a path from the root; `None` if it leads elsewhere.
fn target(page: &str, link: &str) -> Option<(String, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor.to_owned())));
    if path.is_empty() {
        return Some((page.to_owned(), anchor));
    }
    let mut at: Vec<&str> = page.split('/').collect();
    at.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                at.pop().unwrap_or_else(|| panic!("{page}: {link} leads out of the repository"));
            }
            part => at.push(part),
        }
    }
    Some((at.join("/"), anchor))
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let contents = links::links(&book::read("docs/SUMMARY.md"));
    let listed: Vec<String> = contents.iter().map(|(_, link)| target("docs/SUMMARY.md", link).unwrap().0).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let pages: BTreeSet<String> =
        book::pages().into_iter().filter(|page| page != "README.md" && page != "docs/SUMMARY.md").collect();
    assert_eq!(pages.difference(&once).collect::<Vec<_>>(), Vec::<&String>::new(), "not in docs/SUMMARY.md");
    assert_eq!(once.difference(&pages).collect::<Vec<_>>(), Vec::<&String>::new(), "in docs/SUMMARY.md, and no page");
    // What mdBook looks for.
    let config: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("book.toml")).unwrap()).unwrap();
    assert_eq!(config["book"]["src"].as_str(), Some("docs"));
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in book::pages() {
        for (line, link) in links::links(&book::read(&page)) {
            let Some((path, anchor)) = target(&page, &link) else { continue };
            seen += 1;
            if !root().join(&path).exists() {
                broken.push(format!("{page}:{line}: {link}: no such file"));
            } else if let Some(anchor) =
                anchor.filter(|anchor| !path.ends_with(".md") || !links::anchors(&book::read(&path)).contains(anchor))
            {
                broken.push(format!("{page}:{line}: {link}: no heading #{anchor} in {path}"));
            }
        }
    }
    assert!(seen > 200, "{seen} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Error messages and help texts send people to pages.
#[test]
fn every_page_that_the_program_names_is_there() {
    let mut named = BTreeSet::new();
    for folder in ["host/src", "xtask/src", "guest-sdk", "example-migrations"] {
        collect(&root().join(folder), &mut named);
    }
    assert!(named.contains("docs/warnings.md"), "{named:?}");
    let gone: Vec<&String> = named.iter().filter(|page| !root().join(page).is_file()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

fn collect(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !["target", "node_modules"].iter().any(|name| path.ends_with(name)) {
            collect(&path, named);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("docs/") {
                let page: String = text[at..].chars().take_while(|&c| c.is_ascii_alphanumeric() || "-_./".contains(c)).collect();
                // `…/docs/` of somebody else, and pages whose name is put together, are none of these.
                let own = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "/.-".contains(c));
                named.extend(page.find(".md").filter(|_| own).map(|end| page[..end + 3].to_owned()));
            }
        }
    }
}

#[test]
fn the_pages_of_the_verbs_are_what_their_help_says() {
    let folder = root().join("docs/verbs");
    let pages = verbs::pages();
    for (name, text) in &pages {
        let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let first = text.lines().zip(written.lines()).find(|(is, was)| is != was);
        assert!(&written == text, "docs/verbs/{name} is not what the help says: `cargo xtask docs` writes it. First: {first:?}");
    }
    let there = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(there, pages.len(), "pages of verbs that there are not: `cargo xtask docs` removes them");
}

#[test]
fn flags_that_the_prose_names_are_there() {
    let mut wrong = Vec::new();
    // The flags there are those of the harness.
    for page in book::pages().into_iter().filter(|page| page != "docs/crash.md") {
        for (line, code) in links::code(&book::read(&page)) {
            let unknown = words::unknown_flags(&code).unwrap_or_default().into_iter();
            let unknown = unknown.filter(|flag| !OF_OTHERS.contains(&flag.as_str()));
            wrong.extend(unknown.map(|flag| format!("{page}:{line}: `{code}`: there is no --{flag}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A command outside a fenced block is one that no test reads.
#[test]
fn commands_stand_in_fenced_blocks() {
    let mut bare = Vec::new();
    for page in book::pages() {
        let text = book::read(&page);
        let prose: BTreeSet<usize> = prose(&text).map(|(line, _)| line).collect();
        let fenced: BTreeSet<usize> = book::blocks::blocks(&text)
            .iter()
            .flat_map(|block| block.line..=block.line + block.text.lines().count() + 1)
            .collect();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            if line.trim().starts_with("drift-host ") && !prose.contains(&at) && !fenced.contains(&at) {
                bare.push(format!("{page}:{at}"));
            }
        }
    }
    assert!(bare.is_empty(), "commands that stand in no fenced block: {bare:?}");
}
