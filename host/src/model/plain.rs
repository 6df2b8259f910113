//! Which characters may reach a terminal, and names for people.

/// Whether a character only shows itself: no control character but line end and tab, nothing invisible, nothing that turns
/// the direction of writing.
pub fn is_plain(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    matches!(c, '\n' | '\t') || !c.is_control() && !hidden
}

/// A name for people, in one line: what only shows itself as it is, what does not by its escape.
pub fn shown(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match is_plain(c) && !matches!(c, '\n' | '\t') {
            true => out.push(c),
            false => out.extend(c.escape_default()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_its_quotes_stay() {
        assert_eq!(shown("it's \"é\" 名前"), "it's \"é\" 名前");
        assert_eq!(shown("a\nb\u{202e}\u{1b}[31m"), "a\\nb\\u{202e}\\u{1b}[31m");
    }
}
