//! Who gives payments to invoices, by the policy or by what the accounting side can tell.

use capability::portal::Finding;
use planner::{Booking, MoneyPolicy};

use super::{fails, holds};

/// Told where the policy leaves it to what the accounting side can tell, or cannot be so.
pub(super) fn who(money: &MoneyPolicy, accountant_gives: bool) -> Option<Finding> {
    let what = "Кто разносит оплаты";
    match (money.booking, accountant_gives) {
        (Some(Booking::Accounting), false) => Some(fails(
            what,
            "по правилам бухгалтер (`money.booking = \"accounting\"`), а поступления из учёта не читаются: включите \
             `accounting.payments` или напишите \"provodka\"",
            "KONTUR-ACCOUNTING",
        )),
        (None, true) => Some(holds(
            what,
            format!(
                "бухгалтер: `money.booking` не задан, а учёт сообщает, что он разнёс; платёж, который видит только \
                 выписка, ждёт его {} ч, потом решает программа",
                money.wait_hours
            ),
        )),
        (None, false) if money.accounts.is_empty() => Some(fails(
            what,
            "программа: `money.booking` не задан, а учёт не сообщает разнесение; но `money.accounts` не называет ни одного \
             счёта, и выписку не к чему отнести",
            "ACCOUNT-UNKNOWN",
        )),
        (None, false) => Some(holds(
            what,
            "программа: `money.booking` не задан, а учёт не сообщает разнесение",
        )),
        (Some(Booking::Provodka | Booking::Accounting), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use planner::Policy;

    use super::who;

    #[test]
    fn what_the_policy_leaves_open_is_told_and_what_cannot_be_fails() {
        let money = |booking: &str, accounts: bool| {
            let text = include_str!("../../../../config/policy.toml");
            let text = text.replace("booking = \"provodka\"", booking);
            let mut money = Policy::parse(&text).unwrap().money.unwrap();
            if !accounts {
                money.accounts.clear();
            }
            money
        };
        let (ours, his) = ("booking = \"provodka\"", "booking = \"accounting\"");
        for (booking, accounts, accountant_gives, expected) in [
            (ours, true, true, None),
            (his, true, true, None),
            (his, true, false, Some((false, "по правилам бухгалтер"))),
            (
                "",
                true,
                true,
                Some((true, "бухгалтер: `money.booking` не задан")),
            ),
            (
                "",
                true,
                false,
                Some((true, "программа: `money.booking` не задан")),
            ),
            (
                "",
                false,
                false,
                Some((false, "не называет ни одного счёта")),
            ),
        ] {
            let finding = who(&money(booking, accounts), accountant_gives);
            let told = finding.as_ref().map(|one| (one.holds, one.advice.as_str()));
            let fits = match (told, expected) {
                (None, None) => true,
                (Some((holds, advice)), Some((should, says))) => {
                    holds == should && advice.contains(says)
                }
                _ => false,
            };
            assert!(fits, "{booking} {accounts} {accountant_gives}: {told:?}");
        }
    }
}
