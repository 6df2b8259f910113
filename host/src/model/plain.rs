//! Which characters may reach a terminal.

/// Whether a character only shows itself: no control character but line end and tab, nothing invisible, nothing that turns
/// the direction of writing.
pub fn is_plain(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    matches!(c, '\n' | '\t') || !c.is_control() && !hidden
}
