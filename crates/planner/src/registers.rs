//! The promise: a credit of acquiring or СБП is one sum for many sales less what the bank kept; it is never given by its sum,
//! a person says which sales.
//!
//! On the event's way it is part of [`crate::payments`]. Here a person is asked, with what is known of what the buyers paid.
//! How he says it, and that the sums close to the kopeck, is not here (`desk::registers`, `store::Split`).

use domain::display::money;
use jiff::Timestamp;

use crate::payments::{
    LEAVE, PaymentAnswer, PaymentPlan, PaymentQuestion, PaymentSnapshot, otherwise_in_words, said,
    twice_in_words, waits,
};
use crate::{CaseCode, Choice, MoneyPolicy, Registers, texts};

/// What becomes of a credit.
pub(crate) fn plan(
    credit: &PaymentSnapshot<'_>,
    policy: &MoneyPolicy,
    now: Timestamp,
) -> PaymentPlan {
    if policy.registers == Registers::List {
        return PaymentPlan::Aside("реестр эквайринга или СБП: по сумме не разносится".to_owned());
    }
    let left = credit.answer.filter(|answer| is_left(credit, answer));
    if let Some(PaymentAnswer { by, .. }) = left {
        return PaymentPlan::Leave(format!("{by} решил(а) не относить к счетам"));
    }
    if let Some(until) = waits(credit, policy, now) {
        let because = "ждёт бухгалтера: реестр эквайринга или СБП".to_owned();
        return PaymentPlan::Wait {
            until,
            because,
            undecided: Vec::new(),
            offered: Vec::new(),
        };
    }
    PaymentPlan::Ask(question(credit))
}

/// A person gave it to nothing, and nobody took that back.
fn is_left(credit: &PaymentSnapshot<'_>, answer: &PaymentAnswer) -> bool {
    answer.undone == credit.undone && answer.choice == LEAVE
}

fn question(credit: &PaymentSnapshot<'_>) -> PaymentQuestion {
    let cause = "реестр эквайринга или СБП";
    let why = match (credit.otherwise, credit.twice) {
        (Some(otherwise), twice) => otherwise_in_words(otherwise, twice),
        (None, Some(twice)) => twice_in_words(twice),
        (None, None) if credit.undone > 0 => "прежнее решение отменено".to_owned(),
        (None, None) => "по сумме не разносится, продажи называет человек".to_owned(),
    };
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "не относить к счетам: все продажи без счетов".to_owned(),
    }];
    let text = format!(
        "{}. Не разнесено: {cause}, {why}; {}. Варианты:",
        said(credit),
        sums(credit)
    );
    let text = texts::with_choices(&text, &choices);
    let how = "Разнести по счетам: страница «Решения» или `provodka payments split`";
    PaymentQuestion {
        code: CaseCode::PaymentUndecided,
        cause: cause.to_owned(),
        text: format!("{text}\n{how}"),
        choices,
        offered: Vec::new(),
        refund_of: Vec::new(),
        undecided: Vec::new(),
    }
}

/// What came, what the bank kept, and what the buyers paid, as far as the purpose tells it.
fn sums(credit: &PaymentSnapshot<'_>) -> String {
    let purpose = credit.purpose;
    let told = purpose.commission.zip(purpose.gross(credit.left));
    match told {
        Some((commission, gross)) => format!(
            "пришло {}, комиссия банка {}, покупатели заплатили {}",
            money(credit.left),
            money(commission),
            money(gross)
        ),
        None => format!(
            "пришло {}, сколько удержал банк, в назначении не сказано",
            money(credit.left)
        ),
    }
}
