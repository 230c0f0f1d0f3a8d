//! The pages for people beside the work: opened with `serve` and the demo, and `provodka admin`, which lets people in.
//!
//! Not here: what the pages show (`web::admin`).

use std::io;

use anyhow::Context as _;
use domain::display::date;
use tokio::net::TcpListener;

use crate::args::AdminCommand;
use crate::product::Product;
use crate::zone;

/// Pages that are served.
pub struct Opened {
    running: web::Running,
    address: String,
}

/// Serves the pages where the configuration says, or on `listener`. Events are heard without them too: where the address
/// is taken, that is logged and there are no pages.
///
/// # Errors
/// When the address cannot be had for another reason, or TLS cannot be used.
pub async fn open(
    product: &Product,
    listener: Option<TcpListener>,
) -> anyhow::Result<Option<Opened>> {
    let Some(admin) = &product.config.admin else {
        return Ok(None);
    };
    let listener = match listener {
        Some(listener) => listener,
        None => match TcpListener::bind(admin.listen).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let hint = "name another `admin.listen`, or an empty one to serve no pages";
                tracing::warn!(listen = %admin.listen, hint, "no pages for people: another program listens there");
                return Ok(None);
            }
            Err(error) => {
                let told = format!("cannot listen on `{}` for the pages", admin.listen);
                return Err(anyhow::Error::new(error).context(told));
            }
        },
    };
    let tls = product.config.server.tls.as_ref();
    let pages = web::Pages {
        store: product.store.clone(),
        portal: product.portal().clone(),
        clock: std::sync::Arc::clone(&product.clock),
        rng: product.rng.clone(),
        guard: std::sync::Arc::clone(&product.config.server.guard),
        public_origin: admin.public_origin.clone(),
        tls: tls.is_some(),
        zone: zone::in_force(product).await,
        accountant_gives: product.config.accounting.returns_allocations(),
        portal_origin: product.config.portal_origin(),
    };
    let running = web::serve_pages(listener, tls, pages).context("the pages cannot be served")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = match &admin.public_origin {
        Some(origin) => origin.clone(),
        None => format!("{scheme}://{}", running.addr()),
    };
    Ok(Some(Opened { running, address }))
}

impl Opened {
    /// What people open.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Takes no more requests and lets those under way end for a moment.
    pub async fn stop(self) {
        const MOMENT: std::time::Duration = std::time::Duration::from_secs(3);
        if tokio::time::timeout(MOMENT, self.running.stop())
            .await
            .is_err()
        {
            tracing::warn!("a request for a page was cut off");
        }
    }
}

/// A code for the first who comes; none where somebody has a password.
///
/// # Errors
/// The store's.
pub async fn first_code(product: &Product) -> anyhow::Result<Option<web::Code>> {
    if product.store.admin_has_accounts(product.portal()).await? {
        return Ok(None);
    }
    code(product).await.map(Some)
}

/// `provodka admin code`: gives what is to be printed.
///
/// # Errors
/// The store's.
pub async fn run(product: &Product, command: &AdminCommand) -> anyhow::Result<String> {
    let AdminCommand::Code = command;
    // A code may be asked for before the program served for the first time.
    product.connector.register().await?;
    let code = code(product).await?;
    let address = match &product.config.admin {
        Some(admin) => match &admin.public_origin {
            Some(origin) => origin.clone(),
            None if product.config.server.tls.is_some() => format!("https://{}", admin.listen),
            None => format!("http://{}", admin.listen),
        },
        None => {
            return Ok(format!(
                "{}\nСтраницы выключены: admin.listen пуст.\n",
                in_words(product, &code).await
            ));
        }
    };
    Ok(format!(
        "{}\nОткройте {address}/start, пока работает provodka serve.\n",
        in_words(product, &code).await
    ))
}

/// A code and its end, for people.
pub async fn in_words(product: &Product, code: &web::Code) -> String {
    let zone = zone::in_force(product).await;
    let ends = code.ends_at.to_zoned(zone.clone());
    format!(
        "Одноразовый код входа: {} (до {} {}, {})",
        code.text,
        date(ends.date()),
        ends.strftime("%H:%M"),
        zone::named(&zone)
    )
}

async fn code(product: &Product) -> anyhow::Result<web::Code> {
    let (store, portal) = (&product.store, product.portal());
    Ok(web::new_code(store, portal, &*product.clock, &product.rng).await?)
}
