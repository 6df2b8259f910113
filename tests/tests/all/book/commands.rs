//! The commands of each page, typed in their order into a shell beside an embedded DynamoDB. How a page says what is a command, a file,
//! an output: `drift_tests::book::blocks`.

use std::path::Path;

use drift_tests::book::blocks::{Block, blocks};
use drift_tests::book::{pages, read, words};

use super::world::Shell;

/// Whose commands another test types, and looks deeper.
const ELSEWHERE: [&str; 1] = ["docs/history.md"];
/// The two that everybody types, each a test of its own.
const ALONE: [&str; 2] = ["README.md", "docs/quick-start.md"];

#[test]
fn every_command_is_one_that_there_is() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for block in blocks(&read(&page)).iter().filter(|block| block.is_shell()) {
            for command in block.commands() {
                let words = words::words(&command.line);
                let Some(at) = words.iter().position(|word| word == "drift-host") else { continue };
                seen += 1;
                wrong.extend(words::refused(&words[at..]).map(|why| format!("{page}:{}: {}\n{why}", block.line, command.line)));
            }
        }
    }
    assert!(seen > 60, "{seen} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_run_says_why_and_every_mark_is_one_that_there_is() {
    let mut wrong = Vec::new();
    for page in pages() {
        for block in blocks(&read(&page)) {
            let known = block.mark.is_none()
                || block.not_run().is_some_and(|why| why.len() > 10 && block.is_shell())
                || block.file().is_some_and(|name| !name.is_empty())
                || ((block.is_output() || block.is_message()) && block.language == "text");
            if !known {
                wrong.push(format!("{page}:{}: {:?} above a block of {:?}", block.line, block.mark, block.language));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_does_what_it_says() {
    walk("README.md");
}

#[test]
fn the_quick_start_does_what_it_says() {
    walk("docs/quick-start.md");
}

#[test]
fn every_other_page_does_what_it_says() {
    let others = pages().into_iter().filter(|page| !ALONE.contains(&page.as_str()) && !ELSEWHERE.contains(&page.as_str()));
    let walked = others.filter(|page| walk(page)).count();
    assert!(walked > 3 || std::env::var_os("DRIFT_GUESTS_DIR").is_none(), "{walked} pages");
}

/// Types a page. Whether there was anything to type.
fn walk(page: &str) -> bool {
    let blocks = blocks(&read(page));
    if !blocks.iter().any(|block| block.is_shell() && block.not_run().is_none()) {
        return false;
    }
    let Some(guests) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return false;
    };
    let mut shell = Shell::new(guests.to_str().unwrap());
    let mut said = String::new();
    for block in &blocks {
        match (block.file(), block.is_output()) {
            (Some(name), _) => shell.write(name, &block.text),
            (_, true) => compare(page, block, &said),
            _ if block.is_shell() && block.not_run().is_none() => said = typed(page, block, &mut shell),
            _ => {}
        }
    }
    true
}

fn typed(page: &str, block: &Block, shell: &mut Shell) -> String {
    let mut said = String::new();
    for command in block.commands() {
        let program = command.line.split(' ').next().unwrap();
        if !["drift-host", "cd", "export"].contains(&program) && !installed(program) {
            println!("skipped: {page}:{}: {program} is not installed", block.line);
            continue;
        }
        let (exit, output) = shell.run(&command.line);
        assert_eq!(exit, command.exit, "{page}:{}: {}\n{output}", block.line, command.line);
        said += &output;
    }
    said
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    program.contains('=') || std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// Each line stands in what was said, in this order, whatever `…` stands for and however many blanks there are.
fn compare(page: &str, block: &Block, said: &str) {
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = said.lines().map(plain);
    for wanted in block.text.lines().map(plain).filter(|line| !line.is_empty()) {
        assert!(
            lines.any(|line| fits(&line, &wanted)),
            "{page}:{}: this was not said, or not in this order:\n{wanted}\nbut:\n{said}",
            block.line
        );
    }
}

/// Whether a line has the pieces between the `…` of another, in their order; from beginning to end where there is none there.
fn fits(line: &str, wanted: &str) -> bool {
    let pieces: Vec<&str> = wanted.split('…').map(str::trim).collect();
    let mut rest = line;
    for (at, piece) in pieces.iter().enumerate() {
        let Some(found) = rest.find(piece) else { return false };
        if at == 0 && found != 0 {
            return false;
        }
        rest = &rest[found + piece.len()..];
    }
    pieces.last().is_none_or(|last| last.is_empty() || line.ends_with(last))
}

#[test]
fn a_line_fits_by_its_pieces() {
    assert!(fits("run 20261126T101112-ab begins", "run … begins") && fits("a b", "a b") && fits("a b c", "a …"));
    assert!(!fits("a b c", "a b") && !fits("x a b", "a b") && !fits("run begins not", "run … begins"));
}

/// What cannot be brought about in a page is held against the source: each piece between two `…` stands in one text of it.
#[test]
fn every_message_that_is_quoted_is_one_that_the_program_has() {
    let mut texts = Vec::new();
    sources(&drift_tests::book::root().join("host/src"), &mut texts);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for block in blocks(&read(&page)).iter().filter(|block| block.is_message()) {
            for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
                seen += 1;
                if !texts.iter().any(|text| fits_within(text, line.trim())) {
                    wrong.push(format!("{page}:{}: {line}", block.line));
                }
            }
        }
    }
    assert!(seen > 10, "{seen} messages");
    assert!(wrong.is_empty(), "in no text of host/src:\n{}", wrong.join("\n"));
}

/// Whether a text has the pieces between the `…`, in their order.
fn fits_within(text: &str, wanted: &str) -> bool {
    let mut rest = text;
    wanted.split('…').map(str::trim).all(|piece| match rest.find(piece) {
        Some(found) => {
            rest = &rest[found + piece.len()..];
            true
        }
        None => false,
    })
}

/// The texts between quotes of each source, what is put into them as `…`.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap().replace("\\\"", "”").replace("'\"'", "");
            texts.extend(source.split('"').skip(1).step_by(2).map(plain));
        }
    }
}

fn plain(text: &str) -> String {
    let text = text.replace("\\\n", " ");
    let mut out = String::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                out.push('…');
            }
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
