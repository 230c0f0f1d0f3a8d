//! Deals with invoices of the portal's own.

use std::time::Duration;

use domain::observed::SmartInvoice;
use domain::{DealId, SmartInvoiceId};
use engine::clock::later;
use futures_util::future::join;
use planner::SmartInvoices;
use testkit::time::paused;

use crate::desk::Desk;

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
