//! `drift-host local` as a newcomer meets it: through the binary, and through an ordinary AWS client.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use drift_tests::binary;

/// A `drift-host local` that answers.
struct Server {
    child: Child,
    line: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = local(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, line: line.trim().to_owned() }
    }

    /// Sends a signal, and gives the exit code and what was said on standard error.
    #[cfg(unix)]
    fn signal(mut self, signal: &str) -> (Option<i32>, String) {
        assert!(Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().unwrap().success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn local(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("local").args(arguments).stdin(Stdio::null());
    command
}

/// Exit code, standard output and standard error of a `drift-host local` that ends by itself.
fn ended(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = local(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn sdk(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(endpoint)
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

async fn scan(endpoint: &str, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    sdk(endpoint).scan().table_name(table).consistent_read(true).send().await.unwrap().items.unwrap_or_default()
}

#[cfg(unix)]
#[tokio::test]
async fn a_csv_file_is_a_table_for_any_aws_client() {
    let folder = tempfile::tempdir().unwrap();
    let csv = file(folder.path(), "strikes.csv", "Airport Name,Cost Total $\n\"BARKSDALE, AFB\",0\nNEW ORLEANS INTL,\n");
    let server = Server::start(&["--port", "0", "--load", &format!("Strikes:+Id={csv}")]);
    assert!(server.line.starts_with("http://127.0.0.1:"), "{}", server.line);

    let mut items = scan(&server.line, "Strikes").await;
    items.sort_by_key(|item| item["Id"].as_n().unwrap().clone());
    let strike = |id: &str, airport: &str, cost: &str| {
        HashMap::from([
            ("Id".to_owned(), AttributeValue::N(id.into())),
            ("Airport Name".to_owned(), AttributeValue::S(airport.into())),
            ("Cost Total $".to_owned(), AttributeValue::S(cost.into())),
        ])
    };
    assert_eq!(items, [strike("1", "BARKSDALE, AFB", "0"), strike("2", "NEW ORLEANS INTL", "")]);

    let endpoint = server.line.clone();
    let (code, said) = server.signal("-TERM");
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        format!(
            "Strikes: 2 items loaded\nnext: drift-host try PLUGIN --table Strikes --endpoint-url {endpoint}\n\
             Ctrl-C stops it, and its tables are gone\n"
        )
    );
}

#[cfg(unix)]
#[tokio::test]
async fn tables_in_a_file_outlive_the_program_and_are_not_loaded_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("tables.db").display().to_string();
    let users =
        format!("Users:pk,at={}", file(folder.path(), "users.jsonl", "{\"pk\":\"a\",\"at\":1}\n{\"pk\":\"a\",\"at\":2}\n"));
    let arguments = ["--port", "0", "--json", "--data", &data, "--load", &users];

    let server = Server::start(&arguments);
    let endpoint = server.line.split('"').find(|word| word.starts_with("http://")).unwrap().to_owned();
    assert_eq!(server.line, format!(r#"{{"v":1,"endpoint":"{endpoint}","tables":[{{"name":"Users","items":2}}]}}"#));
    let key = |at: &str| [("pk", AttributeValue::S("a".into())), ("at", AttributeValue::N(at.into()))];
    let [pk, at] = key("2");
    sdk(&endpoint).delete_item().table_name("Users").key(pk.0, pk.1).key(at.0, at.1).send().await.unwrap();
    assert_eq!(server.signal("-INT").0, Some(0));

    let server = Server::start(&arguments);
    assert!(server.line.ends_with(r#""tables":[{"name":"Users","items":1}]}"#), "{}", server.line);
    let (code, said) = server.signal("-INT");
    assert_eq!(code, Some(0));
    assert!(said.starts_with("Users: 1 item, there already, nothing loaded\n"), "{said}");
    assert!(said.ends_with("Ctrl-C stops it; the tables stay in the file\n"), "{said}");
}

#[test]
fn what_cannot_be_loaded_ends_with_2_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let ragged = file(folder.path(), "ragged.csv", "a,b\n1,2\n3\n");
    let missing = folder.path().join("missing.csv").display().to_string();
    let words = "write TABLE:KEY=FILE, TABLE:PARTITION,SORT=FILE or TABLE:+KEY=FILE (+ numbers the rows)";
    for (load, message) in [
        ("Strikes".to_owned(), format!("there is no ':' after the table's name; {words}")),
        (format!("My Table:a={ragged}"), "a table cannot be called \"My Table\"".to_owned()),
        (
            format!("Strikes:a={ragged}"),
            format!("cannot load Strikes from {ragged}, line 3: the row has 1 fields, and the header 2\n"),
        ),
        (format!("Strikes:a={missing}"), format!("cannot load Strikes from {missing}: cannot be opened: ")),
    ] {
        let (code, out, said) = ended(&["--port", "0", "--load", &load]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(&message), "{said}");
    }
}

#[test]
fn a_port_in_use_ends_with_75_and_names_the_flag() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, out, said) = ended(&["--port", &port.to_string()]);
    assert_eq!((code, out.as_str()), (Some(75), ""));
    assert!(
        said.contains(&format!("port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any free one")),
        "{said}"
    );
}
