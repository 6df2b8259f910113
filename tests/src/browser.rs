//! A headless Chromium, driven over its pipe: pages are opened, keys are pressed, and what the page is then is read.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value as Json, json};

/// A browser with one page.
pub struct Browser {
    child: Child,
    requests: File,
    answers: BufReader<File>,
    session: Option<String>,
    next: u64,
    /// What the page asked for on the network, and what it said on its console.
    pub events: Vec<Json>,
    _folder: tempfile::TempDir,
}

/// The browser of this machine; `DRIFT_CHROMIUM` names another.
fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("DRIFT_CHROMIUM") {
        return Some(path.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

impl Browser {
    /// Starts one; `None`, said aloud, where there is none.
    pub fn start(width: u32, scheme: &str) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: there is no Chromium here (DRIFT_CHROMIUM names one elsewhere)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (requests, answers) = (folder.path().join("requests"), folder.path().join("answers"));
        assert!(Command::new("mkfifo").args([&requests, &answers]).status().unwrap().success());
        // Its third and fourth file are the pipe; a shell opens them.
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \
                      --disable-background-networking --disable-component-update --user-data-dir=\"$3\" --remote-debugging-pipe about:blank \
                      3<\"$1\" 4>\"$2\"";
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(program).arg(&requests).arg(&answers).arg(folder.path().join("profile"));
        // It leaves files in the folder for temporary ones.
        command.env("TMPDIR", folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Each waits for the other side.
        let requests = File::options().write(true).open(&requests).unwrap();
        let answers = BufReader::new(File::open(&answers).unwrap());
        let mut browser = Self { child, requests, answers, session: None, next: 0, events: Vec::new(), _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false }),
        );
        browser.call("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }));
        Some(browser)
    }

    /// Calls a method of the browser; gives its result.
    pub fn call(&mut self, method: &str, params: Json) -> Json {
        self.next += 1;
        let id = self.next;
        let mut request = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.requests.write_all(request.to_string().as_bytes()).unwrap();
        self.requests.write_all(b"\0").unwrap();
        loop {
            let message = self.message();
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn message(&mut self) -> Json {
        let mut message = Vec::new();
        self.answers.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has gone");
        serde_json::from_slice(&message).unwrap()
    }

    /// Opens a file, to its end.
    pub fn open(&mut self, file: &Path) {
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.message();
            self.events.push(event);
        }
    }

    /// What an expression is in the page.
    pub fn value(&mut self, expression: &str) -> Json {
        let answer = self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page: what follows a key comes a moment after it.
    pub fn until(&mut self, expression: &str) {
        for _ in 0..400 {
            if self.value(expression) == json!(true) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        panic!("{expression} is not so in ten seconds");
    }

    /// Presses a key, by its name: `Tab`, `Enter`, `Escape`.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            other => panic!("{other}: no such key"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if let (Some(text), "keyDown") = (text, kind) {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Types a text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses Tab until what has the focus matches a selector; at most so often.
    pub fn tab_to(&mut self, selector: &str, most: usize) {
        for _ in 0..most {
            self.press("Tab");
            if self.value(&format!("document.activeElement.matches({})", json!(selector))) == json!(true) {
                return;
            }
        }
        panic!("{selector} is not reached in {most} steps");
    }

    /// The page as pictures, from top to bottom.
    pub fn pictures(&mut self, folder: &Path, name: &str) {
        const PIECE: u64 = 1_400;
        let [width, height] =
            ["scrollWidth", "scrollHeight"].map(|it| self.value(&format!("document.documentElement.{it}")).as_u64().unwrap());
        for (at, y) in (0..height).step_by(PIECE as usize).enumerate() {
            let clip = json!({ "x": 0, "y": y, "width": width, "height": PIECE.min(height - y), "scale": 1 });
            let answer =
                self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "format": "png", "clip": clip }));
            let bytes = base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
            std::fs::write(folder.join(format!("{name}-{at}.png")), bytes).unwrap();
        }
    }

    /// What the page asked for beside itself.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned));
        urls.filter(|url| !url.starts_with("file://") || !url.ends_with(".html")).collect()
    }

    /// What went wrong in the page.
    pub fn complaints(&self) -> Vec<String> {
        const BAD: [&str; 3] = ["Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"];
        let bad = |event: &&Json| event["method"].as_str().is_some_and(|method| BAD.contains(&method));
        self.events.iter().filter(bad).map(ToString::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ = self.child.wait();
    }
}
