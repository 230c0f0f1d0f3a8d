//! Both emulators, a database in a temporary folder and the product, all on loopback.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use emulator_bitrix24::{HttpDeliver, OutgoingWebhookSeed, PortalConfig};
use emulator_harness::{Served, SharedClock, TokioClock};
use engine::{Clock as _, SteadyClock};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::args::DemoAccounting;
use crate::config::raw::Raw;
use crate::config::{Config, DEFAULT_FILE, Environment};
use crate::product::{Product, Surroundings};
use crate::serve::{self, Running};
use crate::setup;
use crate::{pages, policy};

use super::books::DemoBooks;
use super::money;
use super::sellers::Sellers;

/// What the portal sends of itself; a portal administrator ticks the same when binding a webhook by hand.
const EVENTS: [&str; 14] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE",
    "ONCRMBANKDETAILADD",
    "ONCRMBANKDETAILUPDATE",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
];
const TOKEN: &str = "demo-application-token-7f3a";
/// Seals what the demo stores; its database goes with the process.
const MASTER_KEY: &str = "cHJvdm9ka2EtZGVtby1tYXN0ZXIta2V5LTMyYnl0ZXM=";
const SEED: u64 = 20_261_122;

/// Everything that runs.
pub(super) struct World {
    pub(super) portal: emulator_bitrix24::Emulator,
    pub(super) books: DemoBooks,
    pub(super) bank: emulator_bank::Bank,
    bank_url: String,
    product: Mutex<Option<Running>>,
    portal_url: String,
    raw: Raw,
    served: Vec<Served>,
    background: JoinHandle<()>,
    folder: TempDir,
}

impl World {
    /// Starts the emulators, sets the portal up as `provodka setup --active` does, and serves.
    /// `port`: the first of three that are listened on, and of two more for the pages and the bank; 0 takes free ones.
    pub(super) async fn begin(
        mut portal: PortalConfig,
        sellers: Sellers,
        accounting: DemoAccounting,
        port: u16,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let clock: SharedClock = TokioClock::shared(SteadyClock::of_this_machine().now());
        let events = listen(port, 2).await?;
        portal.outgoing_webhooks.push(OutgoingWebhookSeed {
            url: format!("{}{}", address(&events)?, web::BITRIX24_EVENTS),
            events: EVENTS.map(str::to_owned).to_vec(),
            application_token: TOKEN.to_owned(),
        });
        let door = listen(port, 0).await?;
        let portal_url = address(&door)?;
        let portal = emulator_bitrix24::Emulator::new(
            portal,
            Arc::clone(&clock),
            SEED,
            Arc::new(HttpDeliver),
        );
        portal.set_base_url(&portal_url);
        let mut served = vec![emulator_harness::serve(door, portal.router(), None).await];
        let background = portal.run_background();
        let credentials = portal.credentials(&portal_url);
        let mut raw = settings(&credentials.member_id, &folder);
        raw.server.public_url = address(&events)?;
        let mut secrets = environment(&credentials.webhook_url);
        let bank = money::bank(sellers, Arc::clone(&clock));
        let door = listen(port, 4).await?;
        let bank_url = address(&door)?;
        served.push(emulator_harness::serve(door, bank.router(), None).await);
        let mut kontur = None;
        match accounting {
            DemoAccounting::Office => set_office(&mut raw, sellers),
            DemoAccounting::KonturAccounting => {
                let door = listen(port, 1).await?;
                let url = address(&door)?;
                let config = serde_json::from_value(sellers.in_accounting())?;
                let emulator = emulator_kontur_accounting::Emulator::new(config, clock, SEED);
                served.push(emulator_harness::serve(door, emulator.router(), None).await);
                raw.accounting.base_url.clone_from(&url);
                let key = emulator.credentials(&url).api_key;
                secrets.insert("PROVODKA_ACCOUNTING_API_KEY".to_owned(), key);
                kontur = Some((emulator, url));
            }
        }
        let config = Config::from_raw(&raw, &secrets)?;
        leave_settings(&folder, &raw, &secrets)?;
        let product = Product::open(config, Surroundings::of_machine()).await?;
        set_up(
            &product,
            sellers,
            kontur.as_ref().map(|(_, url)| url.as_str()),
        )
        .await?;
        let books = match kontur {
            Some((emulator, url)) => DemoBooks::Kontur { emulator, url },
            None => DemoBooks::of_product(&product),
        };
        let product = serve::start(product, Some(events)).await?;
        Ok(Self {
            portal,
            books,
            bank,
            bank_url,
            product: Mutex::new(Some(product)),
            portal_url,
            raw,
            served,
            background,
            folder,
        })
    }

    /// Opens the pages for people, on the fourth port; gives them and what to say of them.
    pub(super) async fn open_pages(&self, port: u16) -> anyhow::Result<(pages::Opened, String)> {
        let listener = listen(port, 3).await?;
        let product = self.product.lock().await;
        let product = product.as_ref().context("the product is stopped")?;
        let accounting = self.books.accounting();
        money::open(
            product.product(),
            listener,
            &self.bank,
            accounting,
            self.folder.path(),
        )
        .await
    }

    /// The product, to be asked as the command line asks it.
    pub(super) async fn product(&self) -> anyhow::Result<Product> {
        let product = self.product.lock().await;
        let product = product.as_ref().context("the product is stopped")?;
        Ok(product.product().clone())
    }

    /// What lies in it goes with the demo.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What a person can do now; `pages` says where the money is.
    pub(super) fn invitation(&self, pages: &str) -> String {
        let (keeper, change) = match &self.books {
            DemoBooks::Kontur { url, .. } => (
                format!("Учёт (вы бухгалтер)       {url}/"),
                "Отмените или измените счёт в учёте и посмотрите на сделку.",
            ),
            DemoBooks::Office { .. } => (
                "Учёта нет                 номера счетов даёт Проводка, счёт — её PDF".to_owned(),
                "Что видит бухгалтер, рассказывает docs/guide/office.md.",
            ),
        };
        format!(
            "Проводка работает на эмуляторах; база во временной папке {}.\n\n\
             \x20 Битрикс24 (вы менеджер)   {}/\n\
             \x20 {keeper}\n\
             \x20 Банк (вы платите)         {}/\n\n\
             Перетащите сделку в стадию «Выставить счёт» и откройте её: через мгновение в ней номер счёта,\n\
             запись в ленте и PDF. У сделки «Пробная партия» нет КПП: менеджеру придёт вопрос; заполните КПП\n\
             в реквизитах компании, и счёт выставится сам. {change}\n\
             Продаёт ООО, или ИП на УСН 5 %, если выбрать его продавцом на карточке сделки; там же роботы и\n\
             обязательные поля стадий.\n\n\
             {pages}\n\n\
             Команды и правила портала, в другом окне:\n\
             \x20 cd {} && set -a && . ./secrets && set +a\n\
             \x20 provodka policy export\n\
             Каждое правило своими руками: docs/guide/every-rule.md.\n\n\
             {}\n\
             Остановить: Ctrl-C. Сыграть плохой день и неделю денег без вас: provodka demo --exit",
            self.folder.path().display(),
            self.portal_url,
            self.bank_url,
            self.folder.path().display(),
            self.settings()
        )
    }

    /// The settings that differ from the defaults.
    pub(super) fn settings(&self) -> String {
        let timing = &self.raw.timing;
        format!(
            "Сроки укорочены: обход каждые {}, тихое время портала {}, учёта {}, лента учёта каждые {}, \
             два взгляда через {}.",
            timing.sweep_every,
            timing.portal_quiet,
            timing.accounting_quiet,
            timing.feed_every,
            timing.absent_looks_apart
        )
    }

    /// The product's open questions and the end of its journal, for a story that went wrong.
    pub(super) async fn last_words(&self) -> anyhow::Result<String> {
        let product = self.product.lock().await;
        let Some(product) = product.as_ref().map(Running::product) else {
            return Ok(String::new());
        };
        let mut words = Vec::new();
        let filter = store::CaseFilter {
            limit: 100,
            ..store::CaseFilter::default()
        };
        for case in product.store.cases_open(product.portal(), &filter).await? {
            words.push(format!("{} {}", case.facts.subject, case.facts.text));
        }
        let filter = store::JournalFilter {
            limit: 10_000,
            ..store::JournalFilter::default()
        };
        let lines = product
            .store
            .journal_read(product.portal(), &filter)
            .await?;
        for line in lines.iter().rev().take(40).rev() {
            let body: String = line.entry.body.to_string().chars().take(400).collect();
            words.push(format!("{} {} {body}", line.entry.at, line.entry.kind));
        }
        Ok(words.join("\n"))
    }

    /// Returns when the product cannot go on.
    pub(super) async fn failed(&self) -> anyhow::Error {
        match self.product.lock().await.as_mut() {
            Some(product) => product.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Stops everything gracefully.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        if let Some(product) = self.product.get_mut().take() {
            product.stop().await?;
        }
        self.background.abort();
        for served in self.served {
            served.shutdown().await;
        }
        Ok(())
    }
}

/// What the commands need that a person calls beside the demo: the same configuration, as at a real portal.
fn leave_settings(folder: &TempDir, raw: &Raw, secrets: &Environment) -> anyhow::Result<()> {
    let written = |name: &str, text: String| {
        let path = folder.path().join(name);
        let cannot = || format!("cannot write `{}`", path.display());
        // A file of one's own alone, as a temporary one is made.
        let mut file = NamedTempFile::new_in(folder.path()).with_context(cannot)?;
        file.write_all(text.as_bytes()).with_context(cannot)?;
        file.persist(&path).map(drop).with_context(cannot)
    };
    let variables = secrets
        .iter()
        .map(|(name, value)| format!("{name}='{value}'\n"));
    written(DEFAULT_FILE, toml::to_string(raw)?)?;
    written("secrets", variables.collect())
}

async fn listen(port: u16, place: u16) -> anyhow::Result<TcpListener> {
    let port = if port == 0 {
        0
    } else {
        port.saturating_add(place)
    };
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(wanted)
        .await
        .with_context(|| format!("cannot listen on `{wanted}`; `--port 0` takes free ports"))
}

fn address(listener: &TcpListener) -> anyhow::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn settings(member_id: &str, folder: &TempDir) -> Raw {
    let mut raw = Raw {
        development: true,
        ..Raw::default()
    };
    let database = folder.path().join("provodka.db");
    raw.database.url = format!("sqlite:{}", database.display());
    raw.bitrix24.kind = "webhook".to_owned();
    raw.bitrix24.member_id = member_id.to_owned();
    raw.accounting.account = "demo".to_owned();
    let timing = &mut raw.timing;
    for (setting, value) in [
        (&mut timing.sweep_every, "5s"),
        (&mut timing.sweep_overlap, "10s"),
        (&mut timing.feed_every, "1s"),
        (&mut timing.payments_busy_every, "1s"),
        (&mut timing.payments_idle_every, "3s"),
        (&mut timing.portal_quiet, "3s"),
        (&mut timing.accounting_quiet, "6s"),
        (&mut timing.write_deadline, "5s"),
        (&mut timing.look_up_again, "1s"),
        (&mut timing.absent_looks_apart, "1s"),
        (&mut timing.retry_first, "1s"),
        (&mut timing.look_again_first, "1s"),
        (&mut timing.stop_within, "3s"),
    ] {
        value.clone_into(setting);
    }
    raw
}

fn environment(webhook_url: &str) -> Environment {
    BTreeMap::from([
        (
            "PROVODKA_BITRIX24_WEBHOOK_URL".to_owned(),
            webhook_url.to_owned(),
        ),
        (
            "PROVODKA_BITRIX24_APPLICATION_TOKEN".to_owned(),
            TOKEN.to_owned(),
        ),
        ("PROVODKA_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
    ])
}

/// No accounting program: who sells is an organisation of our own books.
fn set_office(raw: &mut Raw, sellers: Sellers) {
    raw.accounting.kind = "office".to_owned();
    raw.accounting.organisations = sellers.in_own_books();
}

/// As `provodka setup --active --administrator 9` would; a deal need not stand still before it is invoiced.
async fn set_up(
    product: &Product,
    sellers: Sellers,
    kontur_url: Option<&str>,
) -> anyhow::Result<()> {
    let wishes = setup::Wishes {
        administrator: Some("9".to_owned()),
        active: true,
        settle_seconds: Some(0),
        gather_seconds: Some(0),
        at_any_hour: true,
        invoice_link: kontur_url.map(|url| format!("{url}/ui/bills/{{organisation}}/{{invoice}}")),
        ..setup::Wishes::default()
    };
    setup::run(product, &wishes).await?;
    sellers.settle(product).await?;
    say_what_an_advance_is(product).await?;
    // The policy starts with the next whole second; what enters a stage before is not ours.
    emulator_harness::wait(Duration::from_secs(1)).await;
    Ok(())
}

/// As `provodka policy apply` would: «аванс» in a deal's field is thirty per cent.
async fn say_what_an_advance_is(product: &Product) -> anyhow::Result<()> {
    let stored = product.store.policy_current(product.portal()).await?;
    let stored = stored.context("setup stored no policy")?;
    let text = policy::text(&stored)?;
    let text = format!("{text}\n[invoice.advance]\npercent = 30\n");
    policy::put(product, &text, stored.version, "demo").await?;
    Ok(())
}
