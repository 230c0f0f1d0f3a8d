//! A week of money after the bad day: what the bank carries out, what the accountant enters and gives, what a person
//! decides; then three sides of the same money, which must be equal.
//!
//! The bank and the accounting program are emulators that know nothing of each other: both are told by the story, as they
//! would be by the same payers. Each step waits for what it needs to see.

use std::path::PathBuf;

use anyhow::Context as _;
use desk::reconciliation::{Month, Reconciliation, What};
use domain::Money;
use domain::display::money;
use emulator_bank::{CodePage, Form, Operation, Party, Way};
use emulator_harness::{FaultKind, FaultRule};
use emulator_kontur_accounting::{
    Accountant, Allocation, Direction, Emulator, Kopecks, NewPayment, Payer,
};
use jiff::ToSpan as _;
use jiff::civil::Date;
use store::{CaseFilter, Fault, PaymentFilter};

use crate::args::{ImportArgs, PaymentsCommand, SplitArgs, StatementCommand};
use crate::payments::{self, reconcile};
use crate::product::Product;
use crate::statement;

use super::books::{Bill, DemoBooks};
use super::judge::Verdict;
use super::money::{self, ACCOUNT};
use super::story::{Cast, until};
use super::world::World;

/// Fields that `setup` makes for money.
const PAID: &str = "UF_CRM_PROVODKA_PAID";
const STATUS: &str = "UF_CRM_PROVODKA_STATUS";

/// What a deal of the story costs.
const WHOLE: i64 = 1_308_000;

/// What happens to the money of some deals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Whole,
    Part,
    Two,
    Over,
    ThirdParty,
    Lost,
    Refund,
    /// One credit for the cards of several buyers. An accountant would have to be told of it over there: only where there
    /// is none.
    Register,
}

/// A payment of the week.
struct Paid {
    scene: Scene,
    /// Days after the first.
    day: i64,
    number: &'static str,
    payer: (&'static str, &'static str),
    kopecks: i64,
    /// The places of its deals in the story.
    deals: &'static [usize],
}

const BUYER: (&str, &str) = ("ООО «Ромашка»", "7728168971");

/// Who pays what buyers paid by card, and what he keeps of it.
const ACQUIRER: (&str, &str) = ("Банк-эквайер (АО)", "7702070139");
const COMMISSION: i64 = 39_240;

const WEEK: [Paid; 8] = [
    Paid {
        scene: Scene::Whole,
        day: 0,
        number: "57",
        payer: BUYER,
        kopecks: WHOLE,
        deals: &[0],
    },
    Paid {
        scene: Scene::Part,
        day: 0,
        number: "11",
        payer: ("ООО «Новый клиент»", "7710140679"),
        kopecks: 500_000,
        deals: &[1],
    },
    Paid {
        scene: Scene::Two,
        day: 1,
        number: "58",
        payer: BUYER,
        kopecks: 2 * WHOLE,
        deals: &[2, 3],
    },
    Paid {
        scene: Scene::Over,
        day: 2,
        number: "59",
        payer: BUYER,
        kopecks: 2_000_000,
        deals: &[4],
    },
    Paid {
        scene: Scene::ThirdParty,
        day: 3,
        number: "9",
        payer: ("ИП Кузнецов Олег Павлович", "500100732259"),
        kopecks: WHOLE,
        deals: &[5],
    },
    Paid {
        scene: Scene::Lost,
        day: 4,
        number: "60",
        payer: BUYER,
        kopecks: WHOLE,
        deals: &[6],
    },
    Paid {
        scene: Scene::Refund,
        day: 4,
        number: "4",
        payer: BUYER,
        kopecks: 2_000_000 - WHOLE,
        deals: &[4],
    },
    Paid {
        scene: Scene::Register,
        day: 5,
        number: "805",
        payer: ACQUIRER,
        kopecks: 2 * WHOLE - COMMISSION,
        deals: &[7, 9],
    },
];

/// What came of the week.
pub(super) struct Told {
    /// One for each payment, and one for the sums.
    pub(super) verdicts: Vec<Verdict>,
    /// The sums of all sides, as `provodka payments reconcile` prints them.
    pub(super) sums: String,
}

/// Plays the week and judges it.
pub(super) async fn live(world: &World, cast: &Cast) -> anyhow::Result<Told> {
    let product = world.product().await?;
    money::switch_on(&product, world.books.accounting(), 24).await?;
    let first = world.bank.today();
    let week = Week {
        world,
        product,
        bills: bills(world, cast).await?,
        first,
    };
    for paid in week.payments() {
        week.play(paid).await?;
    }
    // The whole week once more, in another code page, and the same file again.
    for _ in 0..2 {
        week.bring((0, 6), CodePage::Dos).await?;
    }
    week.until_shown().await?;
    week.judged(cast).await
}

/// The bill of each deal, in the order of the story.
async fn bills(world: &World, cast: &Cast) -> anyhow::Result<Vec<Bill>> {
    let mut all = world.books.all().await?;
    all.retain(|bill| bill.live);
    let of_deals = cast.deals.iter().map(|(_, deal)| {
        let place = all.iter().position(|bill| bill.deal == Some(*deal));
        place.map(|place| all.swap_remove(place))
    });
    let bills: Option<Vec<Bill>> = of_deals.collect();
    bills.context("a deal of the story has no bill")
}

struct Week<'a> {
    world: &'a World,
    product: Product,
    bills: Vec<Bill>,
    first: Date,
}

impl Week<'_> {
    fn day(&self, after: i64) -> Date {
        self.first.checked_add(after.days()).unwrap_or(self.first)
    }

    /// What is played where these books are kept.
    fn payments(&self) -> impl Iterator<Item = &'static Paid> {
        let has_accountant = matches!(self.world.books, DemoBooks::Kontur { .. });
        let played = move |paid: &&Paid| !has_accountant || paid.scene != Scene::Register;
        WEEK.iter().filter(played)
    }

    fn bills_of(&self, paid: &Paid) -> Vec<&Bill> {
        let places = paid.deals.iter();
        places.filter_map(|place| self.bills.get(*place)).collect()
    }

    /// One payment: at the bank, and on the side that knows of it first.
    async fn play(&self, paid: &Paid) -> anyhow::Result<()> {
        let operation = self.operation(paid);
        anyhow::ensure!(
            self.world.bank.carry_out(operation),
            "the bank refused an order"
        );
        match &self.world.books {
            DemoBooks::Kontur { emulator, .. } => self.in_accounting(paid, emulator).await,
            DemoBooks::Office { store, .. } => {
                if paid.scene == Scene::Lost {
                    store.faults().fail_nth_of("RECORD", 1, Fault::DiskFull);
                    let days = (paid.day, paid.day);
                    let lost = self.bring(days, CodePage::Windows).await;
                    let came = !store.faults().cancel();
                    anyhow::ensure!(came && lost.is_err(), "the fault did not come");
                }
                self.bring((paid.day, paid.day), CodePage::Windows).await?;
                if paid.scene == Scene::Register {
                    self.split(paid).await
                } else {
                    self.decide(paid).await
                }
            }
        }
    }

    fn purpose(&self, paid: &Paid) -> String {
        let bills = self.bills_of(paid);
        let named: Vec<String> = bills
            .iter()
            .map(|bill| format!("№ {} от {}", bill.number, bill.date.strftime("%d.%m.%Y")))
            .collect();
        let named = named.join(", ");
        match paid.scene {
            Scene::Whole | Scene::Part | Scene::Over | Scene::Lost => {
                format!("Оплата по счёту {named}, в т.ч. НДС 22%")
            }
            Scene::Two => format!("Оплата по счетам {named}, в т.ч. НДС 22%"),
            Scene::ThirdParty => format!("Оплата за ООО «Ромашка» по счёту {named}"),
            Scene::Refund => format!("Возврат излишне уплаченного по счёту {named}"),
            Scene::Register => format!(
                "Зачисление по операциям эквайринга, {}. Комиссия {}",
                self.register(paid),
                Money::from_kopecks(COMMISSION)
            ),
        }
    }

    fn operation(&self, paid: &Paid) -> Operation {
        let (name, inn) = paid.payer;
        Operation {
            account: ACCOUNT.to_owned(),
            way: if paid.scene == Scene::Refund {
                Way::Out
            } else {
                Way::In
            },
            form: Form::PaymentOrder,
            number: paid.number.to_owned(),
            date: self.day(paid.day),
            booked: self.day(paid.day),
            kopecks: paid.kopecks,
            other: Party {
                name: name.to_owned(),
                inn: inn.to_owned(),
                account: account_of(inn),
            },
            purpose: self.purpose(paid),
        }
    }

    /// The accountant enters the payment and gives it to its bills.
    async fn in_accounting(&self, paid: &Paid, emulator: &Emulator) -> anyhow::Result<()> {
        // On some days our statement is there first, on others the accountant is.
        if paid.day % 2 == 1 {
            self.bring((paid.day, paid.day), CodePage::Windows).await?;
        }
        if paid.scene == Scene::Lost {
            let lost = FaultRule::once(FaultKind::AnswerLost, "listPayments");
            emulator.faults().add(lost);
        }
        let organisations = emulator.organizations();
        let organisation = organisations.first().context("nobody keeps books")?;
        let accountant = emulator.accountant(*organisation);
        let accountant = accountant.context("nobody keeps books")?;
        self.enter(paid, &accountant)?;
        if paid.scene == Scene::Lost {
            until("page of the list that is lost", async || {
                emulator.faults().rules().is_empty()
            })
            .await?;
        }
        Ok(())
    }

    fn enter(&self, paid: &Paid, accountant: &Accountant) -> anyhow::Result<()> {
        let (name, inn) = paid.payer;
        let is_refund = paid.scene == Scene::Refund;
        let entered = accountant.add_payment(NewPayment {
            number: Some(paid.number.to_owned()),
            date: self.day(paid.day),
            direction: if is_refund {
                Direction::Outgoing
            } else {
                Direction::Incoming
            },
            sum: Kopecks(paid.kopecks),
            payer: Payer {
                name: Some(name.to_owned()),
                inn: Some(inn.to_owned()),
                account_number: Some(account_of(inn)),
                ..Payer::default()
            },
            bank_account: None,
            purpose: self.purpose(paid),
        });
        let entered = entered.map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
        if is_refund {
            return Ok(());
        }
        let mut left = paid.kopecks;
        let mut shares = Vec::new();
        for bill in self.bills_of(paid) {
            let sum = left.min(bill.kopecks);
            left -= sum;
            shares.push(Allocation {
                bill_id: bill
                    .id
                    .parse()
                    .map_err(|_| anyhow::anyhow!("no id of a bill"))?,
                sum: Kopecks(sum),
            });
        }
        let given = accountant.allocate(entered.meta.id, shares);
        given
            .map(drop)
            .map_err(|problem| anyhow::anyhow!("{problem:?}"))
    }

    /// As `provodka statement import` does it, of these days.
    async fn bring(&self, (from, to): (i64, i64), code_page: CodePage) -> anyhow::Result<()> {
        let days = (self.day(from), self.day(to));
        let file = self.world.bank.statement(ACCOUNT, days, code_page);
        let file = file.context("the bank keeps no such account")?;
        let path: PathBuf = self.world.folder().join("kl_to_1c.txt");
        std::fs::write(&path, file).context("the bank's file cannot be written")?;
        let args = ImportArgs {
            files: vec![path],
            dry_run: false,
            json: false,
        };
        let report = statement::run(&self.product, &StatementCommand::Import(args)).await?;
        report.judged()
    }

    /// As `provodka cases answer` does it: of what is asked about this payment, the offer that names its bills.
    async fn decide(&self, paid: &Paid) -> anyhow::Result<()> {
        let desk = self.product.desk();
        let filter = CaseFilter {
            limit: 100,
            ..CaseFilter::default()
        };
        let asked = desk
            .store
            .cases_open(&desk.portal, &filter)
            .await?
            .into_iter();
        let about = format!("поручение № {} от", paid.number);
        for case in asked.filter(|case| case.facts.text.contains(&about)) {
            let bills = self.bills_of(paid);
            let choices = desk::payments::choices(&case).into_iter();
            let names_all = |text: &str| {
                let mut bills = bills.iter();
                bills.all(|bill| text.contains(&format!("№ {} от", bill.number)))
            };
            let mut fitting = choices.filter(|choice| names_all(&choice.text));
            let choice = fitting.next().context("the bill is not among the offers")?;
            desk.answer(case.id, None, &choice.word, "Анна").await?;
        }
        Ok(())
    }

    fn register(&self, paid: &Paid) -> String {
        let day = self.day(paid.day).strftime("%d.%m.%Y");
        format!("реестр № {} от {day}", paid.number)
    }

    /// As `provodka payments split` does it: each bill was paid whole by its buyer's card.
    async fn split(&self, paid: &Paid) -> anyhow::Result<()> {
        let desk = self.product.desk();
        let known = desk
            .store
            .money_list(&desk.portal, &PaymentFilter::default())
            .await?;
        let credit = known.iter().find(|one| one.order.number == paid.number);
        let bills = self.bills_of(paid).into_iter();
        let args = SplitArgs {
            number: credit.context("the credit is not known")?.number,
            sales: bills
                .map(|bill| format!("{}={}", bill.number, Money::from_kopecks(bill.kopecks)))
                .collect(),
            file: None,
            commission: Money::from_kopecks(COMMISSION).to_string(),
            other: "0".to_owned(),
            register: self.register(paid),
            dry_run: false,
            by: "Анна".to_owned(),
        };
        payments::run(&self.product, &PaymentsCommand::Split(args)).await?;
        Ok(())
    }

    /// What each deal must show: of the payments that are given to it.
    fn wanted(&self, place: usize) -> i64 {
        let of_deal = self
            .payments()
            .filter(|paid| paid.scene != Scene::Refund && paid.deals.contains(&place));
        of_deal
            .map(|paid| match paid.scene {
                Scene::Two | Scene::Register => WHOLE,
                _ => paid.kopecks.min(WHOLE),
            })
            .sum()
    }

    /// What was paid over went back in the same week.
    fn status(&self, place: usize) -> &'static str {
        if self.wanted(place) < WHOLE {
            "Оплачен частично"
        } else {
            "Оплачен"
        }
    }

    async fn until_shown(&self) -> anyhow::Result<()> {
        for (place, bill) in self.bills.iter().enumerate() {
            let (Some(deal), wanted) = (bill.deal, self.wanted(place)) else {
                continue;
            };
            let what = format!("money of deal {deal}");
            let status = self.status(place);
            until(&what, async || {
                // A deal without money says nothing of it.
                let is_told = wanted == 0 || self.world.portal.deal_field(deal, STATUS) == status;
                shown(self.world, deal) == wanted && is_told
            })
            .await?;
        }
        until("equal sides", async || {
            let reports = self.reports().await.unwrap_or_default();
            !reports.is_empty() && reports.iter().all(Reconciliation::agrees)
        })
        .await
    }

    /// Of each month that the week touches.
    async fn reports(&self) -> anyhow::Result<Vec<Reconciliation>> {
        let mut months = vec![Month::of(self.first), Month::of(self.day(6))];
        months.dedup();
        let mut reports = Vec::new();
        for month in months {
            reports.push(self.product.desk().reconcile(month, None).await?);
        }
        Ok(reports)
    }

    async fn judged(&self, cast: &Cast) -> anyhow::Result<Told> {
        let reports = self.reports().await?;
        let mut verdicts: Vec<Verdict> = self
            .payments()
            .filter(|paid| paid.scene != Scene::Refund)
            .map(|paid| self.shown_by_deals(paid, cast))
            .collect();
        verdicts.push(self.counted_once().await?);
        verdicts.push(self.equal(&reports));
        let sums: Vec<String> = reports.iter().map(reconcile::in_words).collect();
        Ok(Told {
            verdicts,
            sums: sums.join("\n"),
        })
    }

    fn shown_by_deals(&self, paid: &Paid, cast: &Cast) -> Verdict {
        let places = paid.deals.iter();
        let deals = places.filter_map(|place| Some((*place, cast.deals.get(*place)?.1)));
        let deals: Vec<(usize, i64)> = deals.collect();
        let told = |sum, status: &str| format!("{} «{status}»", money(Money::from_kopecks(sum)));
        let wanted: Vec<String> = deals
            .iter()
            .map(|(place, _)| told(self.wanted(*place), self.status(*place)))
            .collect();
        let seen: Vec<String> = deals
            .iter()
            .map(|(_, deal)| {
                let status = self.world.portal.deal_field(*deal, STATUS);
                told(shown(self.world, *deal), &status)
            })
            .collect();
        let names: Vec<String> = deals.iter().map(|(_, deal)| deal.to_string()).collect();
        Verdict {
            what: format!(
                "Деньги, сделка {}: {}",
                names.join(", "),
                paid.scene.happens(&self.world.books)
            ),
            wanted: wanted.join(", "),
            seen: seen.join(", "),
            holds: wanted == seen,
        }
    }

    /// Two overlapping files, one of them twice, and the accountant's list: each payment once.
    async fn counted_once(&self) -> anyhow::Result<Verdict> {
        let sums = self.product.store.money_sums(self.product.portal()).await?;
        let counted: i64 = sums.iter().map(|sum| sum.count).sum();
        let carried_out = self.world.bank.operations().len();
        Ok(Verdict {
            what: "Выписка за неделю принесена дважды поверх дневных".to_owned(),
            wanted: format!("платежей {carried_out}, как в банке"),
            seen: format!("платежей {counted}"),
            holds: usize::try_from(counted).ok() == Some(carried_out),
        })
    }

    /// The three sides by their own records, against each other and against what the product says of them.
    fn equal(&self, reports: &[Reconciliation]) -> Verdict {
        let operations = self.world.bank.operations();
        let of_bank = |way: Way| -> i64 {
            let of_way = operations.iter().filter(|one| one.way == way);
            of_way.map(|one| one.kopecks).sum()
        };
        let bank = (of_bank(Way::In), of_bank(Way::Out));
        let accounting = match &self.world.books {
            DemoBooks::Kontur { emulator, .. } => of_accounting(emulator),
            // There is no such side.
            DemoBooks::Office { .. } => bank,
        };
        let in_deals: i64 = self
            .bills
            .iter()
            .filter_map(|bill| bill.deal)
            .map(|deal| shown(self.world, deal))
            .sum();
        let told = |what, side: fn(desk::reconciliation::Columns) -> Option<Money>| -> i64 {
            let all = reports.iter().flat_map(|report| &report.organisations);
            let told = all.filter_map(|one| side(one.sum(what)));
            told.map(Money::kopecks).sum()
        };
        let left = told(What::Left, |sum| sum.crm);
        // What went back is in no deal and left of no payment; what the bank kept came from no bank.
        let taken_off = told(What::TakenOff, |sum| sum.crm);
        let commission = told(What::Commission, |sum| sum.crm);
        let crm = (
            in_deals + left + taken_off - commission,
            told(What::Refunded, |sum| sum.crm),
        );
        let mut sides = vec![
            (
                told(What::Came, |sum| sum.bank),
                told(What::Refunded, |sum| sum.bank),
            ),
            (
                told(What::Came, |sum| sum.crm),
                told(What::Refunded, |sum| sum.crm),
            ),
        ];
        if matches!(self.world.books, DemoBooks::Kontur { .. }) {
            sides.push((
                told(What::Came, |sum| sum.accounting),
                told(What::Refunded, |sum| sum.accounting),
            ));
        }
        sides.extend([accounting, crm]);
        let in_words = |(came, went)| {
            let words = |kopecks| money(Money::from_kopecks(kopecks));
            format!("пришло {}, возвращено {}", words(came), words(went))
        };
        Verdict {
            what: "Сверка трёх сторон".to_owned(),
            wanted: format!("везде, как в банке: {}", in_words(bank)),
            seen: format!(
                "в CRM {}, из них аванс {}, снято возвратом {}{}",
                in_words(crm),
                money(Money::from_kopecks(left)),
                money(Money::from_kopecks(taken_off)),
                if commission == 0 {
                    String::new()
                } else {
                    format!(
                        ", комиссия эквайринга {}",
                        money(Money::from_kopecks(commission))
                    )
                }
            ),
            holds: reports.iter().all(Reconciliation::agrees)
                && sides.iter().all(|side| *side == bank),
        }
    }
}

impl Scene {
    fn happens(self, books: &DemoBooks) -> &'static str {
        match self {
            Self::Whole => "счёт оплачен целиком",
            Self::Part => "оплачена часть",
            Self::Two => "один платёж за два счёта",
            Self::Over => "заплатили больше и получили лишнее назад",
            Self::ThirdParty => "заплатил другой за покупателя",
            Self::Lost => match books {
                DemoBooks::Kontur { .. } => "страница ленты платежей потеряна",
                DemoBooks::Office { .. } => {
                    "на записи платежа кончился диск; файл принесён ещё раз"
                }
            },
            Self::Refund => "лишнее возвращено",
            Self::Register => "оплачены картами, пришли одной суммой без комиссии банка",
        }
    }
}

/// What came and went by the accounting program's own books.
fn of_accounting(emulator: &Emulator) -> (i64, i64) {
    let truth = emulator.truth();
    let payments = truth.organizations.values().flat_map(|own| &own.payments);
    let mut sums = (0, 0);
    for payment in payments {
        match payment.direction {
            Direction::Incoming => sums.0 += payment.sum.0,
            Direction::Outgoing => sums.1 += payment.sum.0,
        }
    }
    sums
}

/// From which account a company pays: both the bank and the accountant know it.
fn account_of(inn: &str) -> String {
    format!("40702810{inn:0>12}")
}

/// What the deal shows as paid, in kopecks.
fn shown(world: &World, deal: i64) -> i64 {
    let field = world.portal.deal_field(deal, PAID);
    let roubles = field.split('|').next().unwrap_or_default();
    Money::parse(roubles).map_or(0, Money::kopecks)
}
