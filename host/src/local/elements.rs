//! Cuts JSON into its items without reading it whole: one after another, in an array, or as `aws dynamodb scan` prints them.
//!
//! It only finds where an item begins and ends, and holds one item at a time; whether that text is JSON is for its
//! reader to say.

use std::io::{self, BufRead};

/// No item of DynamoDB's is larger than 400 KB; its text may be several times that, but not without end.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// What a page of a scan has beside its items.
const BESIDE_ITEMS: [&str; 7] =
    ["Count", "ScannedCount", "ConsumedCapacity", "LastEvaluatedKey", "NextToken", "ResponseMetadata", "$metadata"];

/// The text of one item and the line that it begins on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub line: u64,
    pub text: String,
}

/// Where the text stops being a sequence of items.
#[derive(Debug)]
pub(super) struct ElementError {
    pub line: u64,
    pub problem: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Before the first byte.
    Nothing,
    /// Items one after another, separated by white space.
    Sequence,
    /// `[item, item]`.
    Array { after_item: bool },
    /// `{"Items": [item, item], …}`.
    ScanPage { after_item: bool },
    /// After the end, or after an error.
    End,
}

/// The items of a JSON text, one by one.
pub(super) struct Elements<R> {
    input: R,
    line: u64,
    within: Within,
    /// Bytes looked at that belong to the next item.
    held: Option<Element>,
}

impl<R: BufRead> Elements<R> {
    /// Reads from `input`, from its first line.
    pub fn new(input: R) -> Self {
        Self { input, line: 1, within: Within::Nothing, held: None }
    }

    fn advance(&mut self) -> Result<Option<Element>, ElementError> {
        if self.within == Within::Nothing {
            self.within = self.open()?;
        }
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        match self.within {
            Within::Nothing | Within::End => Ok(None),
            Within::Sequence => match self.peek_past_space()? {
                None => Ok(None),
                Some(_) => self.object(Vec::new()).map(Some),
            },
            Within::Array { after_item } => {
                let item = self.array_item(after_item)?;
                self.within = Within::Array { after_item: true };
                match (item, self.peek_past_space()?) {
                    (None, Some(_)) => Err(self.error("there is more after the array's end; a file holds one array")),
                    (item, _) => Ok(item),
                }
            }
            Within::ScanPage { after_item } => {
                let item = self.array_item(after_item)?;
                self.within = Within::ScanPage { after_item: true };
                if item.is_none() {
                    self.close_scan_page()?;
                }
                Ok(item)
            }
        }
    }

    /// Tells from the beginning how the items stand in the text.
    fn open(&mut self) -> Result<Within, ElementError> {
        match self.peek_past_space()? {
            None => Ok(Within::End),
            Some(b'[') => {
                self.next_byte()?;
                Ok(Within::Array { after_item: false })
            }
            Some(b'{') => {
                let line = self.line;
                let mut seen = Vec::new();
                // A scan's page names its items first. What is seen on the way belongs to an item otherwise.
                for expected in [&b"{"[..], b"\"Items\"", b":", b"["] {
                    self.keep_space(&mut seen)?;
                    for &byte in expected {
                        if self.peek()? != Some(byte) {
                            self.held = Some(self.object_from(line, seen)?);
                            return Ok(Within::Sequence);
                        }
                        seen.push(byte);
                        self.next_byte()?;
                    }
                }
                Ok(Within::ScanPage { after_item: false })
            }
            Some(other) => Err(self.error(format!("an item begins with '{{', found {:?}", char::from(other)))),
        }
    }

    /// The next item of an array, or `None` at its `]`.
    fn array_item(&mut self, after_item: bool) -> Result<Option<Element>, ElementError> {
        let mut next = self.peek_past_space()?;
        if next == Some(b']') {
            self.next_byte()?;
            return Ok(None);
        }
        if after_item {
            if next != Some(b',') {
                return Err(self.error("expected ',' or ']' after an item"));
            }
            self.next_byte()?;
            next = self.peek_past_space()?;
        }
        match next {
            Some(b'{') => self.object(Vec::new()).map(Some),
            Some(other) => Err(self.error(format!("an item begins with '{{', found {:?}", char::from(other)))),
            None => Err(self.error("the array has no end")),
        }
    }

    /// What follows the items of a scan's page must be what follows there, or an item was taken for a page.
    fn close_scan_page(&mut self) -> Result<(), ElementError> {
        let rest = match self.peek_past_space()? {
            Some(b',') => {
                self.next_byte()?;
                self.object(b"{".to_vec())?
            }
            Some(b'}') => self.object(b"{".to_vec())?,
            _ => return Err(self.error("expected ',' or '}' after the items")),
        };
        let rest: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&rest.text).map_err(|problem| self.error(format!("not JSON: {problem}")))?;
        if let Some(foreign) = rest.keys().find(|name| !BESIDE_ITEMS.contains(&name.as_str())) {
            let problem = format!(
                "begins like the output of a scan, but a scan has no {foreign:?}; if \"Items\" is an attribute, put the items in an array"
            );
            return Err(self.error(problem));
        }
        match self.peek_past_space()? {
            None => Ok(()),
            Some(_) => Err(self.error("there is more after the scan's end; a file holds one page")),
        }
    }

    fn object(&mut self, begun: Vec<u8>) -> Result<Element, ElementError> {
        let line = self.line;
        self.object_from(line, begun)
    }

    /// Reads on until every bracket of the item is closed. `begun` is what was read of it already, outside any string.
    fn object_from(&mut self, line: u64, begun: Vec<u8>) -> Result<Element, ElementError> {
        let mut scan = Brackets::default();
        let mut text = begun;
        for &byte in &text {
            scan.step(byte);
        }
        while !scan.closed() {
            let Some(byte) = self.next_byte()? else {
                return Err(ElementError { line, problem: "the item that begins here has no end".into() });
            };
            text.push(byte);
            scan.step(byte);
            if text.len() == 1 && byte != b'{' {
                let problem = format!("an item begins with '{{', found {:?}", char::from(byte));
                return Err(ElementError { line, problem });
            }
            if text.len() > MAX_TEXT {
                return Err(ElementError { line, problem: "the item that begins here is longer than 16 MiB of text".into() });
            }
        }
        let text = String::from_utf8(text).map_err(|_| ElementError { line, problem: "the item is not UTF-8 text".into() })?;
        Ok(Element { line, text })
    }

    fn keep_space(&mut self, seen: &mut Vec<u8>) -> Result<(), ElementError> {
        while let Some(byte) = self.peek()?.filter(u8::is_ascii_whitespace) {
            seen.push(byte);
            self.next_byte()?;
        }
        Ok(())
    }

    fn peek_past_space(&mut self) -> Result<Option<u8>, ElementError> {
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.next_byte()?;
        }
        self.peek()
    }

    fn peek(&mut self) -> Result<Option<u8>, ElementError> {
        let line = self.line;
        let read = |problem: io::Error| ElementError { line, problem: format!("cannot read on: {problem}") };
        self.input.fill_buf().map(|bytes| bytes.first().copied()).map_err(read)
    }

    fn next_byte(&mut self) -> Result<Option<u8>, ElementError> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.input.consume(1);
        }
        if byte == Some(b'\n') {
            self.line += 1;
        }
        Ok(byte)
    }

    fn error(&self, problem: impl Into<String>) -> ElementError {
        ElementError { line: self.line, problem: problem.into() }
    }
}

impl<R: BufRead> Iterator for Elements<R> {
    type Item = Result<Element, ElementError>;

    /// After an error nothing more comes.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if !matches!(next, Ok(Some(_))) {
            self.within = Within::End;
        }
        next.transpose()
    }
}

/// Which brackets are open, strings left alone.
#[derive(Default)]
struct Brackets {
    depth: usize,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => {
                self.depth += 1;
                self.begun = true;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn closed(&self) -> bool {
        self.begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(u64, String)>, String> {
        // A reader of one byte at a time, so that no boundary of a buffer goes untried.
        let slow = io::BufReader::with_capacity(1, text.as_bytes());
        let elements = Elements::new(slow).map(|element| element.map(|e| (e.line, e.text)));
        elements.collect::<Result<_, _>>().map_err(|e| format!("{}: {}", e.line, e.problem))
    }

    fn texts(text: &str) -> Vec<String> {
        all(text).unwrap().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn the_same_items_come_out_of_every_form() {
        let (a, b) = (r#"{"a":"]}\"{"}"#, r#"{"b":[{"c":{}}]}"#);
        for text in [
            format!("{a}\n{b}\n"),
            format!("{a}{b}"),
            format!("[{a},\n{b}]"),
            format!(" [ {a} , {b} ] \n"),
            format!(r#"{{"Items": [{a}, {b}], "Count": 2, "ScannedCount": 2, "ConsumedCapacity": null}}"#),
            format!("{{\n \"Items\" : [{a}, {b}] }}"),
        ] {
            assert_eq!(texts(&text), [a, b], "{text}");
        }
        assert!(texts("").is_empty() && texts(" \n").is_empty() && texts("[]").is_empty());
        assert!(texts(r#"{"Items":[]}"#).is_empty());
    }

    #[test]
    fn an_item_that_begins_like_a_page_is_an_item() {
        for item in [r#"{"It":1}"#, r#"{"Items": {"S": "x"}}"#, r#"{ "Items" : 3, "Id": 1}"#, "{}", r#"{"ItemsSold":[1]}"#] {
            assert_eq!(texts(item), [item]);
        }
        let order = r#"{"Items":[{"sku":"x"}],"Id":1}"#;
        assert!(all(order).unwrap_err().contains("a scan has no \"Id\""));
        assert_eq!(texts(&format!("[{order}]")), [order]);
    }

    #[test]
    fn lines_are_counted() {
        let lines: Vec<u64> = all("[\n{},\n\n{\n}\n, {}]").unwrap().into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 4, 6]);
        assert_eq!(all("{}\n{}").unwrap().last().unwrap().0, 2);
    }

    #[test]
    fn what_is_no_sequence_of_items_is_refused_at_its_line() {
        for (text, error) in [
            ("7", "1: an item begins with '{', found '7'"),
            ("{}\n7", "2: an item begins with '{', found '7'"),
            ("[{}\n{}]", "2: expected ',' or ']' after an item"),
            ("[{}, 7]", "1: an item begins with '{', found '7'"),
            ("[{},", "1: the array has no end"),
            ("{}\n{\"a\":\"", "2: the item that begins here has no end"),
            ("[{}]\n[{}]", "2: there is more after the array's end; a file holds one array"),
            ("{\"Items\":[{}]}\n{}", "2: there is more after the scan's end; a file holds one page"),
        ] {
            assert_eq!(all(text).unwrap_err(), error, "{text}");
        }
    }
}
