//! The bank and whoever brings its statements: buyers pay as buyers do, statements overlap, come twice and by half.
//!
//! What each buyer meant is kept for the checks. Statements are taken as the program's own command takes them, beside the
//! processes that run.

use std::collections::BTreeSet;

use domain::payment::{AccountNumber, Direction, LineId, OtherSide, PaymentOrder, SourceId};
use domain::purpose::Purpose;
use domain::{Inn, Money, OrganisationId};
use emulator_kontur_accounting::{Bill, BillState};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use planner::{MoneyPolicy, Policy};
use store::{OfficeBill, PaymentFilter, PaymentState, SeenLine, Store};

use crate::chance::customs::Customs;
use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::days::world::{World, told};
use crate::machine::freeze::pause;
use crate::offices::office::{self, SECOND_INN, SELLER_INN};
use crate::people::clerk::Clerking;
use crate::people::files::Files;
use crate::people::own_money::{Carried, OwnMoney, second_account};

/// One order as the bank carried it out.
#[derive(Clone, Debug)]
pub(crate) struct Paid {
    pub(crate) order: PaymentOrder,
    /// The deals whose bills are meant: the buyer's, or those of which we paid something back.
    pub(crate) meant: Vec<i64>,
    /// Bills by hand that the buyer meant, by their ids: they bear no deal's mark, whoever takes them over.
    pub(crate) by_hand: Vec<String>,
    /// It came to an account of another of our companies than the bill's.
    pub(crate) strayed: bool,
}

/// A bill as whoever pays it has it before him.
#[derive(Clone, Debug)]
pub(crate) struct Payable {
    /// What the books call it.
    id: String,
    pub(crate) number: String,
    pub(crate) date: Date,
    pub(crate) kopecks: i64,
    /// The deal whose mark it bears.
    deal: Option<i64>,
    buyer: String,
    inn: Option<String>,
    /// The second of our companies sells.
    is_second: bool,
}

impl Payable {
    fn of(bill: &Bill, is_second: bool) -> Self {
        Self {
            is_second,
            id: bill.meta.id.to_string(),
            number: bill.number.clone(),
            date: bill.date,
            kopecks: bill.sum.0,
            deal: bill.comment.as_deref().and_then(deal_of),
            buyer: bill.contractor.name.clone(),
            inn: bill.contractor.inn.clone(),
        }
    }

    fn of_office(bill: &OfficeBill) -> Self {
        let buyer = &bill.draft.buyer;
        Self {
            id: bill.id.to_string(),
            number: bill.number.clone(),
            date: bill.draft.date,
            kopecks: bill.totals.gross.kopecks(),
            deal: i64::try_from(bill.deal.get()).ok(),
            buyer: buyer.name.clone(),
            inn: buyer.key.who.inn().map(ToString::to_string),
            is_second: false,
        }
    }
}

/// A tenant's bank.
pub(crate) struct Bank {
    place: usize,
    dice: Dice,
    /// Some orders are older by a day than the money.
    credits_later: bool,
    /// Moves money that is no buyer's, where anybody does.
    own: Option<OwnMoney>,
    /// Writes statements as files, where they are read as such.
    files: Option<Files>,
    /// Has buyers pay to another of our companies, where there are two.
    strays: Option<Dice>,
    /// All orders, in the order in which they were carried out: a statement is a stretch of them.
    pub(crate) orders: Vec<Paid>,
    /// Payments that a person had a hand in, by their numbers.
    pub(crate) by_person: BTreeSet<i64>,
}

impl Bank {
    pub(crate) fn new(seed: u64, place: usize, customs: &Customs) -> Self {
        Self {
            place,
            credits_later: customs.clerk.is_some(),
            own: customs.own_money.then(|| OwnMoney::new(seed)),
            files: customs.files.then(|| Files::new(seed)),
            strays: customs.strays.then(|| Dice::of(seed, About::Straying)),
            dice: Dice::of(seed, About::Bank),
            orders: Vec::new(),
            by_person: BTreeSet::new(),
        }
    }

    /// What is no buyer's money, at times.
    fn move_own(&mut self, bills: &[Payable], today: Date) -> Option<(&'static str, String)> {
        let Carried { kind, orders } = self.own.as_mut()?.moves(self.place, bills, today)?;
        let first = orders.first()?;
        let words = format!("{} kopecks, «{}»", first.amount.kopecks(), first.purpose);
        self.orders.extend(orders.into_iter().map(|order| Paid {
            order,
            meant: Vec::new(),
            by_hand: Vec::new(),
            strayed: false,
        }));
        Some((kind, words))
    }

    /// Somebody pays something.
    fn carry_out(&mut self, bills: &[Payable], today: Date) -> Option<(&'static str, String)> {
        let bill = self.dice.pick(bills)?;
        let deal = bill.deal?;
        let sum = u64::try_from(bill.kopecks).ok().filter(|sum| *sum > 0)?;
        let mut amount = match self.dice.below(100) {
            0..60 => sum,
            60..85 => self.dice.between(1, sum),
            _ => sum.saturating_add(self.dice.between(1, 100_000)),
        };
        let named =
            |bill: &Payable| format!("№ {} от {}", bill.number, domain::display::date(bill.date));
        let (mut meant, mut by_hand) = (vec![deal], Vec::new());
        let mut payer = bill.inn.clone();
        let mut direction = Direction::In;
        let purpose = match self.dice.below(100) {
            0..58 => format!(
                "Оплата по счету {} за товар, НДС не облагается",
                named(&bill)
            ),
            58..66 => format!("Оплата по счету № {}", bill.number),
            66..74 => "Оплата за товар по договору".to_owned(),
            74..82 => match self.another(bills, &bill) {
                Some(other) => {
                    match other.deal {
                        Some(deal) => meant.push(deal),
                        None => by_hand.push(other.id.clone()),
                    }
                    amount = sum.saturating_add(u64::try_from(other.kopecks).unwrap_or(0));
                    format!("Оплата по счетам {}, {}", named(&bill), named(&other))
                }
                None => format!("Оплата счета {}", named(&bill)),
            },
            82..88 => {
                payer = Some(office::inn(90_000));
                format!("Оплата по счету {} за ООО «Покупатель»", named(&bill))
            }
            88..94 => {
                payer = None;
                format!("Оплата по счету {}", named(&bill))
            }
            _ => {
                direction = Direction::Out;
                format!(
                    "Возврат излишне уплаченных средств по счету {}",
                    named(&bill)
                )
            }
        };
        let strayed = direction == Direction::In && self.strays_from(bills, &bill);
        let own_account = if bill.is_second == strayed {
            account(self.place)?
        } else {
            second_account(self.place)?
        };
        let number = self.dice.between(1, 9);
        let is_older = self.credits_later && number.is_multiple_of(3);
        let order = PaymentOrder {
            own_account,
            direction,
            form: Some("Платежное поручение".to_owned()),
            number: number.to_string(),
            date: if is_older {
                today.yesterday().ok()?
            } else {
                today
            },
            booked: Some(today),
            amount: Money::from_kopecks(i64::try_from(amount).ok()?),
            other: OtherSide {
                name: Some(bill.buyer.clone()),
                inn: payer.and_then(|inn| Inn::parse(&inn).ok()),
                kpp: None,
                account: AccountNumber::new(BUYERS_ACCOUNT),
                bik: None,
            },
            purpose,
        };
        let words = format!("{} kopecks, «{}»", order.amount.kopecks(), order.purpose);
        let paid = Paid {
            order,
            meant,
            by_hand,
            strayed,
        };
        // A buyer who pays the same twice makes two payments that no source can tell apart.
        if self.dice.chance(80) {
            self.orders.push(paid.clone());
        }
        self.orders.push(paid);
        let kind = if strayed {
            "paid to another company"
        } else {
            "paid"
        };
        Some((kind, words))
    }

    /// Whether the buyer takes one of our companies for the other. What the other has under the same number for him
    /// would be meant by his words.
    fn strays_from(&mut self, bills: &[Payable], bill: &Payable) -> bool {
        let is_alike = |other: &Payable| other.number == bill.number && other.inn == bill.inn;
        let mut others = bills.iter().filter(|one| one.is_second != bill.is_second);
        let strays = self.strays.as_mut().is_some_and(|dice| dice.chance(250));
        strays && !others.any(is_alike)
    }

    /// Another bill of the same buyer by the same company.
    fn another(&mut self, bills: &[Payable], bill: &Payable) -> Option<Payable> {
        let of_seller = bills.iter();
        let of_seller = of_seller.filter(|other| other.is_second == bill.is_second);
        let of_buyer = of_seller.filter(|other| other.inn == bill.inn && other.id != bill.id);
        let of_buyer: Vec<Payable> = of_buyer.cloned().collect();
        self.dice.pick(&of_buyer)
    }
}

/// Where all buyers have their money.
pub(crate) const BUYERS_ACCOUNT: &str = "40702810000000009001";

/// Our account.
pub(crate) fn account(place: usize) -> Option<AccountNumber> {
    AccountNumber::new(&format!("407028100000000{place:05}"))
}

/// What the policy says of money on a day with a bank.
pub(crate) fn policy(
    weather: &Weather,
    place: usize,
    organisation: &OrganisationId,
) -> Option<MoneyPolicy> {
    let clerk = weather.customs.clerk;
    let has_second = weather.customs.own_money;
    let of_ours = |number| planner::OwnAccount {
        number,
        organisation: organisation.clone(),
        inn: Inn::parse(SELLER_INN).ok().filter(|_| has_second),
    };
    let second = second_account(place).filter(|_| has_second);
    let of_other = second_account(place).filter(|_| weather.customs.strays);
    let of_other = of_other.map(|number| planner::OwnAccount {
        number,
        organisation: OrganisationId::new(office::second(place)),
        inn: Inn::parse(SECOND_INN).ok(),
    });
    Some(MoneyPolicy {
        booking: clerk.map_or(Some(planner::Booking::Provodka), |clerk| clerk.booking),
        since: None,
        wait_hours: clerk.map_or(24, |clerk| clerk.wait_hours),
        refunds: match weather.customs.cashier {
            Some(cashing) if cashing.takes_off => planner::Refunds::TakeOff,
            Some(_) | None => planner::Refunds::List,
        },
        registers: planner::Registers::default(),
        accounts: std::iter::once(account(place)?)
            .chain(second)
            .map(of_ours)
            .chain(of_other)
            .collect(),
        stages: clerk.map(Clerking::stage).into_iter().collect(),
        overdue: None,
    })
}

/// Orders of one portion of a statement.
const PORTION: usize = 3;

impl World {
    /// A payment is carried out, or a statement is brought.
    pub(crate) async fn bank(&mut self) -> Result<(), String> {
        let (place, now) = (self.some_tenant(), self.now());
        let bills = self.payable(place).await?;
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let known = tenant.bank.orders.len();
        if known == 0 || tenant.bank.dice.chance(550) {
            if let Some((kind, words)) = tenant.bank.carry_out(&bills, today(now)) {
                tenant.office.tell(now, kind, words);
            }
            if let Some((kind, words)) = tenant.bank.move_own(&bills, today(now)) {
                tenant.office.tell(now, kind, words);
            }
            return Ok(());
        }
        if tenant.bank.dice.chance(120) {
            return self.undo(place).await;
        }
        let most = u64::try_from(known).unwrap_or(1);
        let from = tenant.bank.dice.below(most);
        let to = tenant.bank.dice.between(from.saturating_add(1), most);
        let patience = tenant.bank.dice.below(12);
        let place_of = |n: u64| usize::try_from(n).unwrap_or(0);
        self.bring(place, place_of(from)..place_of(to), Some(patience))
            .await
    }

    /// The bills that stand, in the accounting program or in our own register.
    async fn payable(&self, place: usize) -> Result<Vec<Payable>, String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(Vec::new());
        };
        if tenant.register.is_none() {
            let truth = tenant.office.accounting.truth();
            let second = office::second(place);
            let all = truth.organizations.iter().flat_map(|(id, own)| {
                let is_second = id.to_string() == second;
                own.bills.iter().map(move |bill| (bill, is_second))
            });
            let open = all.filter(|(bill, _)| bill.state == BillState::Open);
            let open = open.map(|(bill, is_second)| Payable::of(bill, is_second));
            return Ok(open.collect());
        }
        let bills = self.store.office_bills(&tenant.id, 0).await.map_err(told)?;
        let open = bills.iter().filter(|bill| bill.cancelled.is_none());
        Ok(open.map(Payable::of_office).collect())
    }

    /// In the evening the whole of it is brought once more, to its end.
    pub(crate) async fn bring_all(&mut self) -> Result<(), String> {
        for place in 0..self.tenants.len() {
            let count = self
                .tenants
                .get(place)
                .map_or(0, |one| one.bank.orders.len());
            if count > 0 {
                self.bring(place, 0..count, None).await?;
            }
        }
        Ok(())
    }

    /// A buyer pays a bill that is closed, and a statement of all that the bank carried out is brought.
    pub(crate) async fn pay_all_the_same(
        &mut self,
        place: usize,
        bill: &str,
    ) -> Result<(), String> {
        let now = self.now();
        let mut bills = self.payable(place).await?;
        bills.retain(|one| one.id == bill);
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        if let Some((kind, words)) = tenant.bank.carry_out(&bills, today(now)) {
            tenant.office.tell(now, kind, words);
        }
        let count = tenant.bank.orders.len();
        self.bring(place, 0..count, None).await
    }

    /// Takes a stretch of the bank's orders as the program takes a statement; whoever does it may die after so many steps.
    pub(crate) async fn bring(
        &mut self,
        place: usize,
        stretch: std::ops::Range<usize>,
        patience: Option<u64>,
    ) -> Result<(), String> {
        let (now, host_now) = (self.now(), self.host.now());
        let Some(id) = self.tenants.get(place).map(|tenant| tenant.id.clone()) else {
            return Ok(());
        };
        // The accounting side tells what its accountant gave.
        let policy = self.policy(&id).await?.decided_by(true);
        let shown = self.statement_of(place, stretch.clone(), patience.is_some())?;
        let Some((source, lines)) =
            shown.and_then(|(source, orders)| Some((source, lines(orders, &policy)?)))
        else {
            return Ok(());
        };
        if let Some(tenant) = self.tenants.get(place) {
            let words = format!("orders {stretch:?}, whoever brings it lasts {patience:?} steps");
            tenant.office.tell(now, "statement", words);
        }
        let store = &self.store;
        let mut left = patience.unwrap_or(u64::MAX);
        for portion in lines.chunks(PORTION) {
            store
                .money_see(&id, &source, portion, host_now)
                .await
                .map_err(told)?;
            if spent(&mut left) {
                return Ok(());
            }
            // Others may decide meanwhile.
            pause(secs(1)).await;
            decide(store, &id, &policy, host_now).await?;
            if spent(&mut left) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A stretch of the bank's orders as a statement shows it, and the statement's name.
    fn statement_of(
        &mut self,
        place: usize,
        stretch: std::ops::Range<usize>,
        may_break: bool,
    ) -> Result<Option<Statement>, String> {
        let now = self.now();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(None);
        };
        let Bank { orders, files, .. } = &mut tenant.bank;
        let Some(orders) = orders.get(stretch.clone()) else {
            return Ok(None);
        };
        let orders: Vec<PaymentOrder> = orders.iter().map(|paid| paid.order.clone()).collect();
        let Some(files) = files else {
            // Orders are only ever added: a stretch is a file of its own.
            let source = SourceId(format!("statement/{}-{}", stretch.start, stretch.end));
            let numbers = (1_u64..).map(|number| LineId(number.to_string()));
            return Ok(Some((source, numbers.zip(orders).collect())));
        };
        let file = files.file(&orders, may_break, now);
        let file = file.ok_or("the bank writes no statement")?;
        let kind = if file.is_broken {
            "broken statement"
        } else {
            "statement file"
        };
        let read = file.read()?;
        tenant.office.tell(now, kind, format!("in {:?}", file.page));
        if let Some(wrong) = file.misread(&read) {
            self.watch.note(wrong);
        }
        Ok(Some((read.source, read.orders)))
    }

    /// Somebody takes back what was given of a payment.
    async fn undo(&mut self, place: usize) -> Result<(), String> {
        let (now, host_now) = (self.now(), self.host.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let filter = PaymentFilter {
            state: Some(PaymentState::Booked),
            ..PaymentFilter::default()
        };
        let booked = self.store.money_list(&tenant.id, &filter).await;
        let booked: Vec<i64> = booked.map_err(told)?.iter().map(|one| one.number).collect();
        let Some(payment) = tenant.bank.dice.pick(&booked) else {
            return Ok(());
        };
        let reason = ("accountant", "letter of the payer");
        self.store
            .money_undo(&tenant.id, payment, reason, today(now), host_now)
            .await
            .map_err(told)?;
        tenant.bank.by_person.insert(payment);
        tenant
            .office
            .tell(now, "undone", format!("payment {payment}"));
        Ok(())
    }
}

async fn decide(
    store: &Store,
    id: &domain::PortalId,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), String> {
    let mut is_more = true;
    while is_more {
        (_, is_more) = reconciler::decide_new(store, id, policy, None, now)
            .await
            .map_err(told)?;
    }
    Ok(())
}

fn spent(left: &mut u64) -> bool {
    *left = left.saturating_sub(1);
    *left == 0
}

/// A statement's name, and its orders with their lines.
type Statement = (SourceId, Vec<(LineId, PaymentOrder)>);

fn lines(orders: Vec<(LineId, PaymentOrder)>, policy: &Policy) -> Option<Vec<SeenLine>> {
    let own = policy.money.as_ref()?.own_side();
    let line = |(line, order): (LineId, PaymentOrder)| {
        Some(SeenLine {
            line,
            organisation: own.organisation(&order.own_account)?.clone(),
            kind: own.kind(&order, &Purpose::read(&order.purpose)),
            order,
        })
    };
    orders.into_iter().map(line).collect()
}

/// The day in Moscow.
pub(crate) fn today(now: Timestamp) -> Date {
    now.to_zoned(zone()).date()
}

/// The seller's.
pub(crate) fn zone() -> TimeZone {
    TimeZone::get("Europe/Moscow").unwrap_or(TimeZone::UTC)
}
