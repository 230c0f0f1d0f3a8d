//! Bills that bear our mark and that no record of ours knows: a creation that landed later than the accounting side
//! promised, after it was given up or sent again.
//!
//! What the rules make of the question stands in `planner` (`twins`). Not here: a creation that is still waited for, which
//! its own deal looks up (`deal/settle`); bills of which we know no creation (`forgotten`).

use std::collections::BTreeMap;

use capability::accounting::FOREIGN;
use capability::{Call, ConnectorError};
use domain::{EffectKey, Invoice, InvoiceId, InvoiceStatus, OrganisationId, Verdict};
use engine::{Halted, LeaseContext};
use planner::twins::{CODE, key, question};
use serde_json::{Value, json};
use store::{
    Case, CaseChange, CaseFacts, CaseFilter, Effect, EffectState, InvoiceLink, Known, Lane, Look,
    Record, Subject,
};

use crate::{Connected, access, feed, forgotten, journal};

/// A bill whose creation is not settled is looked at again after this many seconds, as its deal may take it over meanwhile;
/// and so is one that could not be read.
const AGAIN: i64 = 600;
/// The reason of that look.
pub(crate) const UNSETTLED: &str = "a bill of ours that is not settled";
/// Among a question's particulars: the bill is one that we forgot.
const FORGOTTEN: &str = "forgotten";
/// The question about a bill that cannot be read time and again.
const UNREAD: &str = "unread";

/// The reason of a look at a bill that could not be read: until then nobody knows whether it is one of ours.
pub(crate) fn unread(organisation: &OrganisationId) -> String {
    format!("a bill that could not be read: {organisation}")
}

/// Judges bills that are linked to no deal; what follows goes into `record`. Why those could not be read that may be ours.
pub(crate) async fn judge(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    organisation: &OrganisationId,
    ids: &[InvoiceId],
    record: &mut Record,
) -> Result<Vec<ConnectorError>, Halted> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let read = connected.accounting.read.read(call, organisation, ids);
    let (mut ours, mut gone, mut unread_ones) = (Vec::new(), Vec::new(), Vec::new());
    for (id, bill) in ids.iter().zip(read.await) {
        match bill {
            Ok(Some(bill)) if bill.status == InvoiceStatus::Cancelled => gone.push(id),
            Ok(Some(bill)) => ours.extend(of_ours(ctx, bill)),
            Ok(None) => gone.push(id),
            // Only what surely is none of ours is nobody's: a refusal, or a page of a proxy, tells nothing of the bill.
            Err(error) if error.code == FOREIGN => {}
            Err(error) => {
                let reason = unread(organisation);
                record.looks.push(again(ctx, organisation, id, reason));
                unread_ones.push(error);
            }
        }
    }
    withdraw(ctx, &gone, record).await?;
    let subjects: Vec<Subject> = ours.iter().map(|one| one.deal.clone()).collect();
    if subjects.is_empty() {
        return Ok(unread_ones);
    }
    let known = ctx.known(&subjects).await?;
    let mut forgotten = Vec::new();
    for one in ours {
        let effects = known.effects.iter();
        let mut effects = effects.filter(|effect| effect.key == one.key.as_str());
        match effects.next() {
            None => forgotten.push(one),
            Some(effect) if never_sent(effect) => forgotten.push(one),
            Some(effect) if made(effect, &one.bill) => {
                withdraw(ctx, &[&one.bill.id], record).await?;
            }
            Some(effect) if is_waited_for(effect) => {
                let reason = UNSETTLED.to_owned();
                let look = again(ctx, organisation, &one.bill.id, reason);
                record.looks.push(look);
            }
            Some(_) => {
                let shown = shown(&one, &known);
                let text = question(&one.bill, shown.map(|link| link.number.as_str()));
                let particulars = json!({"shown": shown.map(|link| &link.invoice)});
                let question = asked(&one, organisation, particulars, text);
                record.cases.push(question);
                record.looks.push(look(ctx, &one.deal));
            }
        }
    }
    forgotten::take_over(ctx, connected, organisation, forgotten, &known, record).await?;
    Ok(unread_ones)
}

/// What becomes of the question about a bill that was looked at by itself. It is asked once the bill could not be read for the
/// second time, and answered once it could, or is nobody's. What holds for every bill has a question of its own, or passes.
pub(crate) fn about_unread(
    bill: &Subject,
    error: Option<&ConnectorError>,
    is_second: bool,
) -> Option<CaseChange> {
    let Some(error) = error else {
        return Some(CaseChange::Withdraw {
            subject: bill.clone(),
            key: UNREAD.to_owned(),
        });
    };
    if !is_second || error.limit || error.verdict == Verdict::Reauthorize {
        return None;
    }
    let code = access::code_of(error.remote);
    let id = bill.id.split_once('/').map_or("", |(_, id)| id);
    let text = format!(
        "Счёт с идентификатором {id} в бухгалтерии не читается. Ответ: {error}. Возможно, его выставила программа, но не помнит: \
         пока это неизвестно, после перезапуска она не выставляет счетов по сделкам, которые были до начала её работы. Исправьте или \
         удалите этот счёт в бухгалтерии: программа читает его снова каждые десять минут, и вопрос закроется сам."
    );
    Some(CaseChange::Open(CaseFacts {
        code: code.to_owned(),
        cause: format!("{code}/{UNREAD}"),
        key: UNREAD.to_owned(),
        subject: bill.clone(),
        facts: json!({"method": error.method, "code": error.code}),
        text,
        waits_for: Vec::new(),
    }))
}

/// A bill that was made for a deal of this portal.
pub(crate) struct Ours {
    pub(crate) bill: Invoice,
    pub(crate) key: EffectKey,
    pub(crate) deal: Subject,
}

fn of_ours(ctx: &LeaseContext, bill: Invoice) -> Option<Ours> {
    let key = bill.made_as.clone()?;
    let deal = key.deal_of_invoice(&ctx.portal())?;
    Some(Ours {
        bill,
        key,
        deal: Subject::deal(deal),
    })
}

/// Our records never sent it: they are older than its sending. Attempts alone do not tell: a person who orders it anew has
/// them counted from zero.
fn never_sent(effect: &Effect) -> bool {
    effect.state == EffectState::Intended && effect.sent_at.is_none()
}

/// It is what the creation is known to have made.
fn made(effect: &Effect, bill: &Invoice) -> bool {
    let id = effect.outcome.as_ref().and_then(|made| made.get("id"));
    id.and_then(|id| id.as_str()) == Some(bill.id.as_str())
}

fn is_waited_for(effect: &Effect) -> bool {
    // What is only intended was not sent since: such a bill comes of a sending that was given up.
    [EffectState::Sent, EffectState::Unknown].contains(&effect.state)
}

/// The invoice that its deal shows.
pub(crate) fn shown<'a>(one: &Ours, known: &'a Known) -> Option<&'a InvoiceLink> {
    let mut links = known.invoice_links.iter();
    links.find(|link| Subject::deal(link.deal) == one.deal && link.live)
}

/// The question about one bill; with what else is known of it.
fn asked(
    one: &Ours,
    organisation: &OrganisationId,
    particulars: Value,
    text: String,
) -> CaseChange {
    let mut facts = json!({
        "organisation": organisation,
        "invoice": one.bill.id,
        "number": one.bill.number,
    });
    if let (Value::Object(facts), Value::Object(particulars)) = (&mut facts, particulars) {
        facts.extend(particulars);
    }
    CaseChange::Open(CaseFacts {
        code: CODE.to_owned(),
        cause: CODE.to_owned(),
        key: key(&one.bill.id),
        subject: one.deal.clone(),
        facts,
        text,
        waits_for: Vec::new(),
    })
}

/// The question about a bill that we forgot and that is not its deal's as both are now.
pub(crate) fn asked_of_forgotten(
    one: &Ours,
    organisation: &OrganisationId,
    text: String,
) -> CaseChange {
    asked(one, organisation, json!({FORGOTTEN: true}), text)
}

/// The bill that such a question is about: it may fit once its deal was changed.
pub(crate) fn forgotten_bill(case: &CaseFacts) -> Option<Subject> {
    let is_forgotten = case.facts.get(FORGOTTEN).and_then(Value::as_bool);
    bill_of(case).filter(|_| is_forgotten == Some(true))
}

/// The bill that a question is about; none where it is about something else.
pub(crate) fn bill_of(case: &CaseFacts) -> Option<Subject> {
    let of = |name| case.facts.get(name)?.as_str();
    let (organisation, bill) = (of("organisation")?, of("invoice")?);
    let of_twin = case.code == CODE;
    of_twin.then(|| Subject::invoice(&OrganisationId::new(organisation), &InvoiceId::new(bill)))
}

/// Whoever took such a bill back over there, or made it the deal's, has answered.
pub(crate) async fn withdraw(
    ctx: &LeaseContext,
    gone: &[&InvoiceId],
    record: &mut Record,
) -> Result<(), Halted> {
    if gone.is_empty() {
        return Ok(());
    }
    let filter = CaseFilter {
        code: Some(CODE.to_owned()),
        ..CaseFilter::default()
    };
    let open = ctx.store().cases_open(&ctx.portal(), &filter).await?;
    let open: BTreeMap<String, Case> = open
        .into_iter()
        .map(|case| (case.facts.key.clone(), case))
        .collect();
    for case in gone.iter().filter_map(|id| open.get(&key(id))) {
        record.looks.push(look(ctx, &case.facts.subject));
        record.cases.push(CaseChange::Withdraw {
            subject: case.facts.subject.clone(),
            key: case.facts.key.clone(),
        });
    }
    Ok(())
}

pub(crate) fn look(ctx: &LeaseContext, deal: &Subject) -> Look {
    Look {
        subject: deal.clone(),
        lane: Lane::Due,
        due_at: ctx.now(),
        reason: feed::CHANGED.to_owned(),
    }
}

pub(crate) fn again(
    ctx: &LeaseContext,
    organisation: &OrganisationId,
    bill: &InvoiceId,
    reason: String,
) -> Look {
    Look {
        subject: Subject::invoice(organisation, bill),
        lane: Lane::Due,
        due_at: journal::after(ctx.now(), AGAIN),
        reason,
    }
}
