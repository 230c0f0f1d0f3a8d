//! The pages of an office, on a store of their own, and people who sign in.

use std::sync::Arc;

use engine::{Clock, SharedRng};
use jiff::tz::TimeZone;
use rand::SeedableRng as _;
use store::Store;
use testkit::builders::portal;
use tokio::net::TcpListener;
use web::{Pages, Running};

use super::HandClock;
use super::browser::{Answer, Browser};

pub(crate) const PASSWORD: &str = "корова съела план счетов";

pub(crate) struct Office {
    pub(crate) store: Store,
    pub(crate) clock: Arc<HandClock>,
    rng: SharedRng,
    pub(crate) running: Running,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Pages)) -> Self {
        Self::on(Store::open_inline().unwrap(), change).await
    }

    pub(crate) async fn on(store: Store, change: impl FnOnce(&mut Pages)) -> Self {
        store.portal_put(&super::active_portal()).await.unwrap();
        let clock = Arc::new(HandClock::default());
        let rng = SharedRng::new(rand::rngs::StdRng::seed_from_u64(7));
        let mut pages = Pages {
            store: store.clone(),
            portal: portal(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            rng: rng.clone(),
            guard: Arc::default(),
            public_origin: None,
            tls: false,
            zone: TimeZone::UTC,
            accountant_gives: false,
            portal_origin: "https://portal.bitrix24.test".to_owned(),
        };
        change(&mut pages);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = web::serve_pages(listener, None, pages).unwrap();
        Self {
            store,
            clock,
            rng,
            running,
        }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.running.addr())
    }

    pub(crate) async fn code(&self) -> String {
        let code = web::new_code(&self.store, &portal(), &*self.clock, &self.rng).await;
        code.unwrap().text
    }

    /// Somebody who set a password and is in.
    pub(crate) async fn enrolled(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let code = self.code().await;
        let answer = enrol(&mut browser, &code, name, PASSWORD).await;
        assert_eq!(
            (answer.status, answer.leads_to()),
            (303, "/"),
            "{}",
            answer.text()
        );
        browser
    }
}

pub(crate) async fn enrol(browser: &mut Browser, code: &str, name: &str, password: &str) -> Answer {
    let fields = [
        ("code", code),
        ("name", name),
        ("password", password),
        ("again", password),
    ];
    browser.post("/start", &fields).await
}

pub(crate) async fn sign_in(browser: &mut Browser, name: &str, password: &str) -> Answer {
    browser
        .post("/sign-in", &[("name", name), ("password", password)])
        .await
}
