//! A claim in the table `Claims` for every strike that cost money.

use drift_sdk::prelude::*;

const CLAIMS: &str = "Claims";

#[migration(
    number = 20261102,
    name = "claims",
    summary = "a claim for every strike that cost money",
    repeatable,
    undo = withdraw,
    grants(
        insert("Claims", why = "one claim for every strike that cost money; a claim that exists is kept"),
        delete("Claims", why = "undo deletes the claims"),
    )
)]
pub fn claim(strike: &mut Item, actions: &mut Actions) -> Result<()> {
    let Some(amount) = cost(strike)? else { return Ok(()) };
    let mut claim = item! {
        "Id" => strike.number("Id")?,
        "amount" => amount,
        "status" => "open",
        "opened_at" => run::started_at(),
    };
    for (name, old) in [("airport", "Airport Name"), ("flight_date", "Flight Date"), ("operator", "Aircraft Airline Operator")] {
        claim.set_some(name, strike.get(name).or_else(|| strike.get(old)));
    }
    actions.insert_into(CLAIMS, claim, Existing::Keep);
    Ok(())
}

pub fn withdraw(strike: &mut Item, actions: &mut Actions) -> Result<()> {
    if cost(strike)?.is_some() {
        actions.delete_from(CLAIMS, item! { "Id" => strike.number("Id")? });
    }
    Ok(())
}

/// What a strike cost in dollars, tidied or not; `None` if nothing.
fn cost(strike: &Item) -> Result<Option<Number>> {
    let total = match strike.read_at::<Option<Number>>(path!["costs", "total"])? {
        Some(total) => Some(total),
        None => strike.parsed_number("Cost Total $")?,
    };
    Ok(total.filter(|total| *total > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drift_sdk::{Action, Target, testing};

    /// A real one.
    fn jackson() -> Item {
        item! {
            "Id" => 9, "Airport Name" => "NEW ORLEANS INTL", "Aircraft Airline Operator" => "US AIRWAYS*", "Flight Date" => "1990-02-18",
            "Cost Other" => "0", "Cost Repair" => "144634", "Cost Total $" => "144634", "Speed IAS in knots" => "",
        }
    }

    #[test]
    fn a_strike_that_cost_money_gets_one_claim_tidied_or_not() {
        let run = testing::Run::new().started_at("2026-11-02T00:00:00Z");
        let untidy = run.migrate(&MIGRATION, &jackson()).unwrap();
        let claim = |operator: &str| {
            item! {
                "Id" => 9, "airport" => "NEW ORLEANS INTL", "flight_date" => "1990-02-18", "operator" => operator, "amount" => 144634,
                "status" => "open", "opened_at" => "2026-11-02T00:00:00Z",
            }
        };
        assert_eq!(untidy.inserted(CLAIMS), [&claim("US AIRWAYS*")]);
        let tidy = testing::migrate(&tidy_strikes::MIGRATION, &jackson()).unwrap().item.unwrap();
        let tidied = run.migrate(&MIGRATION, &tidy).unwrap();
        assert_eq!(tidied.inserted(CLAIMS), [&claim("US AIRWAYS")]);
        assert_eq!(tidied.item, Some(tidy), "the strike itself stays as it is");
    }

    #[test]
    fn a_strike_that_cost_nothing_gets_none() {
        for free in [item! { "Id" => 1, "Cost Total $" => "0" }, item! { "Id" => 1, "Cost Total $" => "" }, item! { "Id" => 1 }] {
            assert!(testing::migrate(&MIGRATION, &free).unwrap().is_unchanged());
            assert!(testing::undo(&MIGRATION, &free).unwrap().is_unchanged());
        }
    }

    #[test]
    fn an_existing_claim_is_kept_and_undo_deletes_it() {
        testing::check_repeatable(&MIGRATION, &jackson()).unwrap();
        let undone = testing::undo(&MIGRATION, &jackson()).unwrap();
        let claim = Target::Other { table: Some(CLAIMS.into()), key: item! { "Id" => 9 } };
        assert_eq!(undone.actions, [Action::Delete(claim)]);
    }
}
