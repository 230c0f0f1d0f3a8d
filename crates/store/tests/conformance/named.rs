//! Whoever pays for somebody else names him: his open invoices are found by his name.

use domain::purpose::NameKey;
use store::*;

use crate::money::{book, decide, link, order, put, see, share};
use crate::support::*;

/// The numbers of what is open of whoever is called so.
async fn found(db: &Db, name: &str) -> Vec<String> {
    let name = NameKey::of(name).unwrap();
    let wanted = Wanted {
        names: vec![name.clone()],
        ..Wanted::default()
    };
    let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
    let invoices = found.invoices.into_iter();
    invoices
        .map(|(invoice, _)| {
            assert_eq!(invoice.buyer_name.as_ref(), Some(&name));
            invoice.number
        })
        .collect()
}

fn called(deal: u64, number: &str, name: &str) -> InvoiceLink {
    let mut link = link(deal, 1, number, 100);
    link.draft["draft"]["buyer"]["name"] = name.into();
    link
}

conformance! {
    async fn what_is_open_of_a_company_is_found_by_its_name(db: &Db) {
        let lease = leased(db, 1).await;
        let nameless = link(10, 1, "4", 100);
        let in_words = called(8, "2", "Общество с ограниченной ответственностью \"Ромашка\"");
        put(db, &lease, vec![called(7, "1", "ООО «Ромашка»"), in_words, called(9, "3", "АО «Ромашка»"), nameless]).await;
        assert_eq!(found(db, "РОМАШКА ООО").await, ["1", "2"]);
        assert_eq!(found(db, "АО Ромашка").await, ["3"]);
        assert_eq!(found(db, "ООО «Луч»").await, [""; 0]);
        // What is paid is not open, and a card may be written anew.
        see(db, "march", &[order("1", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("1", 100)])]).await, [Decided::Done]);
        assert_eq!(found(db, "ООО Ромашка").await, ["2"]);
        put(db, &lease, vec![called(8, "2", "ООО «Луч»")]).await;
        assert_eq!((found(db, "ООО Ромашка").await, found(db, "ООО Луч").await), (vec![], vec!["2".to_owned()]));
    }

    async fn what_was_open_before_names_were_kept_is_found_once_money_comes(db: &Db) {
        if db.form == Form::Inline {
            return; // Its one connection is not to be written beside.
        }
        let lease = leased(db, 1).await;
        put(db, &lease, vec![called(7, "1", "ООО «Ромашка»"), link(8, 1, "2", 100)]).await;
        db.meddle("UPDATE invoice_balance SET buyer_name = NULL").await;
        assert_eq!(found(db, "ООО Ромашка").await, [""; 0]);
        see(db, "march", &[order("1", 100)]).await;
        assert_eq!(found(db, "ООО Ромашка").await, ["1"]);
    }
}
