//! Invoices that exist already: looked for, linked by a person's order, and the deal's from then on.

use domain::{
    Amounts, ContractorId, DealId, Invoice, InvoiceId, InvoiceStatus, Money, OrganisationId,
    SlotKind, VatMode,
};
use engine::Halted;
use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::civil::date;
use planner::adopting::{Claim, Judged};
use reconciler::{Claimed, Claims};
use store::{Lane, Subject};
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::desk::Desk;
use crate::office::{Bill, Trouble};

fn claim(deal: u64, number: &str) -> Claim {
    Claim {
        deal: DealId(deal),
        organisation: None,
        number: number.to_owned(),
        date: None,
        total: None,
        bills: SlotKind::Whole,
    }
}

/// The accountant issued it by hand: it bears no mark of ours.
fn by_hand(desk: &Desk, number: &str) {
    let invoice = Invoice {
        id: InvoiceId::new(format!("hand-{number}")),
        seller: OrganisationId::new("org"),
        number: number.to_owned(),
        date: date(2026, 1, 20),
        due: None,
        status: InvoiceStatus::Issued,
        contractor: ContractorId::new("K-1"),
        counterparty: Some("7707083893/770801001".parse().unwrap()),
        mode: VatMode::Included,
        lines: Vec::new(),
        totals: Amounts {
            net: Money::from_kopecks(10_000),
            vat: Money::from_kopecks(2_200),
            gross: Money::from_kopecks(12_200),
        },
        currency: "RUB".to_owned(),
        paid: Money::ZERO,
        marked: false,
        made_as: None,
        changed: None,
    };
    desk.office.state().bills.push(Bill {
        invoice,
        key: String::new(),
        deleted: false,
    });
}

async fn observed(desk: &Desk, wanted: &[Claim]) -> Claims {
    let mut claims = Claims::default();
    let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
    let observed = claims.observe(&ctx, &connected, wanted.to_vec()).await;
    observed.unwrap();
    claims
}

async fn shown(desk: &Desk, wanted: &[Claim]) -> Vec<String> {
    let mut claims = observed(desk, wanted).await;
    let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
    told(claims.judged(&ctx, &connected).await.unwrap())
}

async fn taken(desk: &Desk, wanted: &[Claim]) -> Vec<String> {
    let mut claims = observed(desk, wanted).await;
    let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
    told(claims.take(&ctx, &connected, "Мария").await.unwrap())
}

fn told(claimed: Vec<Claimed>) -> Vec<String> {
    let line = |one: &Claimed| match &one.judged {
        Judged::Adopt(invoice) => format!("{}: № {}", one.claim.deal, invoice.number),
        Judged::Already => format!("{}: already", one.claim.deal),
        Judged::Refused(why) => format!("{}: {why}", one.claim.deal),
    };
    claimed.iter().map(line).collect()
}

/// An old deal, from before the start: nothing is issued for it by itself.
async fn desk_with_an_old_deal() -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| policy.start_at = at(0) + SignedDuration::from_secs(5));
    desk.office.knows_romashka();
    desk.office.enter(1);
    by_hand(&desk, "17");
    desk
}

#[test]
fn an_advance_and_the_rest_are_taken_over_in_one_go_whichever_is_named_first() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        by_hand(&desk, "18");
        for (bill, net, vat) in [(0, 3_000, 660), (1, 7_000, 1_540)] {
            desk.office.state().bills[bill].invoice.totals = Amounts {
                net: Money::from_kopecks(net),
                vat: Money::from_kopecks(vat),
                gross: Money::from_kopecks(net + vat),
            };
        }
        let part = |number: &str, bills| Claim {
            bills,
            ..claim(1, number)
        };
        let both = [part("18", SlotKind::Rest), part("17", SlotKind::Advance)];
        let alone = shown(&desk, &both[..1]).await;
        assert!(
            alone[0].contains("счёта на аванс у сделки нет"),
            "{alone:?}"
        );
        assert_eq!(shown(&desk, &both).await, ["1: № 18", "1: № 17"]);
        assert_eq!(taken(&desk, &both).await, ["1: № 18", "1: № 17"]);
        desk.run(60).await;
        assert_eq!(taken(&desk, &both).await, ["1: already", "1: already"]);
        let links = desk.known(1).await.invoice_links;
        let slots: Vec<String> = links.iter().map(|link| link.slot.to_string()).collect();
        assert_eq!(slots, ["advance/1", "rest/1"]);
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_rest_is_not_taken_without_its_advance() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        desk.office.enter(2);
        by_hand(&desk, "16");
        by_hand(&desk, "18");
        for (bill, net, vat) in [(0, 5_000, 1_100), (1, 5_000, 1_100), (2, 5_000, 1_100)] {
            desk.office.state().bills[bill].invoice.totals = Amounts {
                net: Money::from_kopecks(net),
                vat: Money::from_kopecks(vat),
                gross: Money::from_kopecks(net + vat),
            };
        }
        let part = |deal, number: &str, bills| Claim {
            bills,
            ..claim(deal, number)
        };
        let all = [
            part(1, "17", SlotKind::Advance),
            part(1, "18", SlotKind::Rest),
            part(2, "16", SlotKind::Advance),
            part(2, "17", SlotKind::Rest),
        ];
        let told = [
            "1: на счёт № 17 указывают несколько сделок: 1, 2",
            "1: счёт на аванс этой сделки не подходит: сначала нужен он",
            "2: № 16",
            "2: на счёт № 17 указывают несколько сделок: 1, 2",
        ];
        assert_eq!(shown(&desk, &all).await, told);
        assert_eq!(taken(&desk, &all).await, told);
        assert!(desk.known(1).await.invoice_links.is_empty());
        assert_eq!(desk.known(2).await.invoice_links.len(), 1);
    });
}

#[test]
fn what_is_only_shown_leaves_no_trace() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        let before = desk.known(1).await;
        assert_eq!(shown(&desk, &[claim(1, "17")]).await, ["1: № 17"]);
        assert_eq!(desk.known(1).await, before);
        assert_eq!(desk.office.story(), "");
    });
}

#[test]
fn an_adopted_invoice_is_shown_and_no_order_makes_another_beside_it() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        assert_eq!(taken(&desk, &[claim(1, "17")]).await, ["1: № 17"]);
        desk.run(60).await;
        assert_snapshot!(desk.office.story(), @r"
        deal 1: fields Number=17, Date=2026-01-20, Sum=122.00, Status=Выставлен
        deal 1: timeline 901: К сделке привязан выставленный раньше счёт № 17 от 20.01.2026 на сумму 122,00 ₽
        ");
        assert_eq!(taken(&desk, &[claim(1, "17")]).await, ["1: already"]);
        desk.office.edit(1, |reading| {
            reading.glance.fields.command = Some("выставить счёт".to_owned());
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1, "{}", desk.office.story());
        assert!(desk.questions().await.is_empty());
        desk.assert_at_rest(1).await;
        let of_deal = store::JournalFilter {
            subject: Some(Subject::deal(DealId(1))),
            ..store::JournalFilter::default()
        };
        let told = desk.store.journal_read(&portal(), &of_deal).await.unwrap();
        let by = |line: &&store::JournalLine| {
            line.entry.kind == "person" && line.entry.body["by"] == "Мария"
        };
        assert_eq!(told.iter().filter(by).count(), 1);
    });
}

#[test]
fn what_more_is_paid_of_an_adopted_invoice_in_the_same_status_is_seen() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        let paid = |kopecks: i64| {
            let mut state = desk.office.state();
            let invoice = &mut state.bills[0].invoice;
            invoice.status = InvoiceStatus::PartiallyPaid;
            invoice.paid = Money::from_kopecks(kopecks);
        };
        let known = async || {
            let links = desk.known(1).await.invoice_links;
            links[0].draft["paid_there"].clone()
        };
        paid(3_000);
        assert_eq!(taken(&desk, &[claim(1, "17")]).await, ["1: № 17"]);
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(known().await, 3_000);
        paid(5_000);
        desk.office.state().feed.push(InvoiceId::new("hand-17"));
        desk.run(120).await;
        assert_eq!(known().await, 5_000);
    });
}

#[test]
fn a_question_that_stood_before_the_invoice_is_answered_by_it() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.rows[0].unit_code = None;
            reading.rows[0].unit_name = Some("бухта".to_owned());
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        by_hand(&desk, "17");
        // Its lines are those that the accountant typed: the deal's cannot be made.
        assert!(taken(&desk, &[claim(1, "17")]).await[0].contains("бухта"));
        desk.office.edit(1, |reading| {
            reading.rows[0].unit_code = Some("796".to_owned());
        });
        assert_eq!(taken(&desk, &[claim(1, "17")]).await, ["1: № 17"]);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn one_invoice_is_one_deals() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        desk.office.enter(2);
        let both = [claim(1, "17"), claim(2, "17")];
        assert_eq!(
            taken(&desk, &both).await,
            [
                "1: на счёт № 17 указывают несколько сделок: 1, 2",
                "2: на счёт № 17 указывают несколько сделок: 1, 2"
            ]
        );
        assert_eq!(taken(&desk, &both[..1]).await, ["1: № 17"]);
        assert_eq!(
            taken(&desk, &both[1..]).await,
            ["2: счёт № 17 от 20.01.2026: это счёт сделки 1"]
        );
    });
}

#[test]
fn an_invoice_that_was_issued_since_it_was_looked_at_stays_the_deals_only_one() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        by_hand(&desk, "77");
        desk.office.enter(1);
        let mut claims = observed(&desk, &[claim(1, "77")]).await;
        desk.event(1).await;
        desk.run(60).await;
        let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
        let taken = claims.take(&ctx, &connected, "Мария").await.unwrap();
        assert_eq!(told(taken), ["1: у сделки уже есть счёт № 2"]);
        assert_eq!(desk.known(1).await.invoice_links.len(), 1);
    });
}

#[test]
fn a_deal_that_is_being_looked_at_is_waited_for_and_then_told() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        let mut claims = observed(&desk, &[claim(1, "17")]).await;
        desk.event(1).await;
        let due = desk.due(Lane::Click).await;
        assert_eq!(due.len(), 1);
        let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
        let busy = claims.take(&ctx, &connected, "Мария").await.unwrap();
        assert_eq!(
            told(busy),
            ["1: сделка сейчас в работе: повторите команду позже"]
        );
        assert!(desk.known(1).await.invoice_links.is_empty());
        desk.look(Lane::Click, due).await.unwrap();
        assert_eq!(taken(&desk, &[claim(1, "17")]).await, ["1: № 17"]);
    });
}

#[test]
fn an_accounting_side_that_refuses_a_number_is_told_and_one_that_is_down_stops_it() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        desk.office.order("find_by_number", Trouble::Refused);
        let said = shown(&desk, &[claim(1, "17")]).await;
        assert!(
            said[0].starts_with("1: учёт не отвечает на этот номер"),
            "{said:?}"
        );
        desk.office.order("find_by_number", Trouble::Shut);
        let mut claims = Claims::default();
        let (ctx, connected) = (desk.context(Lane::Click), desk.connected());
        let observed = claims.observe(&ctx, &connected, vec![claim(1, "17")]).await;
        assert!(
            matches!(observed, Err(Halted::Remote { .. })),
            "{observed:?}"
        );
    });
}

#[test]
fn one_deal_that_cannot_be_read_is_named_and_keeps_no_other_back() {
    paused(async {
        let desk = desk_with_an_old_deal().await;
        desk.office.enter(2);
        desk.office.state().poison.push(("read", DealId(2)));
        let claimed = taken(&desk, &[claim(1, "17"), claim(2, "18")]).await;
        assert_eq!(claimed[0], "1: № 17");
        assert!(
            claimed[1].starts_with("2: портал не отдаёт эту сделку: "),
            "{claimed:?}"
        );
    });
}
