//! A recording of a terminal: the tour of an operator, typed by this program into a terminal of tmux, and what it showed after each step.
//! `docs/recording.md` is written whole, so that what stands there was seen.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cargo::{self, target_dir};
use crate::{Result, exe, root};

const PAGE: &str = "docs/recording.md";
const COLUMNS: &str = "100";
const ROWS: &str = "30";
/// What a step may take: a debug build scans ten thousand items in half a minute.
const PATIENCE: Duration = Duration::from_secs(240);
const PROMPT: &str = "$ ";

/// Short, so that a plan of it fits a screen.
const MIGRATION: &str = "import { num } from 'drift-sdk';

export default {
  number: 20261202,
  name: 'tidy-speeds',
  summary: 'Speeds as numbers, none where nothing was said',
  repeatable: true,
  migrate(item) {
    const speed = item['Speed IAS in knots'];
    if (typeof speed !== 'string') return;
    if (speed === '') delete item['Speed IAS in knots'];
    else item['Speed IAS in knots'] = num(speed);
  },
};
";

/// What is done at the terminal.
enum Step {
    /// A command, typed at the prompt of an empty screen, until it shows this.
    Typed(&'static str, &'static str),
    /// Keys, pressed while a command is at work, until it shows this.
    Pressed(&'static str, &'static str),
}

/// Each with what it is for. `RUN` is the run that was planned.
const TOUR: [(&str, Step); 11] = [
    ("Is the ground firm? Nothing is written.", Step::Typed("drift-host doctor --table Strikes", "will find what it needs")),
    ("What would become of a few items?", Step::Typed("drift-host try tidy-speeds.js --table Strikes --sample 4", "Id=4")),
    (
        "And of all of them? Small pages, so that progress is seen.",
        Step::Typed("drift-host plan tidy-speeds.js --table Strikes --segments 200", "2 of 2"),
    ),
    ("The plan again, as a colleague would look at it.", Step::Typed("drift-host show RUN", "2 of 2")),
    (
        "Carry it out, slowly. `?` names the keys.",
        Step::Typed("drift-host apply RUN --max-write-units 150 --writes-in-flight 1", "write units a second"),
    ),
    ("The keys.", Step::Pressed("?", "keys: p pause")),
    ("`p`: it pauses.", Step::Pressed("p", "paused: nothing is read or written")),
    ("`-`: slower, once it goes on.", Step::Pressed("-", "at most")),
    ("`p` again: it goes on.", Step::Pressed("p", "120 write units a second (limit)")),
    ("`+`, ten times: faster.", Step::Pressed("++++++++++", "applied  migration")),
    ("All that is known of it.", Step::Typed("drift-host show RUN", "2 of 2")),
];

pub(crate) fn run() -> Result<()> {
    if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("xtask: SKIPPED the recording: there is no tmux");
        return Ok(());
    }
    cargo::here(&["build", "--locked", "--workspace", "--bin", "drift-host"]).run()?;
    let folder = Folder::fresh()?;
    fs::write(folder.0.join("tidy-speeds.js"), MIGRATION).map_err(|error| format!("cannot write the migration: {error}"))?;
    let server = Server::start()?;
    let terminal = Terminal::open(&folder.0, &server.endpoint)?;

    let mut page = String::from(
        "<!-- Written by `cargo xtask record`. -->\n# An operator's terminal\n\n\
         Typed by a program into a terminal of 100 columns and 30 rows (`cargo xtask record`; it wants tmux), against `drift-host local` with 10,000 reports of\n\
         birds hit by aircraft. Below each step is what the terminal then showed. The keys are told in [steering](steering.md), the migration in [from a script](from-scripts.md#moving-one).\n",
    );
    for (at, (purpose, step)) in TOUR.iter().enumerate() {
        eprintln!("xtask: {} of {}: {purpose}", at + 1, TOUR.len());
        let shown = terminal.walk(step, &folder)?;
        let _ = write!(page, "\n## {}. {purpose}\n\n```text\n{shown}\n```\n", at + 1);
    }
    let path = root().join(PAGE);
    // Where this clone and its cache lie, and how the machine is called, is nobody's concern.
    let machine = cargo::program("uname").arg("-n").output()?;
    let page = page.replace(&format!("ann@{}", machine.trim()), "ann@laptop");
    let page = page.replace(&folder.0.display().to_string(), "/home/ann").replace(&server.endpoint, "http://127.0.0.1:8000");
    fs::write(&path, page).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// A terminal in a tmux server of its own, which goes with it.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn open(folder: &Path, endpoint: &str) -> Result<Self> {
        let terminal = Self { socket: format!("drift-host-{}", std::process::id()) };
        let here = folder.display();
        let path = format!("{}:{}", target_dir()?.join("debug").display(), std::env::var("PATH").unwrap_or_default());
        // No variable of this machine's, and no credentials: the embedded DynamoDB takes any.
        let shell = format!(
            "exec env -i HOME='{here}' USER=ann TERM=screen-256color PATH='{path}' PS1='{PROMPT}' \
             AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1 DRIFT_RUNS_DIR='{here}/runs' sh"
        );
        let folder = folder.display().to_string();
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", COLUMNS, "-y", ROWS, "-c", &folder, &shell])?;
        terminal.until(PROMPT.trim())?;
        Ok(terminal)
    }

    fn walk(&self, step: &Step, folder: &Folder) -> Result<String> {
        match step {
            Step::Typed(line, until) => {
                self.press("clear")?;
                self.tmux(&["send-keys", "Enter"])?;
                std::thread::sleep(Duration::from_millis(300));
                let line = match line.contains("RUN") {
                    true => line.replace("RUN", &folder.run()?),
                    false => (*line).to_owned(),
                };
                self.press(&line)?;
                self.tmux(&["send-keys", "Enter"])?;
                self.until(until)
            }
            Step::Pressed(keys, until) => {
                for key in keys.chars() {
                    self.press(&key.to_string())?;
                    std::thread::sleep(Duration::from_millis(300));
                }
                self.until(until)
            }
        }
    }

    /// As they are, whatever they are called.
    fn press(&self, keys: &str) -> Result<()> {
        self.tmux(&["send-keys", "-l", keys]).map(drop)
    }

    /// What the screen shows once this is on it, and a moment later, so that a line that is being drawn is whole.
    fn until(&self, text: &str) -> Result<String> {
        let begun = Instant::now();
        while !self.screen()?.contains(text) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("the terminal did not show {text:?}, but:\n{}", self.screen()?));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        std::thread::sleep(Duration::from_secs(1));
        self.screen()
    }

    fn screen(&self) -> Result<String> {
        let screen = self.tmux(&["capture-pane", "-p"])?;
        Ok(screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned())
    }

    fn tmux(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(arguments).output();
        let output = output.map_err(|error| format!("cannot start tmux: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("tmux {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

/// The embedded DynamoDB.
struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start() -> Result<Self> {
        let host = target_dir()?.join("debug").join(exe("drift-host"));
        let load = format!("Strikes:+Id={}", root().join("example-migrations/data/birdstrikes.csv").display());
        let mut child = Command::new(&host)
            .args(["local", "--port", "0", "--load", &load])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", host.display()))?;
        let mut endpoint = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut endpoint));
        let server = Self { child, endpoint: endpoint.trim().to_owned() };
        match read {
            Some(Ok(_)) if server.endpoint.starts_with("http://") => Ok(server),
            _ => Err("the embedded DynamoDB did not start".into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the terminal stands in, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn fresh() -> Result<Self> {
        let path = target_dir()?.join("record").join(std::process::id().to_string());
        fs::create_dir_all(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// The newest run here.
    fn run(&self) -> Result<String> {
        let files = fs::read_dir(self.0.join("runs")).map_err(|error| format!("there are no runs: {error}"))?;
        let names = files.flatten().filter_map(|file| file.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".drift").map(str::to_owned)).max().ok_or_else(|| "there is no run".into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
