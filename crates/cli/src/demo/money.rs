//! Money for whoever plays with the demo: payments are booked, the pages are open, and a bank's file lies ready.
//!
//! The file is as a bank would give it today: its payers are buyers of the sample portal, and no purpose names an invoice,
//! so that there is something to decide.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::civil::Date;
use tokio::net::TcpListener;

use crate::product::Product;
use crate::{pages, policy, setup, zone};

/// Our account.
pub(super) const ACCOUNT: &str = "40702810900000000001";
/// Number of the order, roubles, the payer's INN and name, the purpose.
const PAYMENTS: [(&str, &str, &str, &str, &str); 3] = [
    (
        "57",
        "13080.00",
        "7728168971",
        "ООО «Ромашка»",
        "Оплата за кабель, в том числе НДС 22%",
    ),
    (
        "204",
        "20000.00",
        "7736050003",
        "АО «Технопром»",
        "Часть оплаты за монтаж, НДС 22%",
    ),
    (
        "9",
        "5000.00",
        "500100732259",
        "ИП Кузнецов Олег Павлович",
        "За ООО «Ромашка» по письму",
    ),
];

/// Switches booking on, opens the pages and puts the file into `folder`; gives the pages and what to say of them.
pub(super) async fn open(
    product: &Product,
    listener: TcpListener,
    folder: &Path,
) -> anyhow::Result<(pages::Opened, String)> {
    switch_on(product).await?;
    let file = statement(product, folder).await?;
    let opened = pages::open(product, Some(listener)).await?;
    let opened = opened.context("the demo's settings have pages")?;
    let code = pages::first_code(product).await?;
    let code = code.context("nobody has a password in a new database")?;
    let told = format!(
        "Деньги: {}/start — код {} действует 15 минут; имя и пароль придумайте.\n\
         Выставьте счёт, принесите на странице «Выписки» файл {} и решите, за что платежи.",
        opened.address(),
        code.text,
        file.display()
    );
    Ok((opened, told))
}

/// As `provodka policy apply` and `provodka setup` would.
async fn switch_on(product: &Product) -> anyhow::Result<()> {
    let stored = product.store.policy_current(product.portal()).await?;
    let stored = stored.context("setup stored no policy")?;
    let ours = policy::read(&stored)?;
    let organisation = ours
        .organisations
        .first()
        .context("the policy names nobody")?;
    let text = format!(
        "{}\n[money]\nbooking = \"provodka\"\n[[money.accounts]]\nnumber = \"{ACCOUNT}\"\norganisation = \"{}\"\n\
         inn = \"7707083893\"\n[[money.stages]]\nfunnel = 0\nto = \"EXECUTING\"\nfrom = [\"FINAL_INVOICE\"]\n",
        policy::text(&stored)?,
        organisation.id
    );
    policy::put(product, &text, stored.version, "demo").await?;
    setup::run(product, &setup::Wishes::default()).await?;
    Ok(())
}

async fn statement(product: &Product, folder: &Path) -> anyhow::Result<PathBuf> {
    let zone = zone::in_force(product).await;
    let today = product.clock.now().to_zoned(zone).date();
    let path = folder.join("kl_to_1c.txt");
    std::fs::write(&path, file(today)).context("the bank's file cannot be written")?;
    Ok(path)
}

fn file(today: Date) -> String {
    let day = today.strftime("%d.%m.%Y");
    let orders: String = PAYMENTS
        .iter()
        .map(|(number, sum, inn, name, purpose)| {
            format!(
                "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата={day}\r\nСумма={sum}\r\n\
                 ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={inn}\r\nПлательщик1={name}\r\n\
                 ПолучательСчет={ACCOUNT}\r\nПолучательИНН=7707083893\r\nДатаПоступило={day}\r\n\
                 НазначениеПлатежа={purpose}\r\nКонецДокумента\r\n"
            )
        })
        .collect();
    format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=UTF-8\r\nДатаНачала={day}\r\nДатаКонца={day}\r\n\
         РасчСчет={ACCOUNT}\r\nСекцияРасчСчет\r\nДатаНачала={day}\r\nДатаКонца={day}\r\nРасчСчет={ACCOUNT}\r\n\
         КонецРасчСчет\r\n{orders}КонецФайла\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{PAYMENTS, file};
    use jiff::civil::date;

    #[test]
    fn the_banks_file_of_the_demo_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kl_to_1c.txt");
        std::fs::write(&path, file(date(2026, 3, 12))).unwrap();
        let known = desk::statement::know(&path).unwrap();
        assert_eq!(known.orders, PAYMENTS.len());
        assert_eq!((known.faults, known.lost), (Vec::new(), false));
        assert_eq!(known.spans.len(), 1);
    }
}
