//! Charts: rows of a table with a bar each, so that a number stands beside every bar, for whoever cannot see it and where a bar is
//! too short to be told.

use super::html::Html;

/// What a part of a bar means; each has a colour and a hatching of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Main,
    Good,
    Warn,
    Bad,
    Quiet,
}

impl Tone {
    fn rect(self) -> &'static str {
        match self {
            Self::Main => "<rect class=\"main\" height=\"10\" x=\"",
            Self::Good => "<rect class=\"good\" height=\"10\" x=\"",
            Self::Warn => "<rect class=\"warn\" height=\"10\" x=\"",
            Self::Bad => "<rect class=\"bad\" height=\"10\" x=\"",
            Self::Quiet => "<rect class=\"quiet\" height=\"10\" x=\"",
        }
    }
}

/// One bar.
pub(super) struct Bar {
    pub(super) label: Html,
    pub(super) parts: Vec<(f64, Tone)>,
    /// What is said of it.
    pub(super) value: String,
}

/// Bars on one scale, from nothing to the longest.
pub(super) fn bars(html: &mut Html, caption: &str, head: [&str; 2], rows: &[Bar]) {
    let length = |bar: &Bar| bar.parts.iter().map(|(length, _)| length).sum::<f64>();
    let longest = rows.iter().map(length).fold(0.0, f64::max);
    html.raw("<div class=\"scroll\"><table class=\"chart\"><caption>")
        .text(caption)
        .raw("</caption><thead><tr><th scope=\"col\">");
    html.text(head[0]).raw("</th><th class=\"bar\" aria-hidden=\"true\"></th><th scope=\"col\" class=\"n\">").text(head[1]);
    html.raw("</th></tr></thead><tbody>");
    for row in rows {
        html.raw("<tr><th scope=\"row\">").add(&row.label);
        html.raw("</th><td class=\"bar\" aria-hidden=\"true\"><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" focusable=\"false\">");
        let mut at = 0;
        for (part, tone) in &row.parts {
            // A bar of something is never nothing.
            let width = if longest > 0.0 && *part > 0.0 { ((part / longest * 1000.0).round() as u64).max(2) } else { 0 };
            if width > 0 {
                html.raw(tone.rect()).number(at).raw("\" width=\"").number(width).raw("\"/>");
            }
            at += width;
        }
        html.raw("</svg></td><td class=\"n\">").text(&row.value).raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
}
