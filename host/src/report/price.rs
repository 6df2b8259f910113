//! What a run's units come to, at the prices that its operator names: DynamoDB's depend on region, billing and contract.

use std::str::FromStr;

use serde_json::{Value as Json, json};

use crate::run::Summary;

/// The price of a million read units, and of a million write units, in whatever currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    read: f64,
    write: f64,
}

impl FromStr for Prices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let price = |text: &str| text.trim().parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
        let pair = text.split_once(',').and_then(|(read, write)| Some(Self { read: price(read)?, write: price(write)? }));
        pair.ok_or_else(|| format!("{text:?} is not READ,WRITE, the prices of a million units each: 0.125,0.625"))
    }
}

/// Units and what they cost.
struct Cost {
    read_units: f64,
    /// Those that were written, and those that are still to be, of the table alone.
    write_units: f64,
    /// With as many again for each index, in each region.
    most_units: f64,
    indexes: u32,
    regions: u32,
}

fn cost(summary: &Summary) -> Cost {
    let (read_units, written) = summary.units;
    let estimate = summary.manifest.as_ref().and_then(|manifest| manifest.estimate.as_ref());
    let (indexes, regions) = estimate.map_or((0, 1), |estimate| (estimate.indexes, estimate.replicas + 1));
    // What was written is counted with the indexes already.
    let needed = summary.needed_units.unwrap_or_default();
    let most_units = (written + needed * f64::from(indexes + 1)) * f64::from(regions);
    Cost { read_units, write_units: written + needed, most_units, indexes, regions }
}

impl Prices {
    /// In a line.
    pub fn told(&self, summary: &Summary) -> String {
        let Cost { read_units, write_units, most_units, indexes, regions } = cost(summary);
        let Self { read, write } = self;
        let of = |units: f64, price: f64| money(units / 1e6 * price);
        let most = match most_units > write_units {
            false => String::new(),
            true => {
                let with = [(indexes, "indexes"), (regions - 1, "replicas")];
                let with = with.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
                format!(" (up to {} with {})", of(most_units, *write), with.collect::<Vec<_>>().join(" and "))
            }
        };
        format!(
            "  price    {} for {read_units:.0} read units, {} for about {write_units:.0} write units{most}; at {read} and {write} a million\n",
            of(read_units, *read),
            of(write_units, *write)
        )
    }

    /// `{"read","write","at_most"}`, in the currency of the prices.
    pub fn to_json(self, summary: &Summary) -> Json {
        let Cost { read_units, write_units, most_units, .. } = cost(summary);
        json!({ "read": read_units / 1e6 * self.read, "write": write_units / 1e6 * self.write,
            "at_most": read_units / 1e6 * self.read + most_units / 1e6 * self.write })
    }
}

/// Cents, and of less than one the first two digits that are not 0.
fn money(amount: f64) -> String {
    let digits = if amount > 0.0 && amount < 0.1 { (1.0 - amount.log10().floor()) as usize } else { 2 };
    format!("{amount:.*}", digits.clamp(2, 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_two_numbers_and_small_money_is_not_nothing() {
        assert_eq!("0.125,0.625".parse(), Ok(Prices { read: 0.125, write: 0.625 }));
        for wrong in ["", "1", "1;2", "x,1", "-1,1", "nan,1", "inf,1"] {
            assert!(wrong.parse::<Prices>().is_err(), "{wrong}");
        }
        let told: Vec<String> = [0.0, 12.345, 0.1, 0.0123, 0.000_045_6].into_iter().map(money).collect();
        assert_eq!(told, ["0.00", "12.35", "0.10", "0.012", "0.000046"]);
    }
}
