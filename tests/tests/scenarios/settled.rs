//! An invoice that no bank line pays, one that another's payment pays by a letter, and those that a credit of many sales pays:
//! the deals show it, and what is taken back.

use provodka::args::{
    GiveArgs, MoveArgs, PaymentsCommand, SettleArgs, SettlementArg, SplitArgs, UndoArgs,
    UnsettleArgs,
};
use provodka::payments;

use crate::bank::{PAID, begin, document, file, import, invoiced};
use crate::database::Database;
use crate::money::{entries, stage};
use crate::office;
use crate::world::World;

async fn ordered(world: &World, command: PaymentsCommand) -> String {
    payments::run(&world.product(), &command).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_closes_an_invoice_without_a_bank_is_shown_and_taken_back() {
    let world = begin(1, Database::Sqlite).await;
    let (deal, bill) = invoiced(&world, 300).await;
    let settle = |amount: Option<&str>| {
        PaymentsCommand::Settle(SettleArgs {
            invoice: bill.number.clone(),
            kind: SettlementArg::Netting,
            document: "Акт зачёта № 4 от 12.03.2026".to_owned(),
            amount: amount.map(str::to_owned),
            date: None,
            by: "Анна".to_owned(),
        })
    };
    let too_much = payments::run(&world.product(), &settle(Some("300.01"))).await;
    assert!(too_much.unwrap_err().to_string().contains("300"));
    let told = ordered(&world, settle(None)).await;
    assert!(told.contains("закрыт без банка на 300,00"), "{told}");
    world.until_shown(deal, PAID, "300.00|RUB").await;
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "закрыт взаимозачётом на 300,00"), 1);
    let listed = ordered(&world, PaymentsCommand::Settlements).await;
    assert!(
        listed.contains("взаимозачёт") && listed.contains("Акт зачёта № 4"),
        "{listed}"
    );
    let number = listed
        .split([' ', '\u{a0}'])
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let unsettle = || {
        PaymentsCommand::Unsettle(UnsettleArgs {
            number,
            because: "акт отменён".to_owned(),
            by: "Анна".to_owned(),
        })
    };
    ordered(&world, unsettle()).await;
    world.until_shown(deal, PAID, "0.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "акт отменён"), 1);
    assert!(payments::run(&world.product(), &unsettle()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_of_the_payer_moves_money_to_another_invoice() {
    let world = begin(1, Database::Sqlite).await;
    let ((deal, bill), (other, other_bill)) =
        (invoiced(&world, 300).await, invoiced(&world, 200).await);
    let purpose = format!(
        "Оплата по счету № {} от {}",
        bill.number,
        bill.draft.date.strftime("%d.%m.%Y")
    );
    let buyer = bill.draft.buyer.key.who.to_string();
    let documents = [document("1", "300.00", &buyer, purpose)];
    import(&world, &file(&world, "march.txt", &documents))
        .await
        .unwrap();
    world.until_shown(deal, PAID, "300.00|RUB").await;
    let letter = |amount: Option<&str>| {
        PaymentsCommand::Move(MoveArgs {
            number: 1,
            from: bill.number.clone(),
            to: other_bill.number.clone(),
            amount: amount.map(str::to_owned),
            letter: "письмо № 4 от 12.03.2026".to_owned(),
            after: None,
            by: "Анна".to_owned(),
        })
    };
    let too_much = payments::run(&world.product(), &letter(None)).await;
    assert!(too_much.unwrap_err().to_string().contains("200"));
    let told = ordered(&world, letter(Some("200.00"))).await;
    assert!(told.contains("200,00"), "{told}");
    let again = payments::run(&world.product(), &letter(Some("200.00"))).await;
    let again = again.unwrap_err().to_string();
    assert!(again.contains("gave just this of payment 1"), "{again}");
    world.until_shown(deal, PAID, "100.00|RUB").await;
    world.until_shown(other, PAID, "200.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "письмо № 4 от 12.03.2026"), 1);
    assert_eq!(stage(&world, other), "EXECUTING");
    assert_ne!(
        stage(&world, deal),
        office::INVOICE,
        "people are only asked to look at it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_payment_goes_to_the_invoice_that_a_person_names() {
    let world = begin(1, Database::Sqlite).await;
    let ((deal, bill), (other, other_bill)) =
        (invoiced(&world, 300).await, invoiced(&world, 200).await);
    let buyer = bill.draft.buyer.key.who.to_string();
    let documents = [document("1", "450.00", &buyer, "Оплата".to_owned())];
    import(&world, &file(&world, "march.txt", &documents))
        .await
        .unwrap();
    assert!(question(&world, 1).await.is_some());
    let give = |invoice: &str, amount: Option<&str>| {
        PaymentsCommand::Give(GiveArgs {
            number: 1,
            invoice: invoice.to_owned(),
            amount: amount.map(str::to_owned),
            after: None,
            by: "Анна".to_owned(),
        })
    };
    let number = bill.number.as_str();
    for (invoice, amount, why) in [
        (number, "450.01", "has 450.00 left"),
        (number, "300.01", "has 300.00 open"),
        ("нет такого", "1.00", "no deal has an invoice"),
    ] {
        let refused = payments::run(&world.product(), &give(invoice, Some(amount))).await;
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
    let told = ordered(&world, give(&bill.number, None)).await;
    let told = told.replace('\u{a0}', " ");
    assert!(told.contains("300,00 ₽ отнесено к счёту"), "{told}");
    assert!(told.contains("осталось 150,00 ₽"), "{told}");
    assert_eq!(question(&world, 1).await, None);
    // The advance that is left goes to his other invoice.
    ordered(&world, give(&other_bill.number, None)).await;
    world.until_shown(deal, PAID, "300.00|RUB").await;
    world.until_shown(other, PAID, "150.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, other, "Оплата 150,00 ₽ получена"), 1);
    let undo = PaymentsCommand::Undo(UndoArgs {
        number: 1,
        because: "ошибка".to_owned(),
        by: "Анна".to_owned(),
    });
    ordered(&world, undo).await;
    world.until_shown(deal, PAID, "0.00|RUB").await;
    world.until_shown(other, PAID, "0.00|RUB").await;
    assert!(question(&world, 1).await.is_some());
}

/// What is asked about a payment.
async fn question(world: &World, payment: i64) -> Option<String> {
    let subject = store::Subject::payment(payment);
    let open = world.open_cases().await.into_iter();
    let mut of_payment = open.filter(|case| case.facts.subject == subject);
    Some(of_payment.next()?.facts.text.replace('\u{a0}', " "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_of_many_sales_is_split_by_a_person_and_taken_back() {
    let world = begin(1, Database::Sqlite).await;
    let ((deal, bill), (other, other_bill)) =
        (invoiced(&world, 300).await, invoiced(&world, 200).await);
    let purpose = "Зачисление по эквайрингу, реестр № 4. Комиссия 15.00".to_owned();
    let documents = [document("1", "485.00", "7736050003", purpose)];
    import(&world, &file(&world, "march.txt", &documents))
        .await
        .unwrap();
    let asked = question(&world, 1).await.unwrap();
    assert!(asked.contains("покупатели заплатили 500,00 ₽"), "{asked}");
    let register = world.folder.path().join("register.csv");
    let text = format!(
        "Счёт;Сумма\n{};300\n{};200,00\n",
        bill.number, other_bill.number
    );
    std::fs::write(&register, text).unwrap();
    let split = |commission: &str, dry_run| {
        PaymentsCommand::Split(SplitArgs {
            number: 1,
            sales: Vec::new(),
            file: Some(register.clone()),
            commission: commission.to_owned(),
            other: "0".to_owned(),
            register: "реестр № 4 от 12.03.2026".to_owned(),
            dry_run,
            by: "Анна".to_owned(),
        })
    };
    for dry_run in [true, false] {
        let open = payments::run(&world.product(), &split("14.99", dry_run)).await;
        let told = open.unwrap_err().to_string();
        assert!(told.contains("the sums do not close: 500.00"), "{told}");
    }
    let told = ordered(&world, split("15", true)).await;
    let told = told.replace('\u{a0}', " ");
    assert!(
        told.contains("200,00 ₽ из 200,00 ₽, останется 0,00 ₽"),
        "{told}"
    );
    assert!(told.contains("Ничего не записано"), "{told}");
    assert!(question(&world, 1).await.is_some());
    let told = ordered(&world, split("15", false)).await;
    assert!(told.contains("разнесён по счетам (2)"), "{told}");
    world.until_shown(deal, PAID, "300.00|RUB").await;
    world.until_shown(other, PAID, "200.00|RUB").await;
    world.until_shown(other, "STAGE_ID", "EXECUTING").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, deal, "Оплата 300,00 ₽ получена"), 1);
    assert_eq!(question(&world, 1).await, None);
    // Half an hour later nobody remembers whether it was done.
    assert!(
        payments::run(&world.product(), &split("15", false))
            .await
            .is_err()
    );
    let listed = ordered(
        &world,
        PaymentsCommand::List {
            state: None,
            json: false,
        },
    );
    let listed = listed.await.replace('\u{a0}', " ");
    assert!(listed.contains("банк удержал комиссию: 15,00"), "{listed}");
    let undo = PaymentsCommand::Undo(UndoArgs {
        number: 1,
        because: "не тот реестр".to_owned(),
        by: "Анна".to_owned(),
    });
    ordered(&world, undo).await;
    world.until_shown(deal, PAID, "0.00|RUB").await;
    world.until_shown(other, PAID, "0.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(entries(&world, other, "не тот реестр"), 1);
    assert_ne!(stage(&world, other), office::INVOICE);
}
