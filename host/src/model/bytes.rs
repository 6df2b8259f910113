//! Sizes as people write and read them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes. As text `20GB`, `1.5 TB`, `512MiB`: by powers of a thousand as disks are sold, or of 1024 with an `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size: 20GB, 500MB or 64MiB, say");
        let units = UNITS.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?.trim_end(), *scale)));
        let (number, scale) = units.ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.len() <= 15 && text.bytes().all(|digit| digit.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(wrong());
        }
        let tenths = u32::try_from(part.len()).ok().and_then(|length| 10u128.checked_pow(length)).ok_or_else(wrong)?;
        let (whole, part): (u128, u128) = (whole.parse().map_err(|_| wrong())?, part.parse().map_err(|_| wrong())?);
        let bytes = whole * u128::from(scale) + part * u128::from(scale) / tenths;
        u64::try_from(bytes).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Bytes {
    /// `4.9 MB`: one digit after the point is enough of what changes all the time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["B", "kB", "MB", "GB", "TB"];
        let mut size = self.0 as f64;
        let mut unit = 0;
        while size >= 999.95 && unit + 1 < units.len() {
            size /= 1000.0;
            unit += 1;
        }
        match units.get(unit) {
            Some(unit) if unit != &"B" => write!(f, "{size:.1} {unit}"),
            _ => write!(f, "{} B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_written() {
        for (text, bytes) in [
            ("20GB", 20_000_000_000),
            ("1.5 TB", 1_500_000_000_000),
            ("64MiB", 64 << 20),
            ("0.5KiB", 512),
            ("7B", 7),
            ("3kB", 3_000),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for wrong in ["", "20", "GB", "-1GB", "+1GB", "1.GB", ".5GB", "1e3MB", "1 000MB", "99999999999TB", "20 GBs"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_unit_that_fits_it() {
        let shown = [0, 999, 1_000, 4_900_000, 999_999, 3_600_000_000_000].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "4.9 MB", "1.0 MB", "3.6 TB"]);
    }
}
