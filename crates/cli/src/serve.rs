//! `provodka serve`: the whole product in one process, until it is told to stop or its storage fails.
//!
//! On the event's way this holds both ends together: the web side that keeps events, and the engine that looks.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use connector_bitrix24::Offline;
use connector_bitrix24::webhook::{InstallGrant, TokenDigest};
use desk::pause;
use documents::{Layout, Renderer};
use domain::PortalId;
use engine::{Engine, EngineError, Stopper};
use rand::Rng as _;
use reconciler::{Reconciler, portal_task};
use store::{Lane, Look, Subject};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::Removal;

use crate::connect::Connector;
use crate::fault::Told;
use crate::product::Product;
use crate::{folder, owner, pages, papers, policy, setup};

/// So long the event of a removal waits for what the portal says of it. A refresh token that is not taken is looked for
/// in our records for seven seconds, and an event is answered within ten.
const ASKED_WITHIN: Duration = Duration::from_secs(9);
/// How often it is asked what the portal's plan gives.
const PLAN_ASKED_EVERY: Duration = Duration::from_secs(86_400);

/// The product at work.
pub struct Running {
    addr: SocketAddr,
    product: Product,
    stopper: Stopper,
    web: web::Running,
    engine: JoinHandle<Result<(), EngineError>>,
    beside: Vec<JoinHandle<()>>,
}

/// Registers the portal, then serves and works until [`Running::stop`].
///
/// `listener`: none listens where the configuration says.
///
/// # Errors
/// When the address is taken, TLS or a file of papers cannot be used, or an organisation belongs to another portal.
pub async fn start(product: Product, listener: Option<TcpListener>) -> anyhow::Result<Running> {
    let config = Arc::clone(&product.config);
    product.connector.register().await?;
    if !config.is_app() {
        // What is reached by a webhook now has no application that could be missing.
        let (store, now) = (&product.store, product.clock.now());
        pause::by_portal(store, product.portal(), true, now).await?;
    }
    if let Some(stored) = product.store.policy_current(product.portal()).await? {
        let policy = policy::read(&stored)?;
        policy::claim(&product, &policy).await?;
        papers::load(&product.config, &policy).await?;
    } else {
        tracing::warn!("the portal has no policy yet: run `provodka setup`");
    }
    let listener = match listener {
        Some(listener) => listener,
        None => {
            let bound = TcpListener::bind(config.server.listen).await;
            bound.map_err(|error| not_listening(config.server.listen, error))?
        }
    };
    let web = web::serve(listener, config.server.tls.as_ref(), door(&product))?;
    let (stopper, stop) = Stopper::new();
    let reconciler = Reconciler::new(
        Arc::clone(&product.connector) as Arc<dyn reconciler::Connections>,
        Arc::new(Renderer::new(Layout::default())),
        config.reconciler.clone(),
    );
    let name = format!("provodka-{:016x}", product.rng.clone().next_u64());
    let engine = Engine::new(product.means(), Arc::new(reconciler), name);
    look_now(&product).await?;
    // Before anything works: the portal may be another installation's by now.
    let watching = owner::begin(&product).await;
    let engine = tokio::spawn(async move { engine.run(stop).await });
    let mut beside = vec![tokio::spawn(ask_the_plan(product.clone())), watching];
    if let Some(path) = config.statements.clone() {
        beside.push(tokio::spawn(folder::watch(product.clone(), path)));
    }
    Ok(Running {
        addr: web.addr(),
        product,
        stopper,
        web,
        engine,
        beside,
    })
}

/// The side that hears events, as it is served.
pub fn door(product: &Product) -> web::App {
    web::App {
        store: product.store.clone(),
        clock: Arc::clone(&product.clock),
        portals: Arc::new(KnownPortals(product.clone())),
        guard: Arc::clone(&product.config.server.guard),
    }
}

fn not_listening(listen: SocketAddr, error: io::Error) -> anyhow::Error {
    let told = Told::failure(format!("cannot listen on `{listen}`"));
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => Some(
            "ports below 1024 need CAP_NET_BIND_SERVICE: `AmbientCapabilities=CAP_NET_BIND_SERVICE` in the unit; \
             or listen on a higher port behind a proxy",
        ),
        io::ErrorKind::AddrInUse => Some(
            "another program listens there, perhaps another `provodka serve`; or name another `server.listen`",
        ),
        _ => None,
    };
    let told = match hint {
        Some(hint) => told.hint(hint),
        None => told,
    };
    anyhow::Error::new(error).context(told)
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its parts.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// Stops gracefully: takes no more events, lets looks under way end, gives the leases back.
    ///
    /// # Errors
    /// When the engine had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.beside.iter().for_each(JoinHandle::abort);
        self.web.stop().await;
        self.stopper.stop();
        self.engine.await.context("the engine died")??;
        Ok(())
    }

    /// Returns when it cannot go on: the storage failed for good, or the engine ended.
    pub async fn failed(&mut self) -> anyhow::Error {
        let store = self.product.store.clone();
        tokio::select! {
            why = store.halted() => anyhow::anyhow!("the storage failed: {why}"),
            ended = &mut self.engine => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the engine ended by itself"),
                Ok(Err(error)) => anyhow::Error::new(error),
                Err(error) => anyhow::Error::new(error).context("the engine died"),
            },
        }
    }
}

/// Serves until SIGTERM, SIGINT or a failure.
///
/// # Errors
/// When it cannot start or cannot go on.
pub async fn run(product: Product) -> anyhow::Result<()> {
    let mut running = start(product, None).await?;
    let config = Arc::clone(&running.product().config);
    let pages = pages::open(running.product(), None).await?;
    if let Some(pages) = &pages {
        let_in(running.product(), pages).await?;
    }
    tracing::info!(
        listen = %running.addr(),
        portal = %config.bitrix24.member_id,
        events = %config.events_url().map_or_else(|| "not reachable from outside".to_owned(), Into::into),
        "serving"
    );
    if config.development {
        tracing::warn!("development = true: for trying out on this machine only");
    }
    tokio::select! {
        why = running.failed() => {
            // The engine is gone or must not go on; the process ends, and a restart reads the truth.
            return Err(why);
        }
        signal = told_to_stop() => tracing::info!(signal = signal?, "stopping"),
    }
    if let Some(pages) = pages {
        pages.stop().await;
    }
    running.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

/// The first who comes gets in by a code. It is printed and not logged: what collects logs keeps them.
async fn let_in(product: &Product, pages: &pages::Opened) -> anyhow::Result<()> {
    tracing::info!(address = pages.address(), "pages for people");
    if let Some(code) = pages::first_code(product).await? {
        let told = pages::in_words(product, &code).await;
        // Without an output there is `provodka admin code`.
        let _printed = writeln!(io::stdout(), "{told}\nОткройте {}/start", pages.address());
    }
    Ok(())
}

/// What may have changed while we were away is looked for at once.
async fn look_now(product: &Product) -> anyhow::Result<()> {
    let now = product.clock.now();
    let looks: Vec<Look> = [portal_task::SWEEP, portal_task::OFFLINE, portal_task::FEED]
        .into_iter()
        .map(|task| Look {
            subject: Subject::portal(task),
            lane: Lane::Due,
            due_at: now,
            reason: "start".to_owned(),
        })
        .collect();
    product.store.look(product.portal(), &looks).await?;
    Ok(())
}

/// Asks at once and daily what the portal's plan gives of its queue of changes.
async fn ask_the_plan(product: Product) {
    if !product.config.is_app() {
        return;
    }
    loop {
        if !is_removed(&product).await {
            ask_the_plan_now(&product).await;
        }
        let again = engine::clock::later(product.clock.now(), PLAN_ASKED_EVERY);
        product.clock.sleep_until(again).await;
    }
}

async fn ask_the_plan_now(product: &Product) {
    let call = product.call();
    if let Err(error) = product.connector.learn_offline(&call).await {
        tracing::warn!(error, "cannot tell what the portal's plan gives");
    }
    if let Err(error) = product.keep(&call, "serve").await {
        tracing::warn!(%error, "an exchange is missing from the journal");
    }
}

/// No call reaches a portal without the application. Where the store does not tell, the portal does.
async fn is_removed(product: &Product) -> bool {
    let portal = product.store.portal_get(product.portal()).await;
    portal.is_ok_and(|portal| portal.is_some_and(|portal| pause::is_removed(&portal)))
}

#[cfg(unix)]
pub(crate) async fn told_to_stop() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| "SIGINT"),
    }
}

#[cfg(not(unix))]
pub(crate) async fn told_to_stop() -> std::io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl+C")
}

/// The portals that the web side may believe.
struct KnownPortals(Product);

#[async_trait]
impl web::Portals for KnownPortals {
    async fn token_digest(
        &self,
        portal: &PortalId,
    ) -> Result<Option<TokenDigest>, web::TokenUnreadable> {
        let digest = self.0.connector.token_digest(portal).await;
        digest.map_err(|error| {
            tracing::error!(%error, "the token of events cannot be read");
            web::TokenUnreadable
        })
    }

    async fn install(&self, grant: InstallGrant) -> bool {
        let call = self.0.call();
        let adopted = self.0.connector.adopt_install(&call, &grant).await;
        if let Err(error) = self.0.keep(&call, "install").await {
            tracing::warn!(%error, "an exchange is missing from the journal");
        }
        match adopted {
            Ok(()) => {
                tracing::info!(portal = %grant.member_id, "the application is installed");
                if self.set_installed(true).await && self.is_set_up().await {
                    self.bind_events().await;
                }
                true
            }
            Err(error) => {
                tracing::warn!(portal = %grant.member_id, error, "an install did not prove itself");
                false
            }
        }
    }

    async fn uninstalled(&self, _portal: &PortalId) -> Removal {
        let asking = Self(self.0.clone());
        // It goes on by itself: a call that was cut off might lose renewed tokens, and what it hears late counts too.
        let found = tokio::spawn(async move { asking.whether_removed().await });
        let latest = engine::clock::later(self.0.clock.now(), ASKED_WITHIN);
        tokio::select! {
            removal = found => removal.unwrap_or(Removal::Unknown),
            () = self.0.clock.sleep_until(latest) => Removal::Unknown,
        }
    }
}

impl KnownPortals {
    /// A portal without the application is paused, and goes on when it comes back; a person's pause stays. False: that
    /// could not be kept.
    async fn set_installed(&self, installed: bool) -> bool {
        let kept = async {
            let (store, now) = (&self.0.store, self.0.clock.now());
            pause::by_portal(store, self.0.portal(), installed, now).await?;
            if installed {
                look_now(&self.0).await?;
            }
            anyhow::Ok(())
        };
        let kept = kept.await;
        if let Err(error) = &kept {
            tracing::error!(%error, "the portal's row could not be changed");
        }
        kept.is_ok()
    }

    /// Before it was, `setup` is still to bind the events.
    async fn is_set_up(&self) -> bool {
        let policy = self.0.store.policy_current(self.0.portal()).await;
        policy.is_ok_and(|policy| policy.is_some())
    }

    /// Asks the portal whether our application was removed, and pauses it if so.
    async fn whether_removed(&self) -> Removal {
        let (product, call) = (&self.0, self.0.call());
        if is_removed(product).await {
            return Removal::Kept;
        }
        let answer = product.connector.is_installed(&call).await;
        if let Err(error) = product.keep(&call, "uninstall").await {
            tracing::warn!(%error, "an exchange is missing from the journal");
        }
        match answer {
            Ok(true) => {
                tracing::warn!(
                    "an old event said that the application was removed: the portal lets it in"
                );
                Removal::Untrue
            }
            Ok(false) => {
                tracing::warn!("the application was removed: the portal is paused");
                if self.set_installed(false).await {
                    Removal::Kept
                } else {
                    Removal::Unknown
                }
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "an event said that the application was removed: the portal does not tell"
                );
                Removal::Unknown
            }
        }
    }

    /// With an application that was removed the portal has forgotten whom it tells of changes, and we may not have
    /// heard of the removal.
    async fn bind_events(&self) {
        let (product, call) = (&self.0, self.0.call());
        let bound = async {
            let known = product.store.portal_get(product.portal()).await?;
            let offline = known
                .as_ref()
                .map_or(Offline::Absent, Connector::offline_of);
            setup::bound(product, &call, offline, false, &mut Vec::new()).await
        };
        match bound.await {
            Ok(findings) if findings.iter().all(|finding| finding.holds) => {}
            Ok(_) => tracing::warn!("not all events could be bound: run `provodka setup`"),
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "events could not be bound: run `provodka setup`");
            }
        }
        if let Err(error) = product.keep(&call, "install").await {
            tracing::warn!(%error, "an exchange is missing from the journal");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::not_listening;
    use crate::fault::told;
    use std::io;

    #[test]
    fn who_may_not_listen_on_a_low_port_is_told_how() {
        let listen = "0.0.0.0:443".parse().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let (text, status) = told(&not_listening(listen, denied));
        assert!(
            text.starts_with("error: cannot listen on `0.0.0.0:443`: permission denied"),
            "{text}"
        );
        assert!(
            text.contains("hint: ") && text.contains("AmbientCapabilities=CAP_NET_BIND_SERVICE"),
            "{text}"
        );
        assert_eq!(status, 1);
        let other = io::Error::from(io::ErrorKind::AddrNotAvailable);
        assert!(!told(&not_listening(listen, other)).0.contains("hint: "));
    }
}
