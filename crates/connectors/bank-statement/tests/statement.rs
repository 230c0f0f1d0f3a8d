//! Files as banks write them, and as they should not: everything is read or named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use std::io::{BufReader, Read};

use connector_bank_statement::{
    AccountDays, CodePage, Fault, FaultKind, ReadError, Record, Statement,
};
use domain::Money;
use domain::payment::{Direction, PaymentOrder};
use jiff::civil::date;
use proptest::prelude::*;

#[derive(Debug, Default)]
struct Seen {
    days: Vec<AccountDays>,
    orders: Vec<(u64, PaymentOrder)>,
    faults: Vec<Fault>,
}

fn read(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    for record in Statement::new(bytes) {
        match record.unwrap() {
            Record::Days(days) => seen.days.push(days),
            Record::Order { line, order } => seen.orders.push((line, *order)),
            Record::Fault(fault) => seen.faults.push(fault),
        }
    }
    seen
}

fn told(seen: &Seen) -> Vec<String> {
    seen.faults.iter().map(ToString::to_string).collect()
}

const WINDOWS: &[u8] = include_bytes!("../fixtures/windows.txt");
const DOS: &[u8] = include_bytes!("../fixtures/dos.txt");
const UTF8: &[u8] = include_bytes!("../fixtures/claims_windows_holds_utf8.txt");
const NOT_DOS: &[u8] = include_bytes!("../fixtures/claims_dos_holds_windows.txt");
const SPARSE: &[u8] = include_bytes!("../fixtures/sparse.txt");
const BROKEN: &[u8] = include_bytes!("../fixtures/broken.txt");

#[test]
fn a_whole_statement_is_read_without_loss() {
    let seen = read(WINDOWS);
    assert_eq!(told(&seen), Vec::<String>::new());
    let amounts: Vec<(Direction, i64, &str)> = seen
        .orders
        .iter()
        .map(|(_, order)| {
            (
                order.direction,
                order.amount.kopecks(),
                order.number.as_str(),
            )
        })
        .collect();
    assert_eq!(
        amounts,
        [
            (Direction::In, 15_000_000, "77"),
            (Direction::In, 70_000, "1"),
            (Direction::Out, 5_000, "900001"),
            (Direction::Out, 150_010, "15"),
        ]
    );
    let (line, first) = &seen.orders[0];
    assert_eq!(*line, 31);
    assert_eq!(first.date, date(2026, 2, 2));
    assert_eq!(first.booked, Some(date(2026, 2, 2)));
    assert_eq!(first.form.as_deref(), Some("Платежное поручение"));
    assert_eq!(first.own_account.as_str(), "40702810200000012345");
    assert_eq!(first.other.name.as_deref(), Some("ООО \"Пример\""));
    assert_eq!(first.other.inn.as_ref().unwrap().as_str(), "1234567894");
    assert_eq!(first.other.kpp.as_ref().unwrap().as_str(), "770801001");
    assert_eq!(
        first.other.account.as_ref().unwrap().as_str(),
        "40702810700000012345"
    );
    assert_eq!(first.other.bik.as_deref(), Some("044525187"));
    assert_eq!(
        first.purpose,
        "Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18"
    );
    let (_, person) = &seen.orders[1];
    assert_eq!(person.other.inn, None);
    assert_eq!(person.purpose, "Оплата заказа = доставка");
    let (_, refund) = &seen.orders[3];
    assert_eq!(refund.other.inn.as_ref().unwrap().as_str(), "7707083893");
    assert_eq!(seen.days.len(), 2);
    assert_eq!(seen.days[1].at_end, Some(Money::from_kopecks(15_014_990)));
    assert_eq!(seen.days[1].from, Some(date(2026, 2, 3)));
}

#[test]
fn the_code_page_is_found_whatever_the_header_claims() {
    let expected = read(WINDOWS).orders;
    for (bytes, page, claims) in [
        (WINDOWS, CodePage::Windows1251, "Windows"),
        (UTF8, CodePage::Utf8, "Windows"),
        (NOT_DOS, CodePage::Windows1251, "DOS"),
        (DOS, CodePage::Ibm866, "DOS"),
    ] {
        let mut statement = Statement::new(bytes);
        assert_eq!(statement.by_ref().count(), 6);
        assert_eq!(statement.code_page(), Some(page));
        assert_eq!(statement.header().claims.as_deref(), Some(claims));
        assert_eq!(statement.header().version.as_deref(), Some("1.03"));
        assert_eq!(statement.header().from, Some(date(2026, 2, 2)));
        assert_eq!(statement.header().accounts.len(), 1);
        if page != CodePage::Ibm866 {
            assert_eq!(read(bytes).orders, expected);
        }
        let purposes = |orders: Vec<(u64, PaymentOrder)>| -> Vec<String> {
            orders.into_iter().map(|(_, order)| order.purpose).collect()
        };
        assert_eq!(purposes(read(bytes).orders), purposes(expected.clone()));
    }
    let with_mark = [b"\xef\xbb\xbf", UTF8].concat();
    assert_eq!(read(&with_mark).orders, expected);
}

#[test]
fn missing_and_unknown_keys_are_made_up_for() {
    let seen = read(SPARSE);
    assert_eq!(told(&seen), Vec::<String>::new());
    let [(_, first), (_, second)] = seen.orders.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(first.amount, Money::from_kopecks(123_450));
    assert_eq!(first.date, date(2026, 2, 2), "the day of booking");
    assert_eq!(first.purpose, "Оплата по счету № 123 от 01.02.2026");
    assert_eq!(first.other.inn.as_ref().unwrap().as_str(), "1234567894");
    assert_eq!(first.other.name.as_deref(), Some("ООО \"Пример\""));
    assert_eq!(
        first.other.account.as_ref().unwrap().as_str(),
        "40702810700000012345"
    );
    assert_eq!(second.booked, None);
    assert_eq!(second.other.kpp.as_ref().unwrap().as_str(), "770801001");
    assert_eq!(
        second.purpose,
        "Оплата по счету № 124 от 01.02.2026 в т.ч. НДС 22% = 1.80 за услуги"
    );
}

#[test]
fn broken_sections_are_named_with_their_lines_and_the_rest_is_kept() {
    let seen = read(BROKEN);
    let numbers: Vec<&str> = seen
        .orders
        .iter()
        .map(|(_, order)| order.number.as_str())
        .collect();
    assert_eq!(numbers, ["5"]);
    assert_eq!(
        told(&seen),
        [
            "строки 5–13: счёт …2345 с 02.02.2026: остаток на конец по оборотам 300,00, в файле 301,00",
            "строки 14–18: секция «СекцияДокумент=Платежное поручение» не закончена и не учтена: возможно, файл обрезан",
            "строки 19–25: «Сумма» не читается: «сто рублей», документ не учтён",
            "строки 26–32: «Дата» не читается: «31.02.2026», документ не учтён",
            "строки 33–39: ни счёта плательщика, ни счёта получателя нет среди счетов файла, документ не учтён",
            "строка 40: «КонецДокумента» без начала секции",
            "строка 41: не «ключ=значение», строка не учтена",
            "строки 42–51: «ДатаПоступило» не читается, документ учтён без этого поля",
            "строки 42–51: «ПлательщикИНН» не читается, документ учтён без этого поля",
            "строки 52–54: секция «СекцияДокумент=Платежное поручение» не закончена и не учтена: возможно, файл обрезан",
            "строка 54: нет «КонецФайла»: возможно, файл обрезан",
            "строки 1–54: счёт …2345: поступило по документам 100,00, в файле 300,00",
        ]
    );
    let lost = seen
        .faults
        .iter()
        .filter(|fault| fault.kind.loses())
        .count();
    assert_eq!(lost, 8);
}

fn statement(documents: &str) -> Vec<u8> {
    let head = "1CClientBankExchange\nВерсияФормата=1.03\nРасчСчет=40702810200000012345\nРасчСчет=40702810300000000002\n";
    format!("{head}{documents}КонецФайла\n").into_bytes()
}

#[test]
fn the_direction_follows_from_whose_account_it_is() {
    let (one, two, other) = (
        "40702810200000012345",
        "40702810300000000002",
        "40702810700000012345",
    );
    for (payer, payee, booked, expected) in [
        (other, one, "", "in 2345"),
        (one, other, "", "out 2345"),
        (one, two, "ДатаСписано=02.02.2026\n", "out 2345"),
        (one, two, "ДатаПоступило=02.02.2026\n", "in 0002"),
        (
            one,
            two,
            "ДатаСписано=02.02.2026\nДатаПоступило=02.02.2026\n",
            "out 2345, in 0002",
        ),
        (one, two, "", "out 2345, in 0002"),
        (other, other, "ДатаПоступило=02.02.2026\n", ""),
    ] {
        let document = format!(
            "СекцияДокумент=Платежное поручение\nНомер=1\nДата=02.02.2026\nСумма=1\nПлательщикСчет={payer}\nПолучательСчет={payee}\n{booked}КонецДокумента\n"
        );
        let seen = read(&statement(&document));
        let shown = seen.orders.iter().map(|(_, order)| {
            let way = if order.direction == Direction::In {
                "in"
            } else {
                "out"
            };
            format!(
                "{way} {}",
                order.own_account.masked().trim_start_matches('…')
            )
        });
        assert_eq!(
            shown.collect::<Vec<_>>().join(", "),
            expected,
            "{payer} {payee} {booked}"
        );
        assert_eq!(seen.faults.is_empty(), !expected.is_empty());
    }
}

#[test]
fn an_amount_is_positive_or_the_document_is_named() {
    for (amount, kopecks) in [
        ("0.00", None),
        ("-5.00", None),
        ("1.005", None),
        ("", None),
        ("1e3", Some(100_000)),
        ("700", Some(70_000)),
        ("1\u{a0}234,5", Some(123_450)),
        ("99999999999999999999.00", None),
    ] {
        let document = format!(
            "СекцияДокумент=П\nНомер=1\nДата=02.02.2026\nСумма={amount}\nПлательщикСчет=7\nПолучательСчет=40702810200000012345\nКонецДокумента\n"
        );
        let seen = read(&statement(&document));
        let found = seen.orders.first().map(|(_, order)| order.amount.kopecks());
        assert_eq!(found, kopecks, "{amount}");
        assert_eq!(
            seen.faults.len(),
            usize::from(kopecks.is_none()),
            "{amount}"
        );
    }
}

#[test]
fn a_file_without_accounts_of_its_own_is_read_by_the_days_of_booking() {
    let file = "1CClientBankExchange\nСекцияДокумент=Платежное поручение\nНомер=1\nДата=02.02.2026\nСумма=1\n\
        ПлательщикСчет=40702810700000012345\nПолучательСчет=40702810200000012345\nДатаПоступило=03.02.2026\nКонецДокумента\nКонецФайла";
    let seen = read(file.as_bytes());
    assert_eq!(
        seen.orders[0].1.own_account.as_str(),
        "40702810200000012345"
    );
    assert!(seen.faults.is_empty());
}

/// A document that came to the file's first account, with these lines.
fn incoming(lines: &str) -> PaymentOrder {
    let document = format!(
        "СекцияДокумент=Платежное поручение\nНомер=1\nДата=02.02.2026\nСумма=1\nПлательщикСчет=40702810700000012345\n\
         ПолучательСчет=40702810200000012345\n{lines}КонецДокумента\n"
    );
    let seen = read(&statement(&document));
    assert_eq!(told(&seen), Vec::<String>::new(), "{lines}");
    seen.orders[0].1.clone()
}

#[test]
fn a_name_ends_where_its_account_bank_and_town_begin() {
    for (lines, name, inn) in [
        (
            "Плательщик=1234567894, ООО \"Пример\"\nПлательщикИНН=1234567894\nПлательщик1=ООО \"Пример\"\n\
             Плательщик2=40702810700000012345\nПлательщик3=ФИЛИАЛ БАНКА\nПлательщик4=г. Москва\n",
            "ООО \"Пример\"",
            Some("1234567894"),
        ),
        (
            "Плательщик1=Общество с ограниченной\nПлательщик2=ответственностью \"Пример\"\nПлательщик3=\n",
            "Общество с ограниченной ответственностью \"Пример\"",
            None,
        ),
        (
            "Плательщик1=Общество с ограниченной\nПлательщик2=\nПлательщик3=ответственностью \"Пример\"\n",
            "Общество с ограниченной ответственностью \"Пример\"",
            None,
        ),
        (
            "Плательщик=1234567894, ООО \"Пример\"\n",
            "ООО \"Пример\"",
            Some("1234567894"),
        ),
        (
            "Плательщик=1234567894 ООО \"Пример\"\nПлательщик1=\n",
            "ООО \"Пример\"",
            Some("1234567894"),
        ),
        (
            "Плательщик=1234567890 это не ИНН\n",
            "1234567890 это не ИНН",
            None,
        ),
    ] {
        let other = incoming(lines).other;
        assert_eq!(other.name.as_deref(), Some(name), "{lines}");
        assert_eq!(other.inn.as_ref().map(domain::Inn::as_str), inn, "{lines}");
    }
}

#[test]
fn the_only_day_of_booking_is_ours_whichever_side_it_is_written_at() {
    let (first, second) = (date(2026, 2, 3), date(2026, 2, 4));
    for (lines, booked) in [
        ("ДатаСписано=03.02.2026\n", Some(first)),
        ("ДатаСписано=03.02.2026\nДатаПоступило=\n", Some(first)),
        (
            "ДатаСписано=03.02.2026\nДатаПоступило=04.02.2026\n",
            Some(second),
        ),
        ("ДатаСписано=\nДатаПоступило=\n", None),
    ] {
        assert_eq!(incoming(lines).booked, booked, "{lines}");
    }
}

#[test]
fn the_other_sides_day_is_no_day_of_the_order() {
    let with = |days: &str| {
        let document = format!(
            "СекцияДокумент=Платежное поручение\nНомер=1\nСумма=1\nПлательщикСчет=7\n{days}\
             ПолучательСчет=40702810200000012345\nКонецДокумента\n"
        );
        read(&statement(&document))
    };
    let ours = with("ДатаСписано=03.02.2026\nДатаПоступило=04.02.2026\n");
    assert_eq!(ours.orders[0].1.date, date(2026, 2, 4));
    let theirs = with("ДатаСписано=03.02.2026\n");
    assert!(theirs.orders.is_empty());
    assert_eq!(theirs.faults.len(), 1, "{:?}", told(&theirs));
}

#[test]
fn a_document_of_no_kind_is_one() {
    let document = "СекцияДокумент\nНомер=1\nДата=02.02.2026\nСумма=1\nПлательщикСчет=7\n\
        ПолучательСчет=40702810200000012345\nКонецДокумента\n";
    let seen = read(&statement(document));
    assert_eq!(told(&seen), Vec::<String>::new());
    assert_eq!(seen.orders[0].1.form, None);
}

#[test]
fn lines_end_as_the_first_line_does() {
    let lines: Vec<u8> = WINDOWS
        .iter()
        .copied()
        .filter(|byte| *byte != b'\r')
        .collect();
    let ended_by = |end: &[u8]| -> Vec<u8> {
        let bytes = lines.iter();
        bytes
            .flat_map(|byte| match byte {
                b'\n' => end.to_vec(),
                other => vec![*other],
            })
            .collect()
    };
    let expected = read(WINDOWS);
    for end in [&b"\n"[..], b"\r\n", b"\r", b"\r\r\n"] {
        let file = ended_by(end);
        let whole = read(&file);
        assert_eq!(whole.orders, expected.orders, "{end:?}");
        assert_eq!(told(&whole), Vec::<String>::new(), "{end:?}");
        // Also where the buffer ends between the two bytes.
        let in_bytes = Statement::new(BufReader::with_capacity(1, file.as_slice()));
        assert_eq!(in_bytes.count(), 6, "{end:?}");
    }
}

#[test]
fn a_file_that_ends_within_its_first_key_is_told_as_cut() {
    let key = "1CClientBankExchange\nВерсияФормата=1.03\n";
    let in_windows = b"1CClientBankExchange\r\n\xc2\xe5\xf0\xf1";
    let in_dos = b"1CClientBankExchange\r\n\x82\xa5\xe0";
    for (bytes, page) in [
        // Behind `Верс`, and within the letter after it.
        (&key.as_bytes()[..29], CodePage::Utf8),
        (&key.as_bytes()[..30], CodePage::Utf8),
        (&in_windows[..], CodePage::Windows1251),
        (&in_dos[..], CodePage::Ibm866),
    ] {
        let mut statement = Statement::new(bytes);
        let seen: Vec<String> = statement
            .by_ref()
            .map(|record| match record.unwrap() {
                Record::Fault(fault) => fault.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            seen,
            [
                "строка 2: не «ключ=значение», строка не учтена",
                "строка 2: нет «КонецФайла»: возможно, файл обрезан",
            ]
        );
        assert_eq!(statement.code_page(), Some(page));
    }
}

#[test]
fn a_file_whose_letters_were_lost_is_refused_as_a_whole() {
    let lost = "\u{fffd}".repeat(9);
    let file = format!("1CClientBankExchange\n{lost}=1.03\n{lost}=Windows\n");
    let mut records = Statement::new(file.as_bytes());
    assert!(matches!(records.next(), Some(Err(ReadError::LettersLost))));
    assert!(records.next().is_none());
    // One letter in a value is no reason.
    let one = incoming("НазначениеПлатежа=Оплата \u{fffd} 7\n");
    assert_eq!(one.purpose, "Оплата \u{fffd} 7");
}

#[test]
fn a_file_in_no_code_page_of_the_format_is_refused_as_a_whole() {
    // `ВерсияФормата=1.03`, `Кодировка=Windows`, `КонецФайла` in koi8-r.
    let file = b"1CClientBankExchange\n\xf7\xc5\xd2\xd3\xc9\xd1\xe6\xcf\xd2\xcd\xc1\xd4\xc1=1.03\n\
        \xeb\xcf\xc4\xc9\xd2\xcf\xd7\xcb\xc1=Windows\n\xeb\xcf\xce\xc5\xc3\xe6\xc1\xca\xcc\xc1\n";
    let records: Vec<_> = Statement::new(&file[..]).collect();
    assert!(matches!(
        records.last(),
        Some(Err(ReadError::LettersUnknown))
    ));
    let kept =
        |record: &&Result<Record, ReadError>| !matches!(record, Ok(Record::Fault(_)) | Err(_));
    assert_eq!(records.iter().filter(kept).count(), 0);
}

#[test]
fn several_files_in_one_are_all_read_and_what_stands_behind_the_end_is_said() {
    let two = [WINDOWS, SPARSE].concat();
    assert_eq!(read(&two).orders.len(), 6);
    let mut statement = Statement::new(two.as_slice());
    let mut parts = Vec::new();
    while let Some(record) = statement.next() {
        if let Record::Order { .. } = record.unwrap() {
            parts.push(statement.part());
        }
    }
    assert_eq!(parts, [1, 1, 1, 1, 2, 2]);
    let tail = [WINDOWS, "привет\r\n".as_bytes()].concat();
    let seen = read(&tail);
    assert_eq!(seen.orders.len(), 4);
    assert!(matches!(
        seen.faults.as_slice(),
        [
            Fault {
                kind: FaultKind::ForeignLetters,
                ..
            } | Fault {
                kind: FaultKind::AfterEnd,
                ..
            },
            ..
        ]
    ));
}

#[test]
fn what_is_no_statement_is_refused() {
    for bytes in [
        &b""[..],
        b"\n\n",
        b"Hello\n",
        b"PK\x03\x04",
        b"<?xml version=\"1.0\"?>",
    ] {
        let first = Statement::new(bytes).next().unwrap();
        assert!(matches!(first, Err(ReadError::NotAStatement)), "{bytes:?}");
        assert_eq!(Statement::new(bytes).count(), 1, "the error ends it");
    }
    let utf16 = Statement::new(&b"\xff\xfe1\x00C\x00"[..]).next().unwrap();
    assert!(matches!(utf16, Err(ReadError::Utf16)));
}

#[test]
fn letters_of_another_page_in_one_line_are_kept_and_said() {
    let mut bytes = UTF8.to_vec();
    let purpose = "НазначениеПлатежа=Комиссия".as_bytes();
    let at = bytes
        .windows(purpose.len())
        .position(|part| part == purpose)
        .unwrap();
    bytes.splice(
        at..at + purpose.len(),
        "НазначениеПлатежа="
            .bytes()
            .chain(*b"\xca\xee\xec\xe8\xf1\xf1\xe8\xff"),
    );
    let seen = read(&bytes);
    assert_eq!(seen.orders.len(), 4);
    assert!(
        seen.faults
            .iter()
            .any(|fault| fault.kind == FaultKind::ForeignLetters)
    );
}

#[test]
fn an_endless_line_takes_no_memory() {
    let endless = std::io::repeat(b'7').take(50_000_000);
    let head = &b"1CClientBankExchange\n"[..];
    let mut statement = Statement::new(BufReader::new(head.chain(endless)));
    let first = statement.next().unwrap().unwrap();
    assert!(matches!(
        first,
        Record::Fault(Fault {
            kind: FaultKind::LineCut,
            ..
        })
    ));
    assert!(statement.all(|record| record.is_ok()));
}

#[test]
fn a_section_without_end_takes_no_memory_and_is_not_kept() {
    let document = "СекцияДокумент=Платежное поручение\nНомер=1\nДата=02.02.2026\nСумма=1\nПлательщикСчет=40702810700000012345\n\
        ПолучательСчет=40702810200000012345\nНазначениеПлатежа=Оплата\n";
    for endless in ["и ещё раз\n".repeat(100_000), "Ключ=1\n".repeat(2_000)] {
        let seen = read(&statement(&format!("{document}{endless}КонецДокумента\n")));
        assert!(seen.orders.is_empty());
        let kinds: Vec<&FaultKind> = seen.faults.iter().map(|fault| &fault.kind).collect();
        assert_eq!(kinds, [&FaultKind::Overlong]);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_stop(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in any::<prop::sample::Index>()) {
        let _counted = Statement::new(bytes.as_slice()).count();
        let spoilt = [&b"1CClientBankExchange\n"[..], &bytes].concat();
        // Letters of no code page of the format are the one reason to refuse what begins as a statement.
        let is_read_or_refused = Statement::new(spoilt.as_slice()).all(|record| {
            matches!(record, Ok(_) | Err(ReadError::LettersLost | ReadError::LettersUnknown))
        });
        prop_assert!(is_read_or_refused);
        let short = &BROKEN[..cut.index(BROKEN.len())];
        let _counted = Statement::new(short).count();
    }

    /// Each document of a file that is cut anywhere is read or named.
    #[test]
    fn a_cut_file_says_that_it_is_cut(cut in any::<prop::sample::Index>()) {
        let at = 30 + cut.index(WINDOWS.len() - 30 - "КонецФайла\r\n".chars().count());
        let seen = read(&WINDOWS[..at]);
        prop_assert!(seen.faults.iter().any(|fault| fault.kind == FaultKind::NoEnd));
        let unclosed = seen.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Unclosed { .. }));
        let begun = WINDOWS[..at].windows(14).filter(|part| part == &WINDOWS_DOCUMENT).count();
        let lines_begun = begun.min(4);
        prop_assert!(seen.orders.len() == lines_begun || unclosed || seen.orders.len() + 1 == lines_begun);
    }

    /// Reading in pieces of any size gives the same.
    #[test]
    fn pieces_of_any_size_give_the_same_records(size in 1..200_usize) {
        let pieces = BufReader::with_capacity(size, WINDOWS);
        let found: Vec<Record> = Statement::new(pieces).map(Result::unwrap).collect();
        let expected: Vec<Record> = Statement::new(WINDOWS).map(Result::unwrap).collect();
        prop_assert_eq!(found, expected);
    }
}

/// `СекцияДокумент` in windows-1251.
const WINDOWS_DOCUMENT: [u8; 14] = [
    0xd1, 0xe5, 0xea, 0xf6, 0xe8, 0xff, 0xc4, 0xee, 0xea, 0xf3, 0xec, 0xe5, 0xed, 0xf2,
];
