//! [H6] The accountant's own bill for a deal, and ours beside it. So far this is told and not judged: the product does
//! not look for a bill by its natural key before it creates one.

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::{Evidence, deal_of};

/// Bills of ours for which a live one by hand of the same buyer and sum was there before.
pub(crate) fn doubled(evidence: &Evidence<'_>) -> usize {
    let organizations = evidence.accounting.organizations.values();
    let firsts: Vec<&Bill> = organizations
        .flat_map(|own| own.bill_versions.iter())
        .filter_map(|history| history.first().map(AsRef::as_ref))
        .collect();
    let by_hand = |deal: i64| {
        let ids = evidence.office.by_hand.iter();
        let ids: Vec<_> = ids
            .filter(|(of, _)| *of == deal)
            .map(|(_, id)| *id)
            .collect();
        firsts
            .iter()
            .filter(move |bill| ids.contains(&bill.meta.id))
    };
    let handled = &evidence.office.handled;
    let ours = firsts
        .iter()
        .filter(|bill| bill.meta.created_by == CreatedBy::Api)
        .filter_map(|bill| Some((bill, deal_of(bill.comment.as_deref()?)?)));
    ours.filter(|(bill, deal)| {
        by_hand(*deal).any(|former| {
            former.meta.changed_at < bill.meta.changed_at
                && former.sum == bill.sum
                && former.contractor_id == bill.contractor_id
                && !handled.contains(&former.meta.id)
        })
    })
    .count()
}
