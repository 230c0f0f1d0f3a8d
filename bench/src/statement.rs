//! A bank statement of 100,000 documents, and one of ten times as many: read to payments with their keys and purposes.
//!
//! The file is made beside the measuring, in windows-1251. Memory is told before the reading and at its most: it must not
//! depend on the size. Not here: booking into the store (`booking`).

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use connector_bank_statement::{Record, Statement};
use domain::Money;
use domain::payment::PaymentKey;
use domain::purpose::Purpose;

use crate::machine::{memory_mb, most_memory_mb, processor_time};

/// Documents of a file.
pub const SIZES: [usize; 2] = [100_000, 1_000_000];

/// What reading took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Took {
    /// Processor time.
    pub cpu: Duration,
    /// Payments that came out.
    pub orders: usize,
    /// Invoices that their purposes name.
    pub invoices: usize,
    /// Anything that was wrong.
    pub faults: usize,
}

/// Measures one size in this process and tells it in a line of a table.
///
/// # Errors
/// Where the file cannot be written, or is not read whole.
pub fn one(documents: usize) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("statement.txt");
    let bytes = write(&file, documents).map_err(|error| error.to_string())?;
    let before = memory_mb(std::process::id())?;
    let took = read(&file)?;
    let most = most_memory_mb(std::process::id())?;
    Ok(format!(
        "| {} | {:.1} | {:.2} | {before:.1} | {most:.1} |",
        took.orders,
        bytes as f64 / 1e6,
        took.cpu.as_secs_f64()
    ))
}

/// Measures all sizes, each in a process of its own.
///
/// # Errors
/// As [`one`].
pub fn all(progress: impl Fn(&str)) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut table =
        "| documents | MB of file | processor s | MB before | most MB |\n|--:|--:|--:|--:|--:|"
            .to_owned();
    for size in SIZES {
        progress(&format!("{size} documents"));
        let told = Command::new(&program)
            .args(["statement-of", &size.to_string()])
            .output()
            .map_err(|error| error.to_string())?;
        if !told.status.success() {
            return Err(String::from_utf8_lossy(&told.stderr).into_owned());
        }
        table.push('\n');
        table.push_str(String::from_utf8_lossy(&told.stdout).trim());
    }
    Ok(table)
}

/// Reads the file, the purposes and the keys.
///
/// # Errors
/// Where it cannot be read, or something of it was wrong.
pub fn read(file: &Path) -> Result<Took, String> {
    let own = std::process::id();
    let before = processor_time(own)?;
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let (mut orders, mut invoices, mut faults, mut keys) = (0, 0, 0, 0_usize);
    for record in Statement::new(BufReader::new(opened)) {
        match record.map_err(|error| error.to_string())? {
            Record::Order { order, .. } => {
                orders += 1;
                invoices += Purpose::read(&order.purpose).invoices().count();
                keys += PaymentKey::of(&order).as_str().len();
            }
            Record::Fault(_) => faults += 1,
            Record::Days(_) => {}
        }
    }
    if faults > 0 || keys != orders * 32 {
        return Err(format!("{faults} faults in {orders} documents"));
    }
    Ok(Took {
        cpu: processor_time(own)?.saturating_sub(before),
        orders,
        invoices,
        faults,
    })
}

/// Writes a statement of so many documents over a month; how many bytes it has.
///
/// # Errors
/// Where the disk refuses.
pub fn write(file: &Path, documents: usize) -> std::io::Result<usize> {
    let came = Money::from_kopecks((0..documents).map(kopecks).sum());
    let orders = (0..documents).map(|place| Paid {
        payer: place % 50_000,
        inn: "1234567894".to_owned(),
        amount: Money::from_kopecks(kopecks(place)),
        purpose: format!(
            "Оплата по счету № УТ-{place:07} от {} за услуги по договору № 7 от 10.01.2026. В т.ч. НДС 22% 1803.28",
            booked_on(place)
        ),
    });
    write_orders(file, came, orders)
}

/// What a document of a statement tells.
pub(crate) struct Paid {
    pub(crate) payer: usize,
    pub(crate) inn: String,
    pub(crate) amount: Money,
    pub(crate) purpose: String,
}

/// Writes a statement of these orders, which come to `came`; how many bytes it has.
pub(crate) fn write_orders(
    file: &Path,
    came: Money,
    orders: impl Iterator<Item = Paid>,
) -> std::io::Result<usize> {
    let mut out = BufWriter::new(File::create(file)?);
    let mut bytes = 0;
    let mut put = |text: &str| -> std::io::Result<()> {
        let page = windows_1251(text);
        bytes += page.len();
        out.write_all(&page)
    };
    put(&format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nРасчСчет={OWN}\r\nСекцияРасчСчет\r\n\
         ДатаНачала=01.03.2026\r\nДатаКонца=31.03.2026\r\nРасчСчет={OWN}\r\nНачальныйОстаток=0.00\r\n\
         ВсегоПоступило={came}\r\nВсегоСписано=0.00\r\nКонечныйОстаток={came}\r\nКонецРасчСчет\r\n"
    ))?;
    for (place, order) in orders.enumerate() {
        put(&document(place, &order))?;
    }
    put("КонецФайла\r\n")?;
    out.flush()?;
    Ok(bytes)
}

/// Our account.
pub(crate) const OWN: &str = "40702810200000012345";

fn kopecks(place: usize) -> i64 {
    let place = i64::try_from(place).unwrap_or(0);
    100_000 + place * 7_919 % 90_000_000
}

fn booked_on(place: usize) -> String {
    format!("{:02}.03.2026", place % 31 + 1)
}

fn document(place: usize, order: &Paid) -> String {
    let day = booked_on(place);
    let Paid {
        payer,
        inn,
        amount,
        purpose,
    } = order;
    format!(
        "СекцияДокумент=Платежное поручение\r\nНомер={}\r\nДата={day}\r\nСумма={amount}\r\nКвитанцияДата={day}\r\nКвитанцияВремя=12:00:00\r\n\
         ПлательщикСчет=407028107{payer:011}\r\nПлательщикИНН={inn}\r\nПлательщикКПП=770801001\r\nПлательщик1=ООО \"Покупатель {payer}\"\r\n\
         ПлательщикБанк1=ПАО \"БАНК\"\r\nПлательщикБанк2=г. Москва\r\nПлательщикБИК=044525187\r\nПлательщикКорсчет=30101810700000000187\r\n\
         ПолучательСчет={OWN}\r\nДатаПоступило={day}\r\nПолучательИНН=0207043410\r\nПолучатель1=ООО \"Наша\"\r\nПолучательБИК=044525225\r\n\
         ВидОплаты=01\r\nОчередность=5\r\nНазначениеПлатежа={purpose}\r\nКонецДокумента\r\n",
        place + 1,
    )
}

/// The letters that stand in these files.
fn windows_1251(text: &str) -> Vec<u8> {
    let bytes = text.chars().map(|c| match c {
        'А'..='я' => u8::try_from(u32::from(c) - u32::from('А') + 0xc0).unwrap_or(b'?'),
        '№' => 0xb9,
        other => u8::try_from(u32::from(other)).unwrap_or(b'?'),
    });
    bytes.collect()
}
