//! All payments, found by what people know of one; the story of one; and taking a booking back, which asks for the
//! password again. Not here: giving (`giving`, `letters`, `registers`).

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::giving::givable;
use desk::payments::NotUndone;
use desk::registers::{SplitCount, credit};
use domain::Inn;
use domain::display::{date, money};
use domain::payment::{AccountNumber, Direction, PaymentKind};
use http::StatusCode;
use jiff::civil::Date;
use store::{
    InvoiceRef, LedgerLine, ListedPayment, PageFilter, PaymentFilter, PaymentState, StoreError,
    Undone,
};

use super::giving::Giving;
use super::letters::Letter;
use super::proven::{Refusal, proven};
use super::registers::{Sales, SplitForm};
use super::typed::reason;
use super::words::{PaymentInWords, invoice_name, plain};
use super::{asked, beside, said};
use crate::admin::Admin;
use crate::admin::answer::{self, Frame};
use crate::admin::form::Order;
use crate::admin::guard::Way;
use crate::admin::session::Session;

/// Payments of one page.
const ON_A_PAGE: usize = 50;

const STATES: [(&str, &str); 5] = [
    ("new", "не рассмотрен"),
    ("asked", "ждёт решения"),
    ("booked", "отнесён к счёту"),
    ("left", "оставлен без счёта"),
    ("aside", "не оплата счёта"),
];

#[derive(Template)]
#[template(path = "money/payments.html")]
struct List {
    frame: Frame,
    wanted: Wanted,
    accounts: Vec<String>,
    states: &'static [(&'static str, &'static str)],
    trouble: Option<&'static str>,
    payments: Vec<PaymentInWords>,
    /// The address of the next page.
    next: Option<String>,
    /// The address of the first page; none: this is it.
    first: Option<String>,
}

/// The filter as it was typed.
#[derive(Clone, Default)]
struct Wanted {
    state: String,
    from: String,
    to: String,
    account: String,
    inn: String,
    number: String,
}

#[derive(Template)]
#[template(path = "money/payment.html")]
struct One {
    frame: Frame,
    said: Option<&'static str>,
    whole: Option<i64>,
    trouble: Option<String>,
    payment: PaymentInWords,
    account: String,
    story: Vec<Line>,
    may_undo: bool,
    /// Only its words say that it is no buyer's.
    was_set_aside: bool,
    because: String,
    is_refund: bool,
    /// The invoices that a payer's letter may take it from: how each is named, and for people.
    movable: Vec<(String, String)>,
    /// The last that was recorded of it, when the page was made.
    last: i64,
    letter: Letter,
    /// What may be given to an invoice by its number, and what is seen of the payment.
    givable: Option<(String, i64)>,
    giving: Giving,
    split: Option<SplitForm>,
}

struct Line {
    day: String,
    what: &'static str,
    invoice: String,
    amount: String,
    because: String,
    author: String,
}

/// `GET /money/payments`
pub(in crate::admin) async fn list(
    State(admin): State<Arc<Admin>>,
    session: Session,
    uri: Uri,
) -> Response {
    match listed(&admin, &session, &uri).await {
        Ok(page) => answer::page(StatusCode::OK, &page),
        Err(error) => answer::broken(&error),
    }
}

async fn listed(admin: &Admin, session: &Session, uri: &Uri) -> Result<List, StoreError> {
    let wanted = Wanted::of(uri);
    let (mut filter, trouble) = wanted.filter();
    filter.after = asked(uri, "after").and_then(|after| place(&after));
    let desk = admin.desk();
    let page = desk.store.money_page(&desk.portal, &filter).await?;
    let invoices: Vec<InvoiceRef> = page.payments.iter().flat_map(invoices).collect();
    let balances = desk.store.money_balances(&desk.portal, &invoices).await?;
    let accounts = desk.accounts().await.unwrap_or_default();
    Ok(List {
        frame: Frame::of(session, "payments"),
        next: page.next.map(|next| wanted.address(Some(next))),
        first: filter.after.map(|_| wanted.address(None)),
        wanted,
        accounts: accounts
            .iter()
            .map(|one| one.number.as_str().to_owned())
            .collect(),
        states: &STATES,
        trouble,
        payments: page
            .payments
            .iter()
            .map(|one| PaymentInWords::of(one, &balances))
            .collect(),
    })
}

fn invoices(payment: &ListedPayment) -> impl Iterator<Item = InvoiceRef> {
    payment.invoices.iter().map(|(invoice, _)| invoice.clone())
}

impl Wanted {
    fn of(uri: &Uri) -> Self {
        let text = |name| asked(uri, name).unwrap_or_default();
        Self {
            state: text("state"),
            from: text("from"),
            to: text("to"),
            account: text("account"),
            inn: text("inn"),
            number: text("number"),
        }
    }

    /// What cannot be read finds everything, and says so.
    fn filter(&self) -> (PageFilter, Option<&'static str>) {
        let mut trouble = None;
        let mut unless = |is_bad: bool, told| {
            if is_bad {
                trouble = Some(told);
            }
        };
        let given = |text: &str| !text.is_empty();
        let (state, from, to) = (
            self.state.parse().ok(),
            self.from.parse().ok(),
            self.to.parse().ok(),
        );
        let payer = Inn::parse(&self.inn).ok();
        unless(
            given(&self.state) && state.is_none(),
            "Такого состояния нет: показаны все.",
        );
        unless(
            given(&self.from) && from.is_none(),
            "Начальный день не читается: показаны все.",
        );
        unless(
            given(&self.to) && to.is_none(),
            "Последний день не читается: показаны все.",
        );
        unless(
            given(&self.inn) && payer.is_none(),
            "В ИНН ошибка: показаны все плательщики.",
        );
        let filter = PageFilter {
            state,
            from,
            to,
            account: AccountNumber::new(&self.account),
            payer,
            order: given(&self.number).then(|| self.number.clone()),
            after: None,
            limit: ON_A_PAGE,
        };
        (filter, trouble)
    }

    /// Of the page that begins behind that payment, or of the first.
    fn address(&self, after: Option<(Date, i64)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("state", &self.state),
            ("from", &self.from),
            ("to", &self.to),
            ("account", &self.account),
            ("inn", &self.inn),
            ("number", &self.number),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some((day, number)) = after {
            query.append_pair("after", &format!("{day}.{number}"));
        }
        match query.finish() {
            query if query.is_empty() => "/money/payments".to_owned(),
            query => format!("/money/payments?{query}"),
        }
    }
}

/// Where a page begins: `2026-03-12.17`.
fn place(text: &str) -> Option<(Date, i64)> {
    let (day, number) = text.split_once('.')?;
    Some((day.parse().ok()?, number.parse().ok()?))
}

/// `GET /money/payments/{number}`
pub(in crate::admin) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Session,
    Path(number): Path<i64>,
    uri: Uri,
) -> Response {
    let view = View {
        said: said(&uri),
        whole: super::number(&uri, "whole"),
        ..View::default()
    };
    shown(&admin, &session, number, StatusCode::OK, view).await
}

/// What is said on the page of a payment beside itself.
#[derive(Default)]
pub(super) struct View {
    pub(super) said: Option<&'static str>,
    /// The bank's whole order that was taken back for the part that this payment is.
    pub(super) whole: Option<i64>,
    pub(super) trouble: Option<String>,
    /// The reason as it was typed.
    pub(super) because: String,
    pub(super) letter: Letter,
    pub(super) giving: Giving,
    /// The sales of a credit as they were typed, and what they come to.
    pub(super) sales: Option<Sales>,
    pub(super) count: Option<SplitCount>,
}

/// `POST /money/payments/{number}/undo`
pub(in crate::admin) async fn undo(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Path(number): Path<i64>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let (because, password) = (fields.take("because"), fields.take("password"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let undone: Result<Option<Undone>, Refusal> = async {
        let because = reason(&because)?;
        proven(&admin, &session, password, &way).await?;
        let (desk, by) = (admin.desk(), session.account.as_str());
        let undone = desk.undo(number, (by, because), &admin.pages.zone);
        undone.await.map_err(not_undone)
    }
    .await;
    match undone {
        Ok(Some(undone)) => {
            let said = match (undone.is_refund, undone.transactions.is_empty()) {
                (true, _) => "refund-undone",
                (false, true) => "reopened",
                (false, false) => "undone",
            };
            back(number, said, None)
        }
        Ok(None) => back(number, "nothing", None),
        Err(refusal) => {
            let view = View {
                because,
                ..View::default()
            };
            refused(&admin, &session, number, refusal, view).await
        }
    }
}

fn not_undone(error: NotUndone) -> Refusal {
    match error {
        NotUndone::MoreThanOpen { invoice, open, .. } => Refusal::of(format!(
            "Без этого возврата по счёту № {} было бы оплачено больше, чем он просит (осталось {}): сначала снимите \
             то, что пришло вместо.",
            plain(&invoice),
            money(open)
        )),
        NotUndone::Store(error) => error.into(),
    }
}

/// The page of a payment with what was typed there, and why that is not done.
pub(super) async fn refused(
    admin: &Admin,
    session: &Session,
    number: i64,
    refusal: Refusal,
    view: View,
) -> Response {
    match refusal {
        Refusal::Why(status, why) => {
            let view = View {
                trouble: Some(why),
                ..view
            };
            shown(admin, session, number, status, view).await
        }
        Refusal::Broken(response) => *response,
    }
}

/// To the page of a payment, which says what was done, and which whole order was taken back for a part of it.
pub(super) fn back(number: i64, said: &str, whole: Option<i64>) -> Response {
    let whole = beside(whole);
    answer::see(&format!("/money/payments/{number}?said={said}{whole}"))
}

pub(super) async fn shown(
    admin: &Admin,
    session: &Session,
    number: i64,
    status: StatusCode,
    view: View,
) -> Response {
    match gathered(admin, session, number, view).await {
        Ok(Some(page)) => answer::page(status, &page),
        Ok(None) => answer::not_found().await,
        Err(error) => answer::broken(&error),
    }
}

async fn gathered(
    admin: &Admin,
    session: &Session,
    number: i64,
    view: View,
) -> Result<Option<One>, StoreError> {
    let desk = admin.desk();
    let filter = PaymentFilter {
        number: Some(number),
        limit: 1,
        ..PaymentFilter::default()
    };
    // Before all that it is of: a form says which it saw, and what is recorded in between was not seen.
    let last = desk.store.money_last(&desk.portal, &[number]).await?;
    let seen = last.get(&number).copied().unwrap_or_default();
    // Nothing has the number 0, which the filter takes for any.
    let found = if number > 0 {
        desk.store.money_list(&desk.portal, &filter).await?
    } else {
        Vec::new()
    };
    let Some(payment) = found.first() else {
        return Ok(None);
    };
    let story = desk.store.money_story(&desk.portal, number).await?;
    let mentioned = story.iter().filter_map(|line| line.share.as_ref());
    let mentioned: Vec<InvoiceRef> = mentioned.map(|(invoice, _)| invoice.clone()).collect();
    let balances = desk.store.money_balances(&desk.portal, &mentioned).await?;
    let line = |line: &LedgerLine| Line {
        day: date(line.dated),
        what: match line.kind.as_str() {
            "payment" => "деньги пришли или ушли",
            "allocation" if line.payment != number => "возвращено покупателю",
            "allocation" if payment.order.direction == Direction::Out => "снято с оплаченного",
            "allocation" => "отнесено",
            _ => "исправлено",
        },
        invoice: line
            .share
            .as_ref()
            .map(|(one, _)| invoice_name(one, balances.get(one)))
            .unwrap_or_default(),
        amount: line
            .share
            .as_ref()
            .map(|(_, amount)| *amount)
            .or(line.advance)
            .map(money)
            .unwrap_or_default(),
        because: plain(&line.because),
        author: match line.author.as_str() {
            "rule" => "правило".to_owned(),
            "statement" => "выписка".to_owned(),
            store::ACCOUNTING => "бухгалтер".to_owned(),
            author => plain(author),
        },
    };
    let split = credit(payment, seen).map(|credit| {
        let form = SplitForm::new(&credit);
        form.typed(view.sales, view.count.as_ref())
    });
    let givable = givable(payment, seen);
    // Only from an invoice of a deal that still has money: a refund may have taken all of it.
    let has_money = |one: &InvoiceRef| balances.get(one).is_some_and(|one| one.paid.is_positive());
    let movable = payment.invoices.iter();
    let movable =
        movable.filter(|(one, _)| payment.kind == PaymentKind::Incoming && has_money(one));
    Ok(Some(One {
        movable: movable
            .map(|(one, _)| {
                let named = format!("{}/{}", one.organisation, one.invoice);
                (named, invoice_name(one, balances.get(one)))
            })
            .collect(),
        last: seen,
        letter: view.letter,
        givable: givable.map(|one| (money(one.left), one.seen)),
        giving: view.giving,
        split,
        frame: Frame::of(session, "payments"),
        said: view.said,
        whole: view.whole,
        trouble: view.trouble,
        may_undo: !payment.invoices.is_empty()
            || matches!(payment.state, PaymentState::Booked | PaymentState::Left)
            || payment.was_set_aside_by_words(),
        was_set_aside: payment.was_set_aside_by_words(),
        account: payment.order.own_account.as_str().to_owned(),
        is_refund: payment.kind == PaymentKind::RefundOut,
        payment: PaymentInWords::of(payment, &balances),
        story: story.iter().map(line).collect(),
        because: view.because,
    }))
}
