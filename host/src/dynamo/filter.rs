//! Filters of a scan, as a person types them: DynamoDB's condition language with names and values written out.
//!
//! `status = "open" AND (n BETWEEN 1 AND 5 OR NOT attribute_exists(address.zip))`. Names that are no plain words stand in
//! backquotes; strings in double or single quotes, a backslash before a quote; numbers, `true`, `false` and `null` as they are.

use crate::model::{Item, Number, Value};

/// A checked filter, ready to be sent with a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    pub(super) expression: String,
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Item,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter is wrong at character {position}: {problem}")]
pub struct FilterError {
    /// Where, in characters from 1.
    pub position: usize,
    /// What is wrong, and what is expected.
    pub problem: String,
}

impl Filter {
    /// Reads a filter such as `status = "open" AND NOT attribute_exists(archived)`.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, names: Vec::new(), values: Item::new() };
        let expression = parser.any()?;
        match parser.peek() {
            Token::End => Ok(Self { text: text.to_owned(), expression, names: parser.names, values: parser.values }),
            _ => parser.wrong("AND, OR or the end is expected here"),
        }
    }

    /// The filter as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Conditions in parentheses within each other; beyond, DynamoDB refuses as well.
const MAX_NESTING: usize = 50;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(Number),
    Sign(&'static str),
    End,
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    const SIGNS: [&str; 13] = ["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", "."];
    let characters: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&first) = characters.get(at) {
        let begun = at;
        let wrong = |problem: String| Err(FilterError { position: begun + 1, problem });
        let run = |from: usize, of: fn(char) -> bool| characters.iter().skip(from).take_while(|it| of(**it)).collect::<String>();
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let token = if matches!(first, '"' | '\'' | '`') {
            let mut inner = String::new();
            at += 1;
            loop {
                match characters.get(at) {
                    None => return wrong(format!("this {first} is never closed")),
                    Some(&it) if it == first => break,
                    Some('\\') if first != '`' && matches!(characters.get(at + 1), Some('\\' | '"' | '\'')) => {
                        at += 1;
                        inner.extend(characters.get(at));
                    }
                    Some(&it) => inner.push(it),
                }
                at += 1;
            }
            at += 1;
            if first == '`' { Token::Quoted(inner) } else { Token::Text(inner) }
        } else if first.is_ascii_digit() || (first == '-' && characters.get(at + 1).is_some_and(char::is_ascii_digit)) {
            let mut digits = String::from(first);
            digits.push_str(&run(at + 1, |it| it.is_ascii_alphanumeric() || it == '.'));
            if digits.ends_with(['e', 'E']) {
                let signed = run(at + digits.len(), |it| it.is_ascii_digit() || matches!(it, '+' | '-'));
                digits.push_str(&signed);
            }
            at += digits.len();
            match Number::parse(digits) {
                Ok(number) => Token::Number(number),
                Err(error) => return wrong(error.to_string()),
            }
        } else if first.is_alphabetic() || first == '_' {
            let word = run(at, |it| it.is_alphanumeric() || matches!(it, '_' | '-' | ':'));
            at += word.chars().count();
            Token::Word(word)
        } else {
            let next: String = characters.iter().skip(at).take(2).collect();
            match SIGNS.into_iter().find(|sign| next.starts_with(sign)) {
                None => return wrong(format!("{first:?} has no meaning in a filter")),
                Some(sign) => {
                    at += sign.len();
                    Token::Sign(if sign == "!=" { "<>" } else { sign })
                }
            }
        };
        found.push((begun + 1, token));
    }
    found.push((characters.len() + 1, Token::End));
    Ok(found)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    names: Vec<(String, String)>,
    values: Item,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn wrong<T>(&self, problem: &str) -> Result<T, FilterError> {
        let position = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(position, _)| *position);
        Err(FilterError { position, problem: problem.to_owned() })
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Token::Word(it) if it.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(it) if *it == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), FilterError> {
        if self.take(sign) { Ok(()) } else { self.wrong(&format!("{sign:?} is expected here")) }
    }

    fn any(&mut self) -> Result<String, FilterError> {
        let mut all = self.all()?;
        while self.take_word("OR") {
            all = format!("{all} OR {}", self.all()?);
        }
        Ok(all)
    }

    fn all(&mut self) -> Result<String, FilterError> {
        let mut one = self.one()?;
        while self.take_word("AND") {
            one = format!("{one} AND {}", self.one()?);
        }
        Ok(one)
    }

    fn one(&mut self) -> Result<String, FilterError> {
        if self.depth >= MAX_NESTING {
            return self.wrong("the filter is nested too deep");
        }
        self.depth += 1;
        let one = if self.take_word("NOT") {
            format!("NOT {}", self.one()?)
        } else if self.take("(") {
            let inner = self.any()?;
            self.expect(")")?;
            format!("({inner})")
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(one)
    }

    /// The function whose name and parenthesis stand here.
    fn function(&mut self, of: &[&'static str]) -> Option<&'static str> {
        let Token::Word(word) = self.peek() else { return None };
        let name = of.iter().find(|name| word.eq_ignore_ascii_case(name)).copied()?;
        if !matches!(self.tokens.get(self.at + 1), Some((_, Token::Sign("(")))) {
            return None;
        }
        self.at += 2;
        Some(name)
    }

    fn comparison(&mut self) -> Result<String, FilterError> {
        if let Some(name) = self.function(&["attribute_exists", "attribute_not_exists"]) {
            let path = self.path()?;
            self.expect(")")?;
            return Ok(format!("{name}({path})"));
        }
        if let Some(name) = self.function(&["begins_with", "contains", "attribute_type"]) {
            let path = self.path()?;
            self.expect(",")?;
            let operand = self.operand()?;
            self.expect(")")?;
            return Ok(format!("{name}({path}, {operand})"));
        }
        let left = self.operand()?;
        if self.take_word("BETWEEN") {
            let low = self.operand()?;
            if !self.take_word("AND") {
                return self.wrong("AND and the upper bound of BETWEEN are expected here");
            }
            return Ok(format!("{left} BETWEEN {low} AND {}", self.operand()?));
        }
        if self.take_word("IN") {
            self.expect("(")?;
            let mut list = vec![self.operand()?];
            while self.take(",") {
                list.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(format!("{left} IN ({})", list.join(", ")));
        }
        for sign in ["=", "<>", "<=", ">=", "<", ">"] {
            if self.take(sign) {
                return Ok(format!("{left} {sign} {}", self.operand()?));
            }
        }
        self.wrong("a comparison (=, <>, <, <=, >, >=, BETWEEN, IN) is expected here")
    }

    fn operand(&mut self) -> Result<String, FilterError> {
        let value = match self.peek() {
            Token::Text(text) => Value::S(text.clone()),
            Token::Number(number) => Value::N(number.clone()),
            Token::Word(word) if word == "true" || word == "false" => Value::Bool(word == "true"),
            Token::Word(word) if word == "null" => Value::Null,
            _ => {
                if let Some(name) = self.function(&["size"]) {
                    let path = self.path()?;
                    self.expect(")")?;
                    return Ok(format!("{name}({path})"));
                }
                return self.path();
            }
        };
        self.at += 1;
        let placeholder = format!(":f{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        Ok(placeholder)
    }

    fn path(&mut self) -> Result<String, FilterError> {
        let mut path = self.name()?;
        loop {
            if self.take(".") {
                path = format!("{path}.{}", self.name()?);
            } else if self.take("[") {
                let index = match self.peek() {
                    Token::Number(number) if number.as_str().bytes().all(|byte| byte.is_ascii_digit()) => {
                        number.as_str().to_owned()
                    }
                    _ => return self.wrong("the index of a list is expected here"),
                };
                self.at += 1;
                self.expect("]")?;
                path = format!("{path}[{index}]");
            } else {
                return Ok(path);
            }
        }
    }

    fn name(&mut self) -> Result<String, FilterError> {
        let name = match self.peek() {
            Token::Word(word) if ["AND", "OR", "NOT", "BETWEEN", "IN"].iter().any(|it| word.eq_ignore_ascii_case(it)) => {
                return self.wrong("an attribute or a value is expected here (an attribute of this name goes in backquotes)");
            }
            Token::Word(name) | Token::Quoted(name) if !name.is_empty() => name.clone(),
            _ => return self.wrong("an attribute's name is expected here (strings go in double quotes)"),
        };
        self.at += 1;
        if let Some((placeholder, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return Ok(placeholder.clone());
        }
        let placeholder = format!("#f{}", self.names.len());
        self.names.push((placeholder.clone(), name));
        Ok(placeholder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_expressions() {
        let of = |text| Filter::parse(text).unwrap().expression;
        assert_eq!(
            of("a = \"x\" and not attribute_exists(b.c[2].`odd name`)"),
            "#f0 = :f0 AND NOT attribute_exists(#f1.#f2[2].#f3)"
        );
        assert_eq!(
            of("(n between -1 and 2.5 or s IN ('a','b')) AND size(l) != 3"),
            "(#f0 BETWEEN :f0 AND :f1 OR #f1 IN (:f2, :f3)) AND size(#f2) <> :f4"
        );
        let filter = Filter::parse(r#"n = 1e3 OR n = 1E-2 OR t = true OR q = "a\"b" OR z = null"#).unwrap();
        assert_eq!(filter.values.get(":f0").unwrap(), &1000.into());
        assert_eq!(filter.values.get(":f3").unwrap(), &"a\"b".into());
        assert_eq!(filter.names.len(), 4, "one placeholder per name");
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, position) in [
            ("", 1),
            ("a", 2),
            ("a = ", 5),
            ("a = 'x", 5),
            ("a = 1 b", 7),
            ("(a = 1", 7),
            ("a ~ 1", 3),
            ("AND = 1", 1),
            ("a[x] = 1", 3),
        ] {
            assert_eq!(Filter::parse(text).unwrap_err().position, position, "{text}");
        }
        assert!(Filter::parse(&"(".repeat(10_000)).is_err());
    }
}
