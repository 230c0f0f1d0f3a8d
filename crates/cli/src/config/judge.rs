//! From [`Raw`] to [`Config`]: what each setting must be, and which of them do not go together.
//!
//! Every judge notes its faults and goes on, so that one start tells all of them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::PortalId;
use engine::settings::{Bucket, PortalTask};
use jiff::SignedDuration;
use reconciler::portal_task;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::{
    Access, Accounting, Bitrix24, Config, ConfigFault, Database, Environment, Kontur, Log, Raw,
    Server, secrets,
};
use crate::seal::KeyRing;

mod admin;
mod office;

/// Faults met on the way.
type Faults = Vec<ConfigFault>;

/// The checked configuration.
pub(super) fn judge(raw: &Raw, environment: &Environment) -> Result<Config, Faults> {
    let mut faults = Faults::new();
    let database = database(raw, environment, &mut faults);
    let server = server(raw, &mut faults);
    let admin = admin::judge(raw, server.as_ref(), &mut faults);
    let (statements, papers) = admin::folders(raw, &mut faults);
    let log = log(raw, &mut faults);
    let keys = keys(raw, environment, &mut faults);
    let bitrix24 = bitrix24(raw, environment, &mut faults);
    let accounting = accounting(raw, environment, &mut faults);
    let extra_roots = extra_roots(raw, &mut faults);
    let engine = engine(raw, &mut faults);
    let reconciler = reconciler(raw, &mut faults);
    app_needs(raw, keys.is_some(), &mut faults);
    match (database, server, bitrix24, accounting) {
        (Some(database), Some(server), Some(bitrix24), Some(accounting)) if faults.is_empty() => {
            Ok(Config {
                development: raw.development,
                database,
                server,
                admin,
                statements,
                papers,
                log,
                keys,
                bitrix24,
                accounting,
                extra_roots,
                engine,
                reconciler,
            })
        }
        _ => Err(faults),
    }
}

fn fault(faults: &mut Faults, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
    faults.push(ConfigFault::new(key, what, remedy));
}

fn database(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Database> {
    let key = "database.url";
    let secret = secrets::find(
        environment,
        secrets::DATABASE_URL,
        "database.url_file",
        &raw.database.url_file,
        faults,
    );
    let url = secret
        .as_ref()
        .map_or(raw.database.url.as_str(), |url| url.expose_secret());
    if let Some(path) = url.strip_prefix("sqlite:") {
        if path.is_empty() {
            fault(faults, key, "names no file", "write `sqlite:PATH`");
            return None;
        }
        return Some(Database::Sqlite(PathBuf::from(path)));
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        fault(
            faults,
            key,
            "is no address of a database",
            "write `sqlite:PATH`, or `postgres://user:password@host/database`",
        );
        return None;
    }
    if raw.database.connections < 2 {
        fault(
            faults,
            "database.connections",
            "is too small",
            "write at least 2",
        );
    }
    Some(Database::Postgres(store::PostgresOptions {
        url: url.to_owned(),
        connections: usize::try_from(raw.database.connections).unwrap_or(2),
        extra_roots: database_roots(raw, faults),
    }))
}

fn database_roots(raw: &Raw, faults: &mut Faults) -> Vec<Vec<u8>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let path = &raw.database.root_certificate_file;
    if path.is_empty() {
        return Vec::new();
    }
    let read: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(roots) if !roots.is_empty() => roots.iter().map(|root| root.to_vec()).collect(),
        Ok(_) | Err(_) => {
            fault(
                faults,
                "database.root_certificate_file",
                format!("`{path}` holds no certificate in PEM"),
                "name the file of the authority",
            );
            Vec::new()
        }
    }
}

fn server(raw: &Raw, faults: &mut Faults) -> Option<Server> {
    let tls = tls(raw, faults);
    let guard = guard(raw, faults);
    let public_url = public_url(raw, faults);
    let Ok(listen) = raw.server.listen.parse::<SocketAddr>() else {
        fault(
            faults,
            "server.listen",
            format!("`{}` is no address with a port", raw.server.listen),
            "write for example `127.0.0.1:8080` or `[::]:443`",
        );
        return None;
    };
    let open = !listen.ip().is_loopback();
    if open && raw.development {
        fault(
            faults,
            "server.listen",
            "is open to others, and `development = true` switches guards off",
            "listen on 127.0.0.1, or remove `development`",
        );
    } else if open && tls.is_none() && raw.server.trusted_proxies.is_empty() {
        fault(
            faults,
            "server.listen",
            "is open to others without TLS: events carry a secret",
            "set `server.tls_certificate_file` and `server.tls_key_file`, or name the proxy in front of us in \
             `server.trusted_proxies`",
        );
    }
    Some(Server {
        listen,
        public_url,
        tls,
        guard: Arc::new(guard),
    })
}

fn tls(raw: &Raw, faults: &mut Faults) -> Option<web::TlsFiles> {
    let (certificate, key) = (&raw.server.tls_certificate_file, &raw.server.tls_key_file);
    for (name, path) in [
        ("server.tls_certificate_file", certificate),
        ("server.tls_key_file", key),
    ] {
        if path.is_empty() != (certificate.is_empty() && key.is_empty()) {
            fault(
                faults,
                name,
                "is missing, its counterpart is set",
                "set both or none",
            );
        } else if !path.is_empty()
            && let Err(error) = std::fs::File::open(path)
        {
            fault(
                faults,
                name,
                format!("`{path}` cannot be read: {error}"),
                "mend the path or the file's rights",
            );
        }
    }
    (!certificate.is_empty() && !key.is_empty()).then(|| web::TlsFiles {
        certificate: PathBuf::from(certificate),
        key: PathBuf::from(key),
    })
}

fn guard(raw: &Raw, faults: &mut Faults) -> web::GuardConfig {
    let sources = match raw.bitrix24.source_check.as_str() {
        "observe" => web::Sources::Observe,
        "enforce" => web::Sources::Enforce,
        other => {
            fault(
                faults,
                "bitrix24.source_check",
                format!("`{other}` is unknown"),
                "write `observe` or `enforce`",
            );
            web::Sources::Observe
        }
    };
    if sources == web::Sources::Enforce && raw.bitrix24.sources.is_empty() {
        fault(
            faults,
            "bitrix24.source_check",
            "is `enforce`, and `bitrix24.sources` is empty: nothing would be enforced",
            "list the networks, or write `observe`",
        );
    }
    web::GuardConfig {
        trusted_proxies: networks(
            "server.trusted_proxies",
            &raw.server.trusted_proxies,
            faults,
        ),
        bitrix24: web::SourceList {
            networks: networks("bitrix24.sources", &raw.bitrix24.sources, faults),
            sources,
        },
    }
}

fn networks(key: &str, texts: &[String], faults: &mut Faults) -> Vec<ipnet::IpNet> {
    let mut networks = Vec::new();
    for text in texts {
        let alone = || text.parse::<IpAddr>().map(ipnet::IpNet::from);
        match text.parse().or_else(|_| alone()) {
            Ok(network) => networks.push(network),
            Err(_) => fault(
                faults,
                key,
                format!("`{text}` is no network"),
                "write for example `10.0.0.0/8` or `203.0.113.7`",
            ),
        }
    }
    networks
}

fn public_url(raw: &Raw, faults: &mut Faults) -> Option<Url> {
    let text = &raw.server.public_url;
    if text.is_empty() {
        return None;
    }
    remote_url(
        "server.public_url",
        &format!("{}/", text.strip_suffix('/').unwrap_or(text)),
        raw.development,
        faults,
    )
}

/// An address over TLS; without it only on loopback and only in development. Its text is not shown: it may
/// hold a secret.
fn remote_url(key: &str, text: &str, development: bool, faults: &mut Faults) -> Option<Url> {
    let url = match Url::parse(text) {
        Ok(url) if url.host().is_some() && matches!(url.scheme(), "http" | "https") => url,
        _ => {
            fault(
                faults,
                key,
                "is no address",
                "write it whole, with `https://`",
            );
            return None;
        }
    };
    match (url.scheme(), is_loopback(&url), development) {
        ("https", false, _) | (_, true, true) => Some(url),
        (_, true, false) => {
            fault(
                faults,
                key,
                "is on this machine, which is for trying out only",
                "set `development = true`, or name the real address",
            );
            None
        }
        (_, false, _) => {
            fault(
                faults,
                key,
                "is without TLS",
                "write `https://`; plain HTTP goes to this machine only, with `development = true`",
            );
            None
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

fn log(raw: &Raw, faults: &mut Faults) -> Log {
    let json = match raw.log.format.as_str() {
        "json" => true,
        "human" => false,
        other => {
            fault(
                faults,
                "log.format",
                format!("`{other}` is unknown"),
                "write `human` or `json`",
            );
            false
        }
    };
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&raw.log.level) {
        fault(
            faults,
            "log.level",
            format!("is no filter: {error}"),
            "write for example `info` or `info,engine=debug`",
        );
    }
    Log {
        json,
        filter: raw.log.level.clone(),
    }
}

fn keys(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Arc<KeyRing>> {
    let sealing = &raw.sealing;
    let newest = secrets::find(
        environment,
        secrets::MASTER_KEY,
        "sealing.master_key_file",
        &sealing.master_key_file,
        faults,
    );
    let older = secrets::find(
        environment,
        secrets::OLDER_MASTER_KEYS,
        "sealing.older_master_keys_file",
        &sealing.older_master_keys_file,
        faults,
    );
    let newest = newest?;
    let older: Vec<SecretString> = older
        .iter()
        .flat_map(|keys| {
            keys.expose_secret()
                .split([',', '\n'])
                .map(str::trim)
                .filter(|key| !key.is_empty())
                .map(|key| SecretString::from(key.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    match KeyRing::new(&newest, &older) {
        Ok(ring) => Some(Arc::new(ring)),
        Err(error) => {
            fault(
                faults,
                secrets::MASTER_KEY,
                error.to_string(),
                "make one with `openssl rand -base64 32`",
            );
            None
        }
    }
}

fn bitrix24(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Bitrix24> {
    let given = &raw.bitrix24;
    let id = given.member_id.trim();
    let fits = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits {
        fault(
            faults,
            "bitrix24.member_id",
            if id.is_empty() {
                "is missing"
            } else {
                "is no member id"
            },
            "take it from any event of the portal (`auth[member_id]`) or from the page of the application: 32 letters \
             and digits that stay when the portal is renamed",
        );
    }
    let application_token = secrets::find(
        environment,
        secrets::APPLICATION_TOKEN,
        "bitrix24.application_token_file",
        &given.application_token_file,
        faults,
    );
    let access = match given.kind.as_str() {
        "webhook" => webhook(raw, environment, faults),
        "app" => app(raw, environment, faults),
        other => {
            fault(
                faults,
                "bitrix24.kind",
                format!("`{other}` is unknown"),
                "write `webhook` or `app`",
            );
            None
        }
    };
    Some(Bitrix24 {
        member_id: PortalId::new(id),
        access: access?,
        application_token,
    })
}

fn webhook(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Access> {
    let url = secrets::need(
        environment,
        secrets::WEBHOOK_URL,
        "bitrix24.webhook_url_file",
        &raw.bitrix24.webhook_url_file,
        faults,
    )?;
    let address = remote_url(
        secrets::WEBHOOK_URL,
        url.expose_secret(),
        raw.development,
        faults,
    )?;
    let parts: Vec<&str> = address
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    if !matches!(parts.as_slice(), ["rest", _, _]) {
        fault(
            faults,
            secrets::WEBHOOK_URL,
            "is no incoming webhook",
            "copy it whole from the portal: `https://portal/rest/USER/SECRET/`",
        );
    }
    let host = address.host_str().unwrap_or_default().to_owned();
    Some(Access::Webhook { url, host })
}

fn app(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Access> {
    let given = &raw.bitrix24;
    for (key, value, remedy) in [
        (
            "bitrix24.client_id",
            &given.client_id,
            "copy it from the page of the application",
        ),
        (
            "bitrix24.host",
            &given.host,
            "write the portal's host name, such as `office.bitrix24.ru`",
        ),
    ] {
        if value.trim().is_empty() {
            fault(faults, key, "is missing", remedy);
        }
    }
    let client_secret = secrets::need(
        environment,
        secrets::CLIENT_SECRET,
        "bitrix24.client_secret_file",
        &given.client_secret_file,
        faults,
    );
    let key = "bitrix24.oauth_url";
    let oauth = remote_url(key, &given.oauth_url, raw.development, faults)?;
    let development_host = raw.development.then(|| oauth.host_str()).flatten();
    if !connector_bitrix24::oauth_host_is_pinned(&oauth, development_host) {
        fault(
            faults,
            key,
            "is not one of the vendor's token servers, and the application's secret would go there",
            "write `https://oauth.bitrix24.tech/`",
        );
    }
    Some(Access::App {
        host: given.host.trim().to_lowercase(),
        client_id: given.client_id.trim().to_owned(),
        client_secret: client_secret?,
        oauth,
    })
}

fn app_needs(raw: &Raw, has_keys: bool, faults: &mut Faults) {
    if raw.bitrix24.kind != "app" {
        return;
    }
    let told = |faults: &Faults| faults.iter().any(|fault| fault.key == secrets::MASTER_KEY);
    if !has_keys && !told(faults) {
        fault(
            faults,
            secrets::MASTER_KEY,
            "is not set: an application's tokens are kept sealed",
            "make one with `openssl rand -base64 32`; set it in the environment, or name a file in \
             `sealing.master_key_file`",
        );
    }
    if raw.server.public_url.is_empty() {
        fault(
            faults,
            "server.public_url",
            "is missing: an application's events are sent there",
            "write the address at which the portal reaches this program",
        );
    }
}

fn accounting(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Accounting> {
    match raw.accounting.kind.as_str() {
        "kontur-accounting" => {
            if !raw.accounting.organisations.is_empty() {
                fault(
                    faults,
                    office::ORGANISATIONS,
                    "is set, and `accounting.kind` is not `office`: the service knows its organisations itself",
                    "remove the sections, or write `kind = \"office\"`",
                );
            }
            kontur(raw, environment, faults).map(Accounting::Kontur)
        }
        "office" => office::organisations(&raw.accounting, faults).map(Accounting::Office),
        other => {
            fault(
                faults,
                "accounting.kind",
                format!("`{other}` is unknown"),
                "write `kontur-accounting`, or `office` where there is no accounting program",
            );
            None
        }
    }
}

fn kontur(raw: &Raw, environment: &Environment, faults: &mut Faults) -> Option<Kontur> {
    let given = &raw.accounting;
    let api_key = secrets::need(
        environment,
        secrets::API_KEY,
        "accounting.api_key_file",
        &given.api_key_file,
        faults,
    );
    let key = "accounting.base_url";
    if given.base_url.is_empty() {
        fault(
            faults,
            key,
            "is missing",
            "write the address before `/v1`, as the partner documentation names it; where there is no accounting program \
             at all, write `kind = \"office\"`",
        );
        return None;
    }
    let base_url = remote_url(key, &given.base_url, raw.development, faults)?;
    Some(Kontur {
        base_url,
        api_key: api_key?,
        account: given.account.clone(),
        offers: connector_kontur_accounting::Offers {
            idempotency_key: given.idempotency_key,
            print_form: given.print_form,
            change_feed: given.change_feed,
            payments: given.payments,
        },
    })
}

fn extra_roots(raw: &Raw, faults: &mut Faults) -> Vec<Vec<u8>> {
    let mut roots = Vec::new();
    for path in &raw.remotes.root_certificate_files {
        match std::fs::read(path) {
            Ok(pem) => roots.push(pem),
            Err(error) => fault(
                faults,
                "remotes.root_certificate_files",
                format!("`{path}` cannot be read: {error}"),
                "mend the path or the file's rights",
            ),
        }
    }
    roots
}

fn engine(raw: &Raw, faults: &mut Faults) -> engine::Settings {
    let (timing, limits) = (&raw.timing, &raw.limits);
    let mut engine = engine::Settings::default();
    engine.effects.look_up_again = duration("look_up_again", &timing.look_up_again, faults);
    engine.effects.absent_looks_apart =
        duration("absent_looks_apart", &timing.absent_looks_apart, faults);
    engine.effects.again.first = duration("retry_first", &timing.retry_first, faults);
    engine.passes.again.first = duration("look_again_first", &timing.look_again_first, faults);
    engine.lease.poll = duration("poll", &timing.poll, faults);
    engine.lease.ttl = duration("lease", &timing.lease, faults);
    engine.lease.stop_within = duration("stop_within", &timing.stop_within, faults);
    let idle = &timing.payments_idle_every;
    engine.upkeep.portal_tasks = [
        (portal_task::SWEEP, "sweep_every", &timing.sweep_every),
        (portal_task::OFFLINE, "offline_every", &timing.offline_every),
        (portal_task::FEED, "feed_every", &timing.feed_every),
        (portal_task::FOLLOWED, "payments_idle_every", idle),
        (portal_task::CASES, "cases_every", &timing.cases_every),
        (portal_task::LINKS, "links_every", &timing.links_every),
    ]
    .into_iter()
    .map(|(task, key, text)| PortalTask::new(task, duration(key, text, faults)))
    .collect();
    let tasks = engine.upkeep.portal_tasks.iter();
    let shortest = tasks.map(|task| task.every).min();
    if let Some(shortest) = shortest {
        engine.upkeep.schedule_every = engine.upkeep.schedule_every.min(shortest);
    }
    engine.gate.bitrix24 = Bucket {
        capacity: limits.bitrix24_burst.max(1),
        drain_per_minute: limits.bitrix24_per_minute.max(1),
    };
    engine.gate.accounting = Bucket {
        capacity: limits.accounting_burst.max(1),
        drain_per_minute: limits.accounting_per_minute.max(1),
    };
    engine.gate.source.clone_from(&limits.source);
    if !(1..=90).contains(&raw.journal.kept_days) {
        fault(
            faults,
            "journal.kept_days",
            format!("is {}", raw.journal.kept_days),
            "write 1 to 90: personal data is not kept longer",
        );
    }
    engine.upkeep.journal_kept =
        Duration::from_secs(u64::from(raw.journal.kept_days).saturating_mul(86_400));
    engine
}

fn reconciler(raw: &Raw, faults: &mut Faults) -> reconciler::Settings {
    let timing = &raw.timing;
    let mut judged = |key, text| duration(key, text, faults);
    // Their keys were judged with the engine's.
    let known = |key, text| duration(key, text, &mut Faults::new());
    let settings = reconciler::Settings {
        portal_quiet: judged("portal_quiet", &timing.portal_quiet),
        accounting_quiet: judged("accounting_quiet", &timing.accounting_quiet),
        write_deadline: judged("write_deadline", &timing.write_deadline),
        accounting_in_flight: usize::try_from(raw.limits.accounting_in_flight.max(1)).unwrap_or(1),
        sweep_overlap: judged("sweep_overlap", &timing.sweep_overlap),
        offline_every: known("offline_every", &timing.offline_every),
        feed_every: known("feed_every", &timing.feed_every),
        payments_idle_every: known("payments_idle_every", &timing.payments_idle_every),
        payments_busy_every: judged("payments_busy_every", &timing.payments_busy_every),
        portal_in_flight: reconciler::Settings::default().portal_in_flight,
    };
    let longest = Duration::from_secs(60);
    if !raw.development && settings.portal_quiet < longest {
        fault(
            faults,
            "timing.portal_quiet",
            "is shorter than the 60 s that the portal may work on one request: an invoice could be written twice",
            "write at least `60s`",
        );
    }
    settings
}

fn duration(key: &str, text: &str, faults: &mut Faults) -> Duration {
    let parsed = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero());
    parsed.unwrap_or_else(|| {
        fault(
            faults,
            &format!("timing.{key}"),
            format!("`{text}` is no duration"),
            "write for example `500ms`, `90s`, `15m` or `24h`",
        );
        Duration::from_secs(1)
    })
}
