//! The status and amount of its claim for every strike that cost money, looked up in the table `Claims`.

use drift_sdk::direct;
use drift_sdk::prelude::*;

#[migration(
    number = 20261104,
    name = "claim-status",
    summary = "strikes carry the status and the amount of their claim",
    repeatable,
    undo = forget,
    grants(direct_read("Claims", why = "the status and the amount of a strike's claim"))
)]
pub fn look_up(strike: &mut Item) -> Result<()> {
    if !has_cost(strike)? {
        return Ok(());
    }
    let claim = direct::get("Claims", &item! { "Id" => strike.number("Id")? })?;
    for (name, attribute) in [("claim_status", "status"), ("claim_amount", "amount")] {
        strike.set_some(name, claim.as_ref().and_then(|claim| claim.get(attribute)));
    }
    Ok(())
}

pub fn forget(strike: &mut Item) {
    strike.remove("claim_status");
    strike.remove("claim_amount");
}

/// Whether it cost anything, tidied or not: no claim is looked up for the others.
fn has_cost(strike: &Item) -> Result<bool> {
    let total = match strike.read_at::<Option<Number>>(path!["costs", "total"])? {
        Some(total) => Some(total),
        None => strike.parsed_number("Cost Total $")?,
    };
    Ok(total.is_some_and(|total| total > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drift_sdk::testing;

    #[test]
    fn a_strike_with_a_claim_carries_its_status() -> Result<()> {
        let run = testing::Run::new().rows("Claims", [item! { "Id" => 9, "status" => "open", "amount" => 144634 }]);
        let strike = |id: i32, cost: &str| item! { "Id" => id, "Cost Total $" => cost };
        let after = run.migrate(&MIGRATION, &strike(9, "144634"))?.item.unwrap();
        assert_eq!(after.get("claim_status"), Some(&"open".into()));
        assert_eq!(after.number("claim_amount")?, &Number::from(144634));
        run.check_repeatable(&MIGRATION, &strike(9, "144634"))?;
        run.check_undo(&MIGRATION, &strike(9, "144634"))?;
        for without in [strike(8, "12"), strike(9, "0")] {
            assert!(run.migrate(&MIGRATION, &without)?.is_unchanged());
        }
        Ok(())
    }

    #[test]
    fn nothing_is_looked_up_for_a_strike_that_cost_nothing() {
        let strike = item! { "Id" => 9, "Cost Total $" => "1" };
        let error = testing::migrate(&MIGRATION, &strike).unwrap_err().to_string();
        assert!(error.starts_with("denied: the test gave no rows of the table Claims"), "{error}");
        assert!(testing::migrate(&MIGRATION, &item! { "Id" => 9, "Cost Total $" => "0" }).unwrap().is_unchanged());
    }
}
