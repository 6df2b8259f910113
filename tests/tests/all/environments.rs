//! `drift.toml`: what holds where, and what is refused.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use drift_tests::{World, guest};

/// The binary in a folder of its own, with no flag about where anything is.
fn plain(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(drift_tests::binary());
    command.args(arguments).current_dir(world.dir.path()).env_remove("DRIFT_RUNS_DIR").env_remove("AWS_PROFILE");
    command
}

fn ended(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// With an environment `here` of this world, and these lines more in it.
fn configured(world: &World, more: &str) {
    let text = format!(
        "default = \"here\"\n[env.here]\nendpoint-url = \"{}\"\nruns-dir = \"kept\"\n{more}\n[env.nowhere]\nendpoint-url = \"http://127.0.0.1:9\"\n",
        world.running.endpoint_url()
    );
    std::fs::write(world.dir.path().join("drift.toml"), text).unwrap();
}

#[test]
fn an_environment_says_where_and_flags_count_before_it() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    configured(&world, "meta-table = \"team\"\nmax-write-units = 7");
    let (code, out, error) = ended(plain(&world, &["plan", &echo, "--table", "Things"]));
    assert_eq!((code, out.contains("3 scanned")), (0, true), "{out}{error}");
    assert!(error.contains("7 write units a second"), "{error}");
    let kept = std::fs::read_dir(world.dir.path().join("kept")).unwrap().count();
    assert!(kept > 0, "runs lie beside the file");
    let (code, out, error) = ended(plain(&world, &["run", &echo, "--table", "Things", "--max-write-units", "9"]));
    assert_eq!((code, error.contains("9 write units a second")), (0, true), "{out}{error}");

    let (code, out, error) = ended(plain(&world, &["status"]));
    assert_eq!((code, out.contains("no migration is applied")), (0, false), "by its metadata table: {out}{error}");
    let (_, out, _) = ended(plain(&world, &["status", "--meta-table", "drift_migrations"]));
    assert!(out.contains("no migration is applied"), "a flag counts before it: {out}");

    let elsewhere = world.dir.path().join("elsewhere");
    let mut command = plain(&world, &["plan", &echo, "--table", "Things", "--meta-table", "another"]);
    command.env("DRIFT_RUNS_DIR", &elsewhere);
    let (code, _, error) = ended(command);
    assert_eq!((code, elsewhere.is_dir()), (0, true), "a variable that is the flag's own counts before it: {error}");

    let (code, out, _) = ended(plain(&world, &["doctor", "--table", "Things"]));
    assert_eq!((code, out.starts_with("ok      environment         here, of drift.toml")), (0, true), "{out}");
    let (code, _, error) = ended(plain(&world, &["status", "--env", "nowhere"]));
    assert_eq!((code, error.contains("127.0.0.1:9")), (75, true), "{error}");
    let (code, _, error) = ended(plain(&world, &["status", "--env", "here", "--endpoint-url", "http://127.0.0.1:9"]));
    assert_eq!(code, 75, "{error}");
    let (code, _, error) = ended(plain(&world, &["status", "--env", "hree"]));
    assert_eq!((code, error.contains("here, nowhere") && error.contains("explain config-unusable")), (2, true), "{error}");
}

#[test]
fn a_run_goes_on_where_it_began_and_not_where_the_default_is() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    configured(&world, "");
    let (code, out, error) = ended(plain(&world, &["plan", &echo, "--table", "Things", "--json"]));
    assert_eq!(code, 0, "{error}");
    let run = serde_json::from_str::<serde_json::Value>(&out).unwrap()["run"].as_str().unwrap().to_owned();
    // The default is another place now; only the folder of runs counts for a run that has begun.
    let path = world.dir.path().join("drift.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("default = \"here\"", "default = \"nowhere\"");
    std::fs::write(&path, format!("{text}runs-dir = \"kept\"\n")).unwrap();
    let (code, out, error) = ended(plain(&world, &["apply", &run]));
    assert_eq!((code, out.contains("applied")), (0, true), "{out}{error}");
    let (code, _, error) = ended(plain(&world, &["undo", "--run", &run, "--env", "nowhere"]));
    assert_eq!(code, 75, "named, it counts: {error}");
}

#[test]
fn a_table_outside_is_refused_before_anything() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    configured(&world, "tables = [\"Orders\", \"T*\"]");
    let (code, _, error) = ended(plain(&world, &["try", &echo, "--table", "Things"]));
    assert_eq!(code, 0, "{error}");
    configured(&world, "tables = [\"Orders\", \"t*\"]");
    for arguments in [
        &["run", &echo, "--table", "Things"][..],
        &["try", &echo, "--table", "Things"],
        &["doctor", "--table", "Things"],
        &["repair", "--table", "Things", "--drop-lease", "--yes"],
        &["new", "project", "--lang", "js", "--from-table", "Things"],
    ] {
        let (code, out, error) = ended(plain(&world, arguments));
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {error}");
        assert!(error.contains("Orders, t*") && error.contains("explain table-not-allowed"), "{error}");
    }
    assert!(!world.dir.path().join("kept").exists() && !world.dir.path().join("project").exists());
    // What was begun elsewhere is of a table all the same.
    let (code, _, error) = world.drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");
    let (run, runs) = (world.only_run(), world.runs());
    let (code, _, error) = ended(plain(&world, &["apply", &run, "--runs-dir", &runs.display().to_string()]));
    assert_eq!((code, error.contains("table-not-allowed")), (3, true), "{error}");
}

/// An STS that knows of one account, for as long as the test runs; its URL.
fn sts(account: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 16 << 10];
            let mut read = 0;
            while !String::from_utf8_lossy(&request[..read]).contains("Action=GetCallerIdentity") {
                read += connection.read(&mut request[read..]).unwrap();
            }
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{account}:user/ann</Arn><UserId>AIDA</UserId><Account>{account}</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
            );
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn credentials_of_another_account_are_refused_before_anything() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(3);
    configured(&world, "account = \"123456789012\"");
    let url = sts("210987654321");
    let asked = |arguments: &[&str], url: &str| {
        let mut command = plain(&world, arguments);
        command.env("AWS_ENDPOINT_URL_STS", url);
        ended(command)
    };
    for arguments in [&["run", &echo, "--table", "Things"][..], &["status"], &["doctor", "--table", "Things"], &["init"]] {
        let (code, out, error) = asked(arguments, &url);
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {error}");
        for words in ["account 123456789012", "these credentials are of 210987654321", "(drift-host explain wrong-account)"] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    let right = sts("123456789012");
    let (code, out, error) = asked(&["doctor", "--table", "Things"], &right);
    assert_eq!((code, out.contains("account 123456789012 as it says")), (0, true), "{out}{error}");
    // Where nobody can say whose they are, it is not taken for granted.
    let (code, _, error) = asked(&["status"], "http://127.0.0.1:9");
    assert_eq!((code, error.contains("GetCallerIdentity")), (75, true), "{error}");
    // On this machine any credentials will do.
    let (code, out, error) = ended(plain(&world, &["doctor", "--table", "Things"]));
    assert_eq!((code, out.contains("not looked at")), (0, true), "{out}{error}");
    let (code, out, error) = ended(plain(&world, &["run", &echo, "--table", "Things"]));
    assert_eq!(code, 0, "{out}{error}");
    // An ARN says of which account its table is.
    let arn = "arn:aws:dynamodb:eu-west-1:210987654321:table/Things";
    let (code, _, error) = ended(plain(&world, &["plan", &echo, "--table", arn]));
    assert_eq!((code, error.contains("wrong-account")), (3, true), "{error}");
}

#[test]
fn only_the_working_directory_is_looked_into_and_the_file_must_be_ones_own() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1);
    let theirs = world.dir.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::copy(&echo, theirs.join("echo.wasm")).unwrap();
    std::fs::write(theirs.join("drift.toml"), "this is no TOML").unwrap();
    let (code, _, error) = {
        let mut command = world.command(&["try", "theirs/echo.wasm", "--table", "Things"]);
        command.current_dir(world.dir.path());
        ended(command)
    };
    assert_eq!(code, 0, "the folder of a plugin is not looked into: {error}");
    let (code, _, error) = ended(plain(&world, &["status", "--config", "theirs/drift.toml"]));
    assert_eq!((code, error.contains("line 1")), (2, true), "{error}");
    let (code, _, error) = ended(plain(&world, &["status", "--env", "here"]));
    assert_eq!((code, error.contains("there is no drift.toml in this folder")), (2, true), "{error}");

    configured(&world, "regoin = \"x\"");
    let (code, _, error) = ended(plain(&world, &["status"]));
    assert_eq!((code, error.contains("line 5") && error.contains("regoin")), (2, true), "{error}");
    configured(&world, "aws-secret-access-key = \"x\"");
    let (code, _, error) = ended(plain(&world, &["status"]));
    assert_eq!((code, error.contains("line 5") && error.contains("no secret may stand here")), (2, true), "{error}");
    // What touches no table does not read it.
    let (code, _, error) = ended(plain(&world, &["inspect", &echo]));
    assert_eq!(code, 0, "{error}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        configured(&world, "");
        let path = world.dir.path().join("drift.toml");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let (code, _, error) = ended(plain(&world, &["status"]));
        assert_eq!((code, error.contains("not yours alone")), (2, true), "{error}");
        let (code, _, error) = ended(plain(&world, &["status", "--config", "drift.toml"]));
        assert_eq!(code, 0, "named, it is trusted: {error}");
    }
}
