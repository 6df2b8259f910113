//! Links of a page, and what they can point to. A heading's anchor is GitHub's, which is mdBook's for every heading here.

use super::prose;

/// What stands between `](` and `)`, with its line.
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        let prose = without_code(prose);
        let mut rest = prose.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let (target, after) = after.split_once(')').unwrap_or((after, ""));
            found.push((line, target.to_owned()));
            rest = after;
        }
    }
    found
}

/// The anchors of a page's headings, in their order; one that comes twice is numbered.
pub fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.strip_prefix('#').map(|line| line.trim_start_matches('#')).filter(|line| line.starts_with(' '))
        else {
            continue;
        };
        let anchor = slug(&shown(heading.trim()));
        let before = anchors.iter().filter(|other| **other == anchor).count();
        anchors.push(if before == 0 { anchor } else { format!("{anchor}-{before}") });
    }
    anchors
}

/// Letters, digits, `-` and `_` stay, in small letters; a blank becomes `-`.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A heading as it is shown: of a link its text.
fn shown(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(&before.replacen('[', "", 1));
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// What stands in code within the prose, with its line.
pub fn code(text: &str) -> Vec<(usize, String)> {
    let spans = |(line, prose): (usize, &str)| {
        prose.split('`').skip(1).step_by(2).map(|code| (line, code.to_owned())).collect::<Vec<_>>()
    };
    prose(text).flat_map(spans).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_none_and_headings_are_numbered_where_they_come_twice() {
        let text = "# The `drift-host repair`: what [people](a.md) decide\n\n[a](b.md#c) and `[d](e)` [f](g)\n\n```js\n[h](i)\n```\n## Ünder_way\n## Ünder_way\n";
        assert_eq!(links(text).into_iter().map(|(_, target)| target).collect::<Vec<_>>(), ["a.md", "b.md#c", "g"]);
        assert_eq!(anchors(text), ["the-drift-host-repair-what-people-decide", "ünder_way", "ünder_way-1"]);
    }
}
