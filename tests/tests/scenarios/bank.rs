//! An office that keeps its own books and whose policy books payments, and the files of its bank.

use emulator_bitrix24::PortalConfig;
use provodka::args::{ImportArgs, StatementCommand};
use provodka::statement;
use store::OfficeBill;

use crate::database::Database;
use crate::office::{self, ACCOUNT};
use crate::world::{Start, World};

pub(crate) const PAID: &str = "UF_CRM_PROVODKA_PAID";

pub(crate) async fn begin(replicas: usize, database: Database) -> World {
    begin_at(office::portal(), replicas, database).await
}

pub(crate) async fn begin_at(portal: PortalConfig, replicas: usize, database: Database) -> World {
    let world = World::begin(Start {
        portal,
        own_books: true,
        replicas,
        database,
        ..Start::default()
    })
    .await;
    let section = format!(
        "\n[money]\nbooking = \"provodka\"\n\
         [[money.accounts]]\nnumber = \"{ACCOUNT}\"\norganisation = \"sever\"\ninn = \"7707083893\"\n\
         [[money.stages]]\nfunnel = 0\nto = \"EXECUTING\"\nfrom = [\"{}\"]\n",
        office::INVOICE
    );
    world.change_policy(|text| format!("{text}{section}")).await;
    world
}

/// A document of a statement.
pub(crate) struct Document {
    pub(crate) number: String,
    /// In roubles.
    pub(crate) sum: String,
    pub(crate) payer: String,
    pub(crate) out: bool,
    pub(crate) purpose: String,
}

impl Document {
    fn text(&self) -> String {
        let Document {
            number,
            sum,
            payer,
            purpose,
            ..
        } = self;
        let other = "40702810500000000777";
        let (from, to, day) = if self.out {
            (ACCOUNT, other, "ДатаСписано=12.03.2026\r\n")
        } else {
            (other, ACCOUNT, "ДатаПоступило=12.03.2026\r\n")
        };
        let (paying, getting) = if self.out {
            ("7707083893", payer.as_str())
        } else {
            (payer.as_str(), "7707083893")
        };
        format!(
            "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата=11.03.2026\r\nСумма={sum}\r\n\
             ПлательщикСчет={from}\r\nПлательщикИНН={paying}\r\nПлательщик1=ООО «Плательщик»\r\n\
             ПолучательСчет={to}\r\nПолучательИНН={getting}\r\n{day}\
             НазначениеПлатежа={purpose}\r\nКонецДокумента\r\n"
        )
    }
}

/// A file as a bank's program writes it.
pub(crate) fn file(world: &World, name: &str, documents: &[Document]) -> std::path::PathBuf {
    let documents: String = documents.iter().map(Document::text).collect();
    let text = format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=12.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\nСекцияРасчСчет\r\nДатаНачала=12.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\nКонецРасчСчет\r\n{documents}КонецФайла\r\n"
    );
    let path = world.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) async fn import(world: &World, path: &std::path::Path) -> anyhow::Result<String> {
    let command = StatementCommand::Import(ImportArgs {
        files: vec![path.to_owned()],
        dry_run: false,
        json: false,
    });
    Ok(statement::run(&world.product(), &command).await?.text)
}

/// A deal of its own sum, invoiced; with its bill.
pub(crate) async fn invoiced(world: &World, roubles: u32) -> (i64, OfficeBill) {
    let mut deal = office::deal("Поставка", office::BUYER);
    deal.lines = vec![office::line("Кабель", &roubles.to_string(), "1")];
    let deal = world.portal.manager().create_deal(&deal).unwrap();
    world.drag(deal);
    world.until_complete(deal).await;
    (deal, bill_of(world, deal).await)
}

async fn bill_of(world: &World, deal: i64) -> OfficeBill {
    let product = world.product();
    let bills = product
        .store
        .office_bills(product.portal(), 0)
        .await
        .unwrap();
    let of_deal = |bill: &OfficeBill| i64::try_from(bill.deal.get()).unwrap() == deal;
    bills.into_iter().rfind(of_deal).unwrap()
}

pub(crate) fn document(number: &str, sum: &str, payer: &str, purpose: String) -> Document {
    Document {
        number: number.to_owned(),
        sum: sum.to_owned(),
        payer: payer.to_owned(),
        out: false,
        purpose,
    }
}

pub(crate) fn named(bill: &OfficeBill) -> String {
    format!(
        "№ {} от {}",
        bill.number,
        bill.draft.date.strftime("%d.%m.%Y")
    )
}
