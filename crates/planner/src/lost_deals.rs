//! The promise: money of a deal that is lost is nobody's oversight. Whether it goes back or the sale lives on is asked.
//!
//! The deal shows it like any other money. Whoever lost it after it was paid is asked as well as whoever is paid after it was
//! lost. Not here: money of an invoice that stands no more (`receipts`), the stage, which a lost deal keeps.

use domain::Money;
use domain::display::{date, money};
use domain::observed::DealGlance;

use crate::asking::{answered, ask, case, responsible};
use crate::{CaseCode, Choice, DealSnapshot, Plan, texts};

const LEAVE: &str = "leave";

/// Asks the manager, once for each sum that came. Money that goes back, or a deal that is taken up again, answers it.
pub(crate) fn asked(snapshot: &DealSnapshot, glance: &DealGlance) -> Plan {
    let code = CaseCode::PaidDealLost;
    let standing = snapshot.invoices.iter().filter(|one| one.stands());
    let receipts: Vec<_> = standing
        .flat_map(|one| snapshot.receipts_of(one.slot))
        .collect();
    let sum = Money::sum(receipts.iter().map(|one| one.amount)).unwrap_or_default();
    let came = receipts.iter().filter(|one| one.amount.is_positive());
    let last = came.max_by_key(|one| one.transaction);
    let Some(last) = last.filter(|_| glance.deal.lost && sum.is_positive()) else {
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
        "Сделка проиграна, а по её счёту есть деньги: {}, последние {} от {}. Если продажа состоится, верните сделку в работу; \
         если нет, верните деньги покупателю. Вопрос снимется, когда сделка оживёт или возврат вычтется из оплаченного. \
         Если возвраты у вас не вычитаются или всё верно:",
        money(sum),
        money(last.amount),
        date(last.day())
    );
    let text = texts::with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, responsible(glance));
    asked.case.choices = choices;
    asked.case.about = about;
    ask(snapshot, asked)
}
