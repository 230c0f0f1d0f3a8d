//! [I-7] Of two own companies each is paid by what came to its account: without a person nothing of it is given to a
//! bill of the other, whatever its buyer meant.

use super::Evidence;
use super::sellers::seller_of;
use crate::offices::sellers::Own;
use crate::people::own_money::second_account;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if !evidence.weather.customs.strays {
        return;
    }
    let second = second_account(evidence.place);
    for payment in &evidence.payments {
        if evidence.by_person.contains(&payment.number) {
            continue;
        }
        let is_seconds = Some(&payment.order.own_account) == second.as_ref();
        let own = if is_seconds { Own::Second } else { Own::First };
        for (invoice, _) in &payment.invoices {
            let mut bills = evidence.accounting.bills();
            let bill = bills.find(|bill| bill.meta.id.to_string() == invoice.invoice.as_str());
            let sold = bill.and_then(|bill| seller_of(evidence, bill));
            if sold.is_some_and(|sold| sold != own) {
                wrong.push(format!(
                    "[I-7] payment {} ({}) came to {own:?} and is given to a bill of {sold:?}",
                    payment.number, payment.order.purpose
                ));
            }
        }
    }
}
