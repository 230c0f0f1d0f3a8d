//! An invoice that no bank line pays, and one that another's payment pays by a letter: the deals show both, and what is
//! taken back.

use provodka::args::{MoveArgs, PaymentsCommand, SettleArgs, SettlementArg, UnsettleArgs};
use provodka::payments;

use crate::bank::{PAID, begin, document, file, import, invoiced};
use crate::money::{entries, stage};
use crate::office;
use crate::world::{Database, World};

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
            by: "Анна".to_owned(),
        })
    };
    let too_much = payments::run(&world.product(), &letter(None)).await;
    assert!(too_much.unwrap_err().to_string().contains("200"));
    let told = ordered(&world, letter(Some("200.00"))).await;
    assert!(told.contains("200,00"), "{told}");
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
