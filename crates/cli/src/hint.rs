//! `provodka hint`: the address by which the accounting side says that something changed there.
//!
//! Not here: what the address does (`web`).

use crate::address::{Called, SHOWN_ONCE};
use crate::args::HintCommand;
use crate::config::Accounting;
use crate::fault::Told;
use crate::product::Product;

const HINTS: Called = Called {
    address: web::Address::Hints,
    path: web::ACCOUNTING_HINTS,
    noted: "hint_address",
};

/// Does what is wanted and gives what is to be printed.
///
/// # Errors
/// Where nobody could reach the address, nobody could call it, or the store fails.
pub async fn run(product: &Product, command: &HintCommand) -> anyhow::Result<String> {
    match command {
        HintCommand::New => {
            let address = new(product).await?;
            eprintln!("{SHOWN_ONCE}");
            Ok(format!("{address}\n"))
        }
        HintCommand::Off => HINTS.forget(product).await,
    }
}

/// A fresh address in place of the former one.
///
/// # Errors
/// Where nobody could reach it, the books are our own, or the store fails.
pub async fn new(product: &Product) -> anyhow::Result<String> {
    if let Accounting::Office(_) = product.config.accounting {
        let told = Told::mistake("the books are our own: nobody else could say that they changed");
        return Err(told.into());
    }
    Ok(HINTS.renew(product).await?.into())
}
