//! Who gives payments to invoices, by the policy or by what the accounting side can tell.

use capability::portal::Finding;
use planner::{Booking, MoneyPolicy, MovedBy};

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

/// Told where the policy moves paid deals by a trigger, which the connection may not have.
pub(super) fn triggers(money: &MoneyPolicy, is_app: bool) -> Option<Finding> {
    let mut stages = money.stages.iter();
    let wanted = stages.any(|stage| stage.by == MovedBy::Trigger);
    let told = if is_app {
        "триггером «Оплата получена»: на портале он должен быть привязан к стадии каждой такой воронки"
    } else {
        "сразу на стадию: триггеры есть только у приложения, а портал подключён вебхуком"
    };
    wanted.then(|| holds("Кто двигает оплаченные сделки", told))
}

#[cfg(test)]
mod tests {
    use planner::Policy;

    use super::{triggers, who};

    #[test]
    fn a_trigger_is_told_of_where_it_is_wished_for_and_that_a_webhook_has_none() {
        let text = include_str!("../../../../config/policy.toml");
        let money = |text: &str| Policy::parse(text).unwrap().money.unwrap();
        assert!(triggers(&money(text), true).is_none());
        let wished = money(&text.replace("by = \"stage\"", "by = \"trigger\""));
        for (is_app, told) in [(true, "привязан"), (false, "вебхуком")] {
            let finding = triggers(&wished, is_app).unwrap();
            assert!(finding.holds && finding.advice.contains(told));
        }
    }

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
