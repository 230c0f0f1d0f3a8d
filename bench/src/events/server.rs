//! The process that is measured: the product's web side on a database on disk, or a bare handler.
//!
//! The product's side is put together as `provodka serve` does it, without the engine: what is counted is taking
//! events, not looking at deals. It tells its address on a line and lives until its input ends or it is killed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use connector_bitrix24::Tokens;
use connector_bitrix24::webhook::TokenDigest;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use provodka::config::Config;
use provodka::product::{Product, Surroundings};
use provodka::serve;
use secrecy::SecretString;
use tokio::net::TcpListener;

use super::{MEMBER, TOKEN};

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads the body and answers.
    Bare,
    /// The product for a portal that is connected by a webhook: the token is in the settings.
    Webhook,
    /// The product for an installed application: the token's digest is in the database.
    App,
}

impl Kind {
    /// All, by the word that names them.
    pub const ALL: [(&'static str, Self); 3] = [
        ("bare", Self::Bare),
        ("webhook", Self::Webhook),
        ("app", Self::App),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find_map(|(word, kind)| (kind == self).then_some(word))
            .unwrap_or_default()
    }
}

/// The database of a server in `folder`.
pub fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("events.db")
}

/// Serves until the input ends.
///
/// # Errors
/// Where it cannot begin.
pub fn serve(kind: &str, folder: &Path) -> Result<(), String> {
    let kind = Kind::ALL.into_iter().find(|(word, _)| *word == kind);
    let (_, kind) = kind.ok_or("bare, webhook or app?")?;
    // As the program itself does.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let done = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| error.to_string())?;
        let addr = listener.local_addr().map_err(|error| error.to_string())?;
        let running = match kind {
            Kind::Bare => {
                tokio::spawn(bare(listener));
                None
            }
            Kind::Webhook | Kind::App => {
                let product = product(kind, folder).await?;
                let web = web::serve(listener, None, serve::door(&product));
                Some((web.map_err(|error| error.to_string())?, product))
            }
        };
        let mut out = std::io::stdout();
        let told = writeln!(out, "{addr}").and_then(|()| out.flush());
        told.map_err(|error| error.to_string())?;
        let end = || std::io::stdin().read_to_end(&mut Vec::new());
        let _ended = tokio::task::spawn_blocking(end).await.is_ok();
        drop(running);
        Ok(())
    });
    runtime.shutdown_background();
    done
}

/// The same HTTP stack and the same body, and nothing but an answer.
async fn bare(listener: TcpListener) {
    let answer = |request: Request<Body>| async {
        let body = Limited::new(request.into_body(), 256 << 10).collect().await;
        match body.map(|body| body.to_bytes().is_empty()) {
            Ok(false) => StatusCode::OK,
            Ok(true) | Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let routes = Router::new().route(web::BITRIX24_EVENTS, post(answer));
    let _ended = axum::serve(listener, routes).await;
}

async fn product(kind: Kind, folder: &Path) -> Result<Product, String> {
    let connection = match kind {
        Kind::App => "kind = \"app\"\nhost = \"portal.bitrix24.ru\"\nclient_id = \"local.1\"",
        Kind::Webhook | Kind::Bare => "kind = \"webhook\"",
    };
    let text = format!(
        "[database]\nurl = \"sqlite:{}\"\n[server]\npublic_url = \"https://provodka.example/\"\n[bitrix24]\n{connection}\nmember_id = \"{MEMBER}\"\n\
         [accounting]\nbase_url = \"https://accounting.example/\"\n",
        database(folder).display()
    );
    let webhook = [
        (
            "WEBHOOK_URL",
            "https://portal.bitrix24.ru/rest/7/k3v8s1d5m2n7q4x9/",
        ),
        ("APPLICATION_TOKEN", TOKEN),
    ];
    let app = [("CLIENT_SECRET", "k3v8s1d5m2n7q4x9k3v8s1d5m2n7q4x9")];
    let secrets: &[(&str, &str)] = if kind == Kind::App { &app } else { &webhook };
    let mut environment: BTreeMap<String, String> = secrets
        .iter()
        .map(|(name, value)| (format!("PROVODKA_BITRIX24_{name}"), (*value).to_owned()))
        .collect();
    let master = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (name, value) in [("ACCOUNTING_API_KEY", "key"), ("MASTER_KEY", master)] {
        environment.insert(format!("PROVODKA_{name}"), value.to_owned());
    }
    let config = Config::parse(&text, &environment).map_err(|faults| faults.to_string())?;
    let product = Product::open(config, Surroundings::of_machine()).await;
    let product = product.map_err(|error| format!("{error:#}"))?;
    let registered = product.connector.register().await;
    registered.map_err(|error| error.to_string())?;
    if kind == Kind::App {
        let tokens = Tokens {
            access: SecretString::from("access"),
            refresh: SecretString::from("refresh"),
            client_endpoint: "https://portal.bitrix24.ru/rest/".to_owned(),
        };
        let vault = product.connector.vault().ok_or("no vault")?;
        let digest = TokenDigest::of(&SecretString::from(TOKEN));
        let kept = product.connector.keep_tokens(&vault, &tokens, &digest);
        kept.await.map_err(|error| error.to_string())?;
    }
    Ok(product)
}
