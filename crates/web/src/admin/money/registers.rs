//! A credit of acquiring or СБП that a person gives to the sales behind it: the sales, the register and what the bank kept;
//! counted first as often as he likes, recorded with the password again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use desk::invoices::NotNamed;
use desk::policy::NoBooking;
use desk::questions::OfferedShare;
use desk::registers::{
    BadLine, Credit, NotSplit, Sale, SplitCount, SplitOrder, SplitUp, read_sales,
};
use domain::Money;
use domain::display::money;
use http::StatusCode;

use super::payments::{View, back, refused, shown};
use super::proven::{Refusal, proven};
use super::questions::{Share, share_in_words};
use super::typed::{self, CHANGED};
use super::words::{NO_BOOKING, not_named, part_first, plain, whole_first};
use crate::admin::Admin;
use crate::admin::form::Order;
use crate::admin::guard::Way;

/// The button that only counts.
const COUNT: &str = "count";

/// The form of a credit.
pub(super) struct SplitForm {
    pub(super) number: i64,
    pub(super) seen: i64,
    pub(super) is_register: bool,
    pub(super) net: String,
    /// The commission, and what the buyers paid, where the purpose tells it.
    pub(super) told: Option<(String, String)>,
    pub(super) typed: Sales,
    /// Somebody typed something already.
    pub(super) is_typed: bool,
    pub(super) count: Option<CountInWords>,
}

/// The form, as it was typed.
#[derive(Clone, Default)]
pub(super) struct Sales {
    pub(super) sales: String,
    pub(super) commission: String,
    pub(super) other: String,
    pub(super) register: String,
}

/// What was typed comes to.
pub(super) struct CountInWords {
    pub(super) shares: Vec<Share>,
    pub(super) told: String,
    pub(super) colour: &'static str,
}

impl SplitForm {
    /// Nothing is typed yet: the commission is as the purpose has it.
    pub(super) fn new(credit: &Credit) -> Self {
        let commission = credit.told.map(|(commission, _)| commission.to_string());
        Self {
            number: credit.payment,
            seen: credit.seen,
            is_register: credit.is_register,
            net: money(credit.net),
            told: credit
                .told
                .map(|(commission, gross)| (money(commission), money(gross))),
            typed: Sales {
                commission: commission.unwrap_or_default(),
                ..Sales::default()
            },
            is_typed: false,
            count: None,
        }
    }

    /// With what was typed, and what that comes to.
    pub(super) fn typed(self, sales: Option<Sales>, count: Option<&SplitCount>) -> Self {
        Self {
            is_typed: sales.is_some(),
            typed: sales.unwrap_or(self.typed),
            count: count.map(CountInWords::of),
            ..self
        }
    }
}

impl CountInWords {
    fn of(count: &SplitCount) -> Self {
        let share = |sale: &Sale| {
            share_in_words(&OfferedShare {
                invoice: sale.invoice.clone(),
                balance: Some(sale.balance.clone()),
                open: sale.open,
                amount: sale.amount,
            })
        };
        let lacks = money(count.left);
        let too_much = Money::ZERO.checked_sub(count.left).unwrap_or_default();
        let (told, colour) = match (&count.refused, count.left.kopecks()) {
            (_, 1..) => (format!("Ещё не названо продаж на {lacks}."), "warn"),
            (_, ..0) => (format!("Названо лишнее: {}.", money(too_much)), "warn"),
            (Some(_), 0) => ("Сходится, но записать так нельзя.".to_owned(), "warn"),
            (None, 0) => {
                let gross = money(count.gross);
                (format!("Сходится: счетам продаж {gross}."), "said")
            }
        };
        Self {
            shares: count.sales.iter().map(share).collect(),
            told,
            colour,
        }
    }
}

/// `POST /money/payments/{number}/split`
pub(in crate::admin) async fn split(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Path(number): Path<i64>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let sales = Sales {
        sales: fields.take("sales"),
        commission: fields.take("commission"),
        other: fields.take("other"),
        register: fields.take("register"),
    };
    let (seen, step) = (fields.take("seen"), fields.take("step"));
    let password = fields.take("password");
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let view = |count| View {
        sales: Some(sales.clone()),
        count,
        ..View::default()
    };
    let order = match sales.order(number, typed::seen(&seen)) {
        Ok(order) => order,
        Err(why) => {
            return refused(&admin, &session, number, Refusal::of(why), view(None)).await;
        }
    };
    let desk = admin.desk();
    if step == COUNT {
        return match desk.count_split(&order).await {
            Ok(count) => {
                let view = View {
                    trouble: in_the_way(&count),
                    ..view(Some(count))
                };
                shown(&admin, &session, number, StatusCode::OK, view).await
            }
            Err(error) => refused(&admin, &session, number, not_split(error), view(None)).await,
        };
    }
    let split: Result<SplitUp, Refusal> = async {
        typed::named(
            &order.register,
            "Назовите реестр с номером и датой: до 500 знаков.",
        )?;
        proven(&admin, &session, password, &way).await?;
        let split = desk.split(&order, &session.account, &admin.pages.zone);
        split.await.map_err(not_split)
    }
    .await;
    match split {
        Ok(split) => back(number, "split", split.whole),
        Err(refusal) => {
            let count = desk.count_split(&order).await.ok();
            refused(&admin, &session, number, refusal, view(count)).await
        }
    }
}

impl Sales {
    fn order(&self, payment: i64, seen: i64) -> Result<SplitOrder, String> {
        let sales = read_sales(&self.sales).map_err(|BadLine(line)| {
            format!("Строка {line} не читается: напишите «номер счёта; сумма».")
        })?;
        let read = |text| typed::amount(text).map(Option::unwrap_or_default);
        Ok(SplitOrder {
            payment,
            sales,
            commission: read(&self.commission)?,
            other: read(&self.other)?,
            register: self.register.trim().to_owned(),
            seen: Some(seen),
        })
    }
}

/// Why what was counted would be refused, where the sums do not say it.
fn in_the_way(count: &SplitCount) -> Option<String> {
    let refused = count.refused.as_ref()?;
    let is_said = matches!(refused, NotSplit::NotClosed { .. }) && !count.left.is_zero();
    (!is_said).then(|| split_in_words(refused))
}

fn not_split(error: NotSplit) -> Refusal {
    match error {
        NotSplit::Store(error)
        | NotSplit::NotNamed(NotNamed::Store(error))
        | NotSplit::NoBooking(NoBooking::Store(error)) => error.into(),
        error => Refusal::of(split_in_words(&error)),
    }
}

fn split_in_words(error: &NotSplit) -> String {
    match error {
        NotSplit::NoBooking(_) => NO_BOOKING.to_owned(),
        NotSplit::NotNamed(NotNamed::NoInvoice(number)) => format!(
            "Счёта {} у этой организации нет, или он больше не действует.",
            plain(number)
        ),
        NotSplit::NotNamed(error) => not_named(error),
        NotSplit::NoRegister => "Назовите реестр.".to_owned(),
        NotSplit::NoCredit(_) => "Это не поступление от покупателей: разносить нечего.".to_owned(),
        NotSplit::Decided(_) => "По платежу уже решено: сначала снимите.".to_owned(),
        NotSplit::Changed(_) => CHANGED.to_owned(),
        NotSplit::NotClosed {
            net,
            commission,
            gross,
        } => format!(
            "Не сходится: продажи на {}, а пришло {} и комиссия {}.",
            money(*gross),
            money(*net),
            money(*commission)
        ),
        NotSplit::NothingForInvoices(_) => {
            "Продажи без счёта забирают всё, что пришло: счета оплатила бы одна комиссия. Назовите продажи без счёта за \
             вычетом того, что банк удержал с них, а комиссией то, что он удержал с остальных."
                .to_owned()
        }
        NotSplit::NoSuchSales => {
            "Назовите хотя бы одну продажу; суммы продаж больше нуля, остальные не меньше."
                .to_owned()
        }
        NotSplit::Twice(number) => {
            format!("Счёт {} назван дважды: сложите его продажи.", plain(number))
        }
        NotSplit::MoreThanOpen { number, open } => format!(
            "По счёту {} осталось {}: больше отнести нельзя.",
            plain(number),
            money(*open)
        ),
        NotSplit::WholeGiven { whole, .. } => whole_first(*whole),
        NotSplit::PartGiven { part, .. } => part_first(*part),
        NotSplit::Store(error) => error.to_string(),
    }
}
