//! The product as an installed application, over real HTTP on loopback: the grant proves itself, `setup` prepares the
//! portal, a deal becomes an invoice, `check` finds nothing wrong. Webhooks and faults are the scenarios' matter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use emulator_bitrix24::{Credentials, Emulator, HttpDeliver, PortalConfig, What};
use emulator_harness::{FaultKind, FaultRule, Served, TokioClock};
use engine::{Clock as _, SteadyClock};
use provodka::config::{Config, Environment, Raw};
use provodka::product::{Product, Surroundings};
use provodka::{check, pause, policy, serve, setup};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SEED: u64 = 7;
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Both remotes and what the product needs to know of them.
struct Office {
    portal: Emulator,
    credentials: Credentials,
    accounting: emulator_kontur_accounting::Emulator,
    accounting_url: String,
    _served: Vec<Served>,
    folder: TempDir,
}

async fn office() -> Office {
    let clock = TokioClock::shared(SteadyClock::of_this_machine().now());
    let (door, portal_url) = listen().await;
    let mut portal = PortalConfig::sample();
    for user in &mut portal.users {
        user.time_zone = "Asia/Yekaterinburg".to_owned();
    }
    // A plan whose limits nobody has to wait for.
    portal.limits.burst = 250;
    portal.limits.drain_per_second = 40;
    let portal = Emulator::new(portal, Arc::clone(&clock), SEED, Arc::new(HttpDeliver));
    let credentials = portal.credentials(&portal_url);
    let portal_served = emulator_harness::serve(door, portal.router(), None).await;
    drop(portal.run_background());
    let books = include_str!("../../src/emulate/kontur-accounting.toml");
    let accounting =
        emulator_kontur_accounting::Emulator::new(toml::from_str(books).unwrap(), clock, SEED);
    let (door, accounting_url) = listen().await;
    let accounting_served = emulator_harness::serve(door, accounting.router(), None).await;
    Office {
        portal,
        credentials,
        accounting,
        accounting_url,
        _served: vec![portal_served, accounting_served],
        folder: tempfile::tempdir().unwrap(),
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

impl Office {
    fn config(&self, public_url: &str, master_key: &str) -> Config {
        let mut raw = Raw {
            development: true,
            ..Raw::default()
        };
        let database = self.folder.path().join("provodka.db");
        raw.database.url = format!("sqlite:{}", database.display());
        raw.server.public_url = public_url.to_owned();
        raw.bitrix24.kind = "app".to_owned();
        raw.bitrix24.host = "127.0.0.1".to_owned();
        raw.bitrix24
            .member_id
            .clone_from(&self.credentials.member_id);
        raw.bitrix24
            .client_id
            .clone_from(&self.credentials.client_id);
        raw.bitrix24.oauth_url = format!("{}/", self.credentials.listen);
        raw.accounting.base_url.clone_from(&self.accounting_url);
        raw.limits.bitrix24_burst = 200;
        raw.limits.bitrix24_per_minute = 1_800;
        let key = self.accounting.credentials(&self.accounting_url).api_key;
        let environment: Environment = [
            (
                "PROVODKA_BITRIX24_CLIENT_SECRET",
                self.credentials.client_secret.as_str(),
            ),
            ("PROVODKA_ACCOUNTING_API_KEY", &key),
            ("PROVODKA_MASTER_KEY", master_key),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        Config::from_raw(&raw, &environment).unwrap_or_else(|faults| panic!("{faults}"))
    }
}

/// What does not hold, with the code of its page.
fn wrong(report: &check::Report) -> Vec<(&str, &str)> {
    let findings = report.parts.iter().flat_map(|(_, findings)| findings);
    findings
        .filter(|finding| !finding.holds)
        .map(|finding| (finding.what.as_str(), finding.code.as_deref().unwrap_or("")))
        .collect()
}

/// Waits until a question has an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = SteadyClock::of_this_machine();
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return answer;
        }
        let soon = engine::clock::later(clock.now(), Duration::from_millis(50));
        clock.sleep_until(soon).await;
    }
    panic!("never came: {what}");
}

/// The application is removed and installed again: the portal stands still meanwhile, whatever a person says, and tells
/// us of changes once it is back.
async fn comes_and_goes(office: &Office, product: &Product, handler: &str) {
    let stands_still = async || {
        let portal = product.store.portal_get(product.portal()).await;
        portal.unwrap().unwrap().paused
    };
    office.portal.uninstall_application(handler, false);
    until("the removal", async || stands_still().await.then_some(())).await;
    pause::run(product, None).await.unwrap();
    assert!(stands_still().await);
    let row = product.store.portal_get(product.portal()).await.unwrap();
    assert!(desk::pause::is_removed(&row.unwrap()));

    let heard = changes_heard(&office.portal);
    edit(&office.portal);
    office.portal.install_application(handler);
    until("the return", async || (!stands_still().await).then_some(())).await;
    until("a change after the return", async || {
        edit(&office.portal);
        (changes_heard(&office.portal) > heard).then_some(())
    })
    .await;
}

/// The removal, which was true then, is told again by whoever kept it.
async fn told_again(office: &Office, product: &Product, address: SocketAddr) {
    let (member, token) = (
        &office.credentials.member_id,
        &office.credentials.application_token,
    );
    let body =
        format!("event=ONAPPUNINSTALL&auth[member_id]={member}&auth[application_token]={token}");
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        web::BITRIX24_EVENTS,
        body.len()
    );
    let asked = times_asked(&office.portal);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(times_asked(&office.portal), asked + 1);
    let row = product.store.portal_get(product.portal()).await.unwrap();
    assert!(!row.unwrap().paused);
}

/// How often the portal was asked by itself whether the application is there.
fn times_asked(portal: &Emulator) -> usize {
    let truth = portal.truth();
    let asked = truth.entries().filter(
        |entry| matches!(&entry.what, What::Request { method, .. } if method == "app.info"),
    );
    asked.count()
}

fn edit(portal: &Emulator) {
    // Each time another: what changes nothing is told to nobody.
    let words = portal.truth().entries().count().to_string();
    let fields = json!({"COMMENTS": words});
    portal.manager().edit_deal(2, fields).unwrap();
}

/// How often we were told that a deal had changed.
fn changes_heard(portal: &Emulator) -> usize {
    let truth = portal.truth();
    let heard = truth.entries().filter(|entry| {
        matches!(&entry.what, What::EventDelivered { event, .. } if event == "ONCRMDEALUPDATE")
    });
    heard.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installed_application_makes_an_invoice_of_a_deal() {
    let office = office().await;
    let (door, public_url) = listen().await;
    let config = office.config(&public_url, MASTER_KEY);
    let product = Product::open(config, Surroundings::of_machine())
        .await
        .unwrap();
    let running = serve::start(product.clone(), Some(door)).await.unwrap();
    let handler = format!("{public_url}{}", web::BITRIX24_EVENTS);

    let before = check::run(Ok(product.clone())).await;
    assert_eq!(
        wrong(&before),
        [
            ("Токен событий", "BITRIX24-INSTALL"),
            ("Доступ к порталу", "BITRIX24-INSTALL"),
            ("Правила портала", "POLICY-MISSING"),
        ]
    );
    office.portal.install_application(&handler);
    until("the grant", async || {
        let digest = product.connector.token_digest(product.portal()).await;
        digest.unwrap()
    })
    .await;

    let wishes = setup::Wishes {
        active: true,
        settle_seconds: Some(0),
        at_any_hour: true,
        ..setup::Wishes::default()
    };
    for (dialog, told) in [
        (
            "chat12",
            "the technical user is no member of a chat `chat12`, or there is none",
        ),
        ("77", "the portal has no user 77"),
        ("Анна", "`Анна` is no chat and no user"),
    ] {
        let wishes = setup::Wishes {
            administrator: Some(dialog.to_owned()),
            ..wishes.clone()
        };
        let refused = setup::run(&product, &wishes).await.unwrap_err();
        assert_eq!(refused.to_string(), told);
    }
    let wishes = setup::Wishes {
        administrator: Some("1".to_owned()),
        ..wishes
    };
    let report = setup::run(&product, &wishes).await.unwrap();
    assert_eq!(report.version, Some(1));
    assert!(
        report.findings.iter().all(|one| one.holds),
        "{:#?}",
        report.findings
    );
    let again = setup::run(&product, &wishes).await.unwrap();
    assert_eq!(again.version, Some(1), "a repeated setup changes nothing");

    // The portal's history knows whole seconds; what is there when we begin is never touched.
    let stored = product
        .store
        .policy_current(product.portal())
        .await
        .unwrap();
    let first = policy::read(&stored.unwrap()).unwrap();
    assert_eq!(first.organisations[0].time_zone, "Asia/Yekaterinburg");
    let start_at = first.start_at;
    // Nor is its clock ours: it may be behind by as much as a thread waited when it was set.
    let surely_after = engine::clock::later(start_at, Duration::from_secs(1));
    SteadyClock::of_this_machine()
        .sleep_until(surely_after)
        .await;
    office
        .portal
        .manager()
        .move_deal(2, "FINAL_INVOICE")
        .unwrap();
    let number = until("the invoice's number on the deal", async || {
        let number = office.portal.deal_field(2, "UF_CRM_PROVODKA_NUMBER");
        (!number.is_empty()).then_some(number)
    })
    .await;
    assert_eq!(number, "1");

    let unsaid = check::run(Ok(product.clone())).await;
    let codes: Vec<&str> = wrong(&unsaid).into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["VAT-REGIME-UNKNOWN"]);
    for left in ["[[organisations.vat]]", "`provodka setup --money`"] {
        assert!(
            report.next.iter().any(|step| step.contains(left)),
            "{left}: {:?}",
            report.next
        );
    }
    let (ours, vat) = (
        "[[organisations]]\n",
        "vat = [{ from = \"2026-01-01\", regime = \"general\" }]\n",
    );
    let stored = product
        .store
        .policy_current(product.portal())
        .await
        .unwrap()
        .unwrap();
    let text = policy::text(&stored)
        .unwrap()
        .replace(ours, &format!("{ours}{vat}"));
    policy::put(&product, &text, stored.version, "somebody")
        .await
        .unwrap();
    let after = check::run(Ok(product.clone())).await;
    assert!(after.is_well(), "{after:#?}");
    pause::run(&product, Some(None)).await.unwrap();
    let paused = check::run(Ok(product.clone())).await;
    assert_eq!(wrong(&paused), [("Пауза", "PORTAL-PAUSED")]);
    let mut rows = paused.parts.iter().flat_map(|(_, findings)| findings);
    let row = rows.find(|one| one.what == "Пауза").unwrap();
    assert!(
        row.advice.contains("на паузе с ") && row.advice.contains("provodka resume"),
        "{row:?}"
    );
    pause::run(&product, None).await.unwrap();
    let resumed = check::run(Ok(product.clone())).await;
    assert!(resumed.is_well(), "{resumed:#?}");
    comes_and_goes(&office, &product, &handler).await;
    told_again(&office, &product, running.addr()).await;

    // A service whose effects may come later than we wait: both commands say what to set.
    office
        .accounting
        .configure(|settings| settings.effect_within_s = 900);
    let hasty = check::run(Ok(product.clone())).await;
    assert_eq!(wrong(&hasty), [("Сроки службы", "KONTUR-ACCOUNTING")]);
    let wishes = setup::Wishes {
        dry_run: true,
        ..wishes
    };
    let told = setup::run(&product, &wishes).await.unwrap();
    let mut told = told.findings.iter().filter(|one| !one.holds);
    let told = told.next().map(|one| one.advice.as_str());
    assert!(
        told.is_some_and(|advice| advice.contains("timing.accounting_quiet")),
        "{told:?}"
    );
    office
        .accounting
        .configure(|settings| settings.effect_within_s = 600);

    // One that cannot say just now what it offers keeps nobody from preparing the portal.
    office.accounting.faults().add(FaultRule {
        method: Some("getCapabilities".to_owned()),
        ..FaultRule::always(FaultKind::HtmlPage)
    });
    let told = setup::run(&product, &wishes).await.unwrap();
    let broken = told.findings.iter().filter(|one| !one.holds);
    let broken: Vec<&str> = broken.map(|one| one.what.as_str()).collect();
    assert_eq!(broken, ["Сроки службы"]);
    office.accounting.faults().clear();
    running.stop().await.unwrap();

    let surroundings = Surroundings {
        store: Some(product.store.clone()),
        ..Surroundings::of_machine()
    };
    let config = office.config(&public_url, OTHER_KEY);
    let locked_out = Product::open(config, surroundings).await;
    let locked_out = check::run(locked_out).await;
    assert_eq!(
        wrong(&locked_out),
        [
            ("Доступ к порталу", "TOKENS-SEALED"),
            ("Воронки", "TOKENS-SEALED"),
            ("Свои компании", "TOKENS-SEALED"),
            ("Смарт-счета", "TOKENS-SEALED"),
        ]
    );
}
