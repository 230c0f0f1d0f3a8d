//! The program as it is typed: help, exit statuses, what goes to which stream, the emulators' first line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn provodka(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provodka"));
    command
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100");
    command
}

fn run(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    provodka(folder.path()).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_helps() {
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_setup", &["setup", "--help"]),
        ("help_policy", &["policy", "--help"]),
        ("help_policy_export", &["policy", "export", "--help"]),
        ("help_plan", &["plan", "--help"]),
        ("help_adopt", &["adopt", "--help"]),
        ("help_layout", &["layout", "--help"]),
        ("help_layout_try", &["layout", "try", "--help"]),
        ("help_journal", &["journal", "--help"]),
        ("help_cases", &["cases", "--help"]),
        ("help_cases_answer", &["cases", "answer", "--help"]),
        ("help_cases_retry", &["cases", "retry", "--help"]),
        ("help_statement_import", &["statement", "import", "--help"]),
        ("help_payments", &["payments", "--help"]),
        ("help_payments_undo", &["payments", "undo", "--help"]),
        ("help_payments_give", &["payments", "give", "--help"]),
        ("help_payments_settle", &["payments", "settle", "--help"]),
        ("help_payments_move", &["payments", "move", "--help"]),
        ("help_payments_split", &["payments", "split", "--help"]),
        (
            "help_payments_reconcile",
            &["payments", "reconcile", "--help"],
        ),
        ("help_register", &["register", "--help"]),
        ("help_register_export", &["register", "export", "--help"]),
        ("help_register_cancel", &["register", "cancel", "--help"]),
        ("help_admin_code", &["admin", "code", "--help"]),
        ("help_robot_new", &["robot", "new", "--help"]),
        ("help_hint_new", &["hint", "new", "--help"]),
        ("help_simulate", &["simulate", "--help"]),
        ("help_emulate", &["emulate", "--help"]),
        ("help_emulate_bitrix24", &["emulate", "bitrix24", "--help"]),
    ] {
        let output = run(args);
        assert!(output.status.success(), "{name}");
        insta::assert_snapshot!(name, text(&output.stdout));
    }
}

#[test]
fn a_mistake_ends_with_2_and_says_what_to_do() {
    for (args, told) in [
        (
            &["serve"][..],
            "error: cannot read the configuration `provodka.toml`: No such file or directory (os error 2)\n\
             hint: copy `config/default.toml` to `provodka.toml` and fill it in, or name another file by --config\n",
        ),
        (
            &["explain", "NO-SUCH"],
            "error: there is no code `NO-SUCH`\nhint: `provodka explain` lists them\n",
        ),
        (
            &["inspect", "inn", "a.txt"],
            "error: only `inspect statement` takes files\nhint: give the values on standard input, one a line\n",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stderr), told);
        assert!(output.stdout.is_empty());
    }
    for args in [
        &["journal"][..],
        &["cases", "retry"],
        &["inspect", "snils"],
        &["emulate", "bitrix24", "--fault", "gremlins"],
        &["emulate", "bitrix24", "--portal-config", "nowhere.toml"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    for beside in [["--xlsx", "plan.xlsx"], ["--since", "2026-11-01"]] {
        let [option, value] = beside;
        let told = text(&run(&["plan", "--deal", "1", option, value]).stderr);
        assert!(told.contains("cannot be used with"), "{told}");
    }
    // Which deals are meant need not be said.
    let told = text(&run(&["plan"]).stderr);
    assert!(
        told.starts_with("error: cannot read the configuration"),
        "{told}"
    );
}

#[test]
fn simulate_counts_many_days_and_tells_one() {
    let many = run(&["simulate", "--seeds", "3", "--from", "4", "--threads", "2"]);
    let told = text(&many.stdout);
    assert!(many.status.success(), "{told}");
    let head = told.lines().next().unwrap();
    assert!(head.starts_with("3 seeds from 4, "), "{head}");
    assert!(head.ends_with(" hours lived"), "{head}");
    let requests = told
        .lines()
        .find_map(|line| line.strip_suffix("  requests"));
    assert!(requests.unwrap().trim().parse::<u64>().unwrap() > 0);
    let progress = text(&many.stderr);
    let progress = progress.lines().last().unwrap();
    assert!(progress.starts_with("3 of 3 seeds, "), "{progress}");
    assert!(progress.ends_with(" a minute, 0 failed"), "{progress}");

    let one = run(&["simulate", "--seed", "4"]);
    let story = text(&one.stdout);
    assert!(one.status.success(), "{story}");
    assert!(story.starts_with("12.03 "), "{story}");
    let last = story.lines().last().unwrap();
    let (lived, hash) = last.split_once(" minutes lived, hash ").unwrap();
    assert!(lived.starts_with("seed 4: "), "{last}");
    assert_eq!(hash.len(), 64, "{last}");
}

#[test]
fn a_refused_configuration_names_all_faults_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("provodka.toml"),
        "[server]\nlissten = \"x\"\n",
    )
    .unwrap();
    let output = provodka(folder.path())
        .arg("serve")
        .env("PROVODKA_BITRIX24_WEBHOOK_URL", "ftp://verysecret")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(!told.contains("verysecret"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_code_is_explained() {
    let output = run(&["explain", "deal-data-missing"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("# DEAL-DATA-MISSING: "));
    let list = text(&run(&["explain"]).stdout);
    assert!(list.lines().count() > 20, "{list}");
}

#[test]
fn a_layout_is_written_out_changed_and_tried() {
    let folder = tempfile::tempdir().unwrap();
    let typed = |args: &[&str]| provodka(folder.path()).args(args).output().unwrap();
    let own = typed(&["layout", "export"]).stdout;
    let data: Value = serde_json::from_slice(&typed(&["layout", "data"]).stdout).unwrap();
    assert!(data["lines"].is_array());
    let file = folder.path().join("invoice.typ");
    std::fs::write(&file, &own).unwrap();
    let tried = typed(&["layout", "try", "invoice.typ", "--pdf", "sample.pdf"]);
    assert!(tried.status.success(), "{}", text(&tried.stderr));
    let pdf = std::fs::read(folder.path().join("sample.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF"));

    std::fs::write(&file, [own.as_slice(), b"\n#paper.nosuch\n"].concat()).unwrap();
    let refused = typed(&["layout", "try", "invoice.typ"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = text(&refused.stderr);
    assert!(told.contains("row ") && told.contains("nosuch"), "{told}");
}

#[test]
fn inspect_answers_each_line_and_ends_well() {
    let mut child = provodka(Path::new("/"))
        .args(["inspect", "inn"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all("7707083893\n\n123\n".as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let valid: Vec<bool> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["valid"] == true)
        .collect();
    assert_eq!(valid, [true, false, false]);
}

#[test]
fn inspect_shows_statements_and_says_by_its_status_what_was_not_read() {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors/bank-statement/fixtures");
    let statement = |names: &[&str]| {
        let files = names.iter().map(|name| fixtures.join(name));
        let mut command = provodka(Path::new("/"));
        command
            .args(["inspect", "statement"])
            .args(files)
            .output()
            .unwrap()
    };
    let whole = statement(&["windows.txt", "dos.txt"]);
    assert!(whole.status.success());
    assert_eq!(
        text(&whole.stdout)
            .matches("Прочитано платежей: 4;")
            .count(),
        2
    );
    let one_is_broken = statement(&["broken.txt", "nowhere.txt", "windows.txt"]);
    assert_eq!(one_is_broken.status.code(), Some(1));
    let told = text(&one_is_broken.stdout);
    assert!(
        told.contains("с потерей данных: 8.") && told.contains("Прочитано платежей: 4;"),
        "{told}"
    );
    assert!(
        told.contains("nowhere.txt не прочитан: не открывается: "),
        "{told}"
    );
}

/// Linux alone has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = door.local_addr().unwrap();
    let settings = format!(
        "development = true\n[server]\nlisten = \"{address}\"\n[bitrix24]\nmember_id = \"a223c6b3710f\"\n\
         [accounting]\nbase_url = \"http://127.0.0.1:1\"\n[log]\nlevel = \"debug\"\n"
    );
    std::fs::write(folder.path().join("provodka.toml"), settings).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    drop(door);
    let mut child = provodka(folder.path())
        .arg("serve")
        .env(
            "PROVODKA_BITRIX24_WEBHOOK_URL",
            "http://127.0.0.1:1/rest/1/x/",
        )
        .env("PROVODKA_BITRIX24_APPLICATION_TOKEN", "token")
        .env("PROVODKA_ACCOUNTING_API_KEY", "key")
        .stderr(full.unwrap())
        .spawn()
        .unwrap();
    let mut answer = String::new();
    while !answer.starts_with("HTTP/1.1 200") {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        let Ok(mut stream) = TcpStream::connect(address) else {
            continue;
        };
        answer.clear();
        let ask = "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        // The process may end in the middle of it; the next round finds that out.
        drop(stream.write_all(ask.as_bytes()));
        drop(stream.read_to_string(&mut answer));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// An emulator in its own process, ended with the test.
struct Emulated {
    child: Child,
    said: Value,
}

impl Drop for Emulated {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn emulate(args: &[&str]) -> Emulated {
    let mut child = provodka(Path::new("/"))
        .arg("emulate")
        .args(args)
        .args(["--listen", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    let said = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first}"));
    Emulated { child, said }
}

impl Emulated {
    fn text(&self, name: &str) -> &str {
        let value = self.said[name].as_str();
        value.unwrap_or_else(|| panic!("no `{name}` in {}", self.said))
    }

    /// Asks over plain HTTP; gives the answer's body.
    fn get(&self, path: &str, header: &str) -> Value {
        let mut stream = TcpStream::connect(self.text("listen")).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{header}Connection: close\r\n\r\n",
            self.text("listen")
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
            body.split("\r\n").nth(1).unwrap()
        } else {
            body
        };
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

#[test]
fn an_emulated_portal_says_all_that_a_client_needs_and_answers() {
    let portal = emulate(&["bitrix24"]);
    for name in [
        "listen",
        "base_url",
        "webhook_url",
        "client_id",
        "client_secret",
        "auth_url",
        "member_id",
        "application_token",
        "access_token",
        "refresh_token",
    ] {
        assert!(!portal.text(name).is_empty(), "{name}");
    }
    let path = portal
        .text("webhook_url")
        .strip_prefix(portal.text("base_url"))
        .unwrap();
    let deals = portal.get(&format!("{path}crm.deal.list.json"), "");
    assert!(
        deals["result"]
            .as_array()
            .is_some_and(|deals| !deals.is_empty())
    );
    let access = portal.text("access_token");
    let profile = portal.get(&format!("/rest/profile.json?auth={access}"), "");
    assert!(profile["result"]["ID"].is_string() || profile["result"]["ID"].is_number());
}

#[test]
fn a_portal_file_that_names_a_handler_installs_the_application_on_the_sample_portal() {
    let handler = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portal.toml");
    let address = handler.local_addr().unwrap();
    std::fs::write(
        &file,
        format!("[[applications]]\ninstall_handler = \"http://{address}/webhooks/bitrix24\"\n"),
    )
    .unwrap();
    let portal = emulate(&["bitrix24", "--portal-config", file.to_str().unwrap()]);
    let (mut told, _) = handler.accept().unwrap();
    let mut event = String::new();
    let mut piece = [0; 4096];
    while !event.contains("refresh_token") {
        let count = told.read(&mut piece).unwrap();
        assert!(count > 0, "{event}");
        event.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    told.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    assert!(event.starts_with("POST /webhooks/bitrix24 "), "{event}");
    assert!(event.contains("ONAPPINSTALL"), "{event}");
    let path = portal.text("webhook_url");
    let path = path.strip_prefix(portal.text("base_url")).unwrap();
    let deals = portal.get(&format!("{path}crm.deal.list.json"), "");
    assert!(
        deals["result"]
            .as_array()
            .is_some_and(|deals| !deals.is_empty()),
        "{deals}"
    );
}

#[test]
fn an_emulated_accounting_side_says_all_that_a_client_needs_and_answers() {
    let accounting = emulate(&["kontur-accounting"]);
    let header = format!("X-Kontur-ApiKey: {}\r\n", accounting.text("api_key"));
    assert!(
        accounting
            .text("base_url")
            .ends_with(accounting.text("listen"))
    );
    let own = accounting.get("/v1/organizations", &header);
    assert!(own.to_string().contains("7707083893"), "{own}");
}

#[test]
fn an_emulator_over_tls_names_its_authority() {
    let portal = emulate(&["bitrix24", "--tls"]);
    assert!(portal.text("webhook_url").starts_with("https://127.0.0.1:"));
    let pem = std::fs::read_to_string(portal.text("tls_authority_file")).unwrap();
    assert!(pem.contains("BEGIN CERTIFICATE"));
    std::fs::remove_file(portal.text("tls_authority_file")).unwrap();
}

#[test]
fn a_fault_on_order_happens() {
    let accounting = emulate(&["kontur-accounting", "--fault", "status=503:times=1"]);
    let header = format!("X-Kontur-ApiKey: {}\r\n", accounting.text("api_key"));
    let mut stream = TcpStream::connect(accounting.text("listen")).unwrap();
    write!(
        stream,
        "GET /v1/organizations HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let own = accounting.get("/v1/organizations", &header);
    assert!(own.to_string().contains("7707083893"), "{own}");
}
