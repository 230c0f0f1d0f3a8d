//! The cashier: on some days works with money at our desk, by the code of the command line and the pages. Answers what is
//! asked of payments, gives money to invoices that nobody offered, closes invoices without a bank, splits credits of many
//! sales, obeys payers' letters, takes back and decides anew; presses most buttons twice, some while a statement is brought
//! or a deal changes. The bank of such a day brings credits of acquiring and, at times, pays back.
//!
//! Not here: what a press is, and what is said to it (`presses`).

use std::sync::Arc;
use std::time::Duration;

use desk::Desk;
use desk::giving::GivingOrder;
use desk::payments::LetterOrder;
use desk::registers::{SplitOrder, credit};
use desk::settlements::Order as SettlementOrder;
use domain::ledger::SettlementKind;
use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
use domain::{Inn, Money};
use emulator_kontur_accounting::{Bill, BillState};
use engine::Clock as _;
use jiff::Timestamp;
use store::{ListedPayment, PaymentFilter, PaymentState};

use crate::chance::customs::Cashing;
use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::days::world::{World, told};
use crate::machine::process::Process;
use crate::offices::office;
use crate::offices::tenant::Tenant;
use crate::people::bank::{Paid, account, today};
use crate::people::presses::{Order, Outcome, Said, Sayings, is_doomed, letter_of};
use crate::troubles::death::OF_DECISIONS;

/// Whoever works at the desk.
pub(crate) struct Cashier {
    dice: Dice,
    orders: u64,
    said: Sayings,
}

impl Cashier {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Cashier),
            orders: 0,
            said: Sayings::default(),
        }
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said.all()
    }

    /// A new order's number.
    fn count_order(&mut self) -> u64 {
        self.orders = self.orders.saturating_add(1);
        self.orders
    }

    /// Somewhere between one kopeck and this.
    fn some_of(&mut self, most: i64) -> Money {
        let most = u64::try_from(most).unwrap_or(1).max(1);
        Money::from_kopecks(i64::try_from(self.dice.between(1, most)).unwrap_or(1))
    }
}

/// How the bank begins to say what it credits for sales by cards.
pub(crate) const BY_CARD: &str = "Возмещение по операциям эквайринга";

const KINDS: [SettlementKind; 4] = [
    SettlementKind::Cash,
    SettlementKind::Netting,
    SettlementKind::Card,
    SettlementKind::MarkedPaid,
];

impl Weather {
    /// Few days have a cashier: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_cashier(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Cashing);
        let is_drawn = dice.chance(40);
        let customs = &self.customs;
        // What stands in the records alone is not in the remotes, our register has nobody who pays, and the bank knows one
        // account.
        let others = [
            customs.own_books.is_some(),
            customs.sellers.is_some(),
            customs.production.is_some(),
            customs.new_year.is_some(),
            customs.odd_rows.is_some(),
            customs.edits.is_some(),
            customs.clerk.is_some(),
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
            customs.belated,
            customs.strange_rates,
        ];
        if !is_drawn || others.contains(&true) {
            return;
        }
        self.bank = true;
        self.day = self.day.max(secs(600));
        self.customs.cashier = Some(Cashing {
            every: dice.time(secs(10), secs(40)),
            takes_off: dice.chance(600),
        });
    }
}

impl Tenant {
    /// Payments that somebody at the desk had a hand in.
    pub(crate) fn recall_orders(&mut self) {
        let said = self.cashier.as_ref().map(Cashier::said);
        let said = said.into_iter().flatten();
        let done = said.filter(|said| !matches!(said.outcome, Outcome::Refused(_)));
        let payments = done.filter_map(|said| said.order.payment());
        self.bank.by_person.extend(payments);
    }
}

impl World {
    /// Something at the desk.
    pub(crate) async fn cash(&mut self) -> Result<(), String> {
        let (place, now) = (self.some_tenant(), self.now());
        let takes_off = self
            .weather
            .customs
            .cashier
            .is_some_and(|one| one.takes_off);
        let bills = self.open_bills(place);
        let payments = self.payments(place).await?;
        let desk = self.desk(place)?;
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let Some(cashier) = &mut tenant.cashier else {
            return Ok(());
        };
        if cashier.dice.chance(80) {
            Process::one_dies(&self.slots, &OF_DECISIONS, 3, &mut cashier.dice);
        }
        let order = match cashier.dice.below(100) {
            0..14 => cashier.closes(&bills, now),
            14..22 => cashier.reopens(),
            22..38 => cashier.gives(&desk, &payments, &bills).await?,
            38..50 => cashier.moves(&desk, &payments, &bills).await?,
            50..68 => cashier.answers(&desk).await?,
            68..75 => cashier.takes_back(&payments),
            75..83 => cashier.splits(&desk, &payments, &bills).await?,
            83..91 if takes_off => {
                let paid = cashier.pays_back(&payments, &bills, (place, now));
                tenant.bank.orders.extend(paid);
                None
            }
            _ => {
                let paid = cashier.sells_by_card(&bills, (place, now));
                tenant.bank.orders.extend(paid);
                None
            }
        };
        if let Some(order) = order {
            self.press(place, &order)?;
            self.meanwhile(place).await?;
        }
        Ok(())
    }

    /// The buttons are pressed in the next seconds.
    fn press(&mut self, place: usize, order: &Order) -> Result<(), String> {
        let (now, clock) = (self.now(), self.clock);
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let Some(cashier) = &mut tenant.cashier else {
            return Ok(());
        };
        let number = cashier.orders;
        let presses = if cashier.dice.chance(700) { 2 } else { 1 };
        let mut after = cashier.dice.time(Duration::ZERO, secs(4));
        tenant
            .office
            .tell(now, "at the desk", format!("order {number}: {order:?}"));
        for _press in 0..presses {
            let store = self
                .store
                .opened_again()
                .ok_or("the records are elsewhere")?;
            let doomed = is_doomed(&store, &mut cashier.dice);
            let desk = Desk {
                store,
                portal: tenant.id.clone(),
                clock: Arc::new(self.host.steady()),
                accountant_gives: false,
            };
            let (order, said) = (order.clone(), cashier.said.clone());
            let story = tenant.office.story.clone();
            drop(tokio::spawn(async move {
                let outcome = order.press(&desk, number, after).await;
                let how = match &outcome {
                    Outcome::Obeyed { .. } => "",
                    Outcome::Refused(_) => ", refused",
                    Outcome::BrokenOff(_) => ", broken off",
                };
                let kind = format!("{}{how}", order.kind());
                let words = format!("order {number}: {outcome:?}");
                story.tell(clock.now(), &kind, words);
                said.add(Said {
                    number,
                    order,
                    doomed,
                    outcome,
                });
            }));
            if cashier.dice.chance(500) {
                after = after.saturating_add(cashier.dice.time(Duration::ZERO, secs(2)));
            }
        }
        Ok(())
    }

    /// What falls into the moment.
    async fn meanwhile(&mut self, place: usize) -> Result<(), String> {
        let now = self.now();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let known = tenant.bank.orders.len();
        let Some(cashier) = &mut tenant.cashier else {
            return Ok(());
        };
        match cashier.dice.below(100) {
            0..35 if known > 0 => self.bring(place, 0..known, None).await,
            35..55 => {
                tenant.office.manager(now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn desk(&self, place: usize) -> Result<Desk, String> {
        let tenant = self.tenants.get(place).ok_or("no such tenant")?;
        Ok(Desk {
            store: self.store.clone(),
            portal: tenant.id.clone(),
            clock: Arc::new(self.host.steady()),
            accountant_gives: false,
        })
    }

    /// The bills of deals that are open.
    fn open_bills(&self, place: usize) -> Vec<Bill> {
        let Some(tenant) = self.tenants.get(place) else {
            return Vec::new();
        };
        let truth = tenant.office.accounting.truth();
        let open = truth.bills().filter(|bill| {
            bill.state == BillState::Open && bill.comment.as_deref().and_then(deal_of).is_some()
        });
        open.map(|bill| Bill::clone(bill)).collect()
    }

    async fn payments(&self, place: usize) -> Result<Vec<ListedPayment>, String> {
        let tenant = self.tenants.get(place).ok_or("no such tenant")?;
        let all = PaymentFilter::default();
        let listed = self.store.money_list(&tenant.id, &all).await;
        listed.map_err(told)
    }
}

/// As a person names an invoice where its number does not do.
fn by_id(payment: &ListedPayment, bill: &Bill) -> String {
    format!("{}/{}", payment.organisation, bill.meta.id)
}

impl Cashier {
    /// An invoice is closed without a bank.
    fn closes(&mut self, bills: &[Bill], now: Timestamp) -> Option<Order> {
        let bill = self.dice.pick(bills)?;
        let (number, day) = (self.count_order(), today(now));
        let part = self.some_of(bill.sum.0);
        Some(Order::Settle(SettlementOrder {
            invoice: bill.number.clone(),
            amount: self.dice.chance(600).then_some(part),
            kind: self.dice.pick(&KINDS)?,
            document: format!("Акт № {number}"),
            dated: self
                .dice
                .chance(300)
                .then(|| day.yesterday().unwrap_or(day)),
        }))
    }

    /// A settlement is taken back, at times one that was taken back before.
    fn reopens(&mut self) -> Option<Order> {
        let said = self.said.all();
        let settled = said
            .iter()
            .filter_map(|said| match (&said.order, &said.outcome) {
                (Order::Settle(_), Outcome::Obeyed { numbers, .. }) => numbers.first().copied(),
                _ => None,
            });
        let settled: Vec<i64> = settled.collect();
        let number = self.dice.pick(&settled)?;
        self.count_order();
        Some(Order::Unsettle(number))
    }

    /// Money goes to an invoice that nobody offered, by the page or by a command.
    async fn gives(
        &mut self,
        desk: &Desk,
        payments: &[ListedPayment],
        bills: &[Bill],
    ) -> Result<Option<Order>, String> {
        let open: Vec<&ListedPayment> = payments.iter().filter(|one| one.may_be_given()).collect();
        let (Some(payment), Some(bill)) = (self.dice.pick(&open), self.dice.pick(bills)) else {
            return Ok(None);
        };
        let last = desk.store.money_last(&desk.portal, &[payment.number]).await;
        let seen = last.map_err(told)?.get(&payment.number).copied();
        self.count_order();
        let part = self.some_of(payment.remaining.kopecks());
        Ok(Some(Order::Give(GivingOrder {
            payment: payment.number,
            invoice: if self.dice.chance(700) {
                bill.number.clone()
            } else {
                by_id(payment, &bill)
            },
            amount: self.dice.chance(500).then_some(part),
            seen: seen.filter(|_| self.dice.chance(700)),
        })))
    }

    /// A payer writes that his money is for another invoice: by the page, where what was seen is told, or by a command.
    async fn moves(
        &mut self,
        desk: &Desk,
        payments: &[ListedPayment],
        bills: &[Bill],
    ) -> Result<Option<Order>, String> {
        let booked = payments.iter().filter(|one| {
            one.state == PaymentState::Booked && one.order.direction == Direction::In
        });
        let booked: Vec<&ListedPayment> = booked.collect();
        let (Some(payment), Some(to)) = (self.dice.pick(&booked), self.dice.pick(bills)) else {
            return Ok(None);
        };
        let Some((from, had)) = self.dice.pick(&payment.invoices) else {
            return Ok(None);
        };
        if from.invoice.as_str() == to.meta.id.to_string() {
            return Ok(None);
        }
        let last = desk.store.money_last(&desk.portal, &[payment.number]).await;
        let seen = last.map_err(told)?.get(&payment.number).copied();
        let number = self.count_order();
        let part = self.some_of(had.kopecks());
        Ok(Some(Order::Move(LetterOrder {
            payment: payment.number,
            from: format!("{}/{}", from.organisation, from.invoice),
            to: by_id(payment, &to),
            amount: self.dice.chance(500).then_some(part),
            seen: seen.filter(|_| self.dice.chance(500)),
            letter: letter_of(number),
        })))
    }

    /// One of the open questions about payments is answered.
    async fn answers(&mut self, desk: &Desk) -> Result<Option<Order>, String> {
        let open = desk.questions(0, 50).await.map_err(told)?;
        let Some(question) = self.dice.pick(&open.questions) else {
            return Ok(None);
        };
        let offered = question.candidates.iter();
        let offered: Vec<String> = offered.map(|one| one.word.clone()).collect();
        let to_nothing = self.dice.chance(150);
        let choice = self.dice.pick(&offered).filter(|_| !to_nothing);
        self.count_order();
        Ok(Some(Order::Answer {
            case: question.case,
            seen: question.seen,
            choice: choice.unwrap_or_else(|| desk::questions::GIVE_TO_NOTHING.to_owned()),
            payment: question.payment.number,
        }))
    }

    /// What was decided of a payment or a refund is taken back.
    fn takes_back(&mut self, payments: &[ListedPayment]) -> Option<Order> {
        let decided = payments
            .iter()
            .filter(|one| matches!(one.state, PaymentState::Booked | PaymentState::Left));
        let decided: Vec<i64> = decided.map(|one| one.number).collect();
        let payment = self.dice.pick(&decided)?;
        self.count_order();
        Some(Order::TakeBack(payment))
    }

    /// A credit is split over its sales; so is an order of one buyer, at times.
    async fn splits(
        &mut self,
        desk: &Desk,
        payments: &[ListedPayment],
        bills: &[Bill],
    ) -> Result<Option<Order>, String> {
        let mut credits = Vec::new();
        let numbers: Vec<i64> = payments.iter().map(|one| one.number).collect();
        let last = desk.store.money_last(&desk.portal, &numbers).await;
        let last = last.map_err(told)?;
        for payment in payments {
            let seen = last.get(&payment.number).copied().unwrap_or_default();
            let credit = credit(payment, seen);
            credits.extend(credit.filter(|one| one.is_register || self.dice.chance(300)));
        }
        let (Some(credit), Some(bill)) = (self.dice.pick(&credits), self.dice.pick(bills)) else {
            return Ok(None);
        };
        let net = credit.net.kopecks();
        let told = credit.told.map(|(kept, _)| kept.kopecks());
        let kept = told.unwrap_or_else(|| self.some_of(net / 20).kopecks());
        let mut open = net.saturating_add(kept);
        let mut sales = Vec::new();
        let beside = self
            .dice
            .pick(bills)
            .filter(|one| one.meta.id != bill.meta.id);
        for bill in std::iter::once(bill).chain(beside) {
            let amount = bill.sum.0.min(open);
            if amount > 0 {
                open = open.saturating_sub(amount);
                sales.push((bill.number.clone(), Money::from_kopecks(amount)));
            }
        }
        // A slip of one kopeck.
        let slip = i64::from(self.dice.chance(150));
        let number = self.count_order();
        Ok(Some(Order::Split(SplitOrder {
            payment: credit.payment,
            sales,
            commission: Money::from_kopecks(kept),
            other: Money::from_kopecks(open.saturating_add(slip)),
            register: format!("реестр № {number}"),
            seen: Some(credit.seen),
        })))
    }

    /// The bank credits the sales of a day by cards, less its commission.
    fn sells_by_card(&mut self, bills: &[Bill], (place, now): (usize, Timestamp)) -> Option<Paid> {
        let bill = self.dice.pick(bills)?;
        let gross = bill.sum.0.saturating_add(self.some_of(100_000).kopecks());
        let kept = (gross / 50).max(1);
        let net = gross.saturating_sub(kept);
        let purpose = format!(
            "{BY_CARD} за {}, комиссия {}.{:02} руб., НДС не облагается",
            domain::display::date(today(now)),
            kept / 100,
            kept % 100
        );
        let from = (Some("ПАО «Банк»".to_owned()), office::inn(90_001));
        self.order((place, now), Direction::In, net, from, purpose)
            .map(|order| Paid {
                order,
                meant: Vec::new(),
                by_hand: Vec::new(),
                strayed: false,
            })
    }

    /// We pay back what a buyer paid, or a part of it, and mostly say of which invoice.
    fn pays_back(
        &mut self,
        payments: &[ListedPayment],
        bills: &[Bill],
        at: (usize, Timestamp),
    ) -> Option<Paid> {
        let decided = payments.iter().filter(|one| {
            one.order.direction == Direction::In
                && one.order.other.inn.is_some()
                && matches!(one.state, PaymentState::Booked | PaymentState::Left)
        });
        let decided: Vec<&ListedPayment> = decided.collect();
        let payment = self.dice.pick(&decided)?;
        let whole = payment.order.amount;
        let amount = if self.dice.chance(400) {
            whole
        } else {
            self.some_of(whole.kopecks())
        };
        let paid = self.dice.pick(&payment.invoices);
        let paid = paid.and_then(|(invoice, _)| {
            let mut bills = bills.iter();
            bills.find(|bill| bill.meta.id.to_string() == invoice.invoice.as_str())
        });
        let named = if self.dice.chance(800) {
            paid.cloned()
        } else {
            self.dice.pick(bills)
        };
        let named = named.filter(|_| self.dice.chance(800));
        let of = named.as_ref().map_or_else(String::new, |bill| {
            format!(
                " по счету № {} от {}",
                bill.number,
                domain::display::date(bill.date)
            )
        });
        let purpose = format!("Возврат излишне уплаченных средств{of}");
        let other = &payment.order.other;
        let to = (other.name.clone(), other.inn.as_ref()?.to_string());
        let order = self.order(at, Direction::Out, amount.kopecks(), to, purpose)?;
        let deal = named.and_then(|bill| deal_of(bill.comment.as_deref()?));
        Some(Paid {
            order,
            meant: deal.into_iter().collect(),
            by_hand: Vec::new(),
            strayed: false,
        })
    }

    fn order(
        &mut self,
        (place, now): (usize, Timestamp),
        direction: Direction,
        kopecks: i64,
        (name, inn): (Option<String>, String),
        purpose: String,
    ) -> Option<PaymentOrder> {
        Some(PaymentOrder {
            own_account: account(place)?,
            direction,
            form: Some("Платежное поручение".to_owned()),
            number: self.dice.between(1, 9).to_string(),
            date: today(now),
            booked: Some(today(now)),
            amount: Money::from_kopecks(kopecks),
            other: OtherSide {
                name,
                inn: Inn::parse(&inn).ok(),
                kpp: None,
                account: AccountNumber::new("40702810000000009001"),
                bik: None,
            },
            purpose,
        })
    }
}
