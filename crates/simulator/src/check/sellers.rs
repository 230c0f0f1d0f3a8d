//! Who sells on a bill is whom the deal named when it was read, by its link, else by the field that policy names, else as the
//! funnel has it whose invoice stage it had entered, else the only one; and its paper names the account that was meant. Where
//! nobody can say either of them, there is no bill.

use emulator_kontur_accounting::Bill;
use serde_json::Value;

use super::bills::{asked_by, made_between, ours};
use super::{Evidence, deal_of, production, slot_of};
use crate::offices::sellers::{Own, Sellers};
use crate::people::remembered::Version;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(sellers) = &evidence.weather.customs.sellers else {
        return;
    };
    for (deal, known, bill) in ours(evidence) {
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        let funnels = production::billed_between(evidence, deal, from, sent);
        let named = asked_by(bill, known, from);
        let sold = seller_of(evidence, bill);
        let printed = account_of(evidence, deal, bill);
        let is_meant = |version: &&Version| {
            let mut named = funnels
                .iter()
                .map(|funnel| sellers.named(version.said, *funnel));
            named.any(|own| {
                let account = own.and_then(|own| sellers.account(own, version.said));
                own == sold && account.is_some() && account == printed.as_deref()
            })
        };
        if !named.is_empty() && !named.iter().any(is_meant) {
            let said: Vec<_> = named.iter().map(|version| version.said).collect();
            wrong.push(format!(
                "[seller] bill № {} of deal {deal} in {funnels:?} is {sold:?}'s with the account {printed:?}, and the deal said {said:?} to {sellers:?}",
                bill.number
            ));
        }
    }
}

/// Whether it can be said who sells, and to which account he is paid.
pub(super) fn is_clear(evidence: &Evidence<'_>, deal: i64, version: &Version) -> bool {
    let sellers = evidence.weather.customs.sellers.as_ref();
    sellers.is_none_or(|sellers| {
        let own = sellers.named(version.said, production::billed_at_last(evidence, deal));
        own.is_some_and(|own| sellers.account(own, version.said).is_some())
    })
}

/// Whether a bill is sold by another than the deal names by now.
pub(super) fn is_by_another(
    evidence: &Evidence<'_>,
    deal: i64,
    bill: &Bill,
    last: &Version,
) -> bool {
    let sellers = evidence.weather.customs.sellers.as_ref();
    let named = sellers.and_then(|sellers: &Sellers| {
        let funnel = production::billed_at_last(evidence, deal);
        sellers.named(last.said, funnel)
    });
    named.is_some_and(|named| Some(named) != seller_of(evidence, bill))
}

/// In whose books a bill stands.
pub(super) fn seller_of(evidence: &Evidence<'_>, bill: &Bill) -> Option<Own> {
    let mut owns = evidence.accounting.organizations.iter();
    let (organisation, _) = owns.find(|(_, own)| {
        let mut firsts = own.bill_versions.iter().filter_map(|all| all.first());
        firsts.any(|first| first.meta.id == bill.meta.id)
    })?;
    let organisation = organisation.to_string();
    [Own::First, Own::Second]
        .into_iter()
        .find(|own| own.organisation(evidence.place) == organisation)
}

/// The account that was to stand on a bill's paper.
fn account_of(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<String> {
    let slot = bill.comment.as_deref().and_then(slot_of)?;
    let mut effects = evidence.known.effects.iter();
    let effect = effects
        .rfind(|effect| deal_of(&effect.key) == Some(deal) && slot_of(&effect.key) == Some(slot))?;
    let account = effect.request.pointer("/seller/bank/account");
    account.and_then(Value::as_str).map(str::to_owned)
}
