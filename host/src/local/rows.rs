//! The rows of a data file as items, read as a stream: memory holds one row, whatever the size of the file.
//!
//! CSV (a header; every field a string, kept as it is) and JSON (one item after another, an array, or what a scan prints;
//! plain or DynamoDB JSON). An item's text decides, not the file's name, except that CSV is never guessed at.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::elements::Elements;
use crate::model::json::item_from_json;
use crate::model::{Item, MAX_ITEM_BYTES, Value, item_bytes};

/// An item and the line of the file that it begins on.
#[derive(Debug)]
pub(super) struct Row {
    pub line: u64,
    pub item: Item,
}

/// What is wrong in a file, and where.
#[derive(Debug)]
pub(super) struct RowError {
    pub line: Option<u64>,
    /// The attribute or the path of it.
    pub column: Option<String>,
    pub problem: String,
}

/// The rows of one file.
pub(super) struct Rows {
    source: Source,
    header: Vec<String>,
}

enum Source {
    Csv(csv::Reader<BufReader<File>>),
    Json(Elements<BufReader<File>>),
}

impl Rows {
    /// Opens a file and reads as far as needed to know its form.
    pub fn open(path: &Path) -> Result<Self, RowError> {
        let file = File::open(path).map_err(|problem| RowError::file(format!("cannot be opened: {problem}")))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(RowError::file("is a folder; name a file"));
        }
        let mut input = BufReader::with_capacity(256 * 1024, file);
        let begins = |input: &mut BufReader<File>| {
            let bytes = input.fill_buf().map_err(|problem| RowError::file(format!("cannot be read: {problem}")))?;
            Ok((bytes.starts_with(b"\xef\xbb\xbf"), bytes.iter().find(|byte| !byte.is_ascii_whitespace()).copied()))
        };
        if begins(&mut input)?.0 {
            input.consume(3);
        }
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match (extension.as_deref(), begins(&mut input)?.1) {
            (Some("csv"), _) => Self::csv(input),
            (Some("json" | "jsonl" | "ndjson"), _) | (_, Some(b'{' | b'[')) => {
                Ok(Self { source: Source::Json(Elements::new(input)), header: Vec::new() })
            }
            _ => Err(RowError::file("is neither called .csv nor JSON: give CSV the ending .csv; JSON begins with '{' or '['")),
        }
    }

    fn csv(input: BufReader<File>) -> Result<Self, RowError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(input);
        let header: Vec<String> = reader.headers().map_err(RowError::csv)?.iter().map(str::to_owned).collect();
        if let Some(at) = header.iter().position(String::is_empty) {
            return Err(RowError { line: Some(1), column: None, problem: format!("column {} has no name", at + 1) });
        }
        let mut sorted: Vec<&String> = header.iter().collect();
        sorted.sort();
        if let Some(name) = sorted.windows(2).find_map(|pair| matches!(pair, [a, b] if a == b).then(|| pair.first())).flatten() {
            return Err(RowError { line: Some(1), column: Some((*name).clone()), problem: "two columns have this name".into() });
        }
        Ok(Self { source: Source::Csv(reader), header })
    }

    /// Whether every attribute is a string for certain, even where no row follows.
    pub fn strings_only(&self) -> bool {
        matches!(self.source, Source::Csv(_))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.source {
            Source::Csv(reader) => csv_row(reader, &self.header),
            Source::Json(elements) => elements.next().map(|element| {
                let element = element.map_err(|e| RowError { line: Some(e.line), column: None, problem: e.problem })?;
                let item = item_from_json(&element.text).map_err(|error| RowError {
                    line: Some(element.line),
                    column: Some(error.path),
                    problem: error.problem,
                })?;
                Ok(Row { line: element.line, item })
            }),
        };
        row.map(|row| row.and_then(within_size))
    }
}

fn csv_row(reader: &mut csv::Reader<BufReader<File>>, header: &[String]) -> Option<Result<Row, RowError>> {
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Err(error) => Some(Err(RowError::csv(error))),
        Ok(false) => None,
        Ok(true) => {
            let line = record.position().map_or(0, csv::Position::line);
            let item = header.iter().zip(&record).map(|(name, field)| (name.clone(), Value::S(field.to_owned()))).collect();
            Some(Ok(Row { line, item }))
        }
    }
}

/// The in-process import would take what DynamoDB refuses.
fn within_size(row: Row) -> Result<Row, RowError> {
    let bytes = item_bytes(&row.item);
    if bytes <= MAX_ITEM_BYTES {
        return Ok(row);
    }
    let problem = format!("the item has {bytes} bytes, and DynamoDB takes at most {MAX_ITEM_BYTES}");
    Err(RowError { line: Some(row.line), column: None, problem })
}

impl RowError {
    fn file(problem: impl Into<String>) -> Self {
        Self { line: None, column: None, problem: problem.into() }
    }

    fn csv(error: csv::Error) -> Self {
        let line = error.position().map(csv::Position::line);
        let (column, problem) = match error.kind() {
            csv::ErrorKind::Utf8 { err, .. } => {
                (Some((err.field() + 1).to_string()), "is not UTF-8 text; convert the file (iconv -t UTF-8)".to_owned())
            }
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                (None, format!("the row has {len} fields, and the header {expected_len}"))
            }
            csv::ErrorKind::Io(error) => (None, format!("cannot be read: {error}")),
            _ => (None, error.to_string()),
        };
        Self { line, column, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn rows(suffix: &str, content: &[u8]) -> Result<Vec<(u64, Item)>, RowError> {
        let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
        file.write_all(content).unwrap();
        Rows::open(file.path())?.map(|row| row.map(|row| (row.line, row.item))).collect()
    }

    #[test]
    fn csv_fields_are_strings_kept_as_they_are() {
        let rows = rows(".csv", "\u{feff}Id,Cost $,\"No\nte\"\n007, 1.50 ,\n8,\"a\nb\",\"\"\"q\"\"\"\n".as_bytes()).unwrap();
        let of = |id: &str, cost: &str, note: &str| -> Item {
            [("Id", id.into()), ("Cost $", cost.into()), ("No\nte", note.into())].into_iter().collect()
        };
        assert_eq!(rows, [(3, of("007", " 1.50 ", "")), (4, of("8", "a\nb", "\"q\""))]);
    }

    #[test]
    fn csv_that_is_broken_is_refused_at_its_line_and_column() {
        let of = |content: &[u8]| rows(".csv", content).unwrap_err();
        let ragged = of(b"a,b\n1,2\n3\n");
        assert_eq!((ragged.line, ragged.problem.as_str()), (Some(3), "the row has 1 fields, and the header 2"));
        let latin = of(b"a,b\n1,\xe9\n");
        assert_eq!((latin.line, latin.column.as_deref()), (Some(2), Some("2")));
        assert_eq!(of(b"a,b,a\n").column.as_deref(), Some("a"));
        assert_eq!(of(b"a,,b\n").problem, "column 2 has no name");
    }

    #[test]
    fn json_is_known_by_its_text_whatever_the_file_is_called() {
        let seven: Item = [("id", 7.into())].into_iter().collect();
        for (suffix, content) in [
            (".json", r#"[{"id":7}]"#),
            (".jsonl", r#"{"id":7}"#),
            (".txt", r#"{"Item":{"id":{"N":"7"}}}"#),
            ("", r#"{"Items":[{"id":{"N":"7"}}],"Count":1}"#),
        ] {
            assert_eq!(rows(suffix, content.as_bytes()).unwrap(), [(1, seven.clone())], "{content}");
        }
        assert!(rows(".txt", b"a,b\n1,2\n").unwrap_err().problem.starts_with("is neither called .csv nor JSON"));
    }

    #[test]
    fn json_that_is_no_item_is_refused_with_its_line_and_path() {
        let error = rows(".jsonl", b"{\"id\":1}\n{\"id\":1,\"a\":{\"b\":1e999}}\n").unwrap_err();
        assert_eq!((error.line, error.column.as_deref()), (Some(2), Some("a.b")));
        let big = format!("{{\"id\":1,\"a\":\"{}\"}}", "x".repeat(MAX_ITEM_BYTES));
        assert!(rows(".jsonl", big.as_bytes()).unwrap_err().problem.contains("DynamoDB takes at most 409600"));
    }
}
