//! Wildlife strikes as an old export left them, made into items that one would write today.

use drift_sdk::prelude::*;

/// Old name, new name; the value stays.
const RENAMED: [(&str, &str); 7] = [
    ("Airport Name", "airport"),
    ("Aircraft Make Model", "aircraft"),
    ("Flight Date", "flight_date"),
    ("Origin State", "origin_state"),
    ("Phase of flight", "phase_of_flight"),
    ("Time of day", "time_of_day"),
    ("Wildlife Size", "wildlife_size"),
];

/// Old name, where the tidied value goes, and what makes it of the old one.
const REPLACED: [(&str, &[&str], Tidied); 7] = [
    ("Aircraft Airline Operator", &["operator"], operator),
    ("Effect Amount of damage", &["damage"], known_text),
    ("Wildlife Species", &["species"], species),
    ("Speed IAS in knots", &["speed_knots"], number),
    ("Cost Repair", &["costs", "repair"], number),
    ("Cost Other", &["costs", "other"], number),
    ("Cost Total $", &["costs", "total"], number),
];

/// `None`: the old value said nothing.
type Tidied = fn(&Value) -> Result<Option<Value>>;

#[migration(
    number = 20261101,
    name = "tidy-strikes",
    summary = "snake_case names, exact numbers, no empty values, all costs in one map",
    repeatable,
    undo = restore
)]
pub fn tidy(strike: &mut Item) -> Result<()> {
    for (old, new) in RENAMED {
        strike.rename(old, new)?;
    }
    for (old, new, tidied) in REPLACED {
        let Some(value) = strike.remove(old) else { continue };
        let better = tidied(&value).map_err(|error| error.within(format_args!("attribute {old:?}")))?;
        // What cannot be computed back is kept.
        if better.as_ref().map(as_it_was) != Some(value.clone()) {
            strike.set_at(path!["legacy", old], value)?;
        }
        if let Some(better) = better {
            strike.set_at(steps(new), better)?;
        }
    }
    Ok(())
}

/// What was replaced comes back from `legacy`, unless it has been changed since.
pub fn restore(strike: &mut Item) -> Result<()> {
    for (old, new) in RENAMED {
        strike.rename(new, old)?;
    }
    for (old, new, tidied) in REPLACED {
        let now = strike.remove_at(steps(new));
        let was = strike.remove_at(path!["legacy", old]);
        match (was, now) {
            (Some(was), now) if tidied(&was)? == now => strike.set(old, was),
            (_, Some(now)) => strike.set(old, as_it_was(&now)),
            (Some(_), None) => strike.set(old, ""),
            (None, None) => None,
        };
    }
    for emptied in ["costs", "legacy"] {
        if strike.map(emptied).is_ok_and(Map::is_empty) {
            strike.remove(emptied);
        }
    }
    Ok(())
}

fn steps<'a>(names: &[&'a str]) -> Vec<Step<'a>> {
    names.iter().copied().map(Step::Name).collect()
}

/// A tidied value in the old form, where everything was text.
fn as_it_was(tidied: &Value) -> Value {
    match tidied {
        Value::N(number) => number.as_str().into(),
        other => other.clone(),
    }
}

/// `US AIRWAYS*`: the star led to a footnote that nobody has any more.
fn operator(value: &Value) -> Result<Option<Value>> {
    Ok(known(value.text()?.trim_end_matches('*')))
}

fn known_text(value: &Value) -> Result<Option<Value>> {
    Ok(known(value.text()?))
}

/// `Unknown bird - small` names a size, which has its own attribute, and no species.
fn species(value: &Value) -> Result<Option<Value>> {
    let text = value.text()?;
    let species = [" - small", " - medium", " - large"].into_iter().find_map(|size| text.strip_suffix(size)).unwrap_or(text);
    Ok(if species.starts_with("Unknown") { None } else { known(species) })
}

fn number(value: &Value) -> Result<Option<Value>> {
    Ok(value.parsed_number()?.map(Value::N))
}

fn known(text: &str) -> Option<Value> {
    match text.trim() {
        "" | "None" | "Unknown" => None,
        text => Some(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drift_sdk::testing;

    fn every_strike() -> Vec<Item> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/birdstrikes.csv");
        let mut rows = csv::Reader::from_path(file).unwrap();
        let header = rows.headers().unwrap().clone();
        let strike = |(at, row): (usize, csv::StringRecord)| {
            let mut strike: Item = header.iter().zip(row.iter()).collect();
            strike.set("Id", at + 1);
            strike
        };
        rows.records().map(Result::unwrap).enumerate().map(strike).collect()
    }

    /// A real one: an operator with a star, no speed, damage and no money.
    fn la_guardia() -> Item {
        item! {
            "Id" => 24, "Airport Name" => "LAGUARDIA NY", "Aircraft Make Model" => "B-737-400", "Effect Amount of damage" => "Substantial",
            "Flight Date" => "1990-04-07", "Aircraft Airline Operator" => "US AIRWAYS*", "Origin State" => "New York",
            "Phase of flight" => "Take-off run", "Wildlife Size" => "Large", "Wildlife Species" => "Canada goose", "Time of day" => "Day",
            "Cost Other" => "0", "Cost Repair" => "0", "Cost Total $" => "0", "Speed IAS in knots" => "",
        }
    }

    #[test]
    fn a_messy_strike_becomes_a_tidy_one() {
        let mut strike = la_guardia();
        tidy(&mut strike).unwrap();
        let expected = item! {
            "Id" => 24, "airport" => "LAGUARDIA NY", "aircraft" => "B-737-400", "damage" => "Substantial", "flight_date" => "1990-04-07",
            "operator" => "US AIRWAYS", "origin_state" => "New York", "phase_of_flight" => "Take-off run", "wildlife_size" => "Large",
            "species" => "Canada goose", "time_of_day" => "Day", "costs" => item! { "other" => 0, "repair" => 0, "total" => 0 },
            "legacy" => item! { "Aircraft Airline Operator" => "US AIRWAYS*", "Speed IAS in knots" => "" },
        };
        assert_eq!(strike, expected);
    }

    #[test]
    fn what_says_nothing_goes_and_size_is_no_species() {
        let mut strike = item! { "Id" => 1, "Effect Amount of damage" => "None", "Wildlife Species" => "Unknown bird - small" };
        tidy(&mut strike).unwrap();
        assert_eq!(strike.names().collect::<Vec<_>>(), ["Id", "legacy"]);
        let mut strike = item! { "Id" => 1, "Wildlife Species" => "Gull - medium" };
        tidy(&mut strike).unwrap();
        assert_eq!(strike.text("species").unwrap(), "Gull");
    }

    #[test]
    fn every_one_of_the_ten_thousand_comes_back_exactly_and_is_tidied_once() {
        let strikes = every_strike();
        assert_eq!(strikes.len(), 10_000);
        for strike in &strikes {
            testing::check_undo(&MIGRATION, strike).unwrap();
            testing::check_repeatable(&MIGRATION, strike).unwrap();
        }
    }

    #[test]
    fn what_was_changed_since_survives_the_undo() {
        let mut strike = la_guardia();
        tidy(&mut strike).unwrap();
        strike.set_at(path!["costs", "repair"], 1500).unwrap();
        strike.set("operator", "US AIRWAYS GROUP");
        strike.set("speed_knots", 130);
        restore(&mut strike).unwrap();
        let mut expected = la_guardia();
        expected.set("Cost Repair", "1500");
        expected.set("Aircraft Airline Operator", "US AIRWAYS GROUP");
        expected.set("Speed IAS in knots", "130");
        assert_eq!(strike, expected);
    }

    #[test]
    fn a_cost_that_is_no_number_is_that_items_error_and_names_the_attribute() {
        let strike = item! { "Id" => 1, "Cost Repair" => "ca. 500" };
        let error = testing::migrate(&MIGRATION, &strike).unwrap_err().to_string();
        assert_eq!(error, r#"attribute "Cost Repair": "ca. 500" is not a decimal number"#);
    }
}
