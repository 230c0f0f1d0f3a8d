//! Money of the demo: the bank and its account, booking switched on, and for whoever plays with it the pages open and some
//! payments at the bank.
//!
//! The payers are buyers of the sample portal, and no purpose names an invoice, so that there is something to decide.

use std::path::Path;

use anyhow::Context as _;
use emulator_bank::{Bank, CodePage, Form, Operation, Party, Way};
use emulator_harness::SharedClock;
use tokio::net::TcpListener;

use crate::args::DemoAccounting;
use crate::product::Product;
use crate::{pages, policy, setup};

use super::sellers::{self, Sellers};

/// The company's account; its last digits are right for the BIK of the accounting side's books.
pub(super) const ACCOUNT: &str = "40702810438000060473";
/// Number of the order, kopecks, the payer's INN and name, the purpose.
const PAYMENTS: [(&str, i64, &str, &str, &str); 3] = [
    (
        "57",
        1_308_000,
        "7728168971",
        "ООО «Ромашка»",
        "Оплата за кабель, в том числе НДС 22%",
    ),
    (
        "204",
        2_000_000,
        "7736050003",
        "АО «Технопром»",
        "Часть оплаты за монтаж, НДС 22%",
    ),
    (
        "9",
        500_000,
        "500100732259",
        "ИП Кузнецов Олег Павлович",
        "За ООО «Ромашка» по письму",
    ),
];

/// The bank of those who sell.
pub(super) fn bank(sellers: Sellers, clock: SharedClock) -> Bank {
    Bank::new(sellers.at_bank(), clock)
}

/// Switches booking on, has three payments come to the bank, puts its statement of today into `folder` for the command
/// line, and opens the pages; gives them and what to say of them.
pub(super) async fn open(
    product: &Product,
    listener: TcpListener,
    bank: &Bank,
    accounting: DemoAccounting,
    folder: &Path,
) -> anyhow::Result<(pages::Opened, String)> {
    switch_on(product, accounting, 0).await?;
    for payment in payments(bank) {
        anyhow::ensure!(bank.carry_out(payment), "the bank refused an order");
    }
    let today = (bank.today(), bank.today());
    let file = bank.statement(ACCOUNT, today, CodePage::Windows);
    let file = file.context("the bank keeps the account")?;
    std::fs::write(folder.join("kl_to_1c.txt"), file).context("its file cannot be written")?;
    let opened = pages::open(product, Some(listener)).await?;
    let opened = opened.context("the demo's settings have pages")?;
    let code = pages::first_code(product).await?;
    let code = code.context("nobody has a password in a new database")?;
    let told = format!(
        "Деньги: {}/start — код {} действует 15 минут; имя и пароль придумайте.\n\
         Выставьте счёт, скачайте у банка выписку, принесите её на странице «Выписки» и решите, за что платежи.\n\
         На странице «Сверка» видно, сходятся ли банк, учёт и сделки.",
        opened.address(),
        code.text
    );
    Ok((opened, told))
}

/// As `provodka policy apply` and `provodka setup` would. Where somebody keeps books over there, his word counts, and a
/// payment that only the bank shows waits for it so many hours.
pub(super) async fn switch_on(
    product: &Product,
    accounting: DemoAccounting,
    wait_hours: u32,
) -> anyhow::Result<()> {
    let stored = product.store.policy_current(product.portal()).await?;
    let stored = stored.context("setup stored no policy")?;
    let ours = policy::read(&stored)?;
    let accounts: String = ours
        .organisations
        .iter()
        .flat_map(|organisation| {
            let id = &organisation.id;
            let (inn, numbers) = sellers::accounts_of(id);
            numbers.iter().map(move |number| {
                format!(
                    "[[money.accounts]]\nnumber = \"{number}\"\norganisation = \"{id}\"\ninn = \"{inn}\"\n"
                )
            })
        })
        .collect();
    let booking = match accounting {
        DemoAccounting::KonturAccounting => format!("\"accounting\"\nwait_hours = {wait_hours}"),
        DemoAccounting::Office => "\"provodka\"".to_owned(),
    };
    let text = format!(
        "{}\n[money]\nbooking = {booking}\nrefunds = \"take_off\"\n{accounts}\
         [[money.stages]]\nfunnel = 0\nto = \"EXECUTING\"\nfrom = [\"FINAL_INVOICE\"]\n",
        policy::text(&stored)?
    );
    policy::put(product, &text, stored.version, "demo").await?;
    setup::run(product, &setup::Wishes::default()).await?;
    Ok(())
}

/// What came today.
fn payments(bank: &Bank) -> impl Iterator<Item = Operation> {
    let today = bank.today();
    PAYMENTS
        .iter()
        .map(move |(number, kopecks, inn, name, purpose)| Operation {
            account: ACCOUNT.to_owned(),
            way: Way::In,
            form: Form::PaymentOrder,
            number: (*number).to_owned(),
            date: today,
            booked: today,
            kopecks: *kopecks,
            other: Party {
                name: (*name).to_owned(),
                inn: (*inn).to_owned(),
                account: String::new(),
            },
            purpose: (*purpose).to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNT, PAYMENTS, Sellers, bank, payments};
    use emulator_bank::CodePage;
    use emulator_harness::TokioClock;

    #[tokio::test(start_paused = true)]
    async fn the_banks_file_of_the_demo_is_read_whole_in_each_code_page() {
        let bank = bank(
            Sellers::Two,
            TokioClock::shared("2026-03-12T09:00:00Z".parse().unwrap()),
        );
        for payment in payments(&bank) {
            assert!(bank.carry_out(payment));
        }
        let folder = tempfile::tempdir().unwrap();
        let days = (bank.today(), bank.today());
        for code_page in CodePage::ALL {
            let path = folder.path().join(code_page.word());
            let file = bank.statement(ACCOUNT, days, code_page).unwrap();
            std::fs::write(&path, file).unwrap();
            let known = desk::statement::know(&path).unwrap();
            assert_eq!(known.orders, PAYMENTS.len(), "{code_page:?}");
            assert_eq!(
                (known.faults, known.lost),
                (Vec::new(), false),
                "{code_page:?}"
            );
            assert_eq!(known.spans.len(), 1);
        }
    }
}
