//! A database that was restored from a backup: what it forgot is found before anything is made again.

use domain::{CompanyId, OrganisationId};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;
use crate::unknown::{begun_anew, order_an_invoice};

/// An order in the field of a deal that is there, too, and of which nothing was forgotten.
async fn order_another(desk: &Desk) {
    desk.office.enter(2);
    desk.office.edit(2, |reading| {
        reading.glance.fields.command = Some("выставить счёт".to_owned());
    });
    desk.event(2).await;
    desk.run(60).await;
}

#[test]
fn an_order_waits_for_a_bill_that_could_not_be_read_also_across_a_restart() {
    for is_restarted in [false, true] {
        paused(async {
            let mut desk = begun_anew().await;
            desk.office.order("read_invoices", Trouble::Busy);
            desk.task("feed").await;
            order_an_invoice(&desk).await;
            if is_restarted {
                desk.restart();
            }
            desk.run(400).await;
            assert_eq!(desk.office.calls("issue"), 0);
            assert!(desk.known(1).await.invoice_links.is_empty());
            desk.run(300).await;
            assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
            assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
            order_another(&desk).await;
            assert_eq!(desk.office.calls("issue"), 1);
        });
    }
}

#[test]
fn a_feed_that_cannot_be_read_keeps_back_no_deal_of_another_organisation() {
    paused(async {
        let desk = begun_anew().await;
        let other = OrganisationId::new("org-2");
        desk.set_policy(|policy| {
            let mut second = policy.organisations[0].clone();
            (second.id, second.own_company) = (other.clone(), CompanyId(2));
            policy.organisations.insert(0, second);
            policy.funnels[0].organisation = Some(OrganisationId::new("org"));
        });
        desk.office.state().shut_feed = Some(other);
        desk.task("feed").await;
        order_an_invoice(&desk).await;
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.office.calls("issue"), 0);
        order_another(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}
