//! Other hosts that want the same table, each with a folder of runs of its own: none of them may ever write.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Longer than a lease that is waited out before the history is looked at.
const PATIENCE: Duration = Duration::from_secs(120);

/// The rivals of one run.
#[derive(Default)]
pub struct Rivals {
    at_work: Vec<Rival>,
    begun: usize,
    /// How many ended as they must.
    pub sent_away: u64,
}

struct Rival {
    child: Child,
    folder: PathBuf,
}

impl Rivals {
    /// Starts one with this command, for which `folder` becomes its own.
    pub fn start(&mut self, mut command: Command, folder: &std::path::Path) {
        let folder = folder.join(format!("rival-{}", self.begun));
        self.begun += 1;
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        command.arg("--runs-dir").arg(folder.join("runs"));
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("error"));
        self.at_work.push(Rival { child: command.spawn().unwrap(), folder });
    }

    /// Waits for all of them. Each was told to try again, or that the run is another's, or at the end that all is done; and none
    /// has a journal.
    pub fn all_sent_away(&mut self) -> Result<(), String> {
        for mut rival in self.at_work.drain(..) {
            let code = rival.end()?;
            let read = |name: &str| std::fs::read_to_string(rival.folder.join(name)).unwrap();
            let (out, error) = (read("out"), read("error"));
            let state = serde_json::from_str::<Json>(&out).map(|json| json["state"].clone()).unwrap_or_default();
            let right = match code {
                Some(75) => true,
                Some(3) => error.contains("has an unfinished run") || error.contains("has been applied by run"),
                Some(0) => state == "already-applied",
                _ => false,
            };
            let journals = std::fs::read_dir(rival.folder.join("runs")).map_or(0, |files| {
                files.flatten().filter(|file| file.path().extension().is_some_and(|it| it == "drift")).count()
            });
            if !right || journals > 0 {
                return Err(format!("another host without the journal ended with {code:?}: {out}{error}"));
            }
            self.sent_away += 1;
        }
        Ok(())
    }
}

impl Drop for Rivals {
    fn drop(&mut self) {
        for rival in &mut self.at_work {
            // A run that ended otherwise is not judged by them.
            let _gone = rival.child.kill();
            let _ended = rival.child.wait();
        }
    }
}

impl Rival {
    fn end(&mut self) -> Result<Option<i32>, String> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ok(status.code());
            }
            if started.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                return Err("another host does not end".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
