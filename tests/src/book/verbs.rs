//! A page for each verb, `docs/verbs/VERB.md`, made of the very tree that `--help` is made of.

use clap::{Arg, Command};

const HEAD: &str = "<!-- Written by `cargo xtask docs` from the help texts in host/src/cli: change them there. -->\n";

/// The pages: a file's name in `docs/verbs`, and its text.
pub fn pages() -> Vec<(String, String)> {
    let mut tree = drift_host::cli::command();
    tree.build();
    let verbs: Vec<&Command> = tree.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set()).collect();
    // Not README.md: mdBook would call it index.html, and leave links to it as they are.
    let mut pages = vec![("all.md".to_owned(), overview(&verbs))];
    pages.extend(verbs.into_iter().map(|verb| (format!("{}.md", verb.get_name()), format!("{HEAD}{}", page(verb, 1)))));
    pages
}

fn overview(verbs: &[&Command]) -> String {
    let row = |verb: &&Command| {
        let (name, about) = (verb.get_name(), verb.get_about().map(|about| marked_down(&about.to_string())).unwrap_or_default());
        format!("| [{name}]({name}.md) | {about} |\n")
    };
    let rows: String = verbs.iter().map(row).collect();
    format!(
        "{HEAD}# The verbs\n\nA page each, with every flag. Exit codes are the same for all: [the table](../../README.md#what-it-promises).\n\n\
         | verb | |\n| --- | --- |\n{rows}"
    )
}

fn page(verb: &Command, depth: usize) -> String {
    let level = "#".repeat(depth);
    let mut page = format!("{level} {}\n\n", verb.get_bin_name().unwrap_or(verb.get_name()));
    let about = verb.get_long_about().or(verb.get_about());
    page += &about.map(|about| laid_out(&about.to_string())).unwrap_or_default();
    let usage = verb.clone().render_usage().to_string();
    page += &format!("```text\n{}\n```\n\n", usage.trim_start_matches("Usage: ").trim());
    let also: Vec<&str> = verb.get_visible_aliases().chain(verb.get_aliases()).collect();
    if !also.is_empty() {
        page += &format!("Also called `{}`.\n\n", also.join("`, `"));
    }
    for (heading, arguments) in groups(verb) {
        page += &format!("{level}# {heading}\n\n");
        for argument in arguments {
            page += &entry(argument, depth + 2);
        }
    }
    for inner in verb.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        page += &self::page(inner, depth + 1);
    }
    let after = verb.get_after_long_help().or(verb.get_after_help());
    let headed = |after: String| after.replace("Examples:\n", &format!("{level}# Examples\n\n"));
    page += &after.map(|after| laid_out(&headed(after.to_string()))).unwrap_or_default();
    format!("{}\n", page.trim_end())
}

/// Arguments by their headings, in the order of `--help`.
fn groups(verb: &Command) -> Vec<(String, Vec<&Arg>)> {
    let mut groups: Vec<(String, Vec<&Arg>)> = Vec::new();
    let rest = verb.get_arguments().filter(|argument| !argument.is_positional());
    for argument in verb.get_positionals().chain(rest) {
        if argument.is_hide_set() || ["help", "version"].contains(&argument.get_id().as_str()) {
            continue;
        }
        let usual = if argument.is_positional() { "Arguments" } else { "Options" };
        let heading = argument.get_help_heading().unwrap_or(usual);
        match groups.iter_mut().find(|(other, _)| other == heading) {
            Some((_, arguments)) => arguments.push(argument),
            None => groups.push((heading.to_owned(), vec![argument])),
        }
    }
    groups
}

fn entry(argument: &Arg, depth: usize) -> String {
    let mut entry = format!("{} `{}`\n\n", "#".repeat(depth), name(argument));
    let help = argument.get_long_help().or(argument.get_help());
    entry += &help.map(|help| laid_out(&help.to_string())).unwrap_or_default();
    let mut notes = Vec::new();
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        notes.push(format!("Default: {}.", defaults.join(", ")));
    }
    if argument.get_action().takes_values() && !argument.is_hide_possible_values_set() {
        let values: Vec<String> = argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        if !values.is_empty() {
            notes.push(format!("Values: {}.", values.join(", ")));
        }
    }
    if let Some(variable) = argument.get_env().filter(|_| !argument.is_hide_env_set()) {
        notes.push(format!("Else taken from the environment: `{}`.", variable.to_string_lossy()));
    }
    if argument.is_required_set() && !argument.is_positional() {
        notes.push("Required.".into());
    }
    if !notes.is_empty() {
        entry += &format!("{}\n\n", notes.join(" "));
    }
    entry
}

/// `-y, --yes`, `--table <TABLE>`, `<PLUGIN>`, `[RUN]...`
fn name(argument: &Arg) -> String {
    if argument.is_positional() {
        return argument.to_string();
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    let values = argument.get_value_names().filter(|_| argument.get_action().takes_values()).unwrap_or_default();
    values.iter().fold(names, |names, value| format!("{names} <{value}>"))
}

/// A help text as Markdown: what is indented in it keeps its lines.
fn laid_out(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with("  ") {
            out += &format!("{}\n", marked_down(line));
            continue;
        }
        let mut block = vec![line];
        while let Some(next) = lines.next_if(|next| next.starts_with("  ")) {
            block.push(next);
        }
        let commands = block.iter().all(|line| line.trim().starts_with("drift-host ") || line.trim().starts_with('#'));
        let (above, language) = if commands { ("<!-- not run: an example of the help text -->\n", "sh") } else { ("", "text") };
        let body: String = block.iter().flat_map(|line| [line.strip_prefix("  ").unwrap_or(line), "\n"]).collect();
        out += &format!("\n{above}```{language}\n{body}```\n\n");
    }
    // No more than one empty line anywhere.
    while out.contains("\n\n\n") {
        out = out.replace("\n\n\n", "\n\n");
    }
    format!("{}\n\n", out.trim())
}

/// A line of text, with what Markdown would take for its own escaped, and the pages that it names as links.
fn marked_down(line: &str) -> String {
    let pieces = line.split('`').enumerate().map(|(at, piece)| match at % 2 {
        0 => linked(&piece.replace('<', "\\<").replace('*', "\\*").replace('|', "\\|")),
        _ => format!("`{piece}`"),
    });
    pieces.collect()
}

/// `docs/json.md` as a link to that page, seen from `docs/verbs`.
fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("docs/") {
        let end = after.find(|c: char| !(c.is_alphanumeric() || "-_./#".contains(c))).unwrap_or(after.len());
        let (path, after) = after.split_at(end);
        let path_alone = path.trim_end_matches('.');
        out += before;
        match path_alone.contains(".md") {
            true => out += &format!("[docs/{path_alone}](../{path_alone}){}", &path[path_alone.len()..]),
            false => out += &format!("docs/{path}"),
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_text_keeps_its_layout_and_names_its_pages() {
        let text = "Bounds; see docs/policy.md#a.\n\n  a=1  one\n  b=2\n\nExamples:\n  drift-host status\n";
        let expected = "Bounds; see [docs/policy.md#a](../policy.md#a).\n\n```text\na=1  one\nb=2\n```\n\nExamples:\n\n\
                        <!-- not run: an example of the help text -->\n```sh\ndrift-host status\n```\n\n";
        assert_eq!(laid_out(text), expected);
        assert_eq!(marked_down("insert:audit-* <N> `<N>*`"), "insert:audit-\\* \\<N> `<N>*`");
    }
}
