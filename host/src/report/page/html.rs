//! HTML, and the one place where text becomes part of it.
//!
//! Markup can only be a literal of this program; whatever else there is goes through [`Html::text`], so that nothing of an item, a
//! migration or a table can be anything but text in the page. It goes between tags only, never into an attribute, a script or a
//! style.

use std::fmt::Write;

use crate::model::is_plain;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A whole number, wherever markup may have one.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{number}");
        self
    }

    /// Anybody's text. What has a meaning in HTML is escaped; what cannot be seen, or turns the direction of what follows, is shown
    /// by its number.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if is_plain(c) => self.0.push(c),
                hidden => {
                    let _ = write!(self.0, "<span class=\"hidden-char\">U+{:04X}</span>", u32::from(hidden));
                }
            }
        }
        self
    }

    /// Text in an element of its own, which keeps the direction of its letters to itself.
    pub(super) fn apart(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").text(text).raw("</bdi>")
    }

    /// Another piece.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    /// The text that a browser would show of escaped text; fails on any markup but that of what is hidden.
    fn read(html: &str) -> String {
        let (mut out, mut rest) = (String::new(), html);
        while let Some(c) = rest.chars().next() {
            if let Some(hidden) = rest.strip_prefix("<span class=\"hidden-char\">U+") {
                let (number, after) = hidden.split_once("</span>").unwrap();
                out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
                rest = after;
                continue;
            }
            let entities = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];
            if let Some((entity, c)) = entities.into_iter().find(|(entity, _)| rest.starts_with(entity)) {
                out.push(c);
                rest = &rest[entity.len()..];
                continue;
            }
            assert!(!"<>&\"'".contains(c) && is_plain(c), "{c:?} stands unescaped in {html}");
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
        out
    }

    #[test]
    fn what_means_something_is_text_and_what_is_hidden_is_seen() {
        assert_eq!(escaped("<script>alert('x')</script>"), "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        assert_eq!(escaped("a & \"b\" &lt;"), "a &amp; &quot;b&quot; &amp;lt;");
        let hidden = |code: &str| format!("<span class=\"hidden-char\">{code}</span>");
        assert_eq!(
            escaped("a\u{202e}b\u{2028}\0\u{7f}"),
            format!("a{}b{}{}{}", hidden("U+202E"), hidden("U+2028"), hidden("U+0000"), hidden("U+007F"))
        );
        assert_eq!(escaped("Grüße 名前 مرحبا\n\t"), "Grüße 名前 مرحبا\n\t");
    }

    proptest! {
        #[test]
        fn any_text_is_shown_as_it_is_and_is_nothing_else(text in any::<String>()) {
            prop_assert_eq!(read(&escaped(&text)), text);
        }

        #[test]
        fn so_is_what_looks_like_markup(parts in proptest::collection::vec(prop_oneof![
            Just("<"), Just(">"), Just("</script>"), Just("<!--"), Just("]]>"), Just("&"), Just("&amp;"), Just("&#x3c;"), Just("\""), Just("'"),
            Just("`"), Just("\u{2028}"), Just("\u{202e}"), Just("\u{feff}"), Just("\0"), Just("<span class=\"hidden-char\">U+0041</span>"),
        ], 0..12)) {
            let text = parts.concat();
            prop_assert_eq!(read(&escaped(&text)), text);
        }
    }
}
