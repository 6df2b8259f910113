//! The rows that are migrated: real ones where there are some, else rows of the same kind.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, root};

const STRIKES: &str = "example-migrations/data/birdstrikes.csv";

/// A CSV file and how often it is read to make the number of items.
pub(super) struct Rows {
    pub file: PathBuf,
    pub times: usize,
    /// For people.
    pub name: String,
}

impl Rows {
    /// The file that was asked for, else the strikes, else rows made up in `folder`.
    pub fn find(asked: Option<&Path>, items: usize, folder: &Path) -> Result<Self> {
        let strikes = root().join(STRIKES);
        let file = asked.map(Path::to_owned).or_else(|| strikes.is_file().then_some(strikes));
        let Some(file) = file else {
            let file = folder.join("rows.csv");
            fs::write(&file, made_up(items)).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            return Ok(Self { file, times: 1, name: "rows made up, 14 attributes of text".into() });
        };
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let rows = text.lines().count().saturating_sub(1).max(1);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, times: items.div_ceil(rows), name })
    }
}

/// Rows like those of an old table: names with spaces, numbers as text, empty fields. The same for the same count.
fn made_up(items: usize) -> String {
    const AIRPORTS: [&str; 5] =
        ["BARKSDALE AIR FORCE BASE ARPT", "NEW ORLEANS INTL", "DENVER INTL", "MEMPHIS INTL", "KANSAS CITY INTL"];
    const OPERATORS: [&str; 4] = ["UNITED AIRLINES", "US AIRWAYS*", "SOUTHWEST AIRLINES", "BUSINESS"];
    const SPECIES: [&str; 5] = ["Unknown bird - small", "Mourning dove", "European starling", "Red-tailed hawk", "Barn swallow"];
    const PHASES: [&str; 4] = ["Approach", "Climb", "Take-off run", "Landing Roll"];
    let mut text = String::from(
        "Airport Name,Aircraft Make Model,Effect Amount of damage,Flight Date,Aircraft Airline Operator,Origin State,\
         Phase of flight,Wildlife Size,Wildlife Species,Time of day,Cost Other,Cost Repair,Cost Total $,Speed IAS in knots\n",
    );
    for row in 0..items {
        let of = |list: &[&'static str], step: usize| list.get(row / step % list.len().max(1)).copied().unwrap_or_default();
        let cost = if row % 9 == 0 { row % 90_000 } else { 0 };
        let speed = if row % 3 == 0 { String::new() } else { (80 + row % 170).to_string() };
        let (month, day, year) = (1 + row % 12, 1 + row % 28, 1990 + row % 13);
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "{},B-737-{}00,None,{month}/{day}/{year} 0:00,{},N/A,{},Small,{},Day,{cost},0,{cost},{speed}",
            of(&AIRPORTS, 1),
            1 + row % 9,
            of(&OPERATORS, 2),
            of(&PHASES, 3),
            of(&SPECIES, 5),
        );
    }
    text
}
