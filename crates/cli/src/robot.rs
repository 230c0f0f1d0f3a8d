//! `provodka robot`: the address by which the portal's own robots, or other programs, call orders.
//!
//! Not here: what the address does (`web`).

use anyhow::Context as _;
use domain::Order;
use secrecy::ExposeSecret as _;
use serde_json::json;
use url::Url;

use crate::args::RobotCommand;
use crate::fault::Told;
use crate::product::Product;

/// Does what is wanted and gives what is to be printed.
///
/// # Errors
/// Where nobody could reach the address, or the store fails.
pub async fn run(product: &Product, command: &RobotCommand) -> anyhow::Result<String> {
    match command {
        RobotCommand::New => {
            let addresses = new(product).await?;
            eprintln!(
                "the token is shown only now; an address that was given out before does nothing any more"
            );
            Ok(addresses
                .iter()
                .map(|(order, address)| format!("{}\t{address}\n", order.in_russian()))
                .collect())
        }
        RobotCommand::Off => {
            let could = web::Address::Orders
                .forget_token(&product.store, product.portal())
                .await?;
            if could {
                product.note_person(json!({"robot_address": "off"})).await?;
            }
            eprintln!(
                "{}",
                if could {
                    "the address does nothing any more"
                } else {
                    "there was no address"
                }
            );
            Ok(String::new())
        }
    }
}

/// A fresh address for each order, in place of the former ones.
///
/// # Errors
/// Where nobody could reach it, or the store fails.
pub async fn new(product: &Product) -> anyhow::Result<Vec<(Order, String)>> {
    let address = with_new_token(product, web::Address::Orders, web::BITRIX24_ORDERS).await?;
    product.note_person(json!({"robot_address": "new"})).await?;
    let addresses = Order::ALL.into_iter().map(|order| {
        let mut address = address.clone();
        address
            .query_pairs_mut()
            .append_pair("order", order.as_str());
        (order, address.into())
    });
    Ok(addresses.collect())
}

/// The portal's address under a path of ours, with a fresh token in place of the former.
///
/// # Errors
/// Where nobody could reach it, or the store fails.
pub(crate) async fn with_new_token(
    product: &Product,
    of: web::Address,
    path: &str,
) -> anyhow::Result<Url> {
    let public = product.config.server.public_url.as_ref();
    let public = public.ok_or_else(|| {
        Told::mistake("nobody knows where others reach us: `server.public_url` is missing").hint(
            "name the address in the configuration: `public_url = \"https://provodka.example\"`",
        )
    })?;
    // An address may be asked for before the program served for the first time.
    product.connector.register().await?;
    let portal = product.portal();
    let path = format!("{}{portal}", path.trim_start_matches('/'));
    let mut address = public.join(&path).context("no address comes of it")?;
    let token = of.new_token(&product.store, portal, &product.rng).await?;
    address
        .query_pairs_mut()
        .append_pair("token", token.expose_secret());
    Ok(address)
}
