//! The guide, README and `docs/`, as a reader finds it: its pages, their links, and the commands that stand in them.

pub mod blocks;
pub mod links;
pub mod verbs;
pub mod words;

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// README and every page of `docs/`, as paths from the root with `/`, in their order.
pub fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    collect(&root().join("docs"), "docs", &mut pages);
    pages.sort();
    pages
}

/// The text of a page.
pub fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn collect(folder: &Path, name: &str, pages: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &name, pages);
        } else if name.ends_with(".md") {
            pages.push(name);
        }
    }
}

/// The lines of a page that are prose: no fenced block, no block of four blanks. Each with its number.
pub fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    let mut indented = false;
    let mut before_is_empty = true;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        indented = line.starts_with("    ") && (indented || before_is_empty);
        before_is_empty = line.trim().is_empty();
        (!fenced && !fence && !indented).then_some((at + 1, line))
    })
}
