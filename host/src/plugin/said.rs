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

/// Longest name of a secret that is looked at, from the part that tells it on.
const NAME: usize = 64;
/// Shortest text that is taken for a secret.
const SHORTEST: usize = 6;

/// A place where a secret may begin.
#[derive(Clone, Copy)]
enum Begin {
    AccessKeyId,
    PrivateKey,
    Bearer,
    Url,
    Assigned,
}

/// One pass over the places where a secret may begin, so that the time grows with the text and no faster.
fn masked(text: String) -> String {
    let lower = text.to_ascii_lowercase().replace('-', "_");
    let places = |what: &'static str, begin| text.match_indices(what).map(move |(at, _)| (at, begin));
    let keys = places("AKIA", Begin::AccessKeyId).chain(places("ASIA", Begin::AccessKeyId));
    let others = places("-----BEGIN ", Begin::PrivateKey).chain(places("://", Begin::Url));
    let bearer = lower.match_indices("bearer ").map(|(at, word)| (at + word.len(), Begin::Bearer));
    let names = SECRET_NAMES.iter().flat_map(|name| lower.match_indices(name));
    let assigned = names.filter_map(|(at, name)| Some((assigned(&text, at + name.len())?, Begin::Assigned)));
    let mut begins: Vec<(usize, Begin)> = keys.chain(others).chain(bearer).chain(assigned).collect();
    if begins.is_empty() {
        return text;
    }
    begins.sort_by_key(|(at, _)| *at);
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (at, begin) in begins {
        if at < done {
            continue;
        }
        if let Some((from, to, shown)) = secret(&text, at, begin) {
            out.push_str(text.get(done..from).unwrap_or_default());
            out.push_str(shown);
            done = to;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// The secret that begins at a place, if it is one: its range, and what to show for it.
fn secret(text: &str, at: usize, begin: Begin) -> Option<(usize, usize, &'static str)> {
    match begin {
        Begin::AccessKeyId => access_key_id(text, at),
        Begin::PrivateKey => private_key(text, at),
        Begin::Bearer => value(text, at, "[masked: a token]"),
        Begin::Url => password_in_url(text, at),
        Begin::Assigned => value(text, at, "[masked: a secret]"),
    }
}

fn access_key_id(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let bytes = text.as_bytes();
    let key = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let inside = at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(u8::is_ascii_alphanumeric);
    if inside {
        return None;
    }
    let length = bytes.get(at..)?.iter().take_while(key).count();
    (length >= 20).then_some((at, at + length, "[masked: an AWS access key id]"))
}

fn private_key(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let name = at + "-----BEGIN ".len();
    let rest = text.get(name..)?;
    if !rest.get(..rest.find("-----")?)?.ends_with("PRIVATE KEY") {
        return None;
    }
    let end = rest.find("-----END ").and_then(|end| Some(end + 9 + rest.get(end + 9..)?.find("-----")? + 5));
    Some((at, end.map_or(text.len(), |end| name + end), "[masked: a private key]"))
}

fn password_in_url(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let start = at + "://".len();
    let rest = text.get(start..)?;
    let authority = rest.get(..rest.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(rest.len()))?;
    let (user, _) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let from = start + name.len() + 1;
    (!password.is_empty()).then_some((from, from + password.len(), "[masked: a password]"))
}

/// Where the value begins in `NAME = VALUE`, `"NAME": "VALUE"`; `end` is where the part that tells a secret ends in the name.
fn assigned(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let name = rest.bytes().take(NAME).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
    let mut bytes = rest.bytes().enumerate().skip(name).take(NAME).skip_while(|(_, byte)| matches!(byte, b'"' | b'\'' | b' '));
    bytes.next().filter(|(_, byte)| matches!(byte, b':' | b'='))?;
    let (value, _) = bytes.find(|(_, byte)| !matches!(byte, b'"' | b'\'' | b' '))?;
    Some(end + value)
}

/// The word at `at`, if it is long enough for a secret.
fn value(text: &str, at: usize, what: &'static str) -> Option<(usize, usize, &'static str)> {
    let rest = text.get(at..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '}')).unwrap_or(rest.len());
    (end >= SHORTEST).then_some((at, at + end, what))
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
