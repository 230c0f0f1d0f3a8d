//! A month on three sides: what only one of them has is named, and once people have mended it all are equal.

use desk::reconciliation::{Kind, Month, Reconciliation, What};
use domain::Money;
use emulator_kontur_accounting::{Allocation, Kopecks, NewPayment};
use provodka::args::ReconcileArgs;
use provodka::payments::reconcile::{self, Report};

use crate::bank::{Document, PAID, file, import};
use crate::by_accountant::order;
use crate::database::{Database, postgres};
use crate::office::{self, ACCOUNT};
use crate::world::{Start, World};

async fn begin(replicas: usize, database: Database) -> World {
    let world = World::begin(Start {
        replicas,
        database,
        ..Start::default()
    })
    .await;
    let seller = world.kontur.organizations()[0];
    let section = format!(
        "\n[money]\nbooking = \"accounting\"\nsince = \"2026-03-01T00:00:00Z\"\n\
         [[money.accounts]]\nnumber = \"{ACCOUNT}\"\norganisation = \"{seller}\"\ninn = \"7707083893\"\n"
    );
    world.change_policy(|text| format!("{text}{section}")).await;
    world
}

async fn march(world: &World) -> Reconciliation {
    let month: Month = "2026-03".parse().unwrap();
    let report = world.product().desk().reconcile(month, None).await;
    report.unwrap()
}

/// Waits until the month says that.
async fn until_march(world: &World, what: &str, is_so: impl Fn(&Reconciliation) -> bool) {
    for _ in 0..1_500 {
        if is_so(&march(world).await) {
            return;
        }
        emulator_harness::wait(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited in vain: {what}: {:#?}", march(world).await);
}

fn kinds(report: &Reconciliation) -> Vec<(Kind, Option<i64>)> {
    let lines = report.organisations[0].lines.iter();
    lines
        .map(|line| (line.kind, line.columns.crm.map(Money::kopecks)))
        .collect()
}

fn statement(number: &str, sum: &str, payment: &NewPayment) -> Document {
    Document {
        number: number.to_owned(),
        sum: sum.to_owned(),
        payer: payment.payer.inn.clone().unwrap(),
        out: false,
        purpose: payment.purpose.clone(),
    }
}

async fn told(world: &World, args: ReconcileArgs) -> Report {
    let args = ReconcileArgs {
        month: "2026-03".parse().ok(),
        ..args
    };
    reconcile::run(&world.product(), &args).await.unwrap()
}

fn usual() -> ReconcileArgs {
    ReconcileArgs {
        month: None,
        organisation: None,
        json: false,
        xlsx: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_sides_of_a_month_become_equal() {
    become_equal(begin(1, Database::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_sides_of_a_month_become_equal_with_two_processes() {
    if let Some(database) = postgres().await {
        become_equal(begin(2, database).await).await;
    }
}

async fn become_equal(world: World) {
    let (deal, other) = (world.invoiced_deal().await, world.invoiced_deal().await);
    let (bill, other_bill) = (world.bill(deal), world.bill(other));
    let accountant = world.accountant();
    let give = |payment, bill: &emulator_kontur_accounting::Bill, sum| {
        let shares = vec![Allocation {
            bill_id: bill.meta.id,
            sum: Kopecks(sum),
        }];
        accountant.allocate(payment, shares).unwrap();
    };

    // One on all sides; one that the bank alone shows; one that the accounting program alone has.
    let known = order("7", &bill, office::KOPECKS);
    let paid = accountant.add_payment(known.clone()).unwrap();
    give(paid.meta.id, &bill, office::KOPECKS);
    let of_bank = order("8", &other_bill, 50_000);
    // The one day that the statement covers.
    let invented = NewPayment {
        date: "2026-03-12".parse().unwrap(),
        ..order("9", &other_bill, 30_000)
    };
    let invented = accountant.add_payment(invented).unwrap();
    let documents = [
        statement("7", "13080.00", &known),
        statement("8", "500.00", &of_bank),
    ];
    import(&world, &file(&world, "march.txt", &documents))
        .await
        .unwrap();
    world.until_shown(deal, PAID, "13080.00|RUB").await;
    until_march(&world, "three payments, one of them shown", |report| {
        let mut lines = kinds(report);
        // Which of the two became known first does not matter.
        lines.sort();
        lines
            == [
                (Kind::OnlyInBank, Some(50_000)),
                (Kind::OnlyInAccounting, Some(30_000)),
                (Kind::NotGiven, Some(30_000)),
                (Kind::NotGiven, Some(50_000)),
                (Kind::NotCovered, None),
                (Kind::NotCovered, None),
            ]
    })
    .await;
    let report = march(&world).await;
    let came = report.organisations[0].sum(What::Came);
    let told_sums = [came.bank, came.accounting, came.crm].map(|sum| sum.unwrap().kopecks());
    assert_eq!(told_sums, [1_358_000, 1_338_000, 1_388_000]);
    let shown = report.organisations[0].sum(What::Shown);
    assert_eq!(shown.crm.unwrap().kopecks(), office::KOPECKS);
    let unequal = told(&world, usual()).await;
    assert!(
        unequal.judged().is_err() && unequal.text.contains("Стороны расходятся"),
        "{}",
        unequal.text
    );

    // The accountant mends both.
    accountant.delete_payment(invented.meta.id).unwrap();
    let entered = accountant.add_payment(of_bank).unwrap();
    give(entered.meta.id, &other_bill, 50_000);
    world.until_shown(other, PAID, "500.00|RUB").await;
    until_march(&world, "equal sides", |report| {
        report.agrees()
            && report.organisations[0].sum(What::Shown).crm == Some(Money::from_kopecks(1_358_000))
    })
    .await;
    let workbook = world.folder.path().join("march.xlsx");
    let equal = told(
        &world,
        ReconcileArgs {
            xlsx: Some(workbook.clone()),
            ..usual()
        },
    )
    .await;
    equal.judged().unwrap();
    assert!(equal.text.contains("Стороны сходятся"), "{}", equal.text);
    assert!(std::fs::read(&workbook).unwrap().starts_with(b"PK"));
    let again = ReconcileArgs {
        xlsx: Some(workbook),
        ..usual()
    };
    assert!(
        reconcile::run(&world.product(), &again).await.is_err(),
        "it writes over nothing"
    );
    let json = told(
        &world,
        ReconcileArgs {
            json: true,
            ..usual()
        },
    )
    .await;
    let json: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(
        json["organisations"][0]["sums"][0]["columns"]["bank"],
        1_358_000
    );
    let nobody = ReconcileArgs {
        organisation: Some("ООО «Никто»".to_owned()),
        ..usual()
    };
    assert!(reconcile::run(&world.product(), &nobody).await.is_err());
}
