//! Sources in any order and overlap, each as often as one likes, come to one ledger: statements that are imported, and
//! pages of an accounting side's payments, whether we decide or its accountant. Whatever they tell, nothing is lost or
//! doubled, sums close, and no payment and no invoice gives or gets more than it has.

use std::collections::BTreeMap;
use std::time::Duration;

use desk::statement::Mode;
use domain::payment::LineId;
use domain::{ContractorId, DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use planner::Booking;
use serde_json::json;
use store::{
    FollowedPage, FollowedPayment, FollowedReasons, InvoiceLink, InvoiceRef, Lane, Lease,
    ListedPayment, Look, PaymentFilter, Record, SeenLine, Subject,
};
use testkit::builders::portal;
use testkit::time::at;

use crate::office::{ACCOUNT, Office};

/// The organisation of the shipped policy.
const US: &str = "2f6c1a9e-0000-4000-8000-000000000001";
const BUYERS: [&str; 3] = ["7728168971", "7702070139", "5024002119"];
/// Invoices of each buyer.
const OF_ONE: usize = 2;
const TOTAL: i64 = 10_000;
const SEEDS: u64 = 24;

/// A small generator: the same seed, the same days.
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for place in (1..things.len()).rev() {
            things.swap(place, self.below(place + 1));
        }
    }
}

/// A payment as it was.
#[derive(Clone)]
struct Paid {
    number: usize,
    day: usize,
    kopecks: i64,
    inn: Option<&'static str>,
    purpose: String,
    is_out: bool,
    /// What the accountant gives of it, where the accounting program has it.
    given: Option<Vec<(usize, i64)>>,
}

/// What tells of payments.
#[derive(Clone)]
enum Source {
    /// A statement of these days.
    Days([bool; 3]),
    /// A page of the accounting side, by places in the truth.
    Page(Vec<usize>),
}

fn bill(place: usize) -> String {
    format!("{}", 100 + place)
}

fn buyer(place: usize) -> &'static str {
    BUYERS[place / OF_ONE]
}

/// Payments of three days. Where they do not compete, no invoice is paid more than it asks for.
fn truth(chance: &mut Chance, competes: bool) -> Vec<Paid> {
    let mut open = vec![TOTAL; BUYERS.len() * OF_ONE];
    let mut truth = Vec::new();
    for number in 1..=8 + chance.below(8) {
        let place = chance.below(open.len());
        let wanted = 1_000 * i64::try_from(1 + chance.below(6)).unwrap();
        let kopecks = if competes {
            wanted
        } else {
            wanted.min(open[place])
        };
        if kopecks == 0 {
            continue;
        }
        let named = format!("Оплата по счету № {} от 01.03.2026", bill(place));
        let mut paid = Paid {
            number,
            day: chance.below(3),
            kopecks,
            inn: Some(buyer(place)),
            purpose: named,
            is_out: false,
            given: (chance.below(2) == 0).then(|| vec![(place, kopecks)]),
        };
        match chance.below(8) {
            0 => paid.inn = None,
            1 => paid.purpose = "Оплата".to_owned(),
            2 => (paid.is_out, paid.given) = (true, None),
            _ => {}
        }
        if !paid.is_out {
            open[place] -= kopecks;
        }
        let is_doubled = !competes && chance.below(6) == 0;
        if is_doubled && open[place] >= kopecks && !paid.is_out {
            open[place] -= kopecks;
            paid.given = None;
            truth.push(paid.clone());
        }
        truth.push(paid);
    }
    truth
}

fn statement(truth: &[Paid], days: [bool; 3]) -> String {
    let orders: String = truth
        .iter()
        .filter(|paid| days[paid.day])
        .map(|paid| {
            let day = format!("{}.03.2026", 10 + paid.day);
            let (roubles, kopecks) = (paid.kopecks / 100, paid.kopecks % 100);
            let (number, purpose) = (paid.number, &paid.purpose);
            let inn = paid.inn.unwrap_or_default();
            let sides = if paid.is_out {
                format!(
                    "ПлательщикСчет={ACCOUNT}\r\nДатаСписано={day}\r\nПолучательСчет=40702810500000000777\r\n\
                     ПолучательИНН={inn}\r\n"
                )
            } else {
                format!(
                    "ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={inn}\r\nПолучательСчет={ACCOUNT}\r\n\
                     ДатаПоступило={day}\r\n"
                )
            };
            format!(
                "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата={day}\r\nСумма={roubles}.{kopecks:02}\r\n\
                 {sides}НазначениеПлатежа={purpose}\r\nКонецДокумента\r\n"
            )
        })
        .collect();
    format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=10.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\n{orders}КонецФайла\r\n"
    )
}

/// An office with the invoices, and a lease for what the accounting side tells.
struct Books {
    office: Office,
    lease: Lease,
}

impl Books {
    async fn open(booking: Booking) -> Self {
        let mut office = Office::open().await;
        office.policy.money.as_mut().unwrap().booking = Some(booking);
        let store = &office.desk.store;
        let look = Look {
            subject: Subject::deal(DealId(1)),
            lane: Lane::Due,
            due_at: at(0),
            reason: "test".to_owned(),
        };
        store.look(&portal(), &[look]).await.unwrap();
        let lease = store.lease_acquire("test", Duration::from_secs(3_600), at(0));
        let lease = lease.await.unwrap().unwrap();
        let record = Record {
            invoice_links: (0..BUYERS.len() * OF_ONE).map(invoice).collect(),
            ..Record::default()
        };
        store.record(&lease, record, at(0)).await.unwrap();
        Self { office, lease }
    }

    async fn hear(&self, truth: &[Paid], known: &[ListedPayment], source: &Source) {
        match source {
            Source::Days(days) => {
                let file = self.office.file(&statement(truth, *days));
                self.office.import(&file, Mode::Book).await.unwrap();
            }
            Source::Page(places) => self.follow(truth, known, places).await,
        }
    }

    async fn follow(&self, truth: &[Paid], known: &[ListedPayment], places: &[usize]) {
        let money = self.office.policy.money.as_ref().unwrap();
        let payments = places.iter().map(|place| {
            let paid = &truth[*place];
            let number = paid.number.to_string();
            let told = known.iter().find(|one| one.order.number == number);
            let told = told.unwrap();
            let given = paid.given.iter().flatten();
            FollowedPayment {
                line: SeenLine {
                    line: LineId(format!("p-{place}")),
                    order: told.order.clone(),
                    organisation: told.organisation.clone(),
                    kind: told.kind,
                },
                deleted: false,
                given: given
                    .map(|(place, sum)| (id(*place), Money::from_kopecks(*sum)))
                    .collect(),
            }
        });
        let page = FollowedPage {
            organisation: OrganisationId::new(US),
            payments: payments.collect(),
            cursor: ("payments".to_owned(), "next".to_owned()),
            is_taken_over: money.is_accountants(),
            because: FollowedReasons::default(),
            today: date(2026, 3, 13),
            cases: Vec::new(),
            journal: Vec::new(),
        };
        let (desk, policy) = (&self.office.desk, &self.office.policy);
        let followed = desk.store.money_follow(&self.lease, page, at(0)).await;
        followed.unwrap();
        let now = desk.clock.now();
        let decided = reconciler::decide_new(&desk.store, &portal(), policy, None, now).await;
        decided.unwrap();
    }

    async fn payments(&self) -> Vec<ListedPayment> {
        let every = PaymentFilter::default();
        let listed = self.office.desk.store.money_list(&portal(), &every).await;
        listed.unwrap()
    }

    /// What stands, without the numbers that we gave: they follow from what came first.
    async fn ledger(&self) -> Vec<String> {
        let payments = self.payments().await;
        let mut lines: Vec<String> = payments.iter().map(in_words).collect();
        lines.sort();
        lines
    }

    /// What holds whatever was told.
    async fn judge(&self, truth: &[Paid], told: &str) {
        let payments = self.payments().await;
        let came = |is_out: bool| truth.iter().filter(move |paid| paid.is_out == is_out);
        let came: i64 = came(false).map(|paid| paid.kopecks).sum();
        let counted = payments.iter().filter(|one| one.remaining.kopecks() >= 0);
        let counted: i64 = counted.map(|one| one.order.amount.kopecks()).sum();
        assert_eq!((payments.len(), counted), (truth.len(), came), "{told}");
        let mut of_invoices: BTreeMap<InvoiceRef, i64> = BTreeMap::new();
        for one in &payments {
            let given: i64 = one.invoices.iter().map(|(_, sum)| sum.kopecks()).sum();
            let (left, amount) = (one.remaining.kopecks(), one.order.amount.kopecks());
            let brought = if left < 0 { -amount } else { amount };
            assert_eq!(left + given, brought, "{told}: {one:?}");
            assert!(given <= amount, "{told}: {one:?}");
            for (invoice, sum) in &one.invoices {
                assert!(sum.is_positive(), "{told}: {one:?}");
                *of_invoices.entry(invoice.clone()).or_default() += sum.kopecks();
            }
        }
        let asked: Vec<InvoiceRef> = (0..BUYERS.len() * OF_ONE).map(reference).collect();
        let store = &self.office.desk.store;
        let balances = store.money_balances(&portal(), &asked).await.unwrap();
        for (invoice, balance) in balances {
            let given = of_invoices.get(&invoice).copied().unwrap_or_default();
            assert_eq!(balance.paid.kopecks(), given, "{told}: {invoice:?}");
            assert!(balance.paid <= balance.total, "{told}: {invoice:?}");
        }
    }
}

fn in_words(one: &ListedPayment) -> String {
    let invoices: BTreeMap<String, i64> = one
        .invoices
        .iter()
        .map(|(invoice, sum)| (invoice.invoice.to_string(), sum.kopecks()))
        .collect();
    format!(
        "{} {} {} {:?} {} {:?} {invoices:?}",
        one.order.number, one.order.date, one.order.amount, one.state, one.remaining, one.kind
    )
}

fn id(place: usize) -> InvoiceId {
    InvoiceId::new(format!("id-{}", bill(place)))
}

fn reference(place: usize) -> InvoiceRef {
    InvoiceRef {
        organisation: OrganisationId::new(US),
        invoice: id(place),
    }
}

fn invoice(place: usize) -> InvoiceLink {
    InvoiceLink {
        deal: DealId(u64::try_from(place).unwrap() + 1),
        slot: Slot {
            kind: SlotKind::Whole,
            generation: 1,
        },
        organisation: OrganisationId::new(US),
        invoice: id(place),
        contractor: ContractorId::new("c"),
        number: bill(place),
        date: date(2026, 3, 1),
        total: Money::from_kopecks(TOTAL),
        revision: "r".to_owned(),
        status: "issued".to_owned(),
        live: true,
        draft: json!({"draft": {"buyer": {"key": {"inn": buyer(place)}}}}),
        updated_at: at(0),
    }
}

/// Sources that together show everything: each day in a statement, and what the accounting program has on pages.
fn sources(chance: &mut Chance, truth: &[Paid]) -> Vec<Source> {
    let mut sources: Vec<Source> = (0..3)
        .map(|day| {
            let mut days = [0; 3].map(|_| chance.below(3) == 0);
            days[day] = true;
            Source::Days(days)
        })
        .collect();
    let there: Vec<usize> = (0..truth.len())
        .filter(|place| truth[*place].given.is_some())
        .collect();
    let pages = there.chunks(3).map(|page| Source::Page(page.to_vec()));
    sources.extend(pages);
    sources
}

/// What each payment is, as a statement of all days shows it.
async fn as_shown(truth: &[Paid]) -> Vec<ListedPayment> {
    let books = Books::open(Booking::Provodka).await;
    books.hear(truth, &[], &Source::Days([true; 3])).await;
    books.payments().await
}

async fn lived(truth: &[Paid], known: &[ListedPayment], told: &[Source], by: Booking) -> Books {
    let books = Books::open(by).await;
    for source in told {
        books.hear(truth, known, source).await;
    }
    books
}

#[tokio::test]
async fn sources_in_any_order_and_overlap_come_to_the_same_ledger() {
    let mut booked = 0;
    for seed in 0..SEEDS {
        let by = [Booking::Provodka, Booking::Accounting][usize::try_from(seed % 2).unwrap()];
        let mut chance = Chance::of(seed);
        let truth = truth(&mut chance, false);
        let known = as_shown(&truth).await;
        let once = sources(&mut chance, &truth);
        let expected = lived(&truth, &known, &once, by).await;
        expected.judge(&truth, &format!("seed {seed}")).await;
        let expected = expected.ledger().await;
        booked += expected.iter().filter(|one| one.contains("Booked")).count();
        for turn in 0..2 {
            let mut again = once.clone();
            for _ in 0..3 {
                again.push(once[chance.below(once.len())].clone());
            }
            chance.shuffle(&mut again);
            let told = format!("seed {seed}, turn {turn}");
            let books = lived(&truth, &known, &again, by).await;
            books.judge(&truth, &told).await;
            assert_eq!(books.ledger().await, expected, "{told}");
        }
    }
    assert!(booked > 100, "{booked} are booked: it proves little");
}

#[tokio::test]
async fn payments_that_compete_for_invoices_never_get_more_than_is_open() {
    for seed in 0..SEEDS {
        let by = [Booking::Provodka, Booking::Accounting][usize::try_from(seed % 2).unwrap()];
        let mut chance = Chance::of(1_000 + seed);
        let truth = truth(&mut chance, true);
        let known = as_shown(&truth).await;
        let mut told = sources(&mut chance, &truth);
        told.push(Source::Days([true; 3]));
        chance.shuffle(&mut told);
        let books = lived(&truth, &known, &told, by).await;
        books.judge(&truth, &format!("seed {seed}")).await;
    }
}
