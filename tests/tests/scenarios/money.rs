//! Money comes back: a bank statement is imported, counted once, booked or asked, and its deals show it.

use domain::payment::PaymentKind;
use provodka::args::{CasesArgs, CasesCommand, PaymentsCommand, UndoArgs};
use provodka::{cases, payments};
use store::{Fault, PaymentFilter, PaymentState};

use crate::bank::{PAID, begin, document, file, import, invoiced, named};
use crate::database::{Database, postgres};
use crate::office::{self, ACCOUNT};
use crate::world::{Start, World};

const PAID_ON: &str = "UF_CRM_PROVODKA_PAID_ON";

/// How often a person looks at a question again that was asked anew while it was answered.
const LOOKS: usize = 5;

async fn answer(world: &World, payment: i64, choice: &str) {
    let subject = store::Subject::payment(payment);
    for _ in 0..LOOKS {
        let open = world.open_cases().await;
        let case = open.iter().find(|case| case.facts.subject == subject);
        let case =
            case.unwrap_or_else(|| panic!("nothing is asked of payment {payment}: {open:#?}"));
        let args = CasesArgs {
            json: false,
            code: None,
            command: Some(CasesCommand::Answer {
                number: case.id,
                choice: choice.to_owned(),
                by: "Анна".to_owned(),
            }),
        };
        match cases::run(&world.product(), &args).await {
            Ok(_) => return,
            Err(error) if error.to_string().contains("was asked anew meanwhile") => {}
            Err(error) => panic!("payment {payment}: {error:#}"),
        }
    }
    panic!("the question of payment {payment} was asked anew {LOOKS} times");
}

/// How many entries of a deal's timeline hold the text.
pub(crate) fn entries(world: &World, deal: i64, text: &str) -> usize {
    let comments = world.portal.comments_of_deal(deal).into_iter();
    let comments = comments.map(|(entry, _)| entry.replace('\u{a0}', " "));
    comments.filter(|entry| entry.contains(text)).count()
}

pub(crate) fn stage(world: &World, deal: i64) -> String {
    world.portal.deal_field(deal, "STAGE_ID")
}

async fn state(world: &World, payment: i64) -> (PaymentState, i64) {
    let product = world.product();
    let filter = PaymentFilter {
        number: Some(payment),
        ..PaymentFilter::default()
    };
    let listed = product
        .store
        .money_list(product.portal(), &filter)
        .await
        .unwrap();
    (listed[0].state, listed[0].remaining.kopecks())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_of_a_statement_comes_to_its_deals() {
    comes_to_its_deals(begin(1, Database::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_of_a_statement_comes_to_its_deals_with_two_processes() {
    if let Some(database) = postgres().await {
        comes_to_its_deals(begin(2, database).await).await;
    }
}

/// Full, partial, two invoices at once, an over-payment, a third party, a refund, and the same statement twice.
async fn comes_to_its_deals(world: World) {
    let (full, full_bill) = invoiced(&world, 1_000).await;
    let (part, part_bill) = invoiced(&world, 2_500).await;
    let (one, one_bill) = invoiced(&world, 3_100).await;
    let (two, two_bill) = invoiced(&world, 4_700).await;
    let (over, over_bill) = invoiced(&world, 5_900).await;
    let (third, third_bill) = invoiced(&world, 7_300).await;
    let buyer = full_bill.draft.buyer.key.who.to_string();
    let by_buyer = |number, sum, purpose| document(number, sum, &buyer, purpose);
    let mut refund = by_buyer("7", "100.00", "Возврат излишне оплаченного".to_owned());
    refund.out = true;
    let documents = [
        by_buyer(
            "1",
            "1000.00",
            format!("Оплата по счету {}", named(&full_bill)),
        ),
        by_buyer(
            "2",
            "500.00",
            format!("Оплата по счету {}", named(&part_bill)),
        ),
        by_buyer(
            "3",
            "7800.00",
            format!(
                "Оплата по счету {}, по счету {}",
                named(&one_bill),
                named(&two_bill)
            ),
        ),
        by_buyer(
            "4",
            "6000.00",
            format!("Оплата по счету {}", named(&over_bill)),
        ),
        document(
            "5",
            "7300.00",
            "7736050003",
            format!("Оплата по счету {} за ООО «Ромашка»", named(&third_bill)),
        ),
        refund,
    ];
    let path = file(&world, "march.txt", &documents);
    let told = import(&world, &path).await.unwrap();
    assert!(told.contains("платежей 6, новых 6"), "{told}");
    assert!(told.contains("отнесено к счетам: 3 на"), "{told}");
    assert!(
        told.contains("ждут решения (`provodka cases`): 2 на"),
        "{told}"
    );
    assert!(told.contains("по 12.03.2026"), "{told}");
    let again = import(&world, &path).await.unwrap();
    assert!(again.contains("новых 0, уже известных 6"), "{again}");

    world.until_shown(full, PAID, "1000.00|RUB").await;
    world.until_shown(full, "STAGE_ID", "EXECUTING").await;
    world.until_shown(full, office::STATUS, "Оплачен").await;
    assert!(!world.portal.deal_field(full, PAID_ON).is_empty());
    world.until_shown(part, PAID, "500.00|RUB").await;
    world.until_shown(one, "STAGE_ID", "EXECUTING").await;
    world.until_shown(two, "STAGE_ID", "EXECUTING").await;
    answer(&world, 4, "1").await;
    answer(&world, 5, "1").await;
    // What there is to take it off is known only now.
    world.until_quiet().await;
    answer(&world, 6, "leave").await;
    world.until_shown(over, office::STATUS, "Переплачен").await;
    world.until_shown(third, office::STATUS, "Оплачен").await;
    world.until_quiet().await;
    assert_eq!(stage(&world, part), office::INVOICE, "a part moves nothing");
    assert_eq!(
        world.portal.deal_field(part, office::STATUS),
        "Оплачен частично"
    );
    for (deal, text) in [
        (full, "Оплата 1 000,00 ₽ получена 12.03.2026"),
        (part, "осталось 2 000,00 ₽"),
        (one, "Оплата 3 100,00 ₽ получена"),
        (two, "Оплата 4 700,00 ₽ получена"),
        (over, "осталось 100,00 ₽: это аванс покупателя"),
        (third, "ООО «Плательщик», поручение № 5"),
    ] {
        assert_eq!(entries(&world, deal, text), 1, "{text}");
        assert_eq!(entries(&world, deal, "Оплата "), 1, "deal {deal}");
    }
    assert_eq!(state(&world, 4).await, (PaymentState::Booked, 10_000));
    assert_eq!(state(&world, 6).await, (PaymentState::Left, -10_000));
    let product = world.product();
    let sums = product.store.money_sums(product.portal()).await.unwrap();
    let of = |kind, state| {
        let mut sums = sums.iter();
        sums.find(|sum| sum.kind == kind && sum.state == state)
            .map(|sum| (sum.count, sum.amount.kopecks(), sum.remaining.kopecks()))
    };
    assert_eq!(
        of(PaymentKind::Incoming, PaymentState::Booked),
        Some((5, 2_260_000, 10_000))
    );
    assert!(
        world.open_cases().await.is_empty(),
        "{:#?}",
        world.open_cases().await
    );

    // Who moves it back keeps it there.
    world
        .portal
        .manager()
        .move_deal(full, office::INVOICE)
        .unwrap();
    world.until_quiet().await;
    assert_eq!(stage(&world, full), office::INVOICE);

    // What is taken back is said, and asked anew.
    let undo = PaymentsCommand::Undo(UndoArgs {
        number: 1,
        because: "письмо № 4 от 12.03.2026".to_owned(),
        by: "Анна".to_owned(),
    });
    payments::run(&world.product(), &undo).await.unwrap();
    world.until_shown(full, PAID, "0.00|RUB").await;
    world.until_case("PAYMENT-UNDECIDED").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, full, "снята со счёта"), 1);
    assert_eq!(state(&world, 1).await, (PaymentState::Asked, 100_000));
    let twice = payments::run(&world.product(), &undo).await.unwrap_err();
    assert!(
        twice
            .to_string()
            .contains("nothing of payment 1 can be undone")
    );
    answer(&world, 1, "1").await;
    world.until_shown(full, PAID, "1000.00|RUB").await;
    let list = PaymentsCommand::List {
        state: Some(provodka::args::PaymentStateArg::Booked),
        json: false,
    };
    let listed = payments::run(&world.product(), &list).await.unwrap();
    assert!(listed.contains("аванс: 100,00"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_death_of_a_commit_loses_or_doubles_a_kopeck() {
    dies_at_any_commit(begin(1, Database::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_death_of_a_commit_loses_or_doubles_a_kopeck_with_two_processes() {
    if let Some(database) = postgres().await {
        dies_at_any_commit(begin(2, database).await).await;
    }
}

/// Each commit of an import is lost, or stored and not heard of; then every process is killed. The file is imported
/// again, and each deal is paid once.
async fn dies_at_any_commit(mut world: World) {
    let mut deals = Vec::new();
    for (life, (nth, fault)) in [
        (1, Fault::UnknownCommitLost),
        (1, Fault::UnknownCommitStored),
        (2, Fault::UnknownCommitLost),
        (2, Fault::UnknownCommitStored),
    ]
    .into_iter()
    .enumerate()
    {
        let (deal, bill) = invoiced(&world, 1_000).await;
        let buyer = bill.draft.buyer.key.who.to_string();
        let purpose = format!("Оплата по счету {}", named(&bill));
        let paid = document(&format!("{life}"), "1000.00", &buyer, purpose);
        let path = file(&world, &format!("{life}.txt"), &[paid]);
        let faults = world.product().store.faults();
        faults.fail_nth_of("TAKE_NUMBERS", nth, fault);
        let _died = import(&world, &path).await;
        world.kill().await;
        world.start_again().await;
        import(&world, &path).await.unwrap();
        deals.push(deal);
    }
    for deal in &deals {
        world.until_shown(*deal, PAID, "1000.00|RUB").await;
        world.until_shown(*deal, "STAGE_ID", "EXECUTING").await;
    }
    world.until_quiet().await;
    let product = world.product();
    let filter = PaymentFilter::default();
    let listed = product
        .store
        .money_list(product.portal(), &filter)
        .await
        .unwrap();
    let booked = listed
        .iter()
        .map(|one| (one.state, one.remaining.kopecks(), one.invoices.len()));
    let wanted = vec![(PaymentState::Booked, 0, 1); deals.len()];
    assert_eq!(booked.collect::<Vec<_>>(), wanted);
    for deal in deals {
        assert_eq!(
            entries(&world, deal, "Оплата 1 000,00 ₽ получена"),
            1,
            "deal {deal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_booked_that_is_not_switched_on_or_nobodys() {
    let world = World::begin(Start {
        portal: office::portal(),
        own_books: true,
        ..Start::default()
    })
    .await;
    let document = || document("1", "1.00", "7736050003", "Оплата".to_owned());
    let path = file(&world, "a.txt", &[document()]);
    let off = import(&world, &path).await.unwrap_err().to_string();
    assert!(off.contains("no section `money`"), "{off}");
    let section = "\n[money]\nbooking = \"provodka\"\n[[money.accounts]]\n\
                   number = \"40702810900000000002\"\norganisation = \"sever\"\n";
    world.change_policy(|text| format!("{text}{section}")).await;
    let strange = import(&world, &path).await.unwrap_err().to_string();
    assert!(strange.contains(ACCOUNT), "{strange}");
    let product = world.product();
    let filter = PaymentFilter::default();
    let listed = product
        .store
        .money_list(product.portal(), &filter)
        .await
        .unwrap();
    assert!(listed.is_empty());
}
