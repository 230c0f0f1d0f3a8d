//! What holds for any deal, however odd.

use domain::observed::{FieldValue, OurField, Owner, ProductRow, RowVat};
use domain::{
    CompanyId, ContactId, CounterpartyKey, InvoiceStatus, Money, Price, Quantity, RequisiteId,
    StageId, VatRate,
};
use jiff::SignedDuration;
use planner::{Action, Attach, CaseCode, Mode, Need, Plan, Seen};
use proptest::prelude::*;
use proptest::sample::select;

use crate::build::{
    ROMASHKA, TestDeal, ago, contact_requisite, deal, entered, known, noon, requisite, row,
};

const STAGES: [&str; 7] = [
    "NEW",
    "PREPARATION",
    "PREPAYMENT_INVOICE",
    "EXECUTING",
    "WON",
    "LOSE",
    "ELSEWHERE",
];

fn any_row() -> impl Strategy<Value = ProductRow> {
    let rates: Vec<RowVat> = VatRate::ALL
        .into_iter()
        .map(RowVat::Known)
        .chain([RowVat::Strange("18".to_owned())])
        .collect();
    let numbers = ["1", "0", "-2", "0.3333", "1000000", "9999999999999999"];
    (
        select(vec!["Услуга", "", "Товар"]),
        select(numbers.to_vec()),
        select(numbers.to_vec()),
        any::<bool>(),
        select(rates),
        select(vec![Some("шт"), None, Some("")]),
    )
        .prop_map(
            |(name, quantity, price, vat_included, vat, unit)| ProductRow {
                quantity: Quantity::parse(quantity).unwrap(),
                price: Price::parse(price).unwrap(),
                vat_included,
                vat,
                unit_name: unit.map(str::to_owned),
                ..row(name)
            },
        )
}

fn rows() -> impl Strategy<Value = Vec<ProductRow>> {
    prop_oneof![
        2 => Just(vec![row("Консультация")]),
        1 => proptest::collection::vec(any_row(), 0..4),
    ]
}

type Change = Box<dyn Fn(&mut TestDeal)>;

/// What is odd about a deal; a failing test shows the deal it made.
struct Odd(Vec<Change>);

impl std::fmt::Debug for Odd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} changes", self.0.len())
    }
}

/// Everything that can be odd about the deal itself.
fn of_the_deal() -> impl Strategy<Value = Odd> {
    let history = proptest::collection::vec((select(STAGES.to_vec()), 0..200_000_i64), 0..5);
    let mostly = |likely: bool| prop_oneof![3 => Just(likely), 1 => Just(!likely)];
    (
        history,
        select(STAGES.to_vec()),
        mostly(false),
        mostly(false),
        mostly(false),
        rows(),
        0..8_usize,
        0..6_usize,
        select(vec!["RUB", "RUB", "RUB", "USD"]),
    )
        .prop_map(
            |(history, stage, lost, closed, ordered, rows, buyer, seller, currency)| {
                let changes: Vec<Change> = vec![
                    Box::new(move |deal| {
                        *deal = deal.clone().rows(rows.clone()).of(|deal| {
                            deal.stage = StageId::new(stage);
                            (deal.lost, deal.closed) = (lost, closed);
                            deal.currency = currency.to_owned();
                        });
                    }),
                    Box::new(move |deal| {
                        *deal = deal.clone().read(|reading| {
                            let entries =
                                history.iter().map(|(at, ago_s)| entered(at, ago(*ago_s)));
                            if !history.is_empty() {
                                reading.history = entries.collect();
                                reading.history.sort_by_key(|entry| entry.at);
                            }
                            if ordered {
                                reading.glance.fields.command = Some("выставить счёт".to_owned());
                            }
                        });
                    }),
                    Box::new(move |deal| odd_buyer(deal, buyer)),
                    Box::new(move |deal| odd_seller(deal, seller)),
                ];
                Odd(changes)
            },
        )
}

fn odd_buyer(deal: &mut TestDeal, kind: usize) {
    *deal = deal.clone().read(|reading| match kind {
        0 => reading.requisites.clear(),
        1 => reading.requisites[0].kpp.clear(),
        2 => reading.requisites[0].inn = "12".to_owned(),
        3 => reading.requisites.push(contact_requisite(40)),
        4 => {
            let mut branch = requisite(22, Owner::Company(CompanyId(7)));
            branch.kpp = "780102001".to_owned();
            reading.requisites.push(branch);
            reading.glance.deal.contact = Some(ContactId(9));
        }
        5 => reading.chosen.buyer = Some(RequisiteId(99)),
        _ => {}
    });
}

fn odd_seller(deal: &mut TestDeal, kind: usize) {
    match kind {
        0 => deal.snapshot.own_companies.clear(),
        1 => deal.snapshot.own_companies[0].requisites[0].banks.clear(),
        2 => deal.policy.organisations.clear(),
        _ => {}
    }
}

/// Everything that can be odd about our own records and the accounting side.
fn of_our_records() -> impl Strategy<Value = Odd> {
    (
        0..6_usize,
        0..8_usize,
        prop_oneof![4 => Just(None), 1 => (-1_000..1_000_i64).prop_map(Some)],
        any::<bool>(),
        proptest::collection::vec(any::<(bool, bool)>(), CaseCode::ALL.len()),
        0..8_usize,
        proptest::collection::vec((0..200_000_i64, select(vec!["17", "18"])), 0..4),
        any::<bool>(),
    )
        .prop_map(
            |(known, invoice, creating, registering, cases, done, written, shown)| {
                let changes: Vec<Change> = vec![
                    Box::new(move |deal| with_invoice(deal, invoice)),
                    Box::new(move |deal| odd_counterparties(deal, known, registering)),
                    Box::new(move |deal| {
                        if let Some(seconds) = creating {
                            *deal = deal.clone().creating(ago(seconds));
                        }
                    }),
                    Box::new(move |deal| {
                        for (code, (open, told)) in CaseCode::ALL.iter().zip(&cases) {
                            if *open && *told {
                                *deal = deal.clone().open(code.as_str(), "прежний вопрос", *told);
                            }
                        }
                        let marks = ["timeline/issued/whole/1", "pdf/whole/1", "invoice/whole/1"];
                        for (bit, mark) in marks.iter().enumerate() {
                            if done & (1 << bit) != 0 {
                                let entry = (bit == 0).then(|| "901".to_owned());
                                deal.snapshot.done.insert((*mark).to_owned(), entry);
                            }
                        }
                    }),
                    Box::new(move |deal| {
                        deal.snapshot.written = written
                            .iter()
                            .map(|(seconds, to)| {
                                let value = FieldValue::Text((*to).to_owned());
                                (ago(*seconds), OurField::Number, value)
                            })
                            .collect();
                        if shown {
                            *deal = deal.clone().read(|reading| {
                                reading.glance.fields.number = Some("17".to_owned());
                            });
                        }
                    }),
                ];
                Odd(changes)
            },
        )
}

fn with_invoice(deal: &mut TestDeal, kind: usize) {
    let invoice = crate::build::deal().issued().snapshot.invoices.remove(0);
    deal.snapshot.invoices = match kind {
        0..=2 => Vec::new(),
        _ => vec![invoice],
    };
    for invoice in &mut deal.snapshot.invoices {
        match kind {
            3 => invoice.live = false,
            4 => invoice.deleted = true,
            5 => invoice.status = InvoiceStatus::Cancelled,
            6 => invoice.total = Money::from_kopecks(1),
            _ => {}
        }
    }
}

fn odd_counterparties(deal: &mut TestDeal, kind: usize, registering: bool) {
    let other = "7707083893/780102001";
    *deal = match kind {
        0 => deal.clone().accounting_not_asked(),
        1 => deal.clone().accounting_knows(&[]),
        2 => deal.clone().accounting_knows(&[("K-9", other)]),
        3 => deal
            .clone()
            .accounting_knows(&[("K-1", ROMASHKA), ("K-2", ROMASHKA)]),
        _ => deal.clone().accounting_knows(&[("K-1", ROMASHKA)]),
    };
    if registering && kind == 1 {
        let key = ROMASHKA.parse::<CounterpartyKey>().unwrap();
        deal.snapshot.registering = vec![(key, ago(-30))];
    }
}

/// Everything that can be odd about the moment, the look and the policy.
fn of_the_look() -> impl Strategy<Value = Odd> {
    (
        prop_oneof![6 => Just(5_usize), 1 => 0..5_usize],
        prop_oneof![2 => Just(0_i64), 1 => -10..400_000_i64],
        select(vec![Attach::Provodka, Attach::Accounting, Attach::Nothing]),
        prop_oneof![4 => Just(Mode::Active), 1 => Just(Mode::WatchOnly), 1 => Just(Mode::Off)],
        any::<bool>(),
    )
        .prop_map(|(seen, later, attach, mode, unnamed)| {
            let changes: Vec<Change> = vec![
                Box::new(move |deal| {
                    deal.policy.invoice.attach = attach;
                    deal.policy.funnels[0].mode = mode;
                    if unnamed {
                        deal.policy.fields.remove(&OurField::Sum);
                    }
                    deal.now = noon() + SignedDuration::from_secs(later);
                }),
                Box::new(move |deal| {
                    *deal = match seen {
                        0 => deal.clone().seen(Seen::Unread),
                        1 => deal.clone().seen(Seen::Gone),
                        2 => deal.clone().seen(Seen::Denied),
                        3 | 4 => deal.clone().glanced(),
                        _ => deal.clone(),
                    };
                }),
            ];
            Odd(changes)
        })
}

/// A deal, and the same deal as a whole look would show it.
fn any_deal() -> impl Strategy<Value = (TestDeal, TestDeal)> {
    (of_the_deal(), of_our_records(), of_the_look()).prop_map(|(first, second, third)| {
        let mut made = deal();
        for change in first.0.iter().chain(&second.0) {
            change(&mut made);
        }
        let whole = made.clone();
        for change in &third.0 {
            change(&mut made);
        }
        (made, whole)
    })
}

/// What the reconciler does about a plan: it observes what is needed, else it acts.
fn respond(deal: &mut TestDeal, whole: &TestDeal, plan: Plan) {
    for need in &plan.needs {
        match need {
            Need::Glance | Need::Whole => {
                let mut seen = whole.clone().seen_at(deal.now);
                let shown = deal.snapshot.glance().map(|glance| glance.fields.clone());
                if let (Seen::Whole(reading, _), Some(shown)) = (&mut seen.snapshot.seen, shown) {
                    reading.glance.fields = shown;
                }
                deal.snapshot.seen = seen.snapshot.seen;
                deal.snapshot.own_companies = whole.snapshot.own_companies.clone();
            }
            Need::Entered => deal.snapshot.entered = Some(true),
            Need::SmartInvoices => deal.snapshot.smart_invoices = Some(Vec::new()),
            Need::Origin(_) => deal.snapshot.is_of_another = Some(true),
            Need::Number(organisation, number, day) => {
                let asked = (organisation.clone(), number.clone(), *day);
                deal.snapshot.numbers_taken.insert(asked, false);
            }
            Need::Counterparties(organisation, buyer) => {
                let who = &buyer.key.who;
                let found = match who.to_string().as_str() {
                    "7707083893" => vec![known("K-1", ROMASHKA)],
                    _ => Vec::new(),
                };
                deal.snapshot
                    .counterparties
                    .insert((organisation.clone(), who.clone()), found);
            }
        }
    }
    deal.carry_out(plan);
}

fn creates(plan: &Plan) -> usize {
    let creates = |action: &&Action| {
        matches!(
            action,
            Action::IssueInvoice { .. } | Action::CreateCounterparty { .. }
        )
    };
    plan.actions.iter().filter(creates).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_created_beside_a_live_invoice_or_an_unsettled_creation((deal, _) in any_deal()) {
        let plan = deal.planned();
        let taken = deal.snapshot.live_invoice().is_some() || deal.snapshot.creating.is_some();
        prop_assert!(!taken || creates(&plan) == 0, "{}", deal.plan());
        prop_assert!(creates(&plan) <= 1, "{}", deal.plan());
    }

    #[test]
    fn a_plan_that_asks_or_creates_says_why((deal, _) in any_deal()) {
        let plan = deal.planned();
        prop_assert!(!plan.needs.is_empty() || !plan.because.is_empty(), "{}", deal.plan());
        for case in &plan.cases {
            let told = plan.actions.iter().any(|action| matches!(
                action, Action::Notify { about, .. } if *about == case.key
            ));
            prop_assert!(told, "nobody is told of {}", case.key);
            prop_assert!(!case.text.trim().is_empty());
            let lacks = matches!(
                case.code,
                CaseCode::DealDataMissing
                    | CaseCode::SellerHidden
                    | CaseCode::VatRateEnded
                    | CaseCode::SumDiffers
            );
            prop_assert_eq!(lacks, !case.faults.is_empty(), "{}", deal.plan());
        }
        for key in &plan.withdrawn {
            prop_assert!(deal.snapshot.open_cases.contains_key(key));
            prop_assert!(plan.cases.iter().all(|case| case.key != *key), "{}", deal.plan());
        }
    }

    #[test]
    fn the_same_snapshot_gives_the_same_plan((deal, _) in any_deal()) {
        prop_assert_eq!(deal.planned(), deal.planned());
    }

    #[test]
    fn acting_and_planning_again_comes_to_rest_within_eight_rounds((deal, whole) in any_deal()) {
        let mut deal = deal;
        let mut story = Vec::new();
        for _round in 0..8 {
            let plan = deal.planned();
            if plan.is_empty() {
                break;
            }
            story.push(deal.plan());
            respond(&mut deal, &whole, plan);
        }
        prop_assert!(deal.planned().is_empty(), "{}\n\nstill: {}", story.join("\n\n"), deal.plan());
        let live = deal.snapshot.invoices.iter().filter(|invoice| invoice.live).count();
        prop_assert!(live <= 1);
    }
}
