//! Names with `*` in them.

/// Whether `pattern` matches all of `name`; `*` is any letters.
pub(crate) fn matches_any(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|left| {
            let mut ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
            ends.any(|at| left.get(at..).is_some_and(|left| matches_any(rest, left)))
        }),
    }
}
