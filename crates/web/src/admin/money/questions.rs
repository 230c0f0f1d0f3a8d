//! Payments that wait for a decision: each with its candidates, the best first; one click gives the money to one of them
//! or to nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::accounts::KnownAccount;
use desk::payments::{NotAnswered, asks_of_refund};
use desk::policy::NoBooking;
use desk::questions::{Candidate, GIVE_TO_NOTHING, OfferedShare, Question};
use domain::Money;
use domain::display::{date, money};
use domain::payment::{Direction, PaymentKind};
use http::StatusCode;
use jiff::civil::Date;
use store::{PaymentState, PaymentSum, StoreError};

use super::registers::SplitForm;
use super::words::{OrderInWords, invoice_name, parts, plain, plural};
use super::{asked, beside, number, said};
use crate::admin::Admin;
use crate::admin::answer::{self, Frame};
use crate::admin::form::Order;
use crate::admin::session::Session;

/// Questions of one page.
const ON_A_PAGE: usize = 20;
/// An account that is known to no later day than so many before today is stale.
const STALE_AFTER_DAYS: i32 = 3;

#[derive(Template)]
#[template(path = "money/questions.html")]
struct Page {
    frame: Frame,
    said: Option<&'static str>,
    /// The payment that it was done with: on its page the decision is taken back.
    decided: Option<i64>,
    /// The bank's whole order that was taken back for the part that this payment is.
    whole: Option<i64>,
    /// Why nothing is booked.
    off: Option<String>,
    tiles: Vec<Tile>,
    accounts: Vec<AccountInWords>,
    questions: Vec<Asked>,
    /// Payments that are neither given nor asked about: the accountant is waited for, or nobody looked at them yet.
    waiting: Option<String>,
    next: Option<i64>,
    leave: &'static str,
}

/// A figure at the top.
struct Tile {
    name: &'static str,
    figure: String,
    beneath: String,
    colour: &'static str,
}

/// Through which day an account is known.
pub(super) struct AccountInWords {
    pub(super) number: String,
    pub(super) owner: String,
    pub(super) through: String,
    pub(super) colour: &'static str,
}

struct Asked {
    case: i64,
    seen: String,
    number: i64,
    order: OrderInWords,
    doubts: String,
    candidates: Vec<Offered>,
    /// Money that we paid back: it is taken off what was paid.
    is_refund: bool,
    /// Money of many sales: a person names them.
    split: Option<SplitForm>,
}

struct Offered {
    word: String,
    reasons: String,
    /// What speaks against it.
    against: String,
    shares: Vec<Share>,
    rest: Option<String>,
    is_possible: bool,
}

pub(super) struct Share {
    pub(super) invoice: String,
    pub(super) deal: String,
    pub(super) amount: String,
    /// In words: what is open now, and what would be.
    pub(super) open: String,
    /// Of a hundred: paid before, and this part.
    pub(super) paid: i64,
    pub(super) given: i64,
}

/// `GET /money`
pub(in crate::admin) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Session,
    uri: Uri,
) -> Response {
    match gathered(&admin, &session, &uri).await {
        Ok(page) => answer::page(StatusCode::OK, &page),
        Err(error) => answer::broken(&error),
    }
}

async fn gathered(admin: &Admin, session: &Session, uri: &Uri) -> Result<Page, StoreError> {
    let desk = admin.desk();
    let after = asked(uri, "after")
        .and_then(|after| after.parse().ok())
        .unwrap_or_default();
    let found = desk.questions(after, ON_A_PAGE).await?;
    let sums = desk.store.money_sums(&desk.portal).await?;
    let (accounts, off) = match desk.accounts().await {
        Ok(accounts) => (accounts, None),
        Err(NoBooking::Store(error)) => return Err(error),
        Err(why) => (Vec::new(), Some(why_off(&why))),
    };
    let today = admin.today();
    Ok(Page {
        frame: Frame::of(session, "money"),
        said: said(uri),
        decided: number(uri, "payment"),
        whole: number(uri, "whole"),
        off,
        tiles: tiles(&sums),
        accounts: accounts
            .iter()
            .map(|one| account_in_words(one, today))
            .collect(),
        questions: found.questions.iter().map(asked_in_words).collect(),
        waiting: waiting(&sums),
        next: found.next,
        leave: GIVE_TO_NOTHING,
    })
}

/// `POST /money/answer`
pub(in crate::admin) async fn decide(
    State(admin): State<Arc<Admin>>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let (case, choice) = (fields.take("case"), fields.take("choice"));
    let seen = fields.take("seen");
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let Ok(case) = case.parse::<i64>() else {
        return answer::see("/money?said=closed");
    };
    let desk = admin.desk();
    let answered = match desk
        .answer(case, Some(&seen), &choice, &session.account)
        .await
    {
        Ok(answered) => answered,
        Err(NotAnswered::Store(error)) => return answer::broken(&error),
        Err(NotAnswered::Changed(_)) => return answer::see("/money?said=again"),
        Err(
            NotAnswered::NoCase(_)
            | NotAnswered::NoChoice { .. }
            | NotAnswered::Closed(_)
            | NotAnswered::NothingOpen(_),
        ) => {
            return answer::see("/money?said=closed");
        }
    };
    let payment = answered.case.facts.subject.as_payment().unwrap_or_default();
    match desk.store.money_undecided(&desk.portal, &[payment]).await {
        Err(error) => answer::broken(&error),
        // What was open then is paid by now: it is asked anew.
        Ok(still) if !still.is_empty() => answer::see("/money?said=again"),
        Ok(_) => {
            let said = match (choice == GIVE_TO_NOTHING, asks_of_refund(&answered.case)) {
                (true, true) => "kept",
                (true, false) => "left",
                (false, true) => "taken-off",
                (false, false) => "given",
            };
            let whole = beside(answered.whole);
            answer::see(&format!("/money?said={said}&payment={payment}{whole}"))
        }
    }
}

/// Why nothing is booked, for people.
pub(super) fn why_off(why: &NoBooking) -> String {
    match why {
        NoBooking::NoPolicy => "Портал ещё не настроен: запустите provodka setup.".to_owned(),
        NoBooking::NoMoney => {
            "Платежи не разносятся: в политике нет раздела money. Как добавить — docs/guide/payments.md.".to_owned()
        }
        NoBooking::Stored(error) => {
            tracing::error!(%error, "the policy in force cannot be read");
            "Политика портала не читается: provodka policy покажет почему.".to_owned()
        }
        NoBooking::Store(_) => "Записи сейчас недоступны.".to_owned(),
    }
}

fn waiting(sums: &[PaymentSum]) -> Option<String> {
    let new = sums
        .iter()
        .filter(|sum| sum.direction == Direction::In && sum.state == PaymentState::New);
    let count: i64 = new.map(|sum| sum.count).sum();
    (count > 0).then(|| plural(count, "платёж", "платежа", "платежей"))
}

fn tiles(sums: &[PaymentSum]) -> Vec<Tile> {
    let of = |states: &[PaymentState]| {
        let ours = sums
            .iter()
            .filter(|sum| sum.direction == Direction::In && states.contains(&sum.state));
        ours.fold(
            (0, Money::ZERO, Money::ZERO),
            |(count, amount, rest), sum| {
                let add = |one: Money, other| one.checked_add(other).unwrap_or(one);
                (
                    count + sum.count,
                    add(amount, sum.amount),
                    add(rest, sum.remaining),
                )
            },
        )
    };
    let (asked, _, waiting) = of(&[PaymentState::Asked, PaymentState::New]);
    let (booked, came, rest) = of(&[PaymentState::Booked]);
    let (left, unclaimed, _) = of(&[PaymentState::Left]);
    // What a credit of many sales has left is nobody's advance.
    let of_many = sums
        .iter()
        .filter(|sum| sum.kind == PaymentKind::Register && sum.state == PaymentState::Booked);
    let of_many = Money::sum(of_many.map(|sum| sum.remaining)).unwrap_or_default();
    let advance = rest.checked_sub(of_many).unwrap_or(rest);
    let unclaimed = unclaimed.checked_add(of_many).unwrap_or(unclaimed);
    let count = |count| plural(count, "платёж", "платежа", "платежей");
    let given = came.checked_sub(rest).unwrap_or(came);
    vec![
        Tile {
            name: "Ждут решения",
            figure: money(waiting),
            beneath: count(asked),
            colour: if asked > 0 { "warn" } else { "good" },
        },
        Tile {
            name: "Отнесено к счетам",
            figure: money(given),
            beneath: count(booked),
            colour: "good",
        },
        Tile {
            name: "Авансы сверх счетов",
            figure: money(advance),
            beneath: "остаток отнесённых".to_owned(),
            colour: "",
        },
        Tile {
            name: "Оставлено без счёта",
            figure: money(unclaimed),
            beneath: count(left),
            colour: "",
        },
    ]
}

pub(super) fn account_in_words(account: &KnownAccount, today: Date) -> AccountInWords {
    let days = account
        .through()
        .map(|through| through.until(today).map_or(0, |span| span.get_days()));
    AccountInWords {
        number: plain(account.number.as_str()),
        owner: plain(&account.owner),
        through: match account.days.as_slice() {
            [] => "нет выписки за целый день".to_owned(),
            [.., (_, to)] if account.days.len() > 1 => {
                format!("известен по {}, до этого есть пропуски", date(*to))
            }
            [.., (_, to)] => format!("известен по {}", date(*to)),
        },
        colour: match days {
            None => "bad",
            Some(days) if days > STALE_AFTER_DAYS => "bad",
            Some(_) if account.days.len() > 1 => "warn",
            Some(_) => "good",
        },
    }
}

fn asked_in_words(question: &Question) -> Asked {
    Asked {
        case: question.case,
        seen: question.seen.clone(),
        number: question.payment.number,
        order: OrderInWords::of(&question.payment.order),
        doubts: plain(&question.doubts),
        candidates: question.candidates.iter().map(offered_in_words).collect(),
        is_refund: question.payment.kind == PaymentKind::RefundOut,
        split: question.credit.as_ref().map(SplitForm::new),
    }
}

fn offered_in_words(candidate: &Candidate) -> Offered {
    Offered {
        word: candidate.word.clone(),
        reasons: plain(&candidate.reasons),
        against: plain(&candidate.against),
        shares: candidate.shares.iter().map(share_in_words).collect(),
        rest: candidate.rest.is_positive().then(|| money(candidate.rest)),
        is_possible: candidate.is_possible,
    }
}

pub(super) fn share_in_words(share: &OfferedShare) -> Share {
    let Some(balance) = &share.balance else {
        return Share {
            invoice: invoice_name(&share.invoice, None),
            deal: String::new(),
            amount: money(share.amount),
            open: "счёта больше нет".to_owned(),
            paid: 0,
            given: 0,
        };
    };
    let open = share.open;
    let (paid, given) = parts(balance.total, balance.paid, share.amount.min(open));
    let after = open
        .checked_sub(share.amount)
        .filter(|after| !after.is_negative());
    let open = match after {
        Some(after) if after.is_positive() => format!(
            "из {} сейчас не оплачено {}, останется {}",
            money(balance.total),
            money(open),
            money(after)
        ),
        Some(_) => format!(
            "из {} сейчас не оплачено {}: закроет счёт",
            money(balance.total),
            money(open)
        ),
        None => format!(
            "из {} сейчас не оплачено {}: уже не помещается",
            money(balance.total),
            money(open)
        ),
    };
    Share {
        invoice: invoice_name(&share.invoice, Some(balance)),
        deal: format!("сделка {}", balance.deal),
        amount: money(share.amount),
        open,
        paid,
        given,
    }
}
