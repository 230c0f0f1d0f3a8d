//! Money of a deal that is lost or deleted is asked about, whichever came first.

use domain::{InvoiceStatus, Money};
use insta::assert_snapshot;
use planner::Seen;

use crate::build::TestDeal;
use crate::receipts::{paid, receipt, shown};

const CODE: &str = "PAYMENT-DEAL-LOST";

fn lost(deal: TestDeal) -> TestDeal {
    deal.of(|deal| (deal.closed, deal.lost) = (true, true))
}

fn is_asked(deal: &TestDeal) -> bool {
    let cases = deal.planned().cases;
    cases.iter().any(|case| case.key == CODE)
}

#[test]
fn money_of_a_lost_deal_is_asked_about() {
    assert_snapshot!(lost(paid([receipt(2, 5_000)])).plan(), @r"
    case PAYMENT-DEAL-LOST
      | Сделка проиграна, а по её счёту есть деньги: 50,00 ₽, последние 50,00 ₽ от 12.03.2026. Если продажа состоится, верните сделку в работу; если нет, верните деньги покупателю. Вопрос снимется, когда сделка оживёт или возврат вычтется из оплаченного. Если возвраты у вас не вычитаются или всё верно:
      | • оставить как есть (leave)
      waits for deal 4711
    write Status = Оплачен частично, Paid = 50.00
    timeline receipt/2/whole/1: Оплата 50,00 ₽ получена 12.03.2026. Плательщик: ООО «Ромашка», поручение № 77 от 11.03.2026, «Оплата по счёту № 17». Счёт № 17: осталось 72,00 ₽
    tell user 5 of PAYMENT-DEAL-LOST
    ");
    // Also where it was paid before, and where it was won nobody is asked.
    assert!(is_asked(&lost(shown([receipt(2, 12_200)]))));
    let won = shown([receipt(2, 12_200)]).of(|deal| deal.closed = true);
    assert!(!is_asked(&won), "{}", won.plan());
    // What an invoice got that stands no more is another question.
    let gone = lost(shown([receipt(2, 12_200)]))
        .with(|it| it.snapshot.invoices[0].status = InvoiceStatus::Cancelled);
    assert!(!is_asked(&gone), "{}", gone.plan());
    assert!(!is_asked(&lost(paid([]))));
}

#[test]
fn it_is_asked_until_the_money_went_back_or_the_deal_lives() {
    let asked = || {
        let mut it = lost(shown([receipt(2, 5_000)]));
        let plan = it.planned();
        it.carry_out(plan);
        assert!(it.planned().is_empty(), "{}", it.plan());
        it
    };
    let alive = asked().of(|deal| (deal.closed, deal.lost) = (false, false));
    assert_eq!(alive.planned().withdrawn, [CODE]);
    let mut back = asked();
    back.snapshot.receipts[0].undone = Some((9, "возврат".to_owned()));
    assert_eq!(back.planned().withdrawn, [CODE]);
    // An answer holds for what had come until then.
    let mut left = asked();
    left.snapshot.open_cases.remove(CODE);
    left.snapshot.answers.0.push(planner::Answer {
        key: CODE.to_owned(),
        about: "transaction/2".to_owned(),
        choice: "leave".to_owned(),
    });
    assert!(left.planned().is_empty(), "{}", left.plan());
    left.snapshot.receipts.push(receipt(3, 1_000));
    assert!(is_asked(&left), "{}", left.plan());
    let sum = Money::from_kopecks(6_000);
    let text = domain::display::money(sum);
    assert!(left.planned().cases[0].text.contains(&text));
}

#[test]
fn money_of_a_deleted_deal_is_asked_of_who_keeps_the_books() {
    let deleted = |deal: TestDeal| deal.seen(Seen::Gone);
    assert_snapshot!(deleted(shown([receipt(2, 5_000)])).plan(), @r"
    case DEAL-DELETED
      | Сделка удалена, а её счёт № 17 от 12.03.2026 на 122,00 ₽ остался в учёте. Решите, отменить ли его.
      waits for deal 4711
    case PAYMENT-DEAL-LOST
      | Сделка удалена, а по её счёту есть деньги: 50,00 ₽, последние 50,00 ₽ от 12.03.2026. Если продажи не было, верните их покупателю; если они за другое, снимите их со счёта командой `provodka payments undo` (закрытие без выписки: `provodka payments unsettle`). Вопрос снимется, когда возврат вычтется из оплаченного или деньги снимут. Если возвраты у вас не вычитаются или всё верно:
      | • оставить как есть (leave)
      waits for deal 4711
    tell the administrator of DEAL-DELETED
    tell the administrator of PAYMENT-DEAL-LOST
    ");
    assert!(!is_asked(&deleted(shown([]))));
    // Its manager was asked while it was lost: what he was to do there he can do no more.
    let mut asked = lost(shown([receipt(2, 5_000)]));
    asked.carry_out(asked.planned());
    let left = asked.clone();
    let mut asked = deleted(asked);
    let anew = asked.planned();
    let whom = anew.cases.iter().map(|case| (case.key.as_str(), case.whom));
    let whom: Vec<_> = whom.collect();
    assert_eq!(whom, [("DEAL-DELETED", None), (CODE, None)]);
    asked.carry_out(anew);
    assert!(asked.planned().is_empty(), "{}", asked.plan());
    // It went back, or the invoice with it: then its money is another question.
    let mut back = asked.clone();
    back.snapshot.receipts[0].undone = Some((9, "возврат".to_owned()));
    assert_eq!(back.planned().withdrawn, [CODE]);
    let cancelled = asked.invoice(|it| it.status = InvoiceStatus::Cancelled);
    let plan = cancelled.planned();
    assert_eq!(plan.withdrawn, ["DEAL-DELETED", CODE]);
    assert_eq!(plan.cases.len(), 1);
    assert_eq!(plan.cases[0].key, "PAID-INVOICE-GONE");
    // What was said of it while it was lost holds.
    let mut left = deleted(left);
    left.snapshot.open_cases.remove(CODE);
    left.snapshot.answers.0.push(planner::Answer {
        key: CODE.to_owned(),
        about: "transaction/2".to_owned(),
        choice: "leave".to_owned(),
    });
    assert!(!is_asked(&left), "{}", left.plan());
}
