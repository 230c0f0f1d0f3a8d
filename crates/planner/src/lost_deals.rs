//! The promise: money of a deal that is lost or deleted is nobody's oversight. Whether it goes back or the sale lives on is
//! asked.
//!
//! A lost deal shows it like any other money. Whoever lost it after it was paid is asked as well as whoever is paid after it was
//! lost. Of a deal that is no more nobody knows whose it was, nor whether it was won: who keeps the books is asked. Not here:
//! money of an invoice that stands no more (`receipts`), the stage, which a lost deal keeps.

use domain::Money;
use domain::display::{date, money};

use crate::asking::{answered, ask, case, responsible};
use crate::{CaseCode, Choice, DealSnapshot, Plan, Seen, Whom, texts};

const LEAVE: &str = "leave";

/// A deal of which no money is expected.
struct Over {
    /// `проиграна`
    how: &'static str,
    /// What to do with its money, and what answers the question.
    way: &'static str,
    whom: Whom,
}

fn over(snapshot: &DealSnapshot) -> Option<Over> {
    match &snapshot.seen {
        Seen::Gone => Some(Over {
            how: "удалена",
            way: "Если продажи не было, верните их покупателю; если они за другое, снимите их со счёта командой \
                  `provodka payments undo` (закрытие без выписки: `provodka payments unsettle`). Вопрос снимется, когда возврат \
                  вычтется из оплаченного или деньги снимут.",
            whom: Whom::Administrator,
        }),
        Seen::Unread | Seen::Denied | Seen::Glance(_) | Seen::Whole(..) => {
            let lost = snapshot.glance().filter(|glance| glance.deal.lost)?;
            Some(Over {
                how: "проиграна",
                way: "Если продажа состоится, верните сделку в работу; если нет, верните деньги покупателю. Вопрос \
                      снимется, когда сделка оживёт или возврат вычтется из оплаченного.",
                whom: responsible(lost),
            })
        }
    }
}

/// Asks the manager, or of a deleted deal the accountant, once for each sum that came. Money that goes back, or a deal that is
/// taken up again, answers it.
pub(crate) fn asked(snapshot: &DealSnapshot) -> Plan {
    let code = CaseCode::PaidDealLost;
    let standing = snapshot.invoices.iter().filter(|one| one.stands());
    let receipts: Vec<_> = standing
        .flat_map(|one| snapshot.receipts_of(one.slot))
        .collect();
    let sum = Money::sum(receipts.iter().map(|one| one.amount)).unwrap_or_default();
    let came = receipts.iter().filter(|one| one.amount.is_positive());
    let last = came.max_by_key(|one| one.transaction);
    let last = last.filter(|_| sum.is_positive());
    let Some((last, over)) = last.zip(over(snapshot)) else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let about = format!("transaction/{}", last.transaction);
    if snapshot.answers.to(code.as_str(), &about) == Some(LEAVE) {
        return answered(snapshot, Plan::default(), &[code]);
    }
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "оставить как есть".to_owned(),
    }];
    let question = format!(
        "Сделка {}, а по её счёту есть деньги: {}, последние {} от {}. {} Если возвраты у вас не вычитаются или всё верно:",
        over.how,
        money(sum),
        money(last.amount),
        date(last.day()),
        over.way
    );
    let text = texts::with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, over.whom);
    // One list does not tell of both: something else is to be done about each.
    asked.case.cause = format!("{}: {}", asked.case.cause, over.how);
    asked.case.choices = choices;
    asked.case.about = about;
    ask(snapshot, asked)
}
