//! The rows that are migrated: those of a file that was named, else rows made up.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Rows beyond these are the same once more: what an item holds does not matter beyond its shape and size.
const MADE_UP: usize = 10_000;

/// A file of rows without their key, and how often it is read to make the number of items.
pub(super) struct Rows {
    pub file: PathBuf,
    pub times: usize,
    /// For people.
    pub name: String,
}

impl Rows {
    /// The file that was asked for, else rows made up in `folder`.
    pub fn find(asked: Option<&Path>, items: usize, folder: &Path) -> Result<Self> {
        let Some(file) = asked else {
            let rows = items.min(MADE_UP);
            let file = folder.join("rows.json");
            fs::write(&file, made_up(rows)).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            return Ok(Self { file, times: items.div_ceil(rows), name: "rows made up, 8 attributes, 400 bytes".into() });
        };
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let header = usize::from(file.extension().is_some_and(|ending| ending == "csv"));
        let rows = text.lines().count().saturating_sub(header).max(1);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file: file.to_owned(), times: items.div_ceil(rows), name })
    }
}

/// Items of seven attributes beside their key and 400 bytes with it, one a line, in DynamoDB's JSON: an old export's names with
/// spaces, text, numbers, a flag. The same for the same count.
pub(crate) fn made_up(items: usize) -> String {
    const AIRPORTS: [&str; 5] =
        ["BARKSDALE AIR FORCE BASE ARPT", "NEW ORLEANS INTL", "DENVER INTL", "MEMPHIS INTL", "KANSAS CITY INTL"];
    const OPERATORS: [&str; 4] = ["UNITED AIRLINES", "US AIRWAYS*", "SOUTHWEST AIRLINES", "BUSINESS"];
    const SPECIES: [&str; 5] = ["Unknown bird - small", "Mourning dove", "European starling", "Red-tailed hawk", "Barn swallow"];
    const REMARK: &str = "Pilot heard a thump on the left side after rotation, engine instruments normal, no vibration; returned to the field, \
                          and remains were found in the left main gear well. Sent for identification. Aircraft inspected and released.";
    /// With the names and all else, so that an item has 400 bytes.
    const TEXT_BYTES: usize = 300;
    let mut text = String::new();
    for row in 0..items {
        let of = |list: &[&'static str], step: usize| list.get(row / step % list.len().max(1)).copied().unwrap_or_default();
        let (airport, operator, species) = (of(&AIRPORTS, 1), of(&OPERATORS, 2), of(&SPECIES, 5));
        let remark: String = REMARK.chars().cycle().take(TEXT_BYTES - airport.len() - operator.len() - species.len()).collect();
        let (month, day, year) = (1 + row % 12, 1 + row % 28, 1990 + row % 13);
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            r#"{{"Airport Name":{{"S":"{airport}"}},"Operator":{{"S":"{operator}"}},"Wildlife Species":{{"S":"{species}"}},"#,
        );
        text.pop();
        let _ = writeln!(
            text,
            r#""Flight Date":{{"S":"{month:02}/{day:02}/{year} 0:00"}},"Cost Total":{{"N":"{}"}},"Reported":{{"BOOL":{}}},"Remarks":{{"S":"{remark}"}}}}"#,
            10_000 + row % 90_000,
            row % 2 == 0,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn rows_are_of_the_size_that_is_said() {
        for line in made_up(50).lines() {
            let item: Value = serde_json::from_str(line).unwrap();
            let item = item.as_object().unwrap();
            let size = |value: &Value| match value.as_object().unwrap().iter().next().unwrap() {
                (kind, Value::String(text)) if kind == "S" => text.len(),
                (kind, Value::String(digits)) if kind == "N" => digits.len().div_ceil(2) + 1,
                _ => 1,
            };
            // The key is `Id` and a number of about five digits.
            let bytes: usize = 6 + item.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
            assert!((395..=405).contains(&bytes), "{bytes} bytes: {line}");
            assert_eq!(item.len(), 7);
        }
    }
}
