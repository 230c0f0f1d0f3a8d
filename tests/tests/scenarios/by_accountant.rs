//! The accountant decides: what she gives, splits and takes back in the accounting program comes to the deals, and the
//! bank's statement of the same money counts once with it.

use emulator_kontur_accounting::{Allocation, Bill, Direction, Id, Kopecks, NewPayment, Payer};
use store::{ListedPayment, PaymentFilter, PaymentState};

use crate::bank::{Document, PAID, file, import};
use crate::database::{Database, postgres};
use crate::money::{entries, stage};
use crate::office::{self, ACCOUNT};
use crate::world::{Start, World};

async fn begin(replicas: usize, database: Database) -> World {
    let world = World::begin(Start {
        replicas,
        database,
        ..Start::default()
    })
    .await;
    let_accountant_decide(&world).await;
    world
}

/// What the accountant gives to bills is taken over, and a paid deal goes on.
pub(crate) async fn let_accountant_decide(world: &World) {
    let seller = world.kontur.organizations()[0];
    let section = format!(
        "\n[money]\nbooking = \"accounting\"\n\
         [[money.accounts]]\nnumber = \"{ACCOUNT}\"\norganisation = \"{seller}\"\ninn = \"7707083893\"\n\
         [[money.stages]]\nfunnel = 0\nto = \"EXECUTING\"\nfrom = [\"{}\"]\n",
        office::INVOICE
    );
    world.change_policy(|text| format!("{text}{section}")).await;
}

/// The order as the bank's program brings it into the accounting program.
pub(crate) fn order(number: &str, bill: &Bill, sum: i64) -> NewPayment {
    NewPayment {
        number: Some(number.to_owned()),
        date: "2026-03-11".parse().unwrap(),
        direction: Direction::Incoming,
        sum: Kopecks(sum),
        payer: Payer {
            inn: bill.contractor.inn.clone(),
            account_number: Some("40702810500000000777".to_owned()),
            ..Payer::default()
        },
        bank_account: None,
        purpose: format!(
            "Оплата по счету № {} от {}",
            bill.number,
            bill.date.strftime("%d.%m.%Y")
        ),
    }
}

fn share(bill: &Bill, sum: i64) -> Allocation {
    Allocation {
        bill_id: bill.meta.id,
        sum: Kopecks(sum),
    }
}

fn allocate(world: &World, payment: Id, shares: Vec<Allocation>) {
    world.accountant().allocate(payment, shares).unwrap();
}

pub(crate) async fn listed(world: &World) -> Vec<ListedPayment> {
    let product = world.product();
    let filter = PaymentFilter::default();
    let listed = product.store.money_list(product.portal(), &filter).await;
    listed.unwrap()
}

/// Waits until the payments are as they should be.
pub(crate) async fn until_listed(
    world: &World,
    what: &str,
    is_so: impl Fn(&[ListedPayment]) -> bool,
) {
    for _ in 0..1_500 {
        if is_so(&listed(world).await) {
            return;
        }
        emulator_harness::wait(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited in vain: {what}: {:#?}", listed(world).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_accountant_gives_comes_to_the_deals() {
    comes_to_the_deals(begin(1, Database::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_accountant_gives_comes_to_the_deals_with_two_processes() {
    if let Some(database) = postgres().await {
        comes_to_the_deals(begin(2, database).await).await;
    }
}

/// In full, split over two bills, changed, reversed; and the statement that shows the same order.
async fn comes_to_the_deals(world: World) {
    let (deal, other) = (world.invoiced_deal().await, world.invoiced_deal().await);
    let (bill, other_bill) = (world.bill(deal), world.bill(other));
    let accountant = world.accountant();

    // It names the bill and pays it whole: certain, and still only a proposal.
    let payment = accountant
        .add_payment(order("7", &bill, office::KOPECKS))
        .unwrap();
    until_listed(&world, "a proposal", |all| {
        all.len() == 1
            && all[0]
                .because
                .contains(&format!("подходит счёт № {}", bill.number))
    })
    .await;
    assert_eq!(listed(&world).await[0].state, PaymentState::New);
    assert_eq!(stage(&world, deal), office::INVOICE);

    allocate(&world, payment.meta.id, vec![share(&bill, office::KOPECKS)]);
    world.until_shown(deal, PAID, "13080.00|RUB").await;
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    world.until_shown(deal, office::STATUS, "Оплачен").await;
    let statement = Document {
        number: "7".to_owned(),
        sum: "13080.00".to_owned(),
        payer: bill.contractor.inn.clone().unwrap(),
        out: false,
        purpose: payment.purpose.clone(),
    };
    let told = import(&world, &file(&world, "march.txt", &[statement]))
        .await
        .unwrap();
    assert!(told.contains("новых 0, уже известных 1"), "{told}");

    let split = vec![share(&bill, 500_000), share(&other_bill, 808_000)];
    allocate(&world, payment.meta.id, split);
    world.until_shown(deal, PAID, "5000.00|RUB").await;
    world.until_shown(other, PAID, "8080.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "снята со счёта"), 1);
    assert_eq!(entries(&world, deal, "Оплата 5 000,00 ₽ получена"), 1);
    assert_eq!(
        stage(&world, deal),
        "EXECUTING",
        "people are only asked to look at it"
    );
    assert_eq!(
        stage(&world, other),
        office::INVOICE,
        "a part moves nothing"
    );

    // She gives the rest of it to a bill that is no deal's.
    let foreign = serde_json::json!({
        "date": bill.date, "contractorId": bill.contractor_id, "withNds": false,
        "items": [{"productName": "Аренда", "unitName": "шт", "quantity": "1", "price": "9000.00"}],
    });
    let foreign = accountant.issue_bill(&foreign).unwrap();
    allocate(
        &world,
        payment.meta.id,
        vec![share(&bill, 500_000), share(&foreign, 808_000)],
    );
    world.until_shown(other, PAID, "0.00|RUB").await;
    until_listed(&world, "given elsewhere", |all| {
        all[0].state == PaymentState::Booked
            && all[0].remaining.kopecks() == 0
            && all[0].invoices.len() == 2
    })
    .await;

    // Deleted over there; the bank still shows it.
    accountant.delete_payment(payment.meta.id).unwrap();
    world.until_shown(deal, PAID, "0.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(stage(&world, deal), "EXECUTING");
    let all = listed(&world).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(
        (all[0].state, all[0].remaining.kopecks()),
        (PaymentState::New, office::KOPECKS)
    );
    assert!(
        all[0].because.contains("ждёт бухгалтера"),
        "{}",
        all[0].because
    );
    // The deal was moved for money that is gone since: where it belongs is for its manager to say, and nothing else is asked.
    let cases = world.open_cases().await;
    let asked: Vec<&str> = cases.iter().map(|case| case.facts.code.as_str()).collect();
    assert_eq!(asked, ["PAYMENT-TAKEN-BACK"], "{cases:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_payment_that_cannot_be_read_keeps_no_other_back() {
    let world = begin(1, Database::Sqlite).await;
    let deal = world.invoiced_deal().await;
    let bill = world.bill(deal);
    let accountant = world.accountant();
    let broken = accountant.add_payment(order("8", &bill, -100)).unwrap();
    let payment = accountant
        .add_payment(order("9", &bill, office::KOPECKS))
        .unwrap();
    allocate(&world, payment.meta.id, vec![share(&bill, office::KOPECKS)]);
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    world.until_case("ACCOUNTING-PAYMENT").await;
    let cases = world.open_cases().await;
    assert!(
        cases[0].facts.text.contains("№ 8 от 2026-03-11"),
        "{cases:#?}"
    );
    accountant
        .edit_payment(broken.meta.id, order("8", &bill, 100))
        .unwrap();
    until_listed(&world, "the mended payment", |all| all.len() == 2).await;
    world.until_quiet().await;
    assert!(
        world.open_cases().await.is_empty(),
        "{:#?}",
        world.open_cases().await
    );
}
