//! What a payment may be booked to without a person, and what people are shown when it may not.

use domain::matching::{
    Alias, Candidate, Certainty, ChosenBefore, CountedBefore, Doubt, Incoming, MOST_CANDIDATES,
    OpenInvoice, OpenInvoices, Proposal, Reason, Share, propose,
};
use domain::purpose::Purpose;
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::{Date, date};
use proptest::prelude::*;

pub(crate) const BUYER: &str = "7707083893";
const OTHER: &str = "7702070139";

pub(crate) fn inn(text: &str) -> Inn {
    Inn::parse(text).unwrap()
}

pub(crate) fn invoice(
    number: &str,
    day: Date,
    buyer: &str,
    seller: &str,
    kopecks: i64,
) -> OpenInvoice {
    OpenInvoice {
        id: InvoiceId::new(format!("{number}/{}/{seller}", day.year())),
        seller: OrganisationId::new(seller),
        buyer: Some(inn(buyer)),
        buyer_name: None,
        number: number.to_owned(),
        date: day,
        aliases: Vec::new(),
        open: Money::from_kopecks(kopecks),
        counted_before: CountedBefore::default(),
    }
}

pub(crate) fn day() -> Date {
    date(2026, 2, 1)
}

/// Of the buyer: 123 (1000.00), 124 (500.00), 125 (250.00); 200 of our second legal entity; 300 of another buyer.
pub(crate) fn open() -> OpenInvoices {
    let mut open = OpenInvoices::default();
    for invoice in [
        invoice("123", day(), BUYER, "one", 100_000),
        invoice("124", day(), BUYER, "one", 50_000),
        invoice("125", day(), BUYER, "one", 25_000),
        invoice("200", day(), BUYER, "two", 30_000),
        invoice("300", day(), OTHER, "one", 40_000),
    ] {
        open.add(invoice);
    }
    open
}

pub(crate) fn proposed(
    open: &OpenInvoices,
    payer: Option<&str>,
    kopecks: i64,
    purpose: &str,
) -> Proposal {
    proposed_on(day(), open, payer, kopecks, purpose)
}

pub(crate) fn proposed_on(
    came: Date,
    open: &OpenInvoices,
    payer: Option<&str>,
    kopecks: i64,
    purpose: &str,
) -> Proposal {
    let (purpose, payer) = (Purpose::read(purpose), payer.map(inn));
    let payment = Incoming {
        organisation: &OrganisationId::new("one"),
        payer: payer.as_ref(),
        amount: Money::from_kopecks(kopecks),
        came,
        purpose: &purpose,
        chosen_before: &[],
        others: &[],
    };
    propose(payment, open)
}

/// The shares as `123:100000 + 124:50000`.
pub(crate) fn shares(shares: &[Share]) -> String {
    let shown = shares.iter().map(|share| {
        let number = share.invoice.as_str().split('/').next().unwrap();
        format!("{number}:{}", share.amount.kopecks())
    });
    shown.collect::<Vec<_>>().join(" + ")
}

/// Payer, kopecks, purpose; what is booked, or why nothing is.
type CertainRow<'a> = (Option<&'a str>, i64, &'a str, Result<&'a str, Doubt>);

/// Payer, kopecks, purpose; the best candidate and its reasons.
type CandidateRow<'a> = (Option<&'a str>, i64, &'a str, &'a str, &'a [Reason]);

#[test]
fn certain_is_what_the_rules_say_and_nothing_else() {
    let one = "Оплата по счету 123 от 01.02.2026";
    let table: [CertainRow; 25] = [
        (Some(BUYER), 100_000, one, Ok("123:100000")),
        (Some(BUYER), 40_000, one, Ok("123:40000")),
        (Some(BUYER), 1, one, Ok("123:1")),
        (Some(BUYER), 100_001, one, Err(Doubt::MoreThanOpen)),
        (Some(BUYER), 0, one, Err(Doubt::NoInvoiceNamed)),
        (None, 100_000, one, Err(Doubt::NoInn)),
        (
            Some(OTHER),
            100_000,
            one,
            Err(Doubt::AnotherBuyer { buyer: inn(BUYER) }),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата по счету 123",
            Err(Doubt::NoDate {
                number: "123".to_owned(),
            }),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата по счету 123 от 01.02",
            Err(Doubt::NoDate {
                number: "123".to_owned(),
            }),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата по счету б/н от 01.02.2026",
            Err(Doubt::NoNumber),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата по счету 123 от 01.02.2025",
            Err(Doubt::NotOpen {
                number: "123".to_owned(),
            }),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата по счету 999 от 01.02.2026",
            Err(Doubt::NotOpen {
                number: "999".to_owned(),
            }),
        ),
        (
            Some(BUYER),
            30_000,
            "Оплата по счету 200 от 01.02.2026",
            Err(Doubt::AnotherOrganisation),
        ),
        (
            Some(BUYER),
            100_000,
            "Оплата за услуги",
            Err(Doubt::NoInvoiceNamed),
        ),
        (
            Some(BUYER),
            100_000,
            "Возврат по счету 123 от 01.02.2026",
            Err(Doubt::Refund),
        ),
        (
            Some(BUYER),
            100_000,
            "За ООО «Луч» по счету 123 от 01.02.2026",
            Err(Doubt::ThirdParty),
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123 от 01.02.2026, акт 5 от 03.02.2026",
            Err(Doubt::SecondReference),
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123 от 01.02.2026, претензия 5",
            Err(Doubt::OtherDocument),
        ),
        (
            Some(BUYER),
            100_000,
            "Займ, счет 123 от 01.02.2026",
            Err(Doubt::NoSale),
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123 от 01.02.2026 и прочее, 124",
            Err(Doubt::NumberOfAnother {
                number: "124".to_owned(),
            }),
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123 от 01.02.2026, дог. 124 от 01.01.2026",
            Ok("123:100000"),
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123 от 01.02.2026 (счет № 123 от 01.02.26)",
            Ok("123:100000"),
        ),
        (
            Some(BUYER),
            150_000,
            "По счетам 123, 124 от 01.02.2026",
            Ok("123:100000 + 124:50000"),
        ),
        (
            Some(BUYER),
            149_999,
            "По счетам 123, 124 от 01.02.2026",
            Err(Doubt::SumDiffers),
        ),
        (
            Some(BUYER),
            100_000,
            "По счетам 123 от 01.02.2026, 999 от 01.02.2026",
            Err(Doubt::NotOpen {
                number: "999".to_owned(),
            }),
        ),
    ];
    for (payer, kopecks, purpose, expected) in table {
        let proposal = proposed(&open(), payer, kopecks, purpose);
        match (expected, proposal.certain()) {
            (Ok(expected), Some(certain)) => {
                assert_eq!(shares(&certain.shares), expected, "{purpose}")
            }
            (Err(_), None) if kopecks == 0 => {}
            (Err(doubt), None) => assert!(
                proposal.doubts.contains(&doubt),
                "{purpose}: {:?}",
                proposal.doubts
            ),
            (expected, found) => panic!("{purpose}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn two_invoices_of_one_number_and_date_are_a_question() {
    let mut open = open();
    let mut twin = invoice("0123", day(), BUYER, "one", 100_000);
    twin.id = InvoiceId::new("twin");
    open.add(twin);
    let proposal = proposed(&open, Some(BUYER), 100_000, "По счету 123 от 01.02.2026");
    assert_eq!(proposal.certain(), None);
    assert_eq!(
        proposal.doubts,
        [Doubt::NotOne {
            number: "123".to_owned()
        }]
    );
    assert_eq!(proposal.candidates.len(), 2);
}

#[test]
fn a_replaced_number_still_finds_its_invoice() {
    let mut open = open();
    let mut replaced = invoice("140", date(2026, 2, 9), BUYER, "one", 70_000);
    replaced.aliases.push(Alias {
        number: "131".to_owned(),
        date: date(2026, 2, 5),
    });
    open.add(replaced);
    let proposal = proposed(&open, Some(BUYER), 70_000, "По счету 131 от 05.02.2026");
    assert_eq!(shares(&proposal.certain().unwrap().shares), "140:70000");
    // The old number beside the new date is neither the one nor the other.
    let mixed = proposed(&open, Some(BUYER), 70_000, "По счету 131 от 09.02.2026");
    assert_eq!(mixed.certain(), None);
}

#[test]
fn a_second_set_of_the_same_sum_makes_named_ones_a_question() {
    let mut open = open();
    open.add(invoice("126", day(), BUYER, "one", 75_000));
    let purpose = "По счетам 124, 125 от 01.02.2026";
    let proposal = proposed(&open, Some(BUYER), 75_000, purpose);
    assert_eq!(proposal.certain(), None);
    assert_eq!(proposal.doubts, [Doubt::SecondCover]);
    // What the payer names is offered first, and once.
    let offered: Vec<String> = proposal
        .candidates
        .iter()
        .map(|candidate| shares(&candidate.shares))
        .collect();
    assert_eq!(offered.first().unwrap(), "124:50000 + 125:25000");
    let named = offered.iter().filter(|one| **one == offered[0]);
    assert_eq!(named.count(), 1, "{offered:?}");
    let mut many = self::open();
    for number in 0..10 {
        many.add(invoice(
            &format!("9{number}"),
            day(),
            BUYER,
            "one",
            1_000_000 + number,
        ));
    }
    let proposal = proposed(&many, Some(BUYER), 75_000, purpose);
    assert_eq!(proposal.doubts, [Doubt::TooManyOpen]);
}

#[test]
fn what_is_booked_is_no_longer_open() {
    let mut open = open();
    let purpose = "По счету 123 от 01.02.2026";
    let first = proposed(&open, Some(BUYER), 60_000, purpose);
    open.book(&first.certain().unwrap().shares[0], day());
    let second = proposed(&open, Some(BUYER), 60_000, purpose);
    assert!(second.doubts.contains(&Doubt::MoreThanOpen), "{second:?}");
    assert_eq!(shares(&second.candidates[0].shares), "123:40000");
    let rest = proposed(&open, Some(BUYER), 40_000, purpose);
    open.book(&rest.certain().unwrap().shares[0], day());
    let late = proposed(&open, Some(BUYER), 1, purpose);
    assert_eq!(
        late.doubts,
        [Doubt::NotOpen {
            number: "123".to_owned()
        }]
    );
}

#[test]
fn an_invoice_that_is_edited_takes_the_place_of_what_was_known() {
    let mut open = open();
    open.add(invoice("123", day(), BUYER, "one", 70_000));
    let purpose = "По счету 123 от 01.02.2026";
    let proposal = proposed(&open, Some(BUYER), 70_000, purpose);
    assert_eq!(shares(&proposal.certain().unwrap().shares), "123:70000");
    open.add(invoice("123", day(), BUYER, "one", 0));
    let paid = proposed(&open, Some(BUYER), 70_000, purpose);
    assert_eq!(
        paid.doubts,
        [Doubt::NotOpen {
            number: "123".to_owned()
        }]
    );
}

#[test]
fn the_best_candidate_comes_first_and_says_why() {
    let table: [CandidateRow; 7] = [
        (
            None,
            100_000,
            "По счету 123 от 01.02.2026",
            "123:100000",
            &[Reason::NumberAndDate, Reason::Amount],
        ),
        (
            Some(BUYER),
            100_000,
            "По счету 123",
            "123:100000",
            &[Reason::Number, Reason::Payer, Reason::Amount],
        ),
        (
            Some(BUYER),
            50_000,
            "Оплата за услуги",
            "124:50000",
            &[Reason::Payer, Reason::Amount],
        ),
        (
            Some(BUYER),
            175_000,
            "Оплата за услуги",
            "123:100000 + 124:50000 + 125:25000",
            &[Reason::AmountTogether, Reason::Payer],
        ),
        (
            Some(OTHER),
            10_000,
            "Оплата за услуги",
            "300:10000",
            &[Reason::Payer, Reason::OnlyOpen],
        ),
        (None, 7, "Оплата, № 125", "125:7", &[Reason::NumberInText]),
        (
            Some(OTHER),
            75_000,
            "По счетам 124, 125 от 01.02.2026",
            "124:50000 + 125:25000",
            &[Reason::NumberAndDate, Reason::AmountTogether],
        ),
    ];
    for (payer, kopecks, purpose, expected, reasons) in table {
        let proposal = proposed(&open(), payer, kopecks, purpose);
        let best = proposal.candidates.first();
        let best = best.unwrap_or_else(|| panic!("{purpose}: nothing"));
        assert_eq!(shares(&best.shares), expected, "{purpose}");
        assert_eq!(best.reasons, reasons, "{purpose}");
        assert_ne!(best.certainty, Certainty::Certain);
        assert!(!proposal.doubts.is_empty());
    }
}

#[test]
fn where_nothing_says_which_any_open_invoice_of_the_payer_may_be_meant() {
    let mut open = open();
    open.add(invoice("120", date(2026, 1, 15), BUYER, "one", 90_000));
    let offered = |kopecks, purpose: &str| {
        let proposal = proposed(&open, Some(BUYER), kopecks, purpose);
        assert_eq!(proposal.certain(), None, "{purpose}");
        proposal.candidates
    };
    let named = |candidates: &[Candidate]| -> Vec<String> {
        let all = candidates.iter();
        all.map(|candidate| shares(&candidate.shares)).collect()
    };
    // Those that bear all of it first, the oldest before the others; ours of another account last.
    let all = [
        "120:40000",
        "123:40000",
        "124:40000",
        "125:25000",
        "200:30000",
    ];
    for purpose in [
        "Оплата за услуги",
        "Доплата по счету 999 от 01.02.2026",
        "Доплата по счету б/н",
    ] {
        let candidates = offered(40_000, purpose);
        assert_eq!(named(&candidates), all, "{purpose}");
        for candidate in candidates {
            assert_eq!(candidate.reasons, [Reason::Payer]);
            assert_eq!(candidate.certainty, Certainty::Possible);
        }
    }
    // Where something speaks for one of them, the others are noise.
    assert_eq!(named(&offered(50_000, "Оплата за услуги")), ["124:50000"]);
    assert_eq!(
        named(&offered(40_000, "Доплата по счету 125")),
        ["125:25000"]
    );
}

#[test]
fn an_invoice_of_a_buyer_without_an_inn_is_proposed_by_number_and_sum_and_never_certain() {
    let person = "500100732259";
    let without_inn = |number: &str, day| OpenInvoice {
        buyer: None,
        ..invoice(number, day, BUYER, "one", 70_000)
    };
    let mut open = open();
    open.add(without_inn("401", day()));
    open.add(without_inn("402", date(2026, 2, 5)));
    let named = "Оплата по счету 401 от 01.02.2026";
    for (payer, doubt) in [
        (None, Doubt::NoInn),
        (Some(person), Doubt::BuyerWithoutInn),
        (Some(OTHER), Doubt::BuyerWithoutInn),
    ] {
        let proposal = proposed(&open, payer, 70_000, named);
        assert_eq!(proposal.certain(), None);
        assert!(proposal.doubts.contains(&doubt), "{:?}", proposal.doubts);
        let best = &proposal.candidates[0];
        assert_eq!(shares(&best.shares), "401:70000");
        assert_eq!(best.reasons, [Reason::NumberAndDate, Reason::Amount]);
        assert_eq!(best.certainty, Certainty::Likely);
        assert!(best.doubts.contains(&doubt), "{:?}", best.doubts);
    }
    let offered = |open: &OpenInvoices, payer, kopecks| -> Vec<String> {
        let proposal = proposed(open, payer, kopecks, "За услуги");
        let offered = proposal.candidates.iter();
        offered.map(|one| shares(&one.shares)).collect()
    };
    // Nothing is named: just the sum, the newest first, where the payer may be such a buyer.
    for payer in [None, Some(person)] {
        assert_eq!(offered(&open, payer, 70_000), ["402:70000", "401:70000"]);
        assert_eq!(offered(&open, payer, 69_999), [""; 0]);
    }
    let of_company = offered(&open, Some(OTHER), 70_000);
    assert_eq!(of_company, ["300:40000"], "he has an invoice of his own");
    let part = Share {
        invoice: InvoiceId::new("401/2026/one"),
        amount: Money::from_kopecks(20_000),
    };
    open.book(&part, day());
    assert_eq!(offered(&open, None, 50_000), ["401:50000"]);
    assert_eq!(offered(&open, None, 70_000), ["402:70000"]);
}

#[test]
fn what_people_chose_before_is_shown_and_decides_nothing() {
    let (purpose, payer) = (Purpose::read("Оплата за услуги"), inn("7736050003"));
    let before = [ChosenBefore {
        buyer: inn(OTHER),
        times: 3,
    }];
    let payment = Incoming {
        organisation: &OrganisationId::new("one"),
        payer: Some(&payer),
        amount: Money::from_kopecks(40_000),
        came: day(),
        purpose: &purpose,
        chosen_before: &before,
        others: &[],
    };
    let proposal = propose(payment, &open());
    assert_eq!(proposal.certain(), None);
    let best = &proposal.candidates[0];
    assert_eq!(shares(&best.shares), "300:40000");
    assert_eq!(
        best.reasons,
        [Reason::Amount, Reason::ChosenBefore { times: 3 }]
    );
    assert_eq!(best.certainty, Certainty::Possible);
    assert!(
        propose(
            Incoming {
                chosen_before: &[],
                ..payment
            },
            &open()
        )
        .candidates
        .is_empty()
    );
}

#[test]
fn doubts_and_reasons_are_said_in_words() {
    let proposal = proposed(
        &open(),
        Some(OTHER),
        100_000,
        "За ООО «Луч» по счету 123 от 01.02.2026",
    );
    let words: Vec<String> = proposal.doubts.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "оплата за третье лицо: нужно письмо",
            "счёт выставлен другому покупателю, ИНН 7707083893"
        ]
    );
    let reasons: Vec<String> = proposal.candidates[0]
        .reasons
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        reasons,
        [
            "в назначении номер и дата этого счёта",
            "сумма равна остатку по счёту"
        ]
    );
}

#[derive(Debug, Clone)]
struct Drawn {
    invoices: Vec<OpenInvoice>,
    payments: Vec<(Option<&'static str>, i64, String)>,
}

/// Few numbers, dates, buyers and sums, so that they meet.
fn drawn() -> impl Strategy<Value = Drawn> {
    let buyer = prop::sample::select(vec![BUYER, OTHER]);
    let seller = prop::sample::select(vec!["one", "two"]);
    let one = (1..6_u32, 1..3_i8, buyer, seller, 1..5_i64).prop_map(
        |(number, day, buyer, seller, sum)| {
            let mut invoice = invoice(
                &number.to_string(),
                date(2026, 2, day),
                buyer,
                seller,
                sum * 100,
            );
            invoice.id = InvoiceId::new(format!("{number}/{day}/{buyer}/{seller}/{sum}"));
            invoice
        },
    );
    let payer = prop::sample::select(vec![None, Some(BUYER), Some(OTHER)]);
    let word = prop::sample::select(vec!["счету", "сч.", "счетам", "акту", "договору"]);
    let more = prop::sample::select(vec![
        "",
        ", 3 от 02.02.2026",
        " возврат",
        ", НДС 22%",
        " и 4",
        " за ООО «Луч»",
    ]);
    let payment = (payer, 1..900_i64, word, 1..6_u32, 1..3_i8, more).prop_map(
        |(payer, kopecks, word, number, day, more)| {
            (
                payer,
                kopecks,
                format!("Оплата по {word} {number} от {day:02}.02.2026{more}"),
            )
        },
    );
    (
        prop::collection::vec(one, 0..16),
        prop::collection::vec(payment, 1..12),
    )
        .prop_map(|(invoices, payments)| Drawn { invoices, payments })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn shares_never_exceed_the_payment_or_what_is_open_and_certain_is_never_ambiguous(drawn in drawn()) {
        let mut open = OpenInvoices::default();
        let mut balances = std::collections::BTreeMap::new();
        for invoice in &drawn.invoices {
            open.add(invoice.clone());
            balances.insert(invoice.id.clone(), invoice.clone());
        }
        for (payer, kopecks, purpose) in &drawn.payments {
            let proposal = proposed(&open, *payer, *kopecks, purpose);
            prop_assert!(proposal.candidates.len() <= MOST_CANDIDATES);
            for (place, candidate) in proposal.candidates.iter().enumerate() {
                let sum = Money::sum(candidate.shares.iter().map(|share| share.amount)).unwrap();
                prop_assert!(sum <= Money::from_kopecks(*kopecks), "{candidate:?}");
                for share in &candidate.shares {
                    prop_assert!(share.amount.is_positive());
                    prop_assert!(share.amount <= balances[&share.invoice].open, "{candidate:?}");
                }
                prop_assert!(place == 0 || candidate.certainty != Certainty::Certain);
            }
            prop_assert_eq!(proposal.certain().is_some(), proposal.doubts.is_empty());
            let Some(certain) = proposal.certain() else { continue };
            let text = purpose.as_str();
            prop_assert!(payer.is_some() && !text.contains("возврат") && !text.contains("ООО") && !text.contains("акту"));
            for share in &certain.shares {
                let chosen = &balances[&share.invoice];
                prop_assert_eq!(chosen.buyer.as_ref().map(Inn::as_str), *payer);
                prop_assert_eq!(chosen.seller.as_str(), "one");
                prop_assert!(text.contains(&chosen.number));
                let twins = balances.values().filter(|other| {
                    (&other.number, other.date, &other.buyer, &other.seller) == (&chosen.number, chosen.date, &chosen.buyer, &chosen.seller)
                        && other.open.is_positive()
                });
                prop_assert_eq!(twins.count(), 1, "another open invoice of the same number and date");
                open.book(share, day());
                let left = chosen.open.checked_sub(share.amount).unwrap();
                balances.get_mut(&share.invoice).unwrap().open = left;
            }
        }
    }
}
