//! One window of a real Chromium, driven through its debugging pipe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// A deadline for what should take a moment, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many glances at a page, 20 ms apart, are as long.
const LOOKS: usize = 1_500;
/// The browser reads commands from descriptor 3 and answers on 4; each message ends with a zero byte.
const PIPED: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >&2"#;
const FLAGS: [&str; 12] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--window-size=1400,1000",
];

/// One window of a real browser with a profile of its own.
pub(crate) struct Browser {
    process: Child,
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// None where no Chromium is installed: it says so.
    pub(crate) fn open() -> Option<Self> {
        let Some(program) = chromium() else {
            println!("skipped: no Chromium is installed, the pages were not tried");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", PIPED])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (heard, messages) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            commands: process.stdin.take(),
            process,
            messages,
            session: None,
            sent: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let made = self.call("Target.createTarget", &json!({"url": "about:blank"}));
        let target = json!({"targetId": made["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", &target);
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.call(domain, &json!({}));
        }
        self.call("Input.setInterceptDrags", &json!({"enabled": true}));
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) fn go(&mut self, url: &str) {
        self.forget("Page.loadEventFired");
        self.call("Page.navigate", &json!({"url": url}));
        self.event("Page.loadEventFired");
    }

    /// Does what leads to another page, and waits until that is loaded.
    pub(crate) fn follow(&mut self, click: &str) {
        self.forget("Page.loadEventFired");
        self.send("Runtime.evaluate", &json!({"expression": click}));
        self.event("Page.loadEventFired");
    }

    /// What an expression is worth on the page; a promise is awaited.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let how = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &how);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "`{expression}` threw {thrown}");
        answer["result"]["value"].clone()
    }

    /// Waits on the page itself until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        self.evaluate(&format!(
            "new Promise((seen) => {{ const look = () => (({expression}) ? seen(true) : setTimeout(look, 10)); look(); }})"
        ));
    }

    /// Presses the mouse on something and pulls it from its place; answers what is dragged.
    pub(crate) fn hold(&mut self, selector: &str) -> Value {
        let (x, y) = self.middle(selector);
        self.call("Input.dispatchMouseEvent", &mouse("mousePressed", x, y));
        // A move that begins a drag is answered only once the drag is over.
        for step in [5, 20] {
            self.send(
                "Input.dispatchMouseEvent",
                &mouse("mouseMoved", x + step, y),
            );
        }
        self.event("Input.dragIntercepted")["data"].clone()
    }

    pub(crate) fn drop_on(&mut self, selector: &str, dragged: &Value) {
        let (x, y) = self.middle(selector);
        for step in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": step, "x": x, "y": y, "data": dragged});
            self.call("Input.dispatchDragEvent", &event);
        }
        self.call("Input.dispatchMouseEvent", &mouse("mouseReleased", x, y));
    }

    fn middle(&mut self, selector: &str) -> (i64, i64) {
        self.middle_of(&format!("document.querySelector(\"{selector}\")"))
    }

    fn middle_of(&mut self, element: &str) -> (i64, i64) {
        let place = self.evaluate(&format!(
            "(() => {{ const box = {element}.getBoundingClientRect(); \
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; }})()"
        ));
        (place[0].as_i64().unwrap(), place[1].as_i64().unwrap())
    }

    /// Clicks with the mouse on the first button or link of these words, and waits until the page behind it is loaded.
    pub(crate) fn press(&mut self, words: &str) {
        let element = format!(
            "[...document.querySelectorAll('button:not([disabled]), a, summary')]\
             .find((one) => one.textContent.trim() === {}  && one.checkVisibility())",
            json!(words)
        );
        let is_there = self.evaluate(&format!("!!{element}"));
        assert_eq!(is_there, json!(true), "no «{words}» on {}", self.text());
        self.evaluate(&format!("{element}.scrollIntoView({{block: 'center'}})"));
        let opens_here = self.evaluate(&format!("{element}.tagName")) == "SUMMARY";
        let (x, y) = self.middle_of(&element);
        self.forget("Page.loadEventFired");
        for step in ["mousePressed", "mouseReleased"] {
            self.call("Input.dispatchMouseEvent", &mouse(step, x, y));
        }
        if !opens_here {
            self.event("Page.loadEventFired");
        }
    }

    /// Writes into a field as a keyboard does.
    pub(crate) fn write(&mut self, selector: &str, text: &str) {
        self.evaluate(&format!(
            "(() => {{ const field = document.querySelector({}); field.focus(); field.select?.(); }})()",
            json!(selector)
        ));
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// Chooses a file, as its dialogue does.
    pub(crate) fn choose_file(&mut self, selector: &str, file: &Path) {
        let how = json!({"expression": format!("document.querySelector({})", json!(selector))});
        let found = self.call("Runtime.evaluate", &how);
        let what = json!({"files": [file], "objectId": found["result"]["objectId"]});
        self.call("DOM.setFileInputFiles", &what);
    }

    /// What a person reads on the page, with plain blanks in sums.
    pub(crate) fn text(&mut self) -> String {
        let text = self.evaluate("document.body?.innerText ?? ''");
        let text = text.as_str().unwrap_or_default();
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// Waits until a person reads these words; the page may turn into another one meanwhile.
    pub(crate) fn until_text(&mut self, words: &str) {
        let look =
            "new Promise((seen) => setTimeout(() => seen(document.body?.innerText ?? ''), 20))";
        let how = json!({"expression": look, "awaitPromise": true, "returnByValue": true});
        let mut shown = String::new();
        for _ in 0..LOOKS {
            // A page that goes away meanwhile does not answer.
            let answer = self.answer("Runtime.evaluate", &how).unwrap_or_default();
            if let Some(text) = answer["result"]["value"].as_str() {
                shown = text.replace(['\u{a0}', '\u{202f}'], " ");
            }
            if shown.contains(words) {
                return;
            }
        }
        panic!("«{words}» never came: {shown}");
    }

    /// Nothing on the pages went wrong so far.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self) {
        let is_wrong = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        self.events.extend(self.messages.try_iter());
        let wrong: Vec<&Value> = self.events.iter().filter(is_wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.answer(method, params);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.send(method, params);
        loop {
            let mut message = self.hear(method);
            if message["id"] == id {
                let error = message["error"].take();
                return if error.is_null() {
                    Ok(message["result"].take())
                } else {
                    Err(error)
                };
            }
            self.events.push(message);
        }
    }

    fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let commands = self.commands.as_mut().unwrap();
        commands
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        self.sent
    }

    fn forget(&mut self, method: &str) {
        self.events.extend(self.messages.try_iter());
        self.events.retain(|event| event["method"] != method);
    }

    /// The parameters of an event, heard already or to come.
    fn event(&mut self, method: &str) -> Value {
        loop {
            let heard = self
                .events
                .iter()
                .position(|event| event["method"] == method);
            if let Some(at) = heard {
                return self.events.remove(at)["params"].take();
            }
            let message = self.hear(method);
            self.events.push(message);
        }
    }

    fn hear(&self, what_for: &str) -> Value {
        let heard = self.messages.recv_timeout(PATIENCE);
        heard.unwrap_or_else(|error| panic!("the browser is silent: {what_for}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of the pipe ends the browser with all its processes.
        drop(self.commands.take());
        let ended = self.process.wait();
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

fn mouse(kind: &str, x: i64, y: i64) -> Value {
    json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1})
}

fn chromium() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is how programs are found")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = CHROMIUM
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file())
}
