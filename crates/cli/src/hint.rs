//! `provodka hint`: the address by which the accounting side says that something changed there.
//!
//! Not here: what the address does (`web`).

use serde_json::json;

use crate::args::HintCommand;
use crate::config::Accounting;
use crate::fault::Told;
use crate::product::Product;
use crate::robot::with_new_token;

/// Does what is wanted and gives what is to be printed.
///
/// # Errors
/// Where nobody could reach the address, nobody could call it, or the store fails.
pub async fn run(product: &Product, command: &HintCommand) -> anyhow::Result<String> {
    match command {
        HintCommand::New => {
            let address = new(product).await?;
            eprintln!(
                "the token is shown only now; an address that was given out before does nothing any more"
            );
            Ok(format!("{address}\n"))
        }
        HintCommand::Off => {
            let could = web::Address::Hints
                .forget_token(&product.store, product.portal())
                .await?;
            if could {
                product.note_person(json!({"hint_address": "off"})).await?;
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

/// A fresh address in place of the former one.
///
/// # Errors
/// Where nobody could reach it, the books are our own, or the store fails.
pub async fn new(product: &Product) -> anyhow::Result<String> {
    if let Accounting::Office(_) = product.config.accounting {
        let told = Told::mistake("the books are our own: nobody else could say that they changed");
        return Err(told.into());
    }
    let address = with_new_token(product, web::Address::Hints, web::ACCOUNTING_HINTS).await?;
    product.note_person(json!({"hint_address": "new"})).await?;
    Ok(address.into())
}
