//! A file of JavaScript is a module to its author, and the body of a function to the runtime, which cannot evaluate a module.
//!
//! Promised here: imports and exports are found by the language's own tokens, so not in texts, templates, comments or regular
//! expressions; every line stays where it was, so that errors name the author's own; a form that a file by itself cannot have
//! is an error that names the form and its line. Any other wrong file is left for the runtime to refuse, in its own words.

/// The one module that a file by itself can import.
const SDK: &str = "drift-sdk";

/// The body of a function of `__drift`, what the SDK exports, and `__exports`, an object for what the file does. The error is a
/// sentence that ends with the place: `(rename.js:3)`.
pub(super) fn body(name: &str, text: &str) -> Result<String, String> {
    let text = match text.strip_prefix("#!") {
        Some(rest) => format!("//{rest}"),
        None => text.to_owned(),
    };
    let tokens = Lexer::new(&text).all();
    let mut module = Module { text: &text, tokens: &tokens, ..Module::default() };
    module.read().map_err(|Wrong { at, what }| {
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        format!("SyntaxError: {what} ({name}:{line})")
    })?;
    Ok(module.written())
}

/// What a file by itself cannot have, and where.
struct Wrong {
    at: usize,
    what: String,
}

#[derive(Default)]
struct Module<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    /// From, to, and what stands there instead, in the order of the text.
    edits: Vec<(usize, usize, String)>,
    /// Declarations of what is imported.
    imports: String,
    /// The key, as a literal, and the expression.
    exports: Vec<(String, String)>,
}

impl<'a> Module<'a> {
    fn read(&mut self) -> Result<(), Wrong> {
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let before = at.checked_sub(1).and_then(|before| self.tokens.get(before)).map_or("", |token| token.text);
            let is_member = matches!(before, "." | "?.");
            at = match token.text {
                "import" if token.is_word() && !is_member && matches!(self.word(at + 1), "(" | ".") => {
                    // `import() {}` in a class or an object is a method of that name.
                    if token.depth > 0 && matches!(before, "{" | "}" | "," | ";" | "*" | "async") && self.word(at + 1) == "(" {
                        at + 1
                    } else {
                        let form = if self.word(at + 1) == "(" { "import(…)" } else { "import.meta" };
                        return Err(self
                            .wrong(at, format!("`{form}` is not to be had: a file by itself can `import` {SDK:?} at its top")));
                    }
                }
                "import" if token.is_top() && !is_member => self.import(at)?,
                "export" if token.is_top() && !is_member => self.export(at)?,
                "await" if token.is_top() && !is_member => {
                    return Err(
                        self.wrong(at, "`await`: a migration is a plain function, and there is nothing to wait for in it".into())
                    );
                }
                _ => at + 1,
            };
        }
        Ok(())
    }

    /// `import …`, from its first token; gives the first token behind it.
    fn import(&mut self, start: usize) -> Result<usize, Wrong> {
        let mut at = start + 1;
        let mut declared = Vec::new();
        let mut named = None;
        if !self.is_text(at) {
            if self.is_name(at) && self.word(at) != "from" || self.is_name(at) && self.word(at + 1) == "from" {
                declared.push(self.word(at).to_owned());
                at += 1;
            }
            // What more is named stands behind a comma.
            let more = declared.is_empty() || self.word(at) == ",";
            at += usize::from(more && !declared.is_empty());
            if more && self.word(at) == "*" && self.word(at + 1) == "as" && self.is_name(at + 2) {
                declared.push(self.word(at + 2).to_owned());
                at += 3;
            } else if more && self.word(at) == "{" {
                let (list, behind) = self.list(at).ok_or_else(|| self.unknown(start))?;
                named = Some(list);
                at = behind;
            }
            if self.word(at) != "from" {
                return Err(self.unknown(start));
            }
            at += 1;
        }
        let from = self.tokens.get(at).filter(|token| token.kind == Kind::Text).ok_or_else(|| self.unknown(start))?;
        let from_what = from.text.trim_matches(['\'', '"']);
        if from_what != SDK {
            return Err(self.wrong(
                start,
                format!("the file imports '{from_what}'; a file by itself can import '{SDK}' only: bundle what else it needs into one file"),
            ));
        }
        for name in declared {
            self.imports.push_str(&format!("const {name} = __drift; "));
        }
        if let Some(list) = named {
            let parts: Vec<String> = list.iter().map(|(theirs, ours)| format!("{theirs}: {ours}")).collect();
            self.imports.push_str(&format!("const {{{}}} = __drift; ", parts.join(", ")));
        }
        self.blank(start, at);
        Ok(at + 1)
    }

    /// `export …`, from its first token; gives the first token behind what is rewritten.
    fn export(&mut self, start: usize) -> Result<usize, Wrong> {
        let next = start + 1;
        match self.word(next) {
            "default" => {
                let what = next + 1;
                match self.declared(what) {
                    Some((Some(name), _)) => {
                        self.exported(start, "\"default\"".into(), name.to_owned())?;
                        self.remove(start, what);
                    }
                    declared => {
                        self.exported(start, "\"default\"".into(), String::new())?;
                        self.replace(start, what, "__exports.default = ");
                        // A function or class without a name, which needs no semicolon as a declaration and does as a value.
                        if declared.is_some()
                            && let Some(close) = self.tokens.iter().skip(what).find(|token| token.depth == 0 && token.text == "}")
                        {
                            self.edits.push((close.end, close.end, ";".into()));
                        }
                    }
                }
                Ok(what)
            }
            kind @ ("const" | "let" | "var") => {
                for name in self.bindings(start, next, kind)? {
                    self.exported(start, format!("{name:?}"), name.to_owned())?;
                }
                self.remove(start, next);
                Ok(next + 1)
            }
            "{" => {
                let (list, behind) = self.list(next).ok_or_else(|| self.unknown(start))?;
                if self.word(behind) == "from" {
                    return Err(self.wrong(
                        start,
                        "`export { … } from`: a file by itself exports its own names only; import them first, or bundle".into(),
                    ));
                }
                for (own, name) in list {
                    let key = if name.starts_with(['\'', '"']) { name.to_owned() } else { format!("{name:?}") };
                    self.exported(start, key, own.to_owned())?;
                }
                self.blank(start, behind - 1);
                Ok(behind)
            }
            "*" => Err(self.wrong(start, "`export *`: a file by itself exports its own names only".into())),
            word => match self.declared(next) {
                Some((Some(name), _)) => {
                    self.exported(start, format!("{name:?}"), name.to_owned())?;
                    self.remove(start, next);
                    Ok(next)
                }
                _ if matches!(word, "type" | "interface" | "enum" | "declare" | "abstract" | "namespace" | "=" | "import") => {
                    Err(self.wrong(start, format!("`export {word}` is TypeScript, and the file is JavaScript: `drift-host new --lang ts` makes a project that takes it")))
                }
                _ => Err(self.unknown(start)),
            },
        }
    }

    /// The name of the function or class that is declared here, if it has one; `None` if neither is.
    fn declared(&self, at: usize) -> Option<(Option<&'a str>, usize)> {
        let mut at = match self.word(at) {
            "async" if self.word(at + 1) == "function" => at + 1,
            "function" | "class" => at,
            _ => return None,
        };
        at += 1;
        if self.word(at) == "*" {
            at += 1;
        }
        let name = (self.is_name(at) && self.word(at) != "extends").then(|| self.word(at));
        Some((name, at))
    }

    /// The names that `const`, `let` or `var` declares.
    fn bindings(&self, start: usize, keyword: usize, kind: &str) -> Result<Vec<&'a str>, Wrong> {
        let mut names = Vec::new();
        let mut at = keyword + 1;
        loop {
            if matches!(self.word(at), "{" | "[") {
                let form = if self.word(at) == "{" { "{ … }" } else { "[ … ]" };
                return Err(self.wrong(
                    start,
                    format!("`export {kind} {form} = …` is not taken: declare the names first, and `export {{ a, b }}` them"),
                ));
            }
            if !self.is_name(at) {
                return Err(self.unknown(start));
            }
            names.push(self.word(at));
            // To the comma, or the end of the statement; a comma outside of all brackets is between two declarations.
            loop {
                at += 1;
                let Some(token) = self.tokens.get(at) else { return Ok(names) };
                if token.depth > 0 {
                    continue;
                }
                let ended = token.newline && self.tokens.get(at - 1).is_some_and(Token::ends_value) && !token.goes_on();
                match token.text {
                    "," => break,
                    ";" => return Ok(names),
                    _ if ended => return Ok(names),
                    _ => {}
                }
            }
            at += 1;
        }
    }

    /// `{ a, b as c }`: what stands before `as` and behind it, and the first token after the bracket.
    fn list(&self, open: usize) -> Option<(Vec<(&'a str, &'a str)>, usize)> {
        let mut at = open + 1;
        let mut list = Vec::new();
        while self.word(at) != "}" {
            let one = self.tokens.get(at).filter(|token| matches!(token.kind, Kind::Name | Kind::Text))?.text;
            at += 1;
            let mut other = one;
            if self.word(at) == "as" {
                other = self.tokens.get(at + 1).filter(|token| matches!(token.kind, Kind::Name | Kind::Text))?.text;
                at += 2;
            }
            list.push((one, other));
            match self.word(at) {
                "," => at += 1,
                "}" => {}
                _ => return None,
            }
        }
        Some((list, at + 1))
    }

    /// Notes an export; an empty expression is one that is assigned where it stands.
    fn exported(&mut self, at: usize, key: String, expression: String) -> Result<(), Wrong> {
        if self.exports.iter().any(|(other, _)| *other == key) {
            return Err(self.wrong(at, format!("{key} is exported twice")));
        }
        self.exports.push((key, expression));
        Ok(())
    }

    fn word(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn is_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Name)
    }

    fn is_text(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Text)
    }

    fn wrong(&self, token: usize, what: String) -> Wrong {
        Wrong { at: self.tokens.get(token).map_or(0, |token| token.start), what }
    }

    fn unknown(&self, start: usize) -> Wrong {
        let words: Vec<&str> = self.tokens.iter().skip(start).take(3).map(|token| token.text).collect();
        self.wrong(start, format!("`{} …` is no form of import or export", words.join(" ")))
    }

    /// Takes the tokens out, their lines and columns staying.
    fn remove(&mut self, from: usize, to: usize) {
        let (Some(first), Some(next)) = (self.tokens.get(from), self.tokens.get(to)) else { return };
        let (start, end) = (first.start, next.start);
        self.edits.push((start, end, blank(&self.text[start..end])));
    }

    /// The same with the last token, and with an end of the statement before it.
    fn blank(&mut self, from: usize, last: usize) {
        let (Some(first), Some(last)) = (self.tokens.get(from), self.tokens.get(last)) else { return };
        let (start, end) = (first.start, last.end);
        // In place of the first letter, which is one of `import` or `export`.
        self.edits.push((start, end, format!(";{}", blank(&self.text[start + 1..end]))));
    }

    fn replace(&mut self, from: usize, to: usize, with: &str) {
        let (Some(first), Some(next)) = (self.tokens.get(from), self.tokens.get(to)) else { return };
        let (start, end) = (first.start, next.start);
        let lines = "\n".repeat(self.text[start..end].matches('\n').count());
        self.edits.push((start, end, format!("{with}{lines}")));
    }

    fn written(mut self) -> String {
        self.edits.sort_by_key(|(start, _, _)| *start);
        let mut out = self.imports;
        let mut done = 0;
        for (start, end, with) in &self.edits {
            out.push_str(&self.text[done..*start]);
            out.push_str(with);
            done = *end;
        }
        out.push_str(&self.text[done..]);
        out.push('\n');
        for (key, expression) in self.exports.iter().filter(|(_, expression)| !expression.is_empty()) {
            out.push_str(&format!("__exports[{key}] = {expression}; "));
        }
        out
    }
}

fn blank(text: &str) -> String {
    text.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An identifier or a keyword.
    Name,
    Number,
    /// With its quotes.
    Text,
    /// A piece of a template: up to a `${`, between two, or to its end.
    Template,
    Regex,
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
    end: usize,
    /// The brackets around it; a bracket itself is outside of what it opens or closes.
    depth: usize,
    /// Whether a line ends between it and the token before.
    newline: bool,
}

/// After these an expression begins.
const OPERATORS: [&str; 14] =
    ["return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else", "yield", "await"];

impl Token<'_> {
    fn is_word(&self) -> bool {
        self.kind == Kind::Name
    }

    fn is_top(&self) -> bool {
        self.is_word() && self.depth == 0
    }

    /// Whether a value can end with it.
    fn ends_value(&self) -> bool {
        match self.kind {
            Kind::Name => !OPERATORS.contains(&self.text),
            Kind::Number | Kind::Text | Kind::Regex => true,
            Kind::Template => self.text.ends_with('`'),
            Kind::Sign => matches!(self.text, ")" | "]" | "}" | "++" | "--"),
        }
    }

    /// Whether a value before it goes on with it, on a new line.
    fn goes_on(&self) -> bool {
        match self.kind {
            Kind::Name => matches!(self.text, "in" | "instanceof"),
            Kind::Template => true,
            Kind::Number | Kind::Text | Kind::Regex => false,
            Kind::Sign => !matches!(self.text, "{" | "}" | "++" | "--" | "!" | "~" | "@"),
        }
    }
}

/// What a bracket is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// A `/` behind its end begins a regular expression: the head of an `if`, or a block.
    Head,
    /// A `/` behind its end divides.
    Value,
    /// `${` in a template.
    Template,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Bracket>,
    tokens: Vec<Token<'a>>,
    /// Whether the last bracket that was closed was a [`Bracket::Head`].
    closed_head: bool,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new(), tokens: Vec::new(), closed_head: false }
    }

    fn all(mut self) -> Vec<Token<'a>> {
        loop {
            let newline = self.skip();
            let start = self.at;
            let Some(first) = self.rest().chars().next() else { return self.tokens };
            let depth = self.open.len();
            let (kind, depth) = match first {
                '\'' | '"' => (self.quoted(first), depth),
                '`' => (self.template(), depth),
                '0'..='9' => (self.number(), depth),
                '.' if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => (self.number(), depth),
                '/' if self.regex_may_begin() => (self.regex(), depth),
                '(' | '[' | '{' => {
                    self.open.push(self.opened(first));
                    self.at += 1;
                    (Kind::Sign, depth)
                }
                ')' | ']' | '}' => {
                    let closed = self.open.pop();
                    self.closed_head = closed == Some(Bracket::Head);
                    let kind = if first == '}' && closed == Some(Bracket::Template) {
                        self.template()
                    } else {
                        self.at += 1;
                        Kind::Sign
                    };
                    (kind, depth.saturating_sub(1))
                }
                _ if is_letter(first) => {
                    self.at += self.rest().find(|letter| !is_letter(letter)).unwrap_or(self.rest().len());
                    (Kind::Name, depth)
                }
                _ => {
                    let long = ["...", "=>", "++", "--", "?.", "!="].into_iter().find(|sign| self.rest().starts_with(sign));
                    self.at += long.map_or(first.len_utf8(), str::len);
                    (Kind::Sign, depth)
                }
            };
            let text = &self.text[start..self.at];
            self.tokens.push(Token { kind, text, start, end: self.at, depth, newline });
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Over blanks and comments; whether a line ended in them.
    fn skip(&mut self) -> bool {
        let start = self.at;
        loop {
            let rest = self.rest();
            let skipped = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                let blank = |letter: char| letter.is_whitespace() || letter == '\u{feff}';
                rest.find(|letter| !blank(letter)).unwrap_or(rest.len())
            };
            if skipped == 0 {
                return self.text[start..self.at].contains('\n');
            }
            self.at += skipped;
        }
    }

    fn quoted(&mut self, quote: char) -> Kind {
        let mut escaped = false;
        for (at, letter) in self.rest().char_indices().skip(1) {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => return self.take(at, Kind::Text),
                _ if letter == quote => return self.take(at + 1, Kind::Text),
                _ => {}
            }
        }
        self.take(self.rest().len(), Kind::Text)
    }

    /// A piece of a template, from its `\`` or `}`.
    fn template(&mut self) -> Kind {
        let rest = self.rest().as_bytes();
        let mut at = 1;
        while let Some(byte) = rest.get(at) {
            match byte {
                b'\\' => at += 1,
                b'`' => return self.take(at + 1, Kind::Template),
                b'$' if rest.get(at + 1) == Some(&b'{') => {
                    self.open.push(Bracket::Template);
                    return self.take(at + 2, Kind::Template);
                }
                _ => {}
            }
            at += 1;
        }
        self.take(rest.len(), Kind::Template)
    }

    fn number(&mut self) -> Kind {
        let rest = self.rest();
        let signed = |at: usize| at > 0 && matches!(rest.as_bytes().get(at - 1), Some(b'e' | b'E')) && !rest.starts_with("0x");
        let part = |(at, letter): (usize, char)| match letter {
            '.' => true,
            '+' | '-' => signed(at),
            _ => is_letter(letter),
        };
        let length = rest.char_indices().find(|one| !part(*one)).map_or(rest.len(), |(at, _)| at);
        self.take(length, Kind::Number)
    }

    fn regex(&mut self) -> Kind {
        let (mut escaped, mut in_class) = (false, false);
        let rest = self.rest();
        for (at, letter) in rest.char_indices().skip(1) {
            match letter {
                '\n' => return self.take(at, Kind::Regex),
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    let flags = rest[at + 1..].find(|letter| !is_letter(letter)).unwrap_or(rest.len() - at - 1);
                    return self.take(at + 1 + flags, Kind::Regex);
                }
                _ => {}
            }
        }
        self.take(rest.len(), Kind::Regex)
    }

    fn take(&mut self, length: usize, kind: Kind) -> Kind {
        // An escape at the very end, or in the middle of a letter, may point behind it.
        let mut end = (self.at + length).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        kind
    }

    fn regex_may_begin(&self) -> bool {
        let Some(before) = self.tokens.last() else { return true };
        match before.text {
            ")" | "}" if before.kind == Kind::Sign => self.closed_head,
            _ => !before.ends_value(),
        }
    }

    /// What the bracket that stands here opens.
    fn opened(&self, bracket: char) -> Bracket {
        let before = self.tokens.last();
        let word = before.map_or("", |token| token.text);
        let head = match bracket {
            '(' => matches!(word, "if" | "while" | "for" | "with"),
            '{' => match before.map(|token| token.kind) {
                None => true,
                Some(Kind::Sign) => matches!(word, ";" | "{" | "}" | ")" | "=>"),
                Some(Kind::Name) => !OPERATORS.contains(&word) || matches!(word, "do" | "else"),
                Some(_) => false,
            },
            _ => false,
        };
        if head { Bracket::Head } else { Bracket::Value }
    }
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$' | '#' | '\\') || letter > '\u{7f}' && !letter.is_whitespace()
}

#[cfg(test)]
mod tests;
