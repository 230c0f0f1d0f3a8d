//! [L20] A backup was put back: each bill that was made since is its deal's again, or somebody is asked; none is made twice.

use std::sync::Arc;

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::deals::asks;
use super::{Evidence, deal_of, true_moment};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for (deal, bill) in since_the_backup(evidence) {
        let is_asked = asks(evidence, deal, &["INVOICE-TWIN", "OUTCOME-UNKNOWN"]);
        if bill.is_live() && !is_linked(evidence, deal, bill) && !is_asked {
            wrong.push(format!(
                "[L20] bill № {} of deal {deal} was made after the backup, is in no record, and nobody is asked",
                bill.number
            ));
        }
    }
}

/// Whether one of the deal's bills was made after the backup and is not known again: what the deal shows of it is as it was.
pub(super) fn is_forgotten(evidence: &Evidence<'_>, deal: i64) -> bool {
    let mut since = since_the_backup(evidence);
    since.any(|(of, bill)| of == deal && !is_linked(evidence, deal, bill))
}

/// The bills that were made by us between the backup and its return, with their deals.
fn since_the_backup<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = (i64, &'a Arc<Bill>)> {
    // The moments of bills go by the accounting side's clock.
    let (_, skew) = evidence.weather.skew;
    let restored = evidence.restored;
    evidence.accounting.bills().filter_map(move |bill| {
        let restored = restored?;
        let made = true_moment(bill.meta.created_at, skew);
        let is_since = made >= restored.copied && made <= restored.at;
        let is_ours = is_since && bill.meta.created_by == CreatedBy::Api;
        let deal = deal_of(bill.comment.as_deref().filter(|_| is_ours)?)?;
        Some((deal, bill))
    })
}

pub(super) fn is_linked(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> bool {
    let mut links = evidence.known.invoice_links.iter();
    links.any(|link| {
        let of = i64::try_from(link.deal.0).ok();
        of == Some(deal) && link.invoice.as_str() == bill.meta.id.to_string()
    })
}
