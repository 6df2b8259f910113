//! A disk that is full for the journal. A limit on the size of files stands for it: SQLite's writes fail in the same places,
//! and every size is met at a place of its own.
#![cfg(unix)]

use std::process::Command;

use drift_host::journal::{self, Journal};
use drift_host::model::Value;
use drift_tests::{World, binary};

const ROWS: usize = 4_000;

/// Runs the binary where no file may grow over so many bytes.
fn limited(world: &World, bytes: u64, arguments: &[&str]) -> (i32, String) {
    // Half-kilobytes, by POSIX. The signal would end the process where a full disk gives an error.
    let script = "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, &(bytes / 512).to_string()])
        .arg(binary())
        .args(arguments)
        .args(["--endpoint-url", &world.running.endpoint_url(), "--runs-dir"])
        .arg(world.runs())
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

async fn touched(world: &World) -> usize {
    world.table("Things").await.iter().filter(|item| item.get("touched") == Some(&Value::Bool(true))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_run_with_75_and_with_room_again_it_goes_on_or_has_not_begun() {
    let Some(dir) = std::env::var_os("DRIFT_GUESTS_DIR") else {
        println!("skipped: no guests were built (run `cargo xtask test`, which says what is missing)");
        return;
    };
    let echo = std::path::PathBuf::from(dir).join("echo.wasm");
    let size = std::fs::metadata(&echo).unwrap().len();
    let echo = echo.display().to_string();
    // Compiled and cached before the disk is full: what the journal does is looked at, not the cache.
    let (code, _, error) = World::with_rows(1).drift_host(&["plan", &echo, "--table", "Things"]);
    assert_eq!(code, 0, "{error}");

    let (mut not_begun, mut while_planning, mut while_applying, mut done) = (0, 0, 0, false);
    let sizes = [0, size / 2].into_iter().chain((1..300).map(|step| size + step * 16_384));
    for bytes in sizes {
        let world = World::with_rows(ROWS);
        let (code, error) = limited(&world, bytes, &["run", &echo, "--table", "Things"]);
        let runs = journal::list(&world.runs()).unwrap();
        if code == 0 {
            assert_eq!(touched(&world).await, ROWS);
            done = true;
            break;
        }
        assert_eq!(code, 75, "{bytes}: {error}");
        assert!(error.contains("is the disk full?") && error.contains("free space"), "{bytes}: {error}");
        let written = touched(&world).await;
        let Some(run) = runs.first() else {
            not_begun += 1;
            assert!(error.contains("the run has not begun"), "{bytes}: {error}");
            assert_eq!(written, 0);
            continue;
        };
        assert!(error.contains(&run.run) && error.contains("could not be written"), "{bytes}: {error}");
        // Whole as far as it goes, and what was written is marked as sent.
        let journal = Journal::read(&run.path).unwrap();
        assert_eq!(journal.check(), Ok(()), "{bytes}");
        if journal.is_sealed().unwrap() {
            let segments = journal.segments().unwrap();
            let pages = segments.iter().flat_map(|state| (0..state.pages).map(|page| (state.segment, page)));
            let sent: usize =
                pages.map(|(at, page)| journal.page(at, page).unwrap().sent.iter().filter(|sent| **sent).count()).sum();
            assert!(written <= sent, "{bytes}: {written} were written, and {sent} marked as sent before");
        } else {
            assert_eq!(written, 0);
        }
        drop(journal);
        *(if written == 0 { &mut while_planning } else { &mut while_applying }) += 1;
        let (code, out, error) = world.drift_host(&["apply", &run.run]);
        assert_eq!((code, out.starts_with("applied")), (0, true), "{bytes}: {out}{error}");
        assert_eq!(touched(&world).await, ROWS);
    }
    println!("{not_begun} had not begun, {while_planning} were planning, {while_applying} were applying");
    assert!(done && not_begun > 0 && while_planning > 0 && while_applying > 0);
}
