//! A command of a page against the verbs and flags that there are.

/// The words of a line as a shell would have them, up to the first pipe, redirection or `&`. No expansion: there is none in a verb's
/// name or a flag's.
pub fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | '&' | ';') => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What the command line says to these words, but for what it would read in files: `None` if they are well.
pub fn refused(words: &[String]) -> Option<String> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let error = drift_host::cli::command().try_get_matches_from(words).err()?;
    (!matches!(error.kind(), DisplayHelp | DisplayVersion)).then(|| error.to_string())
}

/// The flags among what stands in prose (`run --sweep`, `drift-host apply RUN --retry-failed`, `--grant asked`) that no such verb has.
/// `None` if it is no command of ours.
pub fn unknown_flags(code: &str) -> Option<Vec<String>> {
    let tree = drift_host::cli::command();
    let words = words(code);
    let mut words = words.iter().map(String::as_str);
    let first = words.next()?;
    let named = if first == "drift-host" { words.next()? } else { first };
    let verb = tree.find_subcommand(named);
    if verb.is_none() && !named.starts_with("--") {
        return None;
    }
    let alone = [named].into_iter().filter(|word| word.starts_with("--"));
    let long = |word: &str| word.strip_prefix("--").map(|flag| flag.split(['=', '[', ',']).next().unwrap_or(flag).to_owned());
    let flags = alone.chain(words).filter_map(long).filter(|flag| !flag.is_empty());
    let has = |command: &clap::Command, flag: &str| {
        ["help", "version"].contains(&flag) || command.get_arguments().any(|argument| argument.get_long() == Some(flag))
    };
    // What every verb takes stands with none of them.
    let known = |flag: &str| match verb {
        _ if has(&tree, flag) => true,
        Some(verb) => has(verb, flag),
        None => tree.get_subcommands().any(|verb| has(verb, flag)),
    };
    Some(flags.filter(|flag| !known(flag)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell_and_flags_those_that_there_are() {
        assert_eq!(words("drift-host local --load 'A:+Id=b c' > x"), ["drift-host", "local", "--load", "A:+Id=b c"]);
        assert_eq!(refused(&words("drift-host status --audit")), None);
        assert!(refused(&words("drift-host status --odit")).unwrap().contains("--odit"));
        assert!(refused(&words("drift-host stetus")).is_some());
        assert_eq!(unknown_flags("undo --to N"), Some(vec![]));
        assert_eq!(unknown_flags("drift-host apply RUN --sweeep"), Some(vec!["sweeep".to_owned()]));
        assert_eq!(unknown_flags("--grant asked"), Some(vec![]));
        assert_eq!(unknown_flags("run --log json"), Some(vec![]));
        assert_eq!(unknown_flags("item.name"), None);
    }
}
