//! Machines that come and go, and time that is over.

use std::process::Stdio;

use drift_host::model::Value;
use drift_tests::{World, binary, guest};

#[test]
fn a_machine_that_comes_and_goes_is_refused_a_run_that_would_go_with_it() {
    let Some(echo) = guest("echo") else { return };
    let dir = tempfile::tempdir().unwrap();
    let signs = ["ECS_CONTAINER_METADATA_URI_V4", "AWS_LAMBDA_FUNCTION_NAME", "KUBERNETES_SERVICE_HOST", "CI"];
    for verb in ["run", "plan"] {
        for sign in signs {
            let mut command = std::process::Command::new(binary());
            // Nobody is there, and nobody is asked.
            command.args([
                verb,
                &echo,
                "--table",
                "Things",
                "--endpoint-url",
                "http://192.0.2.1:1",
                "--region",
                "us-east-1",
                "--runs-dir",
            ]);
            command.arg(dir.path()).envs([("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y"), ("NO_PROXY", "*")]);
            for other in signs {
                command.env_remove(other);
            }
            let output = command.env(sign, "true").stdin(Stdio::null()).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{verb} {sign}: {error}");
            assert!(error.contains(sign) && error.contains("s3://") && error.contains("--ephemeral-runs"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_over_ends_a_run_that_can_be_gone_on_with() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(1_000);
    let (code, out, error) =
        world.drift_host(&["run", &echo, "--table", "Things", "--max-write-units", "100", "--stop-after", "3s"]);
    let id = world.only_run();
    assert_eq!((code, out.starts_with("interrupted")), (75, true), "{out}{error}");
    assert!(out.contains(&format!("drift-host apply {id}")) && error.contains("--stop-after"), "{out}{error}");
    let touched =
        |items: &[drift_host::model::Item]| items.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count();
    assert!(touched(&world.table("Things").await) < 1_000, "it was stopped half-way");
    let (code, out, error) = world.drift_host(&["apply", &id, "--stop-after", "10m"]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
    assert_eq!(touched(&world.table("Things").await), 1_000);
    let (code, _, error) = world.drift_host(&["apply", &id, "--stop-after", "soon"]);
    assert_eq!((code, error.contains("1h30m")), (2, true), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_endpoint_is_in_no_byte_of_a_run() {
    let Some(echo) = guest("echo") else { return };
    let world = World::with_rows(10);
    let endpoint = world.running.endpoint_url().replace("http://", "http://ann:hunter2hunter2@");
    let (code, out, error) = world.drift_host_at(&endpoint, &["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{out}{error}");
    let said = format!("{out}{error}");
    for (path, bytes) in world.kept() {
        assert!(!bytes.windows(14).any(|some| some == b"hunter2hunter2"), "{}", path.display());
    }
    assert!(!said.contains("hunter2"), "{said}");
    let (code, out, error) = world.drift_host_at(&endpoint, &["apply", &world.only_run()]);
    assert_eq!((code, out.starts_with("applied")), (0, true), "{out}{error}");
}
