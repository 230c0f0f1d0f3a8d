//! Deals with invoices of the portal's own.

use std::time::Duration;

use domain::observed::{Record, SmartInvoice};
use domain::{CompanyId, DealId, Money, SmartInvoiceId};
use engine::clock::later;
use futures_util::future::join;
use planner::SmartInvoices;
use testkit::time::paused;

use crate::decisions::answer;
use crate::desk::Desk;
use crate::office::{Page, Trouble};

fn own(deal: u64, live: bool) -> SmartInvoice {
    SmartInvoice {
        amount: None,
        seller: None,
        company: None,
        contact: None,
        id: SmartInvoiceId(5),
        deal: DealId(deal),
        number: "5".to_owned(),
        live,
    }
}

#[test]
fn an_invoice_of_the_portals_own_is_asked_about_until_it_is_taken_back() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = Some(SmartInvoices::Ask));
        desk.office.state().smart_invoices = vec![own(1, true)];
        desk.deal_enters(1).await;
        desk.deal_enters(2).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-SMART-INVOICE"]);
        assert_eq!(desk.office.bills().len(), 1, "the other deal has none");
        assert_eq!(desk.office.calls("smart invoices"), 1);
        desk.office.state().smart_invoices = vec![own(1, false)];
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 2);
    });
}

#[test]
fn a_number_that_another_invoice_bears_is_the_managers_question_and_no_refusal() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = Some(SmartInvoices::Adopt));
        desk.deal_enters(2).await;
        desk.run(60).await;
        let numbers = || -> Vec<String> {
            let bills = desk.office.bills();
            bills.into_iter().map(|bill| bill.invoice.number).collect()
        };
        assert_eq!(numbers(), ["1"]);
        let fitting = |number: &str| SmartInvoice {
            amount: Some(Money::from_kopecks(12_200)),
            company: Some(CompanyId(7)),
            number: number.to_owned(),
            ..own(1, true)
        };
        desk.office.state().smart_invoices = vec![fitting("1")];
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-SMART-INVOICE"]);
        assert_eq!(
            desk.office.calls("issue"),
            1,
            "nothing that would be refused is sent"
        );
        desk.office.state().smart_invoices = vec![fitting("6-С")];
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(numbers(), ["1", "6-С"]);
    });
}

#[test]
fn a_number_that_the_accounting_side_does_not_tell_of_is_waited_for() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = Some(SmartInvoices::Adopt));
        desk.office.state().smart_invoices = vec![SmartInvoice {
            amount: Some(Money::from_kopecks(12_200)),
            company: Some(CompanyId(7)),
            ..own(1, true)
        }];
        desk.office.order("number_taken", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["ACTION-REFUSED/find_number"]);
        assert!(desk.office.bills().is_empty());
        desk.run(600).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn the_numbers_of_many_deals_are_asked_for_together_but_not_all_at_once() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = Some(SmartInvoices::Adopt));
        let fitting = |deal: u64| SmartInvoice {
            amount: Some(Money::from_kopecks(12_200)),
            company: Some(CompanyId(7)),
            id: SmartInvoiceId(deal),
            number: format!("{deal}-С"),
            ..own(deal, true)
        };
        desk.office.state().smart_invoices = (1..=24).map(fitting).collect();
        for id in 1..=24 {
            desk.deal_enters(id).await;
        }
        desk.run(120).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 24);
        let most = desk.office.most_together("number_taken");
        assert!((2..=10).contains(&most), "{most}");
    });
}

#[test]
fn by_a_policy_that_says_nothing_a_portal_without_invoices_of_its_own_is_asked_about_none() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = None);
        for id in 1..=3 {
            desk.deal_enters(id).await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.bills().len(), 3);
        let calls = || {
            let office = &desk.office;
            (office.calls("own invoices"), office.calls("smart invoices"))
        };
        assert_eq!(calls(), (1, 0));
        // The first one ever is seen with a deal of a while later.
        desk.run(900).await;
        desk.office.state().smart_invoices = vec![own(4, true)];
        desk.deal_enters(4).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-SMART-INVOICE"]);
        desk.deal_enters(5).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 4, "another deal has none");
        assert_eq!(calls().0, 2);
    });
}

#[test]
fn an_invoice_of_the_portals_own_that_is_made_while_the_buyer_is_entered_is_asked_about() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.smart_invoices = Some(SmartInvoices::Ask));
        desk.office.slow_down("create", Duration::from_secs(10));
        desk.deal_enters(1).await;
        let made = async {
            desk.clock
                .sleep_until(later(desk.clock.now(), Duration::from_secs(5)))
                .await;
            desk.office.state().smart_invoices = vec![own(1, true)];
        };
        join(desk.run(60), made).await;
        assert_eq!(desk.questions().await, ["DEAL-SMART-INVOICE"]);
        assert!(desk.office.bills().is_empty());
    });
}

#[test]
fn a_deal_that_was_left_to_an_invoice_of_the_portals_own_is_seen_when_that_is_replaced_or_taken_back()
 {
    paused(async {
        for rule in [Some(SmartInvoices::Ask), None] {
            let desk = Desk::open().await;
            desk.set_policy(|policy| policy.invoice.smart_invoices = rule);
            desk.office.state().smart_invoices = vec![own(1, true)];
            desk.deal_enters(1).await;
            desk.run(60).await;
            answer(&desk, "DEAL-SMART-INVOICE", "leave").await;
            desk.run(60).await;
            assert!(desk.questions().await.is_empty());
            // The deal does not change by what becomes of its invoices: only the sweep of those tells.
            let swept = async |invoices: Vec<SmartInvoice>, changed: Page| {
                desk.office.state().smart_invoices = invoices;
                desk.office.state().own_invoice_pages = vec![changed];
                desk.task("sweep").await;
                desk.run(60).await;
                (desk.questions().await, desk.office.bills().len())
            };
            let changed: Page = vec![(Record::Deal(DealId(1)), Some(desk.clock.now()))];
            let another = SmartInvoice {
                id: SmartInvoiceId(6),
                ..own(1, true)
            };
            let replaced = vec![own(1, false), another];
            let asked = vec!["DEAL-SMART-INVOICE".to_owned()];
            assert_eq!(swept(replaced, changed).await, (asked, 0));
            answer(&desk, "DEAL-SMART-INVOICE", "leave").await;
            desk.run(60).await;
            let changed = vec![(Record::Deal(DealId(1)), Some(desk.clock.now()))];
            assert_eq!(swept(vec![own(1, false)], changed).await, (vec![], 1));
        }
    });
}

#[test]
fn invoices_of_the_portals_own_are_not_swept_where_nobody_asks_about_them_or_there_never_was_one() {
    paused(async {
        for rule in [Some(SmartInvoices::Ignore), None] {
            let desk = Desk::open().await;
            desk.set_policy(|policy| policy.invoice.smart_invoices = rule);
            desk.deal_enters(1).await;
            desk.run(60).await;
            let glances = desk.office.calls("glance");
            let changed = vec![(Record::Deal(DealId(1)), Some(desk.clock.now()))];
            desk.office.state().own_invoice_pages = vec![changed];
            desk.task("sweep").await;
            desk.run(60).await;
            assert_eq!(desk.office.calls("glance"), glances);
        }
    });
}
