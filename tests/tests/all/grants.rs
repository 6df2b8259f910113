//! Grants through the binary: what is asked, given, used and refused, and the trail that it leaves.

use drift_tests::{World, guest, inspect};
use serde_json::Value as Json;

#[tokio::test(flavor = "multi_thread")]
async fn a_third_partys_plugin_is_refused_with_the_flags_runs_with_them_and_is_in_the_audit() {
    let Some(claims) = guest("claims") else { return };
    let world = World::with_data(&["Strikes:+Id=birdstrikes.csv", "Claims:+Id=no.json"]);
    let (code, out, error) = world.drift_host(&["run", &claims, "--table", "Strikes", "--grant", "insert:Claims"]);
    assert_eq!((code, out.as_str()), (3, ""), "{error}");
    for words in ["It asks for insert:Claims, delete:Claims", "granted are insert:Claims", "--grant delete:Claims   undo"] {
        assert!(error.contains(words), "{error}");
    }
    assert!(!error.contains("--grant insert:Claims"), "{error}");
    assert!(!world.runs().exists(), "no run was begun");

    let arguments = ["run", &claims, "--table", "Strikes", "--grant", "insert:Cl*", "--grant", "delete:Claims", "--json"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 0, "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let line = |grant: &str| document["accesses"].as_array().unwrap().iter().find(|line| line["grant"] == grant).unwrap().clone();
    assert_eq!(line("insert:Claims")["used"], 209);
    assert_eq!((&line("delete:Claims")["granted"], &line("delete:Claims")["used"]), (&true.into(), &0.into()));

    let (_, shown, _) = world.drift_host(&["show", document["run"].as_str().unwrap()]);
    assert!(
        shown.contains("delete:Claims, not used") && shown.contains("insert:Claims, by a pattern, used 209 times"),
        "{shown}"
    );
    let (_, audit, _) = world.drift_host(&["status", "--audit"]);
    let line = audit.lines().find(|line| line.starts_with("audit")).unwrap();
    assert!(line.contains("insert:Cl*, a pattern") && line.contains("used 209 times; 0 attempts refused"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_counted_with_its_first_item_and_stays_in_the_journal() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let arguments = ["run", &echo, "--table", "Things", "--arg", "mode=delete", "--grant", "insert:.", "--json"];
    let (code, out, error) = world.drift_host(&arguments);
    assert_eq!(code, 1, "{error}");
    let document: Json = serde_json::from_str(&out).unwrap();
    let refused = document["accesses"].as_array().unwrap().iter().find(|line| line["grant"] == "delete:.").unwrap();
    assert_eq!((&refused["granted"], &refused["refused"]), (&false.into(), &3.into()));
    assert!(refused["first_refused"].as_str().unwrap().starts_with("Id="), "{refused}");
    let (_, shown, _) = world.drift_host(&["show", &world.only_run()]);
    assert!(shown.contains("insert:., not used") && shown.contains("delete:., refused 3 times, first for Id="), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_prints_the_least_aws_policies() {
    let Some(claims) = guest("claims") else { return };
    let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/Strikes";
    let (code, out, error) = inspect(&[&claims, "--iam-policy", "--table", table, "--meta-table", "m"]);
    assert_eq!(code, 0, "{error}");
    let policies: Json = serde_json::from_str(&out).unwrap();
    let resource = |name: &str| Json::from(format!("arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"));
    let all = |half: &str, name: &str| {
        let statements = policies[half]["Statement"].as_array().unwrap().iter();
        let on = statements.filter(|one| one["Resource"].as_array().unwrap().contains(&resource(name)));
        let actions = on.flat_map(|one| one["Action"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()));
        actions.collect::<std::collections::BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    let looks = "dynamodb:DescribeContinuousBackups dynamodb:DescribeTable dynamodb:DescribeTimeToLive";
    assert_eq!(all("plan", "Strikes"), format!("{looks} dynamodb:Scan"));
    assert_eq!(all("apply", "Claims"), "dynamodb:DeleteItem dynamodb:DescribeTable dynamodb:GetItem dynamodb:PutItem");
    assert!(all("apply", "Strikes").contains("PartiQLUpdate") && all("apply", "m_runs").contains("ConditionCheckItem"));
    let (_, fewer, _) = inspect(&[&claims, "--iam-policy", "--grant", "insert:Claims"]);
    assert!(fewer.contains("PutItem") && fewer.contains(":REGION:ACCOUNT:table/Claims"), "{fewer}");
    assert!(!fewer.contains("Grant2"), "delete:Claims was not reckoned with: {fewer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_none_shows_the_right_form() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    for wrong in ["insert", "read:Claims", "insert:", "insert:a b"] {
        let (code, _, error) = world.drift_host(&["run", &echo, "--table", "Things", "--grant", wrong]);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("ACCESS:TABLE") && error.contains("insert:audit-*"), "{error}");
    }
}
