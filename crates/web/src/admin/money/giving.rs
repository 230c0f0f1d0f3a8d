//! A payment, or what is left of it, that a person gives to an invoice by its number, with the password again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use desk::giving::{GivingOrder, NotGiven};
use desk::invoices::NotNamed;
use desk::policy::NoBooking;
use domain::display::money;
use http::StatusCode;

use super::letters::amount;
use super::payments::{View, back, shown};
use super::proven::{NotProven, proven};
use super::words::{NO_BOOKING, not_named, plain};
use crate::admin::Admin;
use crate::admin::answer;
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
    let refuse = async |status, why: String| {
        let view = View {
            trouble: Some(why),
            giving: giving.clone(),
            ..View::default()
        };
        shown(&admin, &session, number, status, view).await
    };
    let order = match amount(&giving.amount) {
        // A form that says nothing of what was seen saw nothing that could be there.
        Ok(amount) => GivingOrder {
            payment: number,
            invoice: giving.invoice.clone(),
            amount,
            seen: Some(seen.parse().unwrap_or_default()),
        },
        Err(why) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()).await,
    };
    if let Err(refused) = proven(&admin, &session, password, &way).await {
        return match refused {
            NotProven::Why(status, why) => refuse(status, why).await,
            NotProven::Broken(response) => *response,
        };
    }
    let desk = admin.desk();
    let given = desk.give(&order, &session.account, &admin.pages.zone);
    match given.await {
        Ok(given) => back(number, "given", given.whole),
        Err(
            NotGiven::Store(error)
            | NotGiven::NotNamed(NotNamed::Store(error))
            | NotGiven::NoBooking(NoBooking::Store(error)),
        ) => answer::broken(&error),
        Err(error) => refuse(StatusCode::UNPROCESSABLE_ENTITY, not_given(&error)).await,
    }
}

fn not_given(error: &NotGiven) -> String {
    match error {
        NotGiven::NoBooking(_) => NO_BOOKING.to_owned(),
        NotGiven::NotNamed(error) => not_named(error),
        NotGiven::NoPayment(_) => "Это не оплата покупателя: к счёту её не относят.".to_owned(),
        NotGiven::SetAside(_) => {
            "Платёж отложен по словам назначения: сначала скажите, что это оплата покупателя."
                .to_owned()
        }
        NotGiven::Register(_) => {
            "Это поступление за многие продажи: сначала разнесите его вместе с комиссией."
                .to_owned()
        }
        NotGiven::Changed(_) | NotGiven::Again { .. } => {
            "Пока вы писали, с платежом что-то сделали: посмотрите историю и решите снова."
                .to_owned()
        }
        NotGiven::NoAmount => "Сумма должна быть больше нуля.".to_owned(),
        NotGiven::NotThatMuch { left, .. } => {
            let left = money(*left);
            format!("От платежа осталось {left}: больше отнести нельзя.")
        }
        NotGiven::MoreThanOpen { number, open } => {
            let (number, open) = (plain(number), money(*open));
            format!("По счёту № {number} осталось {open}: больше отнести нельзя.")
        }
        NotGiven::Store(error) => error.to_string(),
    }
}
