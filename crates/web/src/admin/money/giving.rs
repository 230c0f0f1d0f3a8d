//! A payment, or what is left of it, that a person gives to an invoice by its number, with the password again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use desk::giving::{Given, GivingOrder, NotGiven};
use desk::invoices::NotNamed;
use desk::policy::NoBooking;
use domain::display::money;

use super::payments::{View, back, refused};
use super::proven::{Refusal, proven};
use super::typed::{self, CHANGED};
use super::words::{NO_BOOKING, not_named, part_first, plain, whole_first};
use crate::admin::Admin;
use crate::admin::form::Order;
use crate::admin::guard::Way;

/// The form, as it was typed.
#[derive(Clone, Default)]
pub(super) struct Giving {
    pub(super) invoice: String,
    pub(super) amount: String,
}

/// `POST /money/payments/{number}/give`
pub(in crate::admin) async fn give(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Path(number): Path<i64>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let giving = Giving {
        invoice: fields.take("invoice"),
        amount: fields.take("amount"),
    };
    let (seen, password) = (fields.take("seen"), fields.take("password"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let given: Result<Given, Refusal> = async {
        let order = GivingOrder {
            payment: number,
            invoice: giving.invoice.clone(),
            amount: typed::amount(&giving.amount)?,
            seen: Some(typed::seen(&seen)),
        };
        proven(&admin, &session, password, &way).await?;
        let desk = admin.desk();
        let given = desk.give(&order, &session.account, &admin.pages.zone);
        given.await.map_err(not_given)
    }
    .await;
    match given {
        Ok(given) => back(number, "given", given.whole),
        Err(refusal) => {
            let view = View {
                giving,
                ..View::default()
            };
            refused(&admin, &session, number, refusal, view).await
        }
    }
}

fn not_given(error: NotGiven) -> Refusal {
    Refusal::of(match error {
        NotGiven::Store(error)
        | NotGiven::NotNamed(NotNamed::Store(error))
        | NotGiven::NoBooking(NoBooking::Store(error)) => return error.into(),
        NotGiven::NoBooking(_) => NO_BOOKING.to_owned(),
        NotGiven::NotNamed(error) => not_named(&error),
        NotGiven::NoPayment(_) => "Это не оплата покупателя: к счёту её не относят.".to_owned(),
        NotGiven::SetAside(_) => {
            "Платёж отложен по словам назначения: сначала скажите, что это оплата покупателя."
                .to_owned()
        }
        NotGiven::Register(_) => {
            "Это поступление за многие продажи: сначала разнесите его вместе с комиссией."
                .to_owned()
        }
        NotGiven::Changed(_) | NotGiven::Again { .. } => CHANGED.to_owned(),
        NotGiven::NoAmount => "Сумма должна быть больше нуля.".to_owned(),
        NotGiven::NotThatMuch { left, .. } => {
            let left = money(left);
            format!("От платежа осталось {left}: больше отнести нельзя.")
        }
        NotGiven::MoreThanOpen { number, open } => {
            let (number, open) = (plain(&number), money(open));
            format!("По счёту № {number} осталось {open}: больше отнести нельзя.")
        }
        NotGiven::WholeGiven { whole, .. } => whole_first(whole),
        NotGiven::PartGiven { part, .. } => part_first(part),
    })
}
