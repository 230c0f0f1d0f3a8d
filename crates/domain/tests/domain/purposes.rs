//! The corpus of purposes: how many references are read right, kind by kind, and what may be booked by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::matching::{CountedBefore, Incoming, OpenInvoice, OpenInvoices, propose};
use domain::purpose::{NumberKey, Purpose, Reference, ReferenceKind};
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::Date;

const PAGE: &str = include_str!("../../../../docs/reference/payment-purposes.md");
const CORPUS: &str = include_str!("corpus/purposes.tsv");

/// One line of the corpus.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) auto: bool,
    /// Known to be read wrong.
    pub(crate) misread: bool,
    pub(crate) references: Vec<String>,
    pub(crate) third_party: String,
    pub(crate) vat: Vec<String>,
    pub(crate) text: &'static str,
}

pub(crate) fn corpus() -> Vec<Line> {
    let lines = CORPUS.lines().zip(1..);
    lines
        .filter(|(line, _)| !line.starts_with('#'))
        .map(|(line, number)| {
            let mut fields = line.splitn(5, '\t');
            let mut field = || fields.next().unwrap_or_else(|| panic!("line {number}"));
            let verdict = field();
            Line {
                number,
                auto: match verdict.trim_end_matches('!') {
                    "yes" => true,
                    "no" => false,
                    other => panic!("line {number}: {other}"),
                },
                misread: verdict.ends_with('!'),
                references: list(field()),
                third_party: field().to_owned(),
                vat: list(field()),
                text: field(),
            }
        })
        .collect()
}

fn list(field: &str) -> Vec<String> {
    let parts = field.split(" + ").filter(|part| *part != "-");
    parts.map(str::to_owned).collect()
}

pub(crate) fn shown(reference: &Reference) -> String {
    let number = reference.number.as_deref().unwrap_or_default();
    let date = reference.date.map(|date| date.to_string());
    format!(
        "{}:{number}@{}",
        kind(reference.kind),
        date.unwrap_or_default()
    )
}

fn kind(kind: ReferenceKind) -> String {
    serde_json::to_value(kind)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn shown_vat(purpose: &Purpose) -> Vec<String> {
    let stated = purpose.vat.iter();
    stated
        .map(|vat| {
            let rate = vat.rate.map(|rate| rate.to_string()).unwrap_or_default();
            let amount = vat.amount.map(|amount| amount.to_string());
            format!("{rate}:{}", amount.unwrap_or_default())
        })
        .collect()
}

#[derive(Default)]
struct Count {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Count {
    fn compare(&mut self, expected: &[String], found: &[String]) {
        let mut left = expected.to_vec();
        for one in found {
            match left.iter().position(|other| other == one) {
                Some(at) => {
                    left.remove(at);
                    self.right += 1;
                }
                None => self.wrong += 1,
            }
        }
        self.missed += left.len();
    }
}

fn of_kind(references: &[String], kind: &str) -> Vec<String> {
    let wanted = references
        .iter()
        .filter(|one| one.starts_with(&format!("{kind}:")));
    wanted.cloned().collect()
}

/// Precision: of what was read, so much is right. Recall: of what is there, so much was read.
#[test]
fn references_are_read_as_the_corpus_has_them() {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut faults = String::new();
    let corpus = corpus();
    assert!(corpus.len() >= 300, "{}", corpus.len());
    for line in &corpus {
        let purpose = Purpose::read(line.text);
        let found: Vec<String> = purpose.references.iter().map(shown).collect();
        for kind_name in KINDS.map(kind) {
            let expected = of_kind(&line.references, &kind_name);
            let of_kind = of_kind(&found, &kind_name);
            counts
                .entry(kind_name)
                .or_default()
                .compare(&expected, &of_kind);
        }
        let third: Vec<String> = purpose.third_party.clone().into_iter().collect();
        let expected_third = list(&line.third_party);
        counts
            .entry("third party".to_owned())
            .or_default()
            .compare(&expected_third, &third);
        let vat = shown_vat(&purpose);
        counts
            .entry("vat".to_owned())
            .or_default()
            .compare(&line.vat, &vat);
        let wrong = found != line.references || third != expected_third || vat != line.vat;
        if wrong != line.misread {
            writeln!(
                faults,
                "{}: {}\n   expected {:?} {:?} {:?}\n   found    {found:?} {third:?} {vat:?}",
                line.number, line.text, line.references, line.third_party, line.vat
            )
            .unwrap();
        }
    }
    assert_eq!(faults, "");
    let table = table(&counts);
    assert!(
        PAGE.contains(&table),
        "docs/reference/payment-purposes.md has another table than\n{table}"
    );
}

const KINDS: [ReferenceKind; 9] = [
    ReferenceKind::Invoice,
    ReferenceKind::Contract,
    ReferenceKind::Act,
    ReferenceKind::Upd,
    ReferenceKind::InvoiceVat,
    ReferenceKind::Waybill,
    ReferenceKind::Order,
    ReferenceKind::Letter,
    ReferenceKind::Payment,
];

fn table(counts: &BTreeMap<String, Count>) -> String {
    let mut table =
        "| | there | read | right | precision | recall |\n|---|--:|--:|--:|--:|--:|\n".to_owned();
    for (kind, count) in counts {
        let (there, read) = (count.right + count.missed, count.right + count.wrong);
        writeln!(
            table,
            "| {kind} | {there} | {read} | {} | {} | {} |",
            count.right,
            per_mille(count.right, read),
            per_mille(count.right, there)
        )
        .unwrap();
    }
    table
}

fn per_mille(part: usize, whole: usize) -> String {
    let rounded = (part * 1000 + whole / 2).checked_div(whole).unwrap_or(1000);
    format!("{}.{} %", rounded / 10, rounded % 10)
}

#[test]
fn numbers_are_the_same_but_for_spelling() {
    for (one, other, same) in [
        ("123", "00000123", true),
        ("INV-000021", "inv-21", true),
        ("А-7", "A-7", true),
        ("УТ 15", "ут15", true),
        ("5–26", "5-26", true),
        ("5\\26", "5/26", true),
        ("Ё-1", "Е-1", true),
        ("1-01", "1-1", false),
        ("10", "1", false),
        ("А-7", "Б-7", false),
        ("5/26", "5-26", false),
        ("0", "00", true),
        ("0", "", false),
    ] {
        assert_eq!(
            NumberKey::of(one) == NumberKey::of(other),
            same,
            "{one} {other}"
        );
    }
}

/// Everything of the corpus that has a number and a date is open as an invoice, whatever kind of document it is there, and
/// again a year before: what is taken for an invoice by mistake is booked by mistake.
struct World {
    open: OpenInvoices,
    balances: BTreeMap<String, Money>,
}

fn payer() -> Inn {
    Inn::parse("7707083893").unwrap()
}

fn organisation() -> OrganisationId {
    OrganisationId::new("org-1")
}

/// `123@2026-02-01` of `invoice:00123@2026-02-01`.
fn invoice_id(reference: &str) -> Option<(String, Date)> {
    let (number, date) = reference.split_once(':')?.1.rsplit_once('@')?;
    let date: Date = date.parse().ok()?;
    (!number.is_empty()).then(|| (format!("{}@{date}", NumberKey::of(number).as_str()), date))
}

fn world(corpus: &[Line]) -> World {
    let mut world = World {
        open: OpenInvoices::default(),
        balances: BTreeMap::new(),
    };
    for reference in corpus.iter().flat_map(|line| &line.references) {
        let Some((_, date)) = invoice_id(reference) else {
            continue;
        };
        let number = reference
            .split_once(':')
            .unwrap()
            .1
            .rsplit_once('@')
            .unwrap()
            .0;
        let last_year = date.checked_sub(jiff::Span::new().years(1)).unwrap();
        for date in [date, last_year] {
            let id = format!("{}@{date}", NumberKey::of(number).as_str());
            if world.balances.contains_key(&id) {
                continue;
            }
            let places = i64::try_from(world.balances.len()).unwrap();
            let open = Money::from_kopecks(100_000 + 700 * places);
            world.balances.insert(id.clone(), open);
            world.open.add(OpenInvoice {
                id: InvoiceId::new(id),
                seller: organisation(),
                buyer: Some(payer()),
                buyer_name: None,
                number: number.to_owned(),
                date,
                aliases: Vec::new(),
                open,
                counted_before: CountedBefore::default(),
            });
        }
    }
    world
}

/// The build fails at any wrong automatic booking, and at any that is no longer made.
#[test]
fn only_what_may_be_is_booked_by_itself() {
    let corpus = corpus();
    let world = world(&corpus);
    let (mut booked, mut faults) = (0, String::new());
    for line in &corpus {
        let named = line
            .references
            .iter()
            .find(|one| one.starts_with("invoice:"));
        let named = named.or(line.references.first());
        let expected = named.and_then(|named| invoice_id(named)).map(|(id, _)| id);
        let amount = expected.as_ref().map(|id| world.balances[id]);
        let (purpose, payer, organisation) = (Purpose::read(line.text), payer(), organisation());
        let proposal = propose(
            Incoming {
                organisation: &organisation,
                payer: Some(&payer),
                amount: amount.unwrap_or(Money::from_kopecks(100_000)),
                came: crate::matching::day(),
                purpose: &purpose,
                chosen_before: &[],
                others: &[],
            },
            &world.open,
        );
        let found = proposal.certain().map(|certain| {
            let shares = certain.shares.iter();
            shares
                .map(|share| share.invoice.to_string())
                .collect::<Vec<_>>()
        });
        let expected = expected.filter(|_| line.auto).map(|id| vec![id]);
        booked += usize::from(found.is_some());
        if found != expected {
            writeln!(
                faults,
                "{}: {}\n   expected {expected:?}, booked {found:?}: {:?}",
                line.number, line.text, proposal.doubts
            )
            .unwrap();
        }
    }
    assert_eq!(faults, "");
    let told = format!(
        "{booked} of {} lines are booked by themselves",
        corpus.len()
    );
    assert!(
        PAGE.contains(&told),
        "docs/reference/payment-purposes.md does not say: {told}"
    );
}

#[test]
fn a_register_tells_what_the_bank_kept_where_it_is_written_as_an_amount() {
    for (purpose, kept) in [
        (
            "Зачисление средств по операциям эквайринга. Мерчант №271000012345. Дата реестра 20.05.2026. Комиссия 1150.05. \
             Возврат покупки 0.00/0.00. НДС не облагается.",
            Some(115_005),
        ),
        (
            "Зачисление по эквайрингу. Комиссия 1150.05. Возврат покупки 100.00/2.00",
            None,
        ),
        (
            "Возмещение по операциям с картами за 20.05.2026, комиссия 120.50",
            Some(12_050),
        ),
        (
            "Эквайринг: за вычетом комиссии банка 22 руб. 50 коп.",
            Some(2_250),
        ),
        ("Переводы СБП, сумма комиссии 1 234-56", Some(123_456)),
        ("Эквайринг, комиссия: 15 руб", Some(1_500)),
        ("Эквайринг, комиссия 0,00", Some(0)),
        ("Эквайринг, комиссия 15", None),
        ("Эквайринг, комиссия 2,5%", None),
        ("Эквайринг, комиссия по договору 15 от 01.02.2026", None),
        ("Эквайринг, комиссия за 20.05.2026", None),
        ("Эквайринг, комиссия 20.05.2026", None),
        ("Реестр СБП, комиссия 10.00, комиссия 12.00", None),
        ("Реестр СБП, комиссия 10.00, комиссия 10.00", Some(1_000)),
        ("Эквайринг за 20.05.2026", None),
        ("Оплата по счету 5, комиссия 100.00", None),
    ] {
        let read = Purpose::read(purpose);
        assert_eq!(read.commission.map(Money::kopecks), kept, "{purpose}");
        let gross = read.gross(Money::from_kopecks(1_000));
        assert_eq!(
            gross.map(Money::kopecks),
            kept.map(|kept| kept + 1_000),
            "{purpose}"
        );
    }
}

#[test]
fn a_sum_is_no_number_of_a_document() {
    for (text, expected) in [
        ("Оплата за товар 1 500 руб", &[][..]),
        ("Оплата за товар 1500,50, без НДС", &[]),
        ("Оплата за товар 1500=00", &[]),
        ("Оплата за товар 15-00, без НДС", &["15-00"]),
        ("Оплата за товар 1500", &["1500"]),
    ] {
        assert_eq!(Purpose::read(text).loose, expected, "{text}");
    }
}
