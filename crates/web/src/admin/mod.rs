//! The pages for the people of the office, behind a sign-in.
//!
//! They have a listener of their own, so that what hears the portal from outside never shows them. Every page is written
//! on the server and works without a script, by keyboard alone. `guard` judges a request before anything else, `sign_in`
//! makes sessions, `session` knows them, `form` reads what people ordered; then one module for each subject. Nothing is
//! decided here: what people order goes to the same code as from the command line.

mod account;
mod answer;
mod cases;
mod code;
mod form;
mod guard;
mod money;
mod passwords;
mod session;
mod sign_in;
mod tries;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use desk::Desk;
use domain::PortalId;
use engine::{Clock, SharedRng};
use http::header::CONTENT_TYPE;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::Store;

use crate::GuardConfig;

pub use code::{CODE_LIVES, Code, new_code};

/// What the pages work with.
#[derive(Clone)]
pub struct Pages {
    /// Our records.
    pub store: Store,
    /// Whose.
    pub portal: PortalId,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fit for secrets.
    pub rng: SharedRng,
    /// Proxies in front of us.
    pub guard: Arc<GuardConfig>,
    /// The address that people open where it is not this machine, such as `https://provodka.office.example`.
    pub public_origin: Option<String>,
    /// TLS by the program itself.
    pub tls: bool,
    /// In which moments are told.
    pub zone: TimeZone,
    /// The accounting side returns what its accountant gave.
    pub accountant_gives: bool,
    /// The address at which people open the portal: `https://office.bitrix24.ru`.
    pub portal_origin: String,
}

/// What the pages remember between requests.
pub(crate) struct Admin {
    pages: Pages,
    passwords: passwords::Passwords,
    tries: tries::Tries,
    uploads: money::uploads::Uploads,
}

impl Admin {
    fn desk(&self) -> Desk {
        Desk {
            store: self.pages.store.clone(),
            portal: self.pages.portal.clone(),
            clock: Arc::clone(&self.pages.clock),
            accountant_gives: self.pages.accountant_gives,
        }
    }

    /// The office's day.
    fn today(&self) -> Date {
        let now = self.pages.clock.now();
        now.to_zoned(self.pages.zone.clone()).date()
    }
}

const STYLE: &str = include_str!("../../assets/style.css");

/// All pages, as [`crate::serve_pages`] serves them; they want the caller's address as `ConnectInfo<SocketAddr>`.
pub fn pages_router(pages: Pages) -> Router {
    let admin = Arc::new(Admin {
        passwords: passwords::Passwords::new(&pages.rng),
        tries: tries::Tries::default(),
        uploads: money::uploads::Uploads::default(),
        pages,
    });
    Router::new()
        .route("/", get(async || answer::see("/money")))
        .route("/start", get(sign_in::start).post(sign_in::enrol))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route("/account/session", post(account::end_session))
        .route("/questions", get(cases::show))
        .route("/questions/answer", post(cases::decide))
        .route("/questions/retry", post(cases::retry))
        .merge(about_money())
        .route("/style.css", get(style))
        .fallback(answer::not_found)
        .layer(from_fn_with_state(Arc::clone(&admin), guard::judge))
        .with_state(admin)
}

fn about_money() -> Router<Arc<Admin>> {
    use money::{
        giving, imports, letters, payments, questions, reconciliation, registers, settlements,
    };

    Router::new()
        .route("/money", get(questions::show))
        .route("/money/answer", post(questions::decide))
        .route("/money/payments", get(payments::list))
        .route("/money/payments/{number}", get(payments::show))
        .route("/money/payments/{number}/undo", post(payments::undo))
        .route("/money/payments/{number}/give", post(giving::give))
        .route("/money/payments/{number}/move", post(letters::obey))
        .route("/money/payments/{number}/split", post(registers::split))
        .route(
            "/money/settlements",
            get(settlements::show).post(settlements::settle),
        )
        .route("/money/settlements/{number}/undo", post(settlements::undo))
        .route("/money/reconciliation", get(reconciliation::show))
        .route("/money/reconciliation.xlsx", get(reconciliation::download))
        .route("/money/statements", get(imports::show).post(imports::bring))
        .route("/money/statements/{id}", get(imports::look))
        .route("/money/statements/{id}/book", post(imports::book))
        .route("/money/statements/{id}/forget", post(imports::forget))
}

async fn style() -> ([(http::HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}
