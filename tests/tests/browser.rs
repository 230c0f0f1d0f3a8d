//! What a manager sees: a real Chromium on the emulated portal's pages, over the product at work.
//!
//! The browser is driven through its debugging pipe: no driver, no port, no further dependency. Where there is no
//! Chromium the tests say that they are skipped; `cargo xtask check` installs Debian's.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may"
)]

#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "scenarios/office.rs"]
mod office;
#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "scenarios/world.rs"]
mod world;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_dragged_in_the_funnel_shows_number_and_file_within_two_seconds() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = world.new_deal();
    browser.go(&format!("{}/", world.portal_url));
    let card = format!("[data-deal='{deal}']");
    let stage = format!("[data-stage='{}']", office::INVOICE);
    browser.until(&format!("document.querySelector(\"{card}\")"));
    let held = browser.hold(&card);
    let dropped = world.portal.now();
    browser.drop_on(&stage, &held);

    browser.go(&format!("{}/crm/deal/details/{deal}/", world.portal_url));
    let number = format!(
        "document.querySelector(\"[data-field='{}']\")",
        office::NUMBER
    );
    browser.until(&format!(
        "{number}?.value && document.querySelector('#timeline .file')"
    ));
    let took = world.portal.now().duration_since(dropped);
    assert!(
        took <= Duration::from_secs(2).try_into().unwrap(),
        "a person waits two seconds at most, not {took}"
    );

    let bill = world.bill(deal);
    assert_eq!(
        browser.evaluate(&format!("{number}.value")),
        json!(bill.number)
    );
    let name = browser.evaluate("document.querySelector('#timeline .file').textContent");
    let begins = format!("Счёт № {} от ", bill.number);
    assert!(name.as_str().unwrap().starts_with(&begins), "{name}");
    let file = "fetch(document.querySelector('#timeline .file').href).then((answer) => answer.text()).then((text) => text.slice(0, 5))";
    assert_eq!(browser.evaluate(file), json!("%PDF-"));
    world.assert_one_true_invoice(deal);
    browser.assert_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_leads_to_the_field_and_its_answer_brings_the_invoice() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let world = World::usual().await;
    let deal = office::deal("Пробная партия", office::WITHOUT_KPP);
    let deal = world.portal.manager().create_deal(&deal).unwrap();
    browser.go(&format!("{}/crm/deal/details/{deal}/", world.portal_url));
    let stage = format!(
        "document.querySelector(\"#steps [data-stage='{}']\")",
        office::INVOICE
    );
    browser.until(&stage);
    browser.evaluate(&format!("{stage}.click()"));
    browser.until("document.querySelector('#messages .note')?.textContent.includes('КПП')");
    let field = "[...document.querySelectorAll('#messages .note a')].at(-1)";
    browser.follow(&format!("{field}.click()"));
    assert_eq!(browser.evaluate("location.hash"), json!("#buyer"));

    let kpp = "document.querySelector(\"#company [data-field='RQ_KPP']\")";
    browser.until(kpp);
    assert_eq!(browser.evaluate(&format!("{kpp}.value")), json!(""));
    browser.evaluate(&format!("{kpp}.focus()"));
    browser.call("Input.insertText", &json!({"text": "770101001"}));
    browser.evaluate(&format!("{kpp}.blur()"));
    let number = format!(
        "document.querySelector(\"[data-field='{}']\")?.value",
        office::NUMBER
    );
    browser.until(&format!(
        "{number} && document.querySelector('#timeline .file')"
    ));
    world.assert_one_true_invoice(deal);
    browser.assert_quiet();
}

const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// A deadline for what should take a moment, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
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
struct Browser {
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
    fn open() -> Option<Self> {
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
    fn go(&mut self, url: &str) {
        self.forget("Page.loadEventFired");
        self.call("Page.navigate", &json!({"url": url}));
        self.event("Page.loadEventFired");
    }

    /// Does what leads to another page, and waits until that is loaded.
    fn follow(&mut self, click: &str) {
        self.forget("Page.loadEventFired");
        self.send("Runtime.evaluate", &json!({"expression": click}));
        self.event("Page.loadEventFired");
    }

    /// What an expression is worth on the page; a promise is awaited.
    fn evaluate(&mut self, expression: &str) -> Value {
        let how = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &how);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "`{expression}` threw {thrown}");
        answer["result"]["value"].clone()
    }

    /// Waits on the page itself until an expression is true.
    fn until(&mut self, expression: &str) {
        self.evaluate(&format!(
            "new Promise((seen) => {{ const look = () => (({expression}) ? seen(true) : setTimeout(look, 10)); look(); }})"
        ));
    }

    /// Presses the mouse on something and pulls it from its place; answers what is dragged.
    fn hold(&mut self, selector: &str) -> Value {
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

    fn drop_on(&mut self, selector: &str, dragged: &Value) {
        let (x, y) = self.middle(selector);
        for step in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": step, "x": x, "y": y, "data": dragged});
            self.call("Input.dispatchDragEvent", &event);
        }
        self.call("Input.dispatchMouseEvent", &mouse("mouseReleased", x, y));
    }

    fn middle(&mut self, selector: &str) -> (i64, i64) {
        let place = self.evaluate(&format!(
            "(() => {{ const box = document.querySelector(\"{selector}\").getBoundingClientRect(); \
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; }})()"
        ));
        (place[0].as_i64().unwrap(), place[1].as_i64().unwrap())
    }

    /// Nothing on the pages went wrong so far.
    #[track_caller]
    fn assert_quiet(&mut self) {
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

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        loop {
            let mut message = self.hear(method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
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
