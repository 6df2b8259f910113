//! `--help`: the verbs in groups, by what somebody wants to do, and examples below each verb's flags.
//!
//! clap has no groups of subcommands. So the list of `drift-host --help` is a template made here, from [`GROUPS`] and the texts that the
//! verbs have; a test holds that every verb stands in exactly one group and that no line is wider than a small terminal.

use std::fmt::Write;

use clap::Command;
use clap::builder::Styles;

use super::examples;

/// What people come for, and the verbs for it, in the order in which they are needed.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Author a migration", &["new", "build", "test", "try", "inspect"]),
    ("Plan and run", &["doctor", "plan", "run", "apply", "undo", "up", "lead", "ctl"]),
    ("History", &["status", "show", "repair", "init"]),
    ("Others", &["local", "explain", "completions", "help"]),
];

/// The tree with its groups and examples.
pub(super) fn arranged(command: Command) -> Command {
    let command = examples::ALL.iter().fold(command, |command, (verb, examples)| {
        command.mut_subcommand(*verb, |verb| {
            let styles = verb.get_styles().clone();
            verb.after_help(below(&styles, examples))
        })
    });
    let template = template(&command);
    command.help_template(template)
}

fn template(command: &Command) -> String {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut out = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (group, verbs) in GROUPS {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\n{header}{group}:{header:#}");
        for verb in verbs {
            let _ = writeln!(out, "  {literal}{verb:<11}{literal:#}  {}", about(command, verb));
        }
    }
    let _ = write!(out, "\n{header}Options:{header:#}\n{{options}}\n\n");
    out.push_str("`drift-host VERB --help` says all about one: its flags, their defaults, and examples.");
    out
}

/// clap makes `help` itself, and later.
fn about(command: &Command, verb: &str) -> String {
    let about = command.find_subcommand(verb).and_then(Command::get_about).map(ToString::to_string);
    about.unwrap_or_else(|| "This list, or the help of a verb".to_owned())
}

fn below(styles: &Styles, examples: &[(&str, &str)]) -> String {
    let header = styles.get_header();
    let mut out = format!("{header}Examples:{header:#}");
    for (what, line) in examples {
        let _ = write!(out, "\n  # {what}\n  {line}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_stands_in_exactly_one_group_and_no_line_is_wide() {
        let mut command = super::super::command();
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| *verbs).copied().collect();
        listed.sort_unstable();
        let help = command.render_help().to_string();
        command.build();
        let mut verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        verbs.sort_unstable();
        assert_eq!(listed, verbs);
        for line in help.lines().filter(|line| !line.starts_with('`')) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for (group, verbs) in GROUPS {
            let group = help.split(&format!("{group}:\n")).nth(1).unwrap().split("\n\n").next().unwrap();
            for verb in verbs {
                let line = group.lines().find(|line| line.trim_start().starts_with(&format!("{verb} ")));
                assert!(line.is_some_and(|line| line.len() > 20), "{verb}: {group}");
            }
        }
    }

    #[test]
    fn every_verb_has_examples_and_each_is_a_command_line_that_is_understood() {
        let command = super::super::command();
        for verb in command.get_subcommands() {
            let name = verb.get_name();
            let examples = examples::ALL.iter().find(|(verb, _)| *verb == name).map(|(_, examples)| *examples);
            let examples = examples.unwrap_or_else(|| panic!("{name} has no examples"));
            assert!((2..=4).contains(&examples.len()), "{name} has {} examples", examples.len());
            for (what, line) in examples {
                assert!(line.starts_with(&format!("drift-host {name} ")) && line.chars().count() <= 96, "{line}");
                assert!(!what.ends_with('.') && what.chars().count() <= 90, "{what}");
                // What follows a pipe or a redirection is the shell's.
                let own = line.split([';', '|', '>', '<']).next().unwrap();
                let parsed = command.clone().try_get_matches_from(words(own));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
            let help = verb.clone().render_help().to_string();
            assert!(help.contains("\nExamples:\n") && help.contains(examples[0].1), "{help}");
        }
        assert_eq!(examples::ALL.len(), command.get_subcommands().count(), "no examples of what is no verb");
    }

    /// The words of a line, of which those in single quotes are one.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
                c => word.push(c),
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        words
    }
}
