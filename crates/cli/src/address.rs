//! The addresses by which others call us, each proved by a token that is shown once: a fresh one, or none any more.
//!
//! Not here: what they do (`web`), who is given them (`hint`, `robot`).

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use url::Url;

use crate::fault::Told;
use crate::product::Product;

/// What is said beside a fresh one.
pub(crate) const SHOWN_ONCE: &str =
    "the token is shown only now; an address that was given out before does nothing any more";

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Called {
    /// Whose token proves it.
    pub(crate) address: web::Address,
    /// Its path, without the portal.
    pub(crate) path: &'static str,
    /// Its name in the journal.
    pub(crate) noted: &'static str,
}

impl Called {
    /// The portal's address with a fresh token in place of the former.
    ///
    /// # Errors
    /// Where nobody could reach it, or the store fails.
    pub(crate) async fn renew(self, product: &Product) -> anyhow::Result<Url> {
        let public = product.config.server.public_url.as_ref();
        let public = public.ok_or_else(|| {
            Told::mistake("nobody knows where others reach us: `server.public_url` is missing")
                .hint(
                "name the address in the configuration: `public_url = \"https://provodka.example\"`",
            )
        })?;
        // An address may be asked for before the program served for the first time.
        product.connector.register().await?;
        let portal = product.portal();
        let path = format!("{}{portal}", self.path.trim_start_matches('/'));
        let mut url = public.join(&path).context("no address comes of it")?;
        let renewed = self.address.new_token(&product.store, portal, &product.rng);
        let token = renewed.await?;
        url.query_pairs_mut()
            .append_pair("token", token.expose_secret());
        product.note_person(json!({self.noted: "new"})).await?;
        Ok(url)
    }

    /// Nobody can call it any more; says whether anybody could, and has nothing to be printed.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn forget(self, product: &Product) -> anyhow::Result<String> {
        let portal = product.portal();
        if self.address.forget_token(&product.store, portal).await? {
            product.note_person(json!({self.noted: "off"})).await?;
            eprintln!("the address does nothing any more");
        } else {
            eprintln!("there was no address");
        }
        Ok(String::new())
    }
}
