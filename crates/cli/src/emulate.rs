//! `provodka emulate`: an emulator alone, for trying clients on and for playing the manager or the accountant.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use emulator_harness::{FaultRule, Faults, Served, SharedClock, Tls, TokioClock};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::args::{EmulateArgs, EmulateCommand};
use crate::fault::Told;
use engine::{Clock as _, SteadyClock};

/// Serves until told to stop.
///
/// # Errors
/// When a file or a rule cannot be used, or the address is taken.
pub async fn run(command: EmulateCommand) -> anyhow::Result<()> {
    match command {
        EmulateCommand::Bitrix24 { how, portal_config } => bitrix24(how, portal_config).await,
        EmulateCommand::KonturAccounting {
            how,
            accounting_config,
            idempotency_key,
        } => kontur_accounting(how, accounting_config, idempotency_key).await,
    }
}

async fn bitrix24(how: EmulateArgs, file: Option<PathBuf>) -> anyhow::Result<()> {
    use emulator_bitrix24::{Emulator, HttpDeliver, PortalConfig};

    let config = match &file {
        Some(file) => PortalConfig::parse_over_sample(&text_of(file)?)
            .map_err(anyhow::Error::msg)
            .with_context(|| unusable(file))?,
        None => PortalConfig::sample(),
    };
    let emulator = Emulator::new(config, clock(), how.seed, Arc::new(HttpDeliver));
    arm(emulator.faults(), &how.faults)?;
    let door = Door::open(&how).await?;
    let credentials = serde_json::to_value(emulator.credentials(&door.base_url))?;
    let served = door
        .serve(emulator.router(), credentials, how.json, BITRIX24_NEXT)
        .await?;
    // Whoever is told of an installation asks us at once: only now the door is open.
    let background = emulator.run_background();
    until_told(served).await?;
    background.abort();
    Ok(())
}

async fn kontur_accounting(
    how: EmulateArgs,
    file: Option<PathBuf>,
    idempotency_key: bool,
) -> anyhow::Result<()> {
    use emulator_kontur_accounting::{Config, Emulator};

    let mut config: Config = match &file {
        Some(file) => settings(file)?,
        None => toml::from_str(ACCOUNTING_SAMPLE).context("the sample's books")?,
    };
    config.settings.idempotency_key |= idempotency_key;
    let emulator = Emulator::new(config, clock(), how.seed);
    arm(emulator.faults(), &how.faults)?;
    let door = Door::open(&how).await?;
    let credentials = serde_json::to_value(emulator.credentials(&door.base_url))?;
    let served = door
        .serve(emulator.router(), credentials, how.json, KONTUR_NEXT)
        .await?;
    until_told(served).await
}

const BITRIX24_NEXT: &str = "\
Open the address above in a browser to play the manager.
Try a call:
  curl '{webhook_url}crm.deal.list.json'
What the file of --portal-config does not name stays as it is here. Bind an event for a webhook by hand in it:
  [[outgoing_webhooks]]
  url = \"http://127.0.0.1:8080/webhooks/bitrix24\"
  events = [\"ONCRMDEALUPDATE\"]
  application_token = \"any secret\"
Or install the application, when the handler is listening already:
  [[applications]]
  install_handler = \"http://127.0.0.1:8080/webhooks/bitrix24\"
Bind an event as an application:
  curl '{rest_url}event.bind.json' -d auth={access_token} -d event=ONCRMDEALUPDATE \\
       -d handler=http://127.0.0.1:8080/webhooks/bitrix24
";

const KONTUR_NEXT: &str = "\
Open the address above in a browser to play the accountant.
Try a call:
  curl -H 'X-Kontur-ApiKey: {api_key}' '{base_url}/v1/organizations'
";

const ACCOUNTING_SAMPLE: &str = include_str!("emulate/kontur-accounting.toml");

/// A listener and what is said of it.
struct Door {
    listener: TcpListener,
    base_url: String,
    tls: Option<(Tls, PathBuf)>,
}

impl Door {
    async fn open(how: &EmulateArgs) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(how.listen).await.with_context(|| {
            Told::mistake(format!("cannot listen on `{}`", how.listen))
                .hint("port 0 takes a free one")
        })?;
        let addr = listener.local_addr()?;
        let host = if addr.ip().is_unspecified() {
            "127.0.0.1".to_owned()
        } else {
            match addr {
                std::net::SocketAddr::V4(v4) => v4.ip().to_string(),
                std::net::SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
            }
        };
        let tls = how.tls.then(|| made_authority(addr.port())).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        Ok(Self {
            listener,
            base_url: format!("{scheme}://{host}:{}", addr.port()),
            tls,
        })
    }

    /// Serves and says so: nothing is printed before the door is open.
    async fn serve(
        self,
        router: axum::Router,
        credentials: Value,
        json: bool,
        next: &str,
    ) -> anyhow::Result<Served> {
        let mut said: Map<String, Value> = match credentials {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // One spelling for both emulators: where it listens, and what its addresses begin with.
        let address = self.listener.local_addr()?.to_string();
        said.insert("listen".to_owned(), address.into());
        said.entry("base_url")
            .or_insert_with(|| self.base_url.clone().into());
        let tls = self.tls.map(|(tls, authority)| {
            let authority = authority.display().to_string();
            said.insert("tls_authority_file".to_owned(), authority.into());
            tls
        });
        let served = emulator_harness::serve(self.listener, router, tls).await;
        let mut out = std::io::stdout().lock();
        if json {
            writeln!(out, "{}", Value::Object(said))?;
        } else {
            out.write_all(for_people(&self.base_url, &said, next).as_bytes())?;
        }
        out.flush()?;
        Ok(served)
    }
}

fn for_people(base_url: &str, said: &Map<String, Value>, next: &str) -> String {
    let mut text = format!("{base_url}\n\n");
    let mut next = next.to_owned();
    for (name, value) in said {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        next = next.replace(&format!("{{{name}}}"), &value);
        text.push_str(&format!("{name:<20}{value}\n"));
    }
    next = next.replace("{rest_url}", &format!("{base_url}/rest/"));
    format!("{text}\n{next}")
}

/// The authority's certificate lies in the folder for temporary files, readable by all: it is no secret.
fn made_authority(port: u16) -> anyhow::Result<(Tls, PathBuf)> {
    let (tls, authority) = Tls::self_made(&[]);
    let path = std::env::temp_dir().join(format!(
        "provodka-emulator-{}-{port}-authority.pem",
        std::process::id()
    ));
    std::fs::write(&path, authority)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok((tls, path))
}

fn settings<T: serde::de::DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    toml::from_str(&text_of(file)?).with_context(|| unusable(file))
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| Told::mistake(format!("cannot read `{}`", file.display())))
}

fn unusable(file: &Path) -> Told {
    Told::mistake(format!("`{}` cannot be used", file.display()))
}

fn arm(faults: &Faults, rules: &[String]) -> anyhow::Result<()> {
    for rule in rules {
        let parsed: FaultRule = rule.parse().map_err(|error| {
            Told::mistake(format!("`{rule}` is no fault: {error}"))
                .hint("`provodka emulate --help` shows how faults are written")
        })?;
        faults.add(parsed);
    }
    Ok(())
}

fn clock() -> SharedClock {
    TokioClock::shared(SteadyClock::of_this_machine().now())
}

async fn until_told(served: Served) -> anyhow::Result<()> {
    crate::serve::told_to_stop().await?;
    served.shutdown().await;
    Ok(())
}
