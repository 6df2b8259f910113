//! How fast a run may take capacity, as it is asked for.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Capacity units a second: a number of them, a share of what the table has, or no limit. As text `500`, `50%` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// So many units a second.
    Units(NonZeroU32),
    /// So many of a hundred, 1 to 100, of what the table has.
    Percent(u8),
    /// As fast as it goes.
    Unlimited,
}

impl Rate {
    /// In units a second, at least one, of a table that has so many; `None`: without limit.
    pub fn of(self, has: u64) -> Option<u32> {
        match self {
            Self::Units(units) => Some(units.get()),
            Self::Percent(percent) => {
                let share = u128::from(has) * u128::from(percent) / 100;
                Some(u32::try_from(share).unwrap_or(u32::MAX).max(1))
            }
            Self::Unlimited => None,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.strip_suffix('%') {
            None if text == "none" => Some(Self::Unlimited),
            Some(percent) => percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Percent),
            None => text.parse().ok().map(Self::Units),
        };
        read.ok_or_else(|| {
            format!("{text:?} is neither units a second, at least 1 (500), nor a share of what the table has (50%), nor none")
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Units(units) => write!(f, "{units}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Unlimited => f.write_str("none"),
        }
    }
}

impl From<NonZeroU32> for Rate {
    fn from(units: NonZeroU32) -> Self {
        Self::Units(units)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_units_or_a_share_or_without_limit() {
        let known = [
            ("500", 40, Some(500)),
            ("50%", 40, Some(20)),
            ("100%", 12_000, Some(12_000)),
            ("1%", 5, Some(1)),
            ("25%", u64::MAX, Some(u32::MAX)),
            ("none", 40, None),
        ];
        for (text, has, units) in known {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.of(has), units, "{text} of {has}");
            assert_eq!(rate.to_string(), text);
            assert_eq!(serde_json::from_str::<Rate>(&serde_json::to_string(&rate).unwrap()).unwrap(), rate);
        }
        for wrong in ["", "0", "0%", "101%", "-5", "5 %", "half", "1.5", "%", "500/s", "None"] {
            let problem = wrong.parse::<Rate>().unwrap_err();
            assert!(problem.contains("500") && problem.contains("50%"), "{problem}");
        }
    }
}
