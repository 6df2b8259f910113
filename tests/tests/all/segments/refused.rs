//! What does not belong together, is damaged or is denied: one clear error each.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused_with_one_clear_error() {
    let (Some(echo), Some(steps)) = (guest("echo"), guest("steps")) else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let refused = |child: Child, code: i32, words: &str| {
        let (ended, said) = ended(child);
        assert_eq!(ended, code, "{said}");
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("error")).count(), 1, "{said}");
    };
    refused(fleet.apply(0, &[]), 3, "no run has begun");
    refused(fleet.plan("/no/such/plugin.wasm", 0, &[]), 2, "/no/such/plugin.wasm");
    line(fleet.plan(&echo, 0, &[]).wait_with_output().unwrap(), 0);
    refused(fleet.apply(0, &[]), 3, "not every segment");
    refused(fleet.plan(&steps, 1, &PLUS), 3, "another plugin");
    refused(fleet.plan(&echo, 1, &["--arg", "a=b"]), 3, "another arguments");
    refused(fleet.plan(&echo, 1, &["--exactly-once", "receipts"]), 3, "another proof");
    refused(fleet.plan(&echo, 1, &["--no-atomic"]), 3, "--no-atomic");
    let wrong = ["plan", &echo, "--table", "Things", "--segment", "1/4", "--journal", &fleet.url];
    refused(fleet.command(&wrong).spawn().unwrap(), 3, "another number of segments");
    let run = fleet.shared().join("run.json");
    let text = std::fs::read_to_string(&run).unwrap();
    let version = format!("\"host_version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version));
    std::fs::write(&run, text.replace(&version, "\"host_version\":\"0.0.1\"")).unwrap();
    refused(fleet.plan(&echo, 1, &[]), 3, "another version");
    std::fs::write(&run, &text[..text.len() / 2]).unwrap();
    refused(fleet.plan(&echo, 1, &[]), 65, "damaged");
    std::fs::write(&run, &text).unwrap();
    // All planned, and then what was planned is replaced.
    let leader = fleet.lead(&echo, &[]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    let manifest = fleet.shared().join("manifest.json");
    let whole = std::fs::read(&manifest).unwrap();
    for cut in [0, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&manifest, &whole[..cut]).unwrap();
        refused(fleet.apply(0, &[]), 65, "damaged");
    }
    std::fs::write(&manifest, &whole).unwrap();
    let theirs = Fleet { url: format!("{}-other", fleet.url), world: World::with_rows(80) };
    theirs.plan_all(&echo, &[]);
    let from = PathBuf::from(theirs.url.trim_start_matches("file://")).join("segments/0000002/plan.json");
    let to = fleet.shared().join("segments/0000002/plan.json");
    let own = std::fs::read(&to).unwrap();
    std::fs::copy(from, &to).unwrap();
    refused(fleet.apply(2, &[]), 3, "is of run");
    std::fs::write(&to, own).unwrap();
    fleet.apply_all();
    let (code, said) = ended(leader);
    assert_eq!(code, 0, "{said}");
}

/// Something that speaks S3 and allows nothing: `status` and S3's code for it.
fn denying(status: u16, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |mut stream: TcpStream| {
        let mut asked = [0; 16 * 1024];
        while stream.read(&mut asked).is_ok_and(|read| read > 0) {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>Access Denied</Message></Error>"
            );
            let head =
                format!("HTTP/1.1 {status} Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n", body.len());
            if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
                return;
            }
        }
    };
    // Ends with the process: it has nothing that anybody misses.
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(std::thread::spawn(move || answer(stream)))));
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_allows_nothing_is_one_clear_error_whoever_asks_for_it() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(8);
    let endpoint = denying(403, "AccessDenied");
    let url = "s3://team-migrations/run-1";
    let asks: [&[&str]; 6] = [
        &["lead", &echo, "--table", "Things", "--segments", "2", "--journal", url],
        &["plan", &echo, "--table", "Things", "--segment", "0/2", "--journal", url],
        &["apply", url, "--segment", "0/2"],
        &["apply", url],
        &["apply", url, "--retry-failed"],
        &["show", url],
    ];
    for ask in asks {
        let mut command = world.command(ask);
        command.env("AWS_ENDPOINT_URL_S3", &endpoint).env("AWS_REGION", "us-east-1").env("NO_PROXY", "*");
        command.env("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS").env("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-tests");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(4), "{ask:?}: {said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("error")).count(), 1, "{ask:?}: {said}");
        assert!(said.contains("AccessDenied") && said.contains("s3:GetObject") && said.contains(url), "{ask:?}: {said}");
        assert!(!said.contains("the-secret"), "{said}");
    }
    assert!(!world.table("Things").await.iter().any(touched));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_one_clear_error() {
    use std::os::unix::fs::PermissionsExt;
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(8);
    let folder = world.dir.path().join("theirs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(folder.join("probe"), "").is_ok() {
        println!("skipped: whoever runs this may write where the mode says nobody may (root does)");
        return;
    }
    let url = format!("file://{}/run", folder.display());
    let (code, _, error) = world.drift_host(&["plan", &echo, "--table", "Things", "--segment", "0/2", "--journal", &url]);
    assert_eq!((code, error.lines().filter(|line| line.starts_with("error")).count()), (4, 1), "{error}");
    assert!(error.contains("theirs"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_of_another_version_than_the_run_carries_nothing_out() {
    let Some(echo) = guest("echo") else { return };
    let fleet = Fleet::new(World::with_rows(80));
    let leader = fleet.lead(&echo, &[]);
    fleet.plan_all(&echo, &[]);
    fleet.until_there("manifest.json").await;
    let run = fleet.shared().join("run.json");
    let text = std::fs::read_to_string(&run).unwrap();
    let version = format!("\"host_version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    std::fs::write(&run, text.replace(&version, "\"host_version\":\"0.0.1\"")).unwrap();
    for arguments in
        [&["apply", &fleet.url, "--segment", "0/8"][..], &["apply", &fleet.url], &["apply", &fleet.url, "--retry-failed"]]
    {
        let (code, _, error) = fleet.world.drift_host(arguments);
        assert_eq!(code, 3, "{arguments:?}: {error}");
        assert!(error.contains("0.0.1") && error.contains("use one version for all of a run"), "{arguments:?}: {error}");
    }
    assert!(!fleet.world.table("Things").await.iter().any(touched));
    std::fs::write(&run, text).unwrap();
    fleet.apply_all();
    assert_eq!(ended(leader).0, 0);
}
