//! Money that went back to the buyer, all the way: the deal shows less, its timeline says why, and the stage is only asked
//! about; whichever of payment and refund is seen first.

use domain::observed::OurField;
use domain::payment::{
    AccountNumber, Direction, LineId, OtherSide, OwnSide, PaymentOrder, SourceId,
};
use domain::purpose::Purpose;
use domain::{DealId, Inn, InvoiceStatus, Money, OrganisationId, StageId};
use jiff::civil::date;
use planner::{Booking, MoneyPolicy, OwnAccount, PaidStage, Refunds};
use store::{PaymentFilter, PaymentState, SeenLine, WasUndone};
use testkit::builders::portal;
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::INVOICE_STAGE;

fn account() -> AccountNumber {
    AccountNumber::new("40702810200000012345").unwrap()
}

pub(crate) async fn desk(refunds: Refunds) -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| {
        for (field, name) in [
            (OurField::Paid, "UF_PAID"),
            (OurField::PaidOn, "UF_PAID_ON"),
        ] {
            policy.fields.insert(field, name.to_owned());
        }
        let funnel = policy.funnels[0].id;
        policy.money = Some(MoneyPolicy {
            booking: Some(Booking::Provodka),
            since: None,
            wait_hours: 24,
            refunds,
            registers: planner::Registers::default(),
            accounts: vec![OwnAccount {
                number: account(),
                organisation: OrganisationId::new("org"),
                inn: None,
            }],
            stages: vec![PaidStage {
                funnel,
                to: StageId::new("WON"),
                from: vec![StageId::new(INVOICE_STAGE)],
                by: planner::MovedBy::default(),
            }],
            overdue: None,
        });
    });
    desk.deal_enters(1).await;
    desk.run(60).await;
    desk
}

/// The bank carries it out, and a statement shows it.
pub(crate) async fn carried_out(desk: &Desk, direction: Direction, kopecks: i64, purpose: &str) {
    let order = PaymentOrder {
        own_account: account(),
        direction,
        form: None,
        number: format!("{}", kopecks % 97),
        date: date(2026, 3, 13),
        booked: Some(date(2026, 3, 13)),
        amount: Money::from_kopecks(kopecks),
        other: OtherSide {
            name: Some("ООО «Ромашка»".to_owned()),
            inn: Some(Inn::parse("7707083893").unwrap()),
            ..OtherSide::default()
        },
        purpose: purpose.to_owned(),
    };
    let line = SeenLine {
        line: LineId("1".to_owned()),
        kind: OwnSide::default().kind(&order, &Purpose::read(&order.purpose)),
        order,
        organisation: OrganisationId::new("org"),
    };
    let source = SourceId(format!("statement/{direction:?}/{kopecks}"));
    let now = desk.clock.now();
    let seen = desk.store.money_see(&portal(), &source, &[line], now).await;
    seen.unwrap();
    desk.run(60).await;
}

async fn states(desk: &Desk) -> Vec<(PaymentState, i64)> {
    let (id, every) = (portal(), PaymentFilter::default());
    let all = desk.store.money_list(&id, &every).await.unwrap();
    all.iter()
        .map(|one| (one.state, one.remaining.kopecks()))
        .collect()
}

/// What the invoice comes to, and how purposes name it.
pub(crate) fn bill(desk: &Desk) -> (i64, String) {
    let bill = desk.office.state().bills[0].invoice.clone();
    let day = domain::display::date(bill.date);
    let named = format!("по счёту № {} от {day}", bill.number);
    (bill.totals.gross.kopecks(), named)
}

use PaymentState::{Aside, Asked, Booked};

#[test]
fn a_refund_lessens_what_the_deal_shows_and_asks_about_its_stage() {
    paused(async {
        let desk = desk(Refunds::TakeOff).await;
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        let back = total / 4;
        carried_out(&desk, Direction::Out, back, &format!("Возврат {named}")).await;
        let story = desk.office.story();
        assert_eq!(states(&desk).await, [(Booked, 0); 2], "{story}");
        assert!(story.contains("Возврат"), "{story}");
        assert_eq!(desk.questions().await, ["PAYMENT-TAKEN-BACK"]);
        desk.assert_at_rest(1).await;
        // The payment is taken back altogether: the refund has nothing to be taken off any more.
        let now = desk.clock.now();
        let (id, by) = (portal(), ("anna", "письмо"));
        let undone = desk.store.money_undo(&id, 1, by, date(2026, 3, 14), now);
        let WasUndone::Done(undone) = undone.await.unwrap() else {
            panic!("nothing is undone");
        };
        assert_eq!(undone.refunds, [2]);
        desk.run(120).await;
        assert_eq!(states(&desk).await, [(Asked, total), (Asked, -back)]);
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_credit_that_goes_back_altogether_leaves_nothing_paid_and_the_stage_as_it_was() {
    paused(async {
        let desk = desk(Refunds::TakeOff).await;
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        let shown = || {
            let state = desk.office.state();
            let glance = &state.deals[&DealId(1)].glance;
            let paid = glance.fields.paid.unwrap_or_default().kopecks();
            (paid, glance.fields.paid_on, glance.deal.stage.clone())
        };
        let won = StageId::new("WON");
        assert_eq!(shown(), (total, Some(date(2026, 3, 13)), won.clone()));
        // An order of its own, which names the one that it takes back.
        let order = total % 97;
        let purpose = format!("Возврат ошибочно зачисленных средств по п/п {order} от 13.03.2026");
        carried_out(&desk, Direction::Out, total, &purpose).await;
        let story = desk.office.story();
        assert_eq!(states(&desk).await, [(Booked, 0); 2], "{story}");
        assert_eq!(shown(), (0, None, won), "{story}");
        assert!(story.contains("Возврат"), "{story}");
        assert_eq!(desk.questions().await, ["PAYMENT-TAKEN-BACK"]);
        // Its statement once more changes nothing.
        carried_out(&desk, Direction::Out, total, &purpose).await;
        assert_eq!(states(&desk).await, [(Booked, 0); 2]);
        assert_eq!(shown().0, 0);
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_refund_that_comes_before_its_payment_is_taken_off_when_that_comes() {
    for (purpose, before) in [("Возврат", Aside), ("Возврат {named}", Asked)] {
        paused(async {
            let desk = desk(Refunds::TakeOff).await;
            let (total, named) = bill(&desk);
            let back = total / 4;
            let purpose = purpose.replace("{named}", &named);
            carried_out(&desk, Direction::Out, back, &purpose).await;
            assert_eq!(states(&desk).await, [(before, -back)]);
            carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
            // What names nothing is asked about, now that there is something that it may be of.
            let after = if before == Aside {
                (Asked, -back)
            } else {
                (Booked, 0)
            };
            let story = desk.office.story();
            assert_eq!(states(&desk).await, [after, (Booked, 0)], "{story}");
        });
    }
}

#[test]
fn refunds_are_listed_alone_where_the_policy_says_so() {
    paused(async {
        let desk = desk(Refunds::List).await;
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        let back = total / 4;
        carried_out(&desk, Direction::Out, back, &format!("Возврат {named}")).await;
        assert_eq!(states(&desk).await, [(Booked, 0), (Aside, -back)]);
        assert!(desk.questions().await.is_empty());
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn money_of_a_deleted_deal_is_a_question_until_it_went_back() {
    paused(async {
        let desk = desk(Refunds::TakeOff).await;
        let (total, named) = bill(&desk);
        carried_out(&desk, Direction::In, total, &format!("Оплата {named}")).await;
        desk.office.state().gone.push(DealId(1));
        desk.event(1).await;
        desk.run(60).await;
        let asked = ["DEAL-DELETED", "PAYMENT-DEAL-LOST"];
        assert_eq!(desk.questions().await, asked, "{}", desk.office.story());
        carried_out(&desk, Direction::Out, total, &format!("Возврат {named}")).await;
        let story = desk.office.story();
        assert_eq!(states(&desk).await, [(Booked, 0); 2], "{story}");
        assert_eq!(desk.questions().await, ["DEAL-DELETED"]);
        desk.assert_at_rest(1).await;
        // The accountant cancels what nobody is to pay.
        desk.office.state().bills[0].invoice.status = InvoiceStatus::Cancelled;
        desk.task("links").await;
        desk.run(600).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
    });
}
