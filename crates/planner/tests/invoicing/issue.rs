//! The invoice itself: from fresh data, once, in its slot.

use domain::observed::RowVat;
use domain::{Price, Quantity, SlotKind, VatRate};
use insta::assert_snapshot;
use jiff::SignedDuration;
use planner::Seen;

use crate::build::{ago, deal, noon, row};

#[test]
fn a_deal_that_lacks_nothing_gets_its_invoice() {
    assert_snapshot!(deal().plan(), @r"
    issue whole/1 to K-1
      org sells to 7707083893/770801001 ООО «Ромашка», 2026-03-12, due 2026-03-17, VAT included
      Консультация: 1 шт at 122, VAT 22
      122.00 with VAT 22.00
      payable to ООО «Мы» 40702810200000012345
    because: сделка вошла в стадию счёта, счёта ещё нет
    ");
}

#[test]
fn nothing_is_created_while_a_bill_that_nobody_waited_for_stands() {
    let twin = deal().open("INVOICE-TWIN/B-2", "", true);
    assert_snapshot!(twin.plan(), @"because: в бухгалтерии стоит счёт этой сделки, которого не ждали: пока он не убран, новый не выставляется");
}

#[test]
fn nothing_is_done_with_a_deal_of_which_another_version_made_a_record() {
    let sealed = deal().with(|deal| deal.snapshot.sealed = true);
    assert_snapshot!(sealed.plan(), @"because: запись о счёте сделки сделана другой версией программы");
    assert_eq!(sealed.clone().ordered().plan(), sealed.plan());
    assert_eq!(sealed.clone().seen(Seen::Gone).plan(), sealed.plan());
    assert_snapshot!(sealed.seen(Seen::Unread).plan(), @"need the glance");
}

#[test]
fn lines_keep_quantity_price_and_rate_and_sum_up_half_up() {
    let many = deal().rows([
        {
            let mut hours = row("Работа");
            hours.quantity = Quantity::parse("1.5").unwrap();
            hours.price = Price::parse("333.33").unwrap();
            hours.unit_name = Some("ч".to_owned());
            hours.unit_code = None;
            hours
        },
        {
            let mut books = row("Книга");
            books.vat = RowVat::Known(VatRate::Percent10);
            books.quantity = Quantity::parse("3").unwrap();
            books.price = Price::parse("33.33").unwrap();
            books
        },
    ]);
    assert_snapshot!(many.plan(), @r"
    issue whole/1 to K-1
      org sells to 7707083893/770801001 ООО «Ромашка», 2026-03-12, due 2026-03-17, VAT included
      Работа: 1.5 ч at 333.33, VAT 22
      Книга: 3 шт at 33.33, VAT 10
      599.99 with VAT 99.25
      payable to ООО «Мы» 40702810200000012345
    because: сделка вошла в стадию счёта, счёта ещё нет
    ");
}

#[test]
fn prices_without_vat_get_it_on_top() {
    let on_top = deal().row(|it| {
        it.vat_included = false;
        it.price = Price::parse("100").unwrap();
    });
    assert_snapshot!(on_top.plan(), @r"
    issue whole/1 to K-1
      org sells to 7707083893/770801001 ООО «Ромашка», 2026-03-12, due 2026-03-17, VAT on_top
      Консультация: 1 шт at 100, VAT 22
      122.00 with VAT 22.00
      payable to ООО «Мы» 40702810200000012345
    because: сделка вошла в стадию счёта, счёта ещё нет
    ");
}

#[test]
fn due_days_are_the_policys() {
    let never = deal().with(|deal| deal.policy.invoice.due_days = None);
    assert!(never.plan().contains("due -"), "{}", never.plan());
    let at_once = deal().with(|deal| deal.policy.invoice.due_days = Some(0));
    assert!(
        at_once.plan().contains("due 2026-03-12"),
        "{}",
        at_once.plan()
    );
}

#[test]
fn the_date_is_the_day_of_our_organisation() {
    let night = "2026-03-12T21:30:00Z".parse().unwrap();
    let late = deal().seen_at(night).with(|deal| deal.now = night);
    assert!(
        late.plan().contains("2026-03-13, due 2026-03-18"),
        "{}",
        late.plan()
    );
    let west = late.with(|deal| {
        deal.policy.organisations[0].time_zone = "Europe/Kaliningrad".to_owned();
    });
    assert!(west.plan().contains("2026-03-12, due"), "{}", west.plan());
}

#[test]
fn what_was_read_too_long_ago_is_read_again_before_the_issue() {
    let aged = |milliseconds| {
        let read_at = noon() - SignedDuration::from_millis(milliseconds);
        deal().seen_at(read_at)
    };
    assert_eq!(aged(1_500).plan(), deal().plan());
    assert_snapshot!(aged(1_501).plan(), @"need the whole look");
    // Nobody knows how old it is after a clock was set back.
    assert_snapshot!(aged(-1).plan(), @"need the whole look");
    // A question needs no fresh data.
    let poor = aged(60_000).buyer(|it| it.kpp.clear());
    assert!(poor.planned().needs.is_empty(), "{}", poor.plan());
}

#[test]
fn beside_an_unsettled_creation_nothing_is_created() {
    let creating = deal().creating(ago(-90));
    assert_snapshot!(creating.plan(), @"look again at 2026-03-12T09:01:30Z: исход создания счёта ещё не известен");
    assert_eq!(
        creating.clone().seen(planner::Seen::Unread).plan(),
        creating.plan()
    );
    assert_eq!(creating.clone().rows([]).plan(), creating.plan());
    assert_eq!(
        creating.clone().accounting_knows(&[]).plan(),
        creating.plan()
    );
}

#[test]
fn what_the_key_makes_the_same_may_be_asked_for_once_more_and_nothing_else() {
    let asked = deal().asked_for(ago(-90), ago(15));
    assert_eq!(asked.plan(), deal().plan());
    assert_snapshot!(asked.clone().seen(planner::Seen::Unread).plan(), @"need the glance");

    let waits = deal().creating(ago(-90)).plan();
    let another = asked.clone().rows([row("Другое")]);
    assert_eq!(another.plan(), waits, "another revision");
    assert_eq!(asked.clone().buyer(|it| it.kpp.clear()).plan(), waits);
    assert_eq!(asked.clone().history(&[("NEW", 600)]).plan(), waits);
    assert_eq!(asked.clone().accounting_knows(&[]).plan(), waits);
    assert_eq!(asked.seen(planner::Seen::Gone).plan(), waits);
    let too_soon = deal().asked_for(ago(-90), ago(-15));
    assert_snapshot!(too_soon.plan(), @"look again at 2026-03-12T09:00:15Z: исход создания счёта ещё не известен");
}

#[test]
fn the_generation_grows_only_past_an_invoice_that_was_given_up() {
    let given_up = deal().issued().invoice(|it| it.live = false);
    assert!(
        given_up.plan().starts_with("issue whole/2 to K-1"),
        "{}",
        given_up.plan()
    );
    let other_kind = deal().issued().invoice(|it| {
        it.live = false;
        it.slot.kind = SlotKind::Advance;
    });
    assert!(
        other_kind.plan().starts_with("issue whole/1 to K-1"),
        "{}",
        other_kind.plan()
    );
}
