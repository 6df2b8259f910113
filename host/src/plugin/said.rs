//! What a guest says, made safe to show: the one place where its texts become the host's.
//!
//! Control characters, marks that turn the direction of writing, and invisible characters are escaped, so that no text of a
//! guest moves a cursor, hides or rearranges what stands around it; line ends and tabs stay. What looks like a secret is
//! masked. Both go by how a text looks: a secret that has been cut in two, or encoded, is not recognised.

use crate::model::is_plain;

/// A text of a guest, as it may be shown and kept. Lines after the first are set in, so that none looks like the host's.
pub(super) fn safe(text: &str) -> String {
    let safe = masked(escaped(text));
    if safe.contains('\n') { safe.replace('\n', "\n    ") } else { safe }
}

/// The same in one line of so many characters at most.
pub(super) fn line(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(most).collect();
    safe(&short)
}

/// Bytes of an error's text that are kept.
const MOST: usize = 8 << 10;

/// An error's text: long ones are cut.
pub(super) fn message(text: &str) -> String {
    if text.len() <= MOST {
        return safe(text);
    }
    let cut = text.floor_char_boundary(MOST);
    format!("{}… (cut: it has {} bytes)", safe(text.get(..cut).unwrap_or_default()), text.len())
}

fn escaped(text: &str) -> String {
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match is_plain(c) {
            true => out.push(c),
            false => out.extend(c.escape_unicode()),
        }
        out
    })
}

/// Names whose values are secrets, wherever they stand in a longer name.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "access_key", "private_key"];

fn masked(text: String) -> String {
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((at, end, what)) = first_secret(rest) {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(end..).unwrap_or_default());
        out.push_str(before);
        out.push_str(what);
        rest = after;
    }
    if out.is_empty() {
        return text;
    }
    out.push_str(rest);
    out
}

/// The secret that begins first: its range, and what to show for it.
fn first_secret(text: &str) -> Option<(usize, usize, &'static str)> {
    let found = [access_key_id(text), private_key(text), bearer(text), password_in_url(text), assigned(text)];
    found.into_iter().flatten().min_by_key(|(at, ..)| *at)
}

fn access_key_id(text: &str) -> Option<(usize, usize, &'static str)> {
    let key = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let starts = text.match_indices("AKIA").chain(text.match_indices("ASIA"));
    let whole = starts.filter_map(|(at, _)| {
        let bytes = text.as_bytes();
        let inside = at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(u8::is_ascii_alphanumeric);
        let length = bytes.get(at..)?.iter().take_while(|byte| key(byte)).count();
        (!inside && length >= 20).then_some((at, at + length, "[masked: an AWS access key id]"))
    });
    whole.min_by_key(|(at, ..)| *at)
}

fn private_key(text: &str) -> Option<(usize, usize, &'static str)> {
    let (at, end) = text.match_indices("-----BEGIN ").find_map(|(at, begin)| {
        let rest = text.get(at + begin.len()..)?;
        let name = rest.get(..rest.find("-----")?)?;
        let end = rest.find("-----END ").and_then(|end| Some(end + 9 + rest.get(end + 9..)?.find("-----")? + 5));
        name.ends_with("PRIVATE KEY").then_some((at, end.map_or(text.len(), |end| at + begin.len() + end)))
    })?;
    Some((at, end, "[masked: a private key]"))
}

fn bearer(text: &str) -> Option<(usize, usize, &'static str)> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("bearer ").find_map(|(at, word)| value(text, at + word.len(), "[masked: a token]"))
}

fn password_in_url(text: &str) -> Option<(usize, usize, &'static str)> {
    text.match_indices("://").find_map(|(at, scheme)| {
        let start = at + scheme.len();
        let rest = text.get(start..)?;
        let authority = rest.get(..rest.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(rest.len()))?;
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let from = start + name.len() + 1;
        let open = !password.is_empty() && !password.starts_with("[masked");
        open.then_some((from, from + password.len(), "[masked: a password]"))
    })
}

/// `NAME = VALUE`, `"NAME": "VALUE"`, where the name tells a secret.
fn assigned(text: &str) -> Option<(usize, usize, &'static str)> {
    let lower = text.to_ascii_lowercase().replace('-', "_");
    let names = SECRET_NAMES.iter().flat_map(|name| lower.match_indices(name));
    let found = names.filter_map(|(at, name)| {
        let end = at + name.len();
        let rest = text.get(end..)?;
        let name_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let after = rest.get(name_end..)?.trim_start_matches(['"', '\'', ' ']);
        let after = after.strip_prefix(':').or_else(|| after.strip_prefix('='))?.trim_start_matches(['"', '\'', ' ']);
        value(text, text.len() - after.len(), "[masked: a secret]")
    });
    found.min_by_key(|(at, ..)| *at)
}

/// The word at `at`, if it is long enough for a secret.
fn value(text: &str, at: usize, what: &'static str) -> Option<(usize, usize, &'static str)> {
    let rest = text.get(at..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '}')).unwrap_or(rest.len());
    let word = rest.get(..end)?;
    (word.len() >= 6 && !word.starts_with("[masked")).then_some((at, at + end, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_guest_says_moves_a_terminal_s_cursor() {
        assert_eq!(safe("a\u{1b}[2Jb\u{202e}c\td\ne\r\u{9b}1m"), "a\\u{1b}[2Jb\\u{202e}c\td\n    e\\u{d}\\u{9b}1m");
        assert_eq!(safe("zero\u{200b}width \u{2066}isolate \u{feff}"), "zero\\u{200b}width \\u{2066}isolate \\u{feff}");
        assert_eq!(safe("Grüße, 東京 🙂"), "Grüße, 東京 🙂");
        assert_eq!(line(" two\nlines\u{7} ", 8), "two line");
    }

    #[test]
    fn what_looks_like_a_secret_is_masked_and_nothing_else() {
        for (said, shown) in [
            ("key AKIAIOSFODNN7EXAMPLE.", "key [masked: an AWS access key id]."),
            ("ASIAIOSFODNN7EXAMPLE", "[masked: an AWS access key id]"),
            ("my_secret_access_key = wJalrXUtnFEMI/K7MDENG", "my_secret_access_key = [masked: a secret]"),
            ("{\"password\": \"hunter2222\", \"n\": 1}", "{\"password\": \"[masked: a secret]\", \"n\": 1}"),
            ("Api-Key:0123456789abcdef next", "Api-Key:[masked: a secret] next"),
            ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer [masked: a token]"),
            ("postgres://me:s3cr3t@db/x and", "postgres://me:[masked: a password]@db/x and"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- after", "[masked: a private key] after"),
            ("-----BEGIN PRIVATE KEY-----\nMII, and no end", "[masked: a private key]"),
            (
                "two: AKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7EXAMPL2",
                "two: [masked: an AWS access key id] [masked: an AWS access key id]",
            ),
        ] {
            assert_eq!(safe(said), shown);
        }
        for plain in
            ["the token is missing", "password: no", "http://host:80/a@b", "AKIA", "ASIAN", "a secret garden", "::", "token="]
        {
            assert_eq!(safe(plain), plain);
        }
    }
}
