//! Money that a payer's letter moves from one invoice to another: with the letter's number and date, and the password again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use desk::invoices::NotNamed;
use desk::payments::{LetterOrder, NotMoved};
use domain::display::money;

use super::payments::{View, back, refused};
use super::proven::{Refusal, proven};
use super::typed::{self, CHANGED};
use super::words::not_named;
use crate::admin::Admin;
use crate::admin::form::Order;
use crate::admin::guard::Way;

/// The form, as it was typed.
#[derive(Clone, Default)]
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) amount: String,
    pub(super) letter: String,
}

/// `POST /money/payments/{number}/move`
pub(in crate::admin) async fn obey(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Path(number): Path<i64>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let letter = Letter {
        from: fields.take("from"),
        to: fields.take("to"),
        amount: fields.take("amount"),
        letter: fields.take("letter"),
    };
    let (seen, password) = (fields.take("seen"), fields.take("password"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let moved: Result<(), Refusal> = async {
        let order = letter.order(number, &seen)?;
        proven(&admin, &session, password, &way).await?;
        let desk = admin.desk();
        let moved = desk.obey_letter(&order, &session.account, &admin.pages.zone);
        moved.await.map(drop).map_err(not_moved)
    }
    .await;
    match moved {
        Ok(()) => back(number, "moved", None),
        Err(refusal) => {
            let view = View {
                letter,
                ..View::default()
            };
            refused(&admin, &session, number, refusal, view).await
        }
    }
}

impl Letter {
    fn order(&self, payment: i64, seen: &str) -> Result<LetterOrder, &'static str> {
        let letter = typed::named(
            &self.letter,
            "Назовите письмо с номером и датой: до 500 знаков.",
        )?;
        Ok(LetterOrder {
            payment,
            from: self.from.clone(),
            to: self.to.clone(),
            amount: typed::amount(&self.amount)?,
            seen: Some(typed::seen(seen)),
            letter: letter.to_owned(),
        })
    }
}

fn not_moved(error: NotMoved) -> Refusal {
    Refusal::of(match error {
        NotMoved::Store(error) | NotMoved::NotNamed(NotNamed::Store(error)) => {
            return error.into();
        }
        NotMoved::NotNamed(error) => not_named(&error),
        NotMoved::Changed(_) | NotMoved::Again { .. } => CHANGED.to_owned(),
        NotMoved::Nothing { number, .. } => {
            format!("На счёте № {number} нет денег этого платежа: их не было, или они уже сняты.")
        }
        NotMoved::NotThatMuch { given, .. } => {
            let given = money(given);
            format!("На этом счёте от платежа {given}: больше перенести нельзя.")
        }
        NotMoved::MoreThanOpen { open } => {
            let open = money(open);
            format!("По другому счёту осталось {open}: больше не поместится.")
        }
        NotMoved::Split(_) => {
            "Это поступление разнесено по многим продажам вместе с комиссией: снимите его и разнесите заново.".to_owned()
        }
        NotMoved::Refunded(refund) => format!(
            "С этих денег снят возврат № {refund}, и счёт с тех пор оплатили другие: сначала снимите их платежи."
        ),
    })
}
