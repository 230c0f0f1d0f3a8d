//! Questions that are not about which invoice a payment is for: what happened, what a person does about it, and one click
//! for each choice, or for another try.
//!
//! A click is obeyed by the code that obeys `provodka cases`. How a question reads is `words`.

mod words;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::cases::{NotRetried, OpenCases, deals, is_retried, is_watched};
use desk::codes;
use desk::payments::{NotAnswered, choices, fingerprint};
use http::StatusCode;
use jiff::tz::TimeZone;
use store::{Case, CaseState, StoreError};

use self::words::{Bit, Part, Portal, parts, plain};
use super::Admin;
use super::answer::{self, Frame};
use super::form::{Fields, Order};
use super::money::asked;
use super::session::Session;

/// Questions of one page.
const ON_A_PAGE: usize = 50;
/// Deals that one question names; it may be about thousands.
const DEALS_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "cases/page.html")]
struct Page {
    frame: Frame,
    done: Option<Decided>,
    said: Option<&'static str>,
    codes: Vec<OfCode>,
    cases: Vec<Asked>,
    /// Where the page is, for its forms.
    code: String,
    before: String,
    /// The address of the next page.
    next: Option<String>,
    is_first: bool,
}

/// What may be shown alone.
struct OfCode {
    code: String,
    name: String,
    count: u64,
    is_wanted: bool,
}

struct Asked {
    number: i64,
    seen: String,
    /// The deal mostly.
    about: Vec<Bit>,
    code: String,
    title: String,
    since: String,
    is_watched: bool,
    question: Vec<Vec<Bit>>,
    deals: Vec<Bit>,
    /// How many it is about.
    of_deals: usize,
    /// Deals that are not shown.
    more: Option<usize>,
    to_do: Vec<Part>,
    choices: Vec<Offered>,
    may_retry: bool,
}

struct Offered {
    word: String,
    text: String,
}

/// What was ordered on the page before.
struct Decided {
    number: i64,
    about: Vec<Bit>,
    what: String,
    by: String,
}

/// Which part of the list is shown.
struct Place {
    code: Option<String>,
    before: Option<i64>,
}

/// `GET /questions`
pub(super) async fn show(State(admin): State<Arc<Admin>>, session: Session, uri: Uri) -> Response {
    match gathered(&admin, &session, &uri).await {
        Ok(page) => answer::page(StatusCode::OK, &page),
        Err(error) => answer::broken(&error),
    }
}

/// `POST /questions/answer`
pub(super) async fn decide(
    State(admin): State<Arc<Admin>>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let place = Place::sent(&mut fields);
    let (case, choice) = (fields.take("case"), fields.take("choice"));
    let seen = fields.take("seen");
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let Ok(case) = case.parse::<i64>() else {
        return place.say("closed");
    };
    let desk = admin.desk();
    match desk
        .answer(case, Some(&seen), &choice, &session.account)
        .await
    {
        Ok(answered) => place.done(answered.case.id),
        Err(NotAnswered::Store(error)) => answer::broken(&error),
        Err(NotAnswered::Changed(_) | NotAnswered::NoChoice { .. }) => place.say("again"),
        Err(NotAnswered::NothingOpen(_)) => place.say("paid"),
        Err(NotAnswered::NoCase(_) | NotAnswered::Closed(_)) => place.say("closed"),
    }
}

/// `POST /questions/retry`
pub(super) async fn retry(
    State(admin): State<Arc<Admin>>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let place = Place::sent(&mut fields);
    let (case, seen) = (fields.take("case"), fields.take("seen"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let Ok(case) = case.parse::<i64>() else {
        return place.say("closed");
    };
    let desk = admin.desk();
    match desk.retry(case, Some(&seen), &session.account).await {
        Ok(answered) => place.done(answered.id),
        Err(NotRetried::Store(error)) => answer::broken(&error),
        Err(NotRetried::NothingToTry(_)) => place.say("nothing"),
        Err(NotRetried::MayHaveHappened(_)) => place.say("unknown"),
        Err(NotRetried::Changed(_)) => place.say("again"),
        Err(NotRetried::NoCase(_) | NotRetried::Closed(_)) => place.say("closed"),
    }
}

/// What was not done, in words: only what we know how to say.
fn said(uri: &Uri) -> Option<&'static str> {
    Some(match asked(uri, "said")?.as_str() {
        "again" => "Пока вы решали, вопрос изменился. Посмотрите на него ещё раз.",
        "closed" => "Этот вопрос уже закрыт: кто-то решил раньше, или причина исчезла сама.",
        "paid" => "По этому счёту уже нечего закрывать: ничего не записано, вопрос снимется сам.",
        "nothing" => "Повторять здесь нечего: исправьте то, что названо в вопросе.",
        "unknown" => {
            "Возможно, это уже сделано, поэтому второй раз не отправлено. Проверьте сами, как сказано в вопросе."
        }
        _ => return None,
    })
}

async fn gathered(admin: &Admin, session: &Session, uri: &Uri) -> Result<Page, StoreError> {
    let place = Place::of(uri);
    let desk = admin.desk();
    let found = desk
        .open_cases(place.code.as_deref(), place.before, ON_A_PAGE)
        .await?;
    let done = asked(uri, "done").and_then(|number| number.parse::<i64>().ok());
    let done = match done {
        Some(number) => desk.store.case_get(&desk.portal, number).await?,
        None => None,
    };
    let portal = Portal(&admin.pages.portal_origin);
    let zone = &admin.pages.zone;
    Ok(Page {
        frame: Frame::of(session, "questions"),
        done: done.as_ref().and_then(|case| decided(case, portal)),
        said: said(uri),
        codes: place.codes(&found),
        cases: found
            .cases
            .iter()
            .map(|case| asked_in_words(case, portal, zone))
            .collect(),
        next: found.next.map(|before| place.next(before)),
        is_first: place.before.is_none(),
        before: place
            .before
            .map(|before| before.to_string())
            .unwrap_or_default(),
        code: place.code.unwrap_or_default(),
    })
}

fn asked_in_words(case: &Case, portal: Portal<'_>, zone: &TimeZone) -> Asked {
    let code = &case.facts.code;
    let page = codes::page(code);
    let deals = deals(case);
    let more = deals.len().saturating_sub(DEALS_SHOWN);
    let since = case.opened_at.to_zoned(zone.clone());
    Asked {
        number: case.id,
        seen: fingerprint(case),
        about: portal.subject(&case.facts.subject),
        title: page.map(codes::title).unwrap_or_default().to_owned(),
        code: plain(code),
        since: since.strftime("%d.%m.%Y %H:%M").to_string(),
        is_watched: is_watched(case),
        question: portal.text(&desk::cases::question(case)),
        deals: deals
            .iter()
            .take(DEALS_SHOWN)
            .map(|deal| portal.deal(*deal))
            .collect(),
        of_deals: deals.len(),
        more: (more > 0).then_some(more),
        to_do: page.map(codes::to_do).map(parts).unwrap_or_default(),
        choices: choices(case)
            .into_iter()
            .map(|choice| Offered {
                text: plain(&choice.text),
                word: choice.word,
            })
            .collect(),
        may_retry: is_retried(case),
    }
}

/// None: nobody answered it, or not by a click.
fn decided(case: &Case, portal: Portal<'_>) -> Option<Decided> {
    let answer = case.answer.as_ref()?;
    if case.state != CaseState::Answered {
        return None;
    }
    let chosen = answer.get("choice").and_then(|word| word.as_str());
    let what = match chosen {
        Some(word) => {
            let mut choices = choices(case).into_iter();
            let text = choices.find(|choice| choice.word == word);
            plain(&text.map_or_else(|| word.to_owned(), |choice| choice.text))
        }
        None if answer.get("retry").is_some() => "повторить".to_owned(),
        None => return None,
    };
    Some(Decided {
        number: case.id,
        about: portal.subject(&case.facts.subject),
        what,
        by: plain(case.answered_by.as_deref().unwrap_or_default()),
    })
}

impl Place {
    fn of(uri: &Uri) -> Self {
        let text = |name| asked(uri, name).unwrap_or_default();
        Self::read(&text("code"), &text("before"))
    }

    /// Of the page whose form it is.
    fn sent(fields: &mut Fields) -> Self {
        Self::read(&fields.take("code"), &fields.take("before"))
    }

    /// What is no code and no number is not asked for.
    fn read(code: &str, before: &str) -> Self {
        let code = code.trim().to_ascii_uppercase();
        let is_code = |c: char| c.is_ascii_alphanumeric() || c == '-';
        Self {
            code: (!code.is_empty() && code.chars().all(is_code)).then_some(code),
            before: before.parse().ok(),
        }
    }

    fn codes(&self, found: &OpenCases) -> Vec<OfCode> {
        let of = |(code, count): &(String, u64)| OfCode {
            name: codes::page(code)
                .map(codes::title)
                .map_or_else(|| code.clone(), str::to_owned),
            is_wanted: self.code.as_ref() == Some(code),
            count: *count,
            code: code.clone(),
        };
        found.codes.iter().map(of).collect()
    }

    fn next(&self, before: i64) -> String {
        let next = Self {
            code: self.code.clone(),
            before: Some(before),
        };
        next.address(None)
    }

    fn say(&self, said: &str) -> Response {
        answer::see(&self.address(Some(("said", said))))
    }

    fn done(&self, case: i64) -> Response {
        let case = case.to_string();
        answer::see(&self.address(Some(("done", case.as_str()))))
    }

    fn address(&self, more: Option<(&str, &str)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(code) = &self.code {
            query.append_pair("code", code);
        }
        if let Some(before) = self.before {
            query.append_pair("before", &before.to_string());
        }
        if let Some((name, value)) = more {
            query.append_pair(name, value);
        }
        match query.finish() {
            query if query.is_empty() => "/questions".to_owned(),
            query => format!("/questions?{query}"),
        }
    }
}
