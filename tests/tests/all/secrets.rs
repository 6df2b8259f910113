//! `--secret-arg`: the migration gets the value, and nobody else keeps it.

use drift_host::model::Value;
use drift_tests::{World, guest};

const VARIABLE: &str = "DRIFT_TEST_TOKEN";
/// Two lines, with what has to be escaped.
const TOKEN: &str = "open \"sesame\" 7f3e\nand then some ä";
/// What gives it away.
const PARTS: [&str; 3] = ["sesame", "7f3e", "then some"];

fn has_it(bytes: &[u8]) -> Option<&'static str> {
    PARTS.into_iter().find(|part| bytes.windows(part.len()).any(|window| window == part.as_bytes()))
}

/// Exit code, and all that was said, in which the value must not be.
fn said(world: &World, arguments: &[&str], with_it: bool) -> (i32, String) {
    let mut command = world.command(arguments);
    match with_it {
        true => command.env(VARIABLE, TOKEN),
        false => command.env_remove(VARIABLE),
    };
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(has_it(&said), None, "{}", String::from_utf8_lossy(&said));
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Every byte of the runs folder.
fn is_nowhere(world: &World) {
    for (path, kept) in world.kept() {
        assert_eq!(has_it(&kept), None, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_given_to_the_migration_and_stands_nowhere() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(40);
    let secret = format!("token=env:{VARIABLE}");
    let tell = ["--table", "Things", "--secret-arg", &secret, "--arg", "mode=tell"];
    let (code, text) = said(&world, &[&["try", &echo], &tell[..]].concat(), true);
    assert!(code == 0 && text.contains("the token is *****, in quotes \"*****\""), "{text}");
    let run = [&["run", &echo], &tell[..], &["--arg", "id=7", "--max-errors", "1", "--json"]].concat();
    let (code, text) = said(&world, &run, true);
    assert!(code == 1 && text.contains("no luck with *****"), "{text}");
    let items = world.table("Things").await;
    let length = Value::from(TOKEN.len());
    assert_eq!(items.iter().filter(|item| item.get("length") == Some(&length)).count(), 39, "it had the value itself");
    is_nowhere(&world);

    let id = world.only_run();
    let (_, shown) = said(&world, &["show", &id], false);
    assert!(shown.contains(&secret), "{shown}");
    let (_, listed) = said(&world, &["show", &id, "--errors", "--json"], false);
    assert!(listed.contains("no luck with *****") && listed.contains("the token is *****"), "{listed}");
    said(&world, &["show", &id, "--json"], false);
    said(&world, &["status", "--json"], false);
    let endpoint = world.running.endpoint_url();
    for table in ["drift_migrations", "drift_migrations_runs", "Things"] {
        let rows = drift_tests::crash::rows(&endpoint, table);
        assert_eq!(has_it(format!("{rows:?}").as_bytes()), None, "{table}");
    }
    // With the value again, and the item's flaw gone, it goes on to its end.
    let (code, text) = said(&world, &["apply", &id, "--retry-failed"], false);
    assert!(code == 2 && text.contains(VARIABLE), "{text}");
    let (code, text) = said(&world, &["apply", &id, "--retry-failed"], true);
    assert!(code == 1 && text.contains("no luck with *****"), "{text}");
    is_nowhere(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_variable_nothing_begins_and_nothing_goes_on() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(10);
    let before = world.table("Things").await;
    let secret = format!("token=env:{VARIABLE}");
    let given = ["--table", "Things", "--secret-arg", &secret, "--arg", "mode=tell"];
    for verb in ["run", "plan", "try"] {
        let (code, text) = said(&world, &[&[verb, &echo], &given[..]].concat(), false);
        assert!(code == 2 && text.contains(VARIABLE) && text.contains("not set"), "{verb}: {text}");
    }
    assert!(!world.runs().exists() || std::fs::read_dir(world.runs()).unwrap().next().is_none());
    let (code, text) = said(&world, &[&["plan", &echo], &given[..]].concat(), true);
    assert_eq!(code, 0, "{text}");
    let run = world.only_run();
    let (code, text) = said(&world, &["apply", &run], false);
    assert!(code == 2 && text.contains(VARIABLE), "{text}");
    assert_eq!(world.table("Things").await, before);
    let (code, text) = said(&world, &["apply", &run], true);
    assert_eq!(code, 0, "{text}");
    is_nowhere(&world);
    let (code, text) = said(&world, &[&["undo", &echo], &given[..]].concat(), false);
    assert!(code == 2 && text.contains(VARIABLE), "{text}");
    let (code, text) = said(&world, &["undo", "--run", &run], false);
    assert_eq!((code, world.table("Things").await), (0, before), "the way back by the host needs no value: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_would_write_it_is_refused_and_a_value_on_the_command_line_is_not_repeated() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    let before = world.table("Things").await;
    let secret = format!("token=env:{VARIABLE}");
    let (code, text) = said(&world, &["run", &echo, "--table", "Things", "--arg", "mode=keep", "--secret-arg", &secret], true);
    assert!(
        code == 1 && text.starts_with("refused") && text.contains("would write the value of the secret argument token"),
        "{text}"
    );
    assert_eq!(world.table("Things").await, before);
    is_nowhere(&world);
    let twice = ["run", &echo, "--table", "Things", "--arg", "token=x", "--secret-arg", &secret];
    let (code, text) = said(&world, &twice, true);
    assert!(code == 2 && text.contains("given twice"), "{text}");
    let mistaken = ["run", &echo, "--table", "Things", "--secret-arg", "token=sesame"];
    let (code, text) = said(&world, &mistaken, true);
    assert!(code == 2 && text.contains("NAME=env:VARIABLE"), "{text}");
}
