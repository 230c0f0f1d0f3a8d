//! `provodka robot`: the address by which the portal's own robots, or other programs, call orders.
//!
//! Not here: what the address does (`web`).

use domain::Order;

use crate::address::{Called, SHOWN_ONCE};
use crate::args::RobotCommand;
use crate::product::Product;

const ORDERS: Called = Called {
    address: web::Address::Orders,
    path: web::BITRIX24_ORDERS,
    noted: "robot_address",
};

/// Does what is wanted and gives what is to be printed.
///
/// # Errors
/// Where nobody could reach the address, or the store fails.
pub async fn run(product: &Product, command: &RobotCommand) -> anyhow::Result<String> {
    match command {
        RobotCommand::New => {
            let addresses = new(product).await?;
            eprintln!("{SHOWN_ONCE}");
            Ok(addresses
                .iter()
                .map(|(order, address)| format!("{}\t{address}\n", order.in_russian()))
                .collect())
        }
        RobotCommand::Off => ORDERS.forget(product).await,
    }
}

/// A fresh address for each order, in place of the former ones.
///
/// # Errors
/// Where nobody could reach it, or the store fails.
pub async fn new(product: &Product) -> anyhow::Result<Vec<(Order, String)>> {
    let address = ORDERS.renew(product).await?;
    let addresses = Order::ALL.into_iter().map(|order| {
        let mut address = address.clone();
        address
            .query_pairs_mut()
            .append_pair("order", order.as_str());
        (order, address.into())
    });
    Ok(addresses.collect())
}
