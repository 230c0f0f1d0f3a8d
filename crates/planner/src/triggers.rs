//! The promise: a paid deal that the portal's automation left where it was is nobody's oversight.
//!
//! A trigger is fired and answers nothing: whether it moved the deal only the deal shows, a moment later. One that is bound to
//! no stage moves nothing and complains to nobody. Not here: when it is fired (`receipts`).

use domain::StageId;
use domain::observed::{DealGlance, DealReading};
use jiff::{SignedDuration, Timestamp};

use crate::asking::{answered, ask, case};
use crate::receipts::{completing, mark};
use crate::{CaseCode, DealSnapshot, Fired, Funnel, Need, PaidStage, Plan, Policy, Seen, Whom};

/// By then the automation has moved the deal, and its stage history tells.
const MOVED_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// Reads back what the trigger of a paid deal did, and asks the administrator about one that did nothing. A deal that somebody
/// put back is left alone; one that is moved by hand answers it.
pub(crate) fn read_back(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let code = CaseCode::TriggerUnbound;
    let Some((stage, fired)) = left_behind(snapshot, glance, policy) else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let known_at = fired.at.checked_add(MOVED_WITHIN).unwrap_or(fired.at);
    if now < known_at {
        return Plan::later(known_at, "что сделал триггер оплаты, покажет сделка");
    }
    let reading = match &snapshot.seen {
        Seen::Whole(reading, read_at) if *read_at >= known_at => reading,
        Seen::Whole(..) | Seen::Glance(_) | Seen::Unread | Seen::Gone | Seen::Denied => {
            return Plan::need(Need::Whole);
        }
    };
    let funnel = policy.funnel(glance.deal.funnel);
    if was_moved(reading, funnel, stage, fired) {
        return answered(snapshot, Plan::default(), &[code]);
    }
    let text = format!(
        "Счёт оплачен, триггер «Оплата получена» выполнен, а сделка осталась на стадии {}: в её воронке он ни к какой стадии не \
         привязан, или его условия не выполнены. Привяжите его на портале: CRM → Сделки → Роботы → Триггеры, стадия {}, \
         «Оплата получена» этого приложения. Второй раз для той же оплаты он не выполняется: переведите сделку сами, и вопрос \
         снимется.",
        glance.deal.stage, stage.to
    );
    ask(snapshot, case(snapshot.id, code, text, Whom::Administrator))
}

/// A paid deal that stands where a trigger was to move it from.
fn left_behind<'a>(
    snapshot: &'a DealSnapshot,
    glance: &DealGlance,
    policy: &'a Policy,
) -> Option<(&'a PaidStage, &'a Fired)> {
    let deal = &glance.deal;
    let stage = policy.money.as_ref()?.stage(deal.funnel)?;
    let is_left = !deal.closed && !deal.lost && stage.from.contains(&deal.stage);
    let receipt = completing(snapshot).filter(|_| is_left)?;
    // Taken back and given again, it is the same payment still, for which nothing is fired twice.
    let of_payment = snapshot.receipts.iter();
    let of_payment = of_payment.filter(|one| one.is_of_payment(receipt));
    let marks = of_payment.map(|one| mark(&stage.to, one.transaction));
    let fired = marks.filter_map(|mark| snapshot.fired.get(&mark));
    Some((stage, fired.max_by_key(|fired| fired.at)?))
}

/// Whether the deal went on to any other stage since. The portal tells its times in whole seconds: of that second counts what
/// follows a stage that the trigger was to move it from. A stage before all of those is none that a trigger moves to: who took
/// the deal back there and brought it again has not seen it paid.
fn was_moved(
    reading: &DealReading,
    funnel: Option<&Funnel>,
    stage: &PaidStage,
    fired: &Fired,
) -> bool {
    let since = fired.since.unwrap_or(fired.at);
    let place = |of: &StageId| funnel.and_then(|funnel| funnel.position(of));
    let first = stage.from.iter().filter_map(place).min();
    let is_before = |of: &StageId| {
        let places = place(of).zip(first);
        places.is_some_and(|(place, first)| place < first)
    };
    let mut was_there = false;
    reading.history.iter().any(|entry| {
        let is_there = stage.from.contains(&entry.stage);
        was_there |= is_there;
        let went_on = !is_there && !is_before(&entry.stage);
        went_on && (entry.at > since || entry.at == since && was_there)
    })
}
