//! The least that AWS must allow for a run of a plugin, as IAM policies: one to plan, one to apply. `run` needs both.
//!
//! The rights follow the grants, and not what a plugin did once: what was granted may be used. Without a table's ARN, `REGION`
//! and `ACCOUNT` stand where they are to be filled in; a policy with `*` there would allow more than was meant.

use serde_json::{Value as Json, json};

use crate::model::Access;
use crate::plugin::{Grant, Grants};

/// What a run goes by.
#[derive(Clone, Debug)]
pub struct Needs<'a> {
    /// The table to migrate, by name or ARN.
    pub table: &'a str,
    /// The metadata table's name.
    pub meta: &'a str,
    /// What was, or is to be, granted.
    pub grants: &'a Grants,
    /// Whether it says that it comes after others: then a plan looks into the history.
    pub after: bool,
}

/// To see what a table is and has. Without the last two the run says that they were not checked.
const LOOKS: [&str; 3] = ["DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups"];

/// `{"plan": {…}, "apply": {…}}`, each a policy document.
pub fn policies(needs: &Needs<'_>) -> Json {
    let own = arn(needs.table, needs.table);
    let meta = |suffix: &str| arn(&format!("{}{suffix}", needs.meta), needs.table);
    let grants = || needs.grants.iter();
    let of = |rights: fn(Access, bool) -> &'static [&'static str]| {
        grants().enumerate().filter_map(move |(at, grant)| granted(at, grant, needs.table, rights))
    };
    let plan = statement("ReadTheTable", &[&["Scan"], &LOOKS[..]].concat(), std::slice::from_ref(&own));
    let history = needs.after.then(|| statement("WhatItComesAfter", &["Scan"], &[meta("")]));
    let plan = std::iter::once(plan).chain(history).chain(of(to_plan));

    let elsewhere = grants().any(|grant| !is_direct(grant.access()));
    // A guard that stands alone in a transaction.
    let transactions: &[&str] = if elsewhere { &["ConditionCheckItem"] } else { &[] };
    let patches = [&LOOKS[..], &["GetItem", "UpdateItem", "PartiQLUpdate"]].concat();
    let apply = [
        statement("PatchTheTable", &[&patches, transactions].concat(), &[own]),
        statement(
            "History",
            &["CreateTable", "DescribeTable", "Scan", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"],
            &[meta(""), meta("_runs")],
        ),
        // Of use with `--exactly-once receipts` only, which drops them at the undo.
        statement(
            "OnlyForReceipts",
            &["CreateTable", "DescribeTable", "Scan", "GetItem", "PutItem", "DeleteItem", "PartiQLDelete"],
            &[meta("_receipts")],
        ),
    ];
    json!({ "plan": document(plan), "apply": document(apply.into_iter().chain(of(to_apply))) })
}

fn is_direct(access: Access) -> bool {
    matches!(access, Access::DirectRead | Access::DirectWrite)
}

/// A plan has to know the keys of the tables that are written, and reads at once what was granted.
fn to_plan(access: Access, own: bool) -> &'static [&'static str] {
    match access {
        Access::DirectRead => &["DescribeTable", "GetItem", "Query"],
        // There is no plan.
        Access::DirectWrite => &[],
        Access::Insert | Access::Update | Access::Delete if own => &[],
        Access::Insert | Access::Update | Access::Delete => &["DescribeTable"],
    }
}

/// Reading is for what may have happened without an answer, and for a migration that runs again.
fn to_apply(access: Access, own: bool) -> &'static [&'static str] {
    match access {
        Access::Insert => &["DescribeTable", "GetItem", "PutItem"],
        Access::Update => &["DescribeTable", "GetItem", "UpdateItem"],
        // Of the handed-in item by statements, up to 25 in a call.
        Access::Delete if own => &["DescribeTable", "GetItem", "DeleteItem", "PartiQLDelete"],
        Access::Delete => &["DescribeTable", "GetItem", "DeleteItem"],
        Access::DirectRead => &["DescribeTable", "GetItem", "Query"],
        Access::DirectWrite => &["DescribeTable", "PutItem", "UpdateItem", "DeleteItem"],
    }
}

fn granted(at: usize, grant: &Grant, migrated: &str, rights: fn(Access, bool) -> &'static [&'static str]) -> Option<Json> {
    let table = grant.table().unwrap_or(migrated);
    let own = grant.allows(grant.access(), None, last(migrated));
    let actions = rights(grant.access(), own);
    let name: String = grant.access().as_str().chars().filter(char::is_ascii_alphabetic).collect();
    let arn = arn(table, migrated);
    let indexes = (grant.access() == Access::DirectRead).then(|| format!("{arn}/index/*"));
    let resources: Vec<String> = std::iter::once(arn).chain(indexes).collect();
    (!actions.is_empty()).then(|| statement(&format!("Grant{}{name}", at + 1), actions, &resources))
}

/// The name of a table that may be given by its ARN.
fn last(table: &str) -> &str {
    table.rsplit('/').next().unwrap_or(table)
}

/// The ARN of a table, which is in the region and account of the migrated one.
fn arn(table: &str, migrated: &str) -> String {
    let beside = migrated.rsplit_once('/').filter(|_| migrated.starts_with("arn:"));
    match (table.starts_with("arn:"), beside) {
        (true, _) => table.to_owned(),
        (false, Some((beside, _))) => format!("{beside}/{table}"),
        (false, None) => format!("arn:aws:dynamodb:REGION:ACCOUNT:table/{table}"),
    }
}

fn statement(sid: &str, actions: &[&str], resources: &[String]) -> Json {
    let actions: Vec<String> = actions.iter().map(|action| format!("dynamodb:{action}")).collect();
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn document(statements: impl Iterator<Item = Json>) -> Json {
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/T";

    const PLAN: [&str; 4] = ["DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "Scan"];

    /// The actions that `half` allows on a resource.
    fn actions(half: &str, grants: &[&str], resource: &str) -> Vec<String> {
        let grants = Grants::new(grants.iter().map(|grant| grant.parse().unwrap()).collect());
        let all = policies(&Needs { table: TABLE, meta: "meta", grants: &grants, after: false });
        let statements = all[half]["Statement"].as_array().unwrap().clone();
        let resource = resource.replace('@', "arn:aws:dynamodb:eu-west-1:123456789012:table/");
        let on = statements.iter().filter(|one| one["Resource"].as_array().unwrap().contains(&resource.clone().into()));
        let named = |action: &Json| action.as_str().unwrap().strip_prefix("dynamodb:").unwrap().to_owned();
        let mut found: Vec<String> = on.flat_map(|one| one["Action"].as_array().unwrap().iter().map(named)).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn a_patch_needs_the_table_and_the_history_and_nothing_else() {
        assert_eq!(actions("plan", &[], "@T"), PLAN);
        let apply =
            ["DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "GetItem", "PartiQLUpdate", "UpdateItem"];
        assert_eq!(actions("apply", &[], "@T"), apply);
        for meta in ["@meta", "@meta_runs"] {
            assert_eq!(actions("plan", &[], meta), [""; 0], "a plan writes nothing");
            assert!(actions("apply", &[], meta).contains(&"ConditionCheckItem".to_owned()));
        }
        assert!(actions("apply", &[], "@meta_receipts").contains(&"PutItem".to_owned()));
    }

    #[test]
    fn a_plan_of_one_that_comes_after_others_reads_the_history() {
        let all = policies(&Needs { table: "T", meta: "meta", grants: &Grants::default(), after: true });
        let statements = all["plan"]["Statement"].as_array().unwrap();
        let history = statements.iter().find(|one| one["Sid"] == "WhatItComesAfter").unwrap();
        assert_eq!(history["Action"], json!(["dynamodb:Scan"]));
        assert_eq!(history["Resource"], json!(["arn:aws:dynamodb:REGION:ACCOUNT:table/meta"]));
    }

    #[test]
    fn each_grant_adds_its_own_rights_on_its_own_table() {
        for (grant, plan, apply) in [
            ("insert:U", &["DescribeTable"][..], &["DescribeTable", "GetItem", "PutItem"][..]),
            ("update:U", &["DescribeTable"], &["DescribeTable", "GetItem", "UpdateItem"]),
            ("delete:U", &["DescribeTable"], &["DeleteItem", "DescribeTable", "GetItem"]),
            ("direct-read:U", &["DescribeTable", "GetItem", "Query"], &["DescribeTable", "GetItem", "Query"]),
            ("direct-write:U", &[], &["DeleteItem", "DescribeTable", "PutItem", "UpdateItem"]),
        ] {
            assert_eq!(actions("plan", &[grant], "@U"), plan, "{grant}");
            assert_eq!(actions("apply", &[grant], "@U"), apply, "{grant}");
            let indexes: &[&str] = if grant == "direct-read:U" { apply } else { &[] };
            assert_eq!(actions("apply", &[grant], "@U/index/*"), indexes, "{grant}");
            assert_eq!(actions("plan", &[grant], "@T"), PLAN, "{grant}");
            assert_eq!(actions("apply", &[], "@U"), [""; 0]);
        }
        for (grant, more) in [
            ("insert:.", &["ConditionCheckItem", "PutItem"][..]),
            ("update:.", &["ConditionCheckItem"]),
            ("delete:.", &["ConditionCheckItem", "DeleteItem", "PartiQLDelete"]),
            ("delete:T", &["ConditionCheckItem", "DeleteItem", "PartiQLDelete"]),
            ("direct-read:.", &["Query"]),
            ("direct-write:.", &["DeleteItem", "PutItem"]),
        ] {
            let mut all: Vec<&str> = [&LOOKS[..], &["GetItem", "PartiQLUpdate", "UpdateItem"], more].concat();
            all.sort_unstable();
            assert_eq!(actions("apply", &[grant], "@T"), all, "{grant}");
        }
    }

    #[test]
    fn patterns_and_arns_are_resources_as_they_are_and_what_is_not_known_is_left_to_fill_in() {
        assert_eq!(actions("apply", &["insert:audit-*"], "@audit-*"), ["DescribeTable", "GetItem", "PutItem"]);
        let far = "arn:aws:dynamodb:us-east-1:2:table/U";
        assert_eq!(actions("apply", &[&format!("insert:{far}")], far), ["DescribeTable", "GetItem", "PutItem"]);
        let text = policies(&Needs { table: "T", meta: "meta", grants: &Grants::default(), after: false }).to_string();
        assert!(text.contains("\"arn:aws:dynamodb:REGION:ACCOUNT:table/T\""), "{text}");
    }
}
