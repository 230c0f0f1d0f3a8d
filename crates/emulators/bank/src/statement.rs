//! A statement as text, in the exchange format of 1C: header, account with its balances, documents.

use jiff::civil::Date;

use crate::bank::{Account, Operation, Party, Way};
use crate::code_page::CodePage;

/// The bank's own codes, which no other has.
const BANK: &str = "АО «БАНК ДЕМО»";
const BIK: &str = "044525999";
const CORRESPONDENT: &str = "30101810400000000999";

pub(crate) fn text(
    account: &Account,
    operations: &[Operation],
    (from, to): (Date, Date),
    today: Date,
    code_page: CodePage,
) -> String {
    let mut own: Vec<&Operation> = operations
        .iter()
        .filter(|one| one.account == account.number)
        .collect();
    own.sort_by_key(|one| one.booked);
    let before = own.iter().filter(|one| one.booked < from);
    let opening = before.map(|one| one.signed()).sum::<i64>() + account.opening_kopecks;
    own.retain(|one| (from..=to).contains(&one.booked));
    let turnover = |way: Way| -> i64 {
        let of_way = own.iter().filter(|one| one.way == way);
        of_way.map(|one| one.kopecks).sum()
    };
    let (came, went) = (turnover(Way::In), turnover(Way::Out));

    let mut file = Lines::default();
    file.line("1CClientBankExchange");
    file.key("ВерсияФормата", "1.03");
    file.key("Кодировка", code_page.declared());
    file.key("Отправитель", "Эмулятор банка");
    file.key("ДатаСоздания", &day(today));
    file.key("ДатаНачала", &day(from));
    file.key("ДатаКонца", &day(to));
    file.key("РасчСчет", &account.number);
    file.line("СекцияРасчСчет");
    file.key("ДатаНачала", &day(from));
    file.key("ДатаКонца", &day(to));
    file.key("РасчСчет", &account.number);
    file.key("НачальныйОстаток", &roubles(opening));
    file.key("ВсегоПоступило", &roubles(came));
    file.key("ВсегоСписано", &roubles(went));
    file.key("КонечныйОстаток", &roubles(opening + came - went));
    file.line("КонецРасчСчет");
    for operation in own {
        document(&mut file, account, operation);
    }
    file.line("КонецФайла");
    file.0
}

fn document(file: &mut Lines, account: &Account, operation: &Operation) {
    let ours = Party {
        account: account.number.clone(),
        ..account.owner.clone()
    };
    let (payer, payee) = match operation.way {
        Way::In => (&operation.other, &ours),
        Way::Out => (&ours, &operation.other),
    };
    file.key("СекцияДокумент", operation.form.printed());
    file.key("Номер", &operation.number);
    file.key("Дата", &day(operation.date));
    file.key("Сумма", &roubles(operation.kopecks));
    side(file, "Плательщик", payer);
    if operation.way == Way::Out {
        file.key("ДатаСписано", &day(operation.booked));
    }
    side(file, "Получатель", payee);
    if operation.way == Way::In {
        file.key("ДатаПоступило", &day(operation.booked));
    }
    file.key("ВидОплаты", "01");
    file.key("Очередность", "5");
    file.key("НазначениеПлатежа", &operation.purpose);
    file.line("КонецДокумента");
}

fn side(file: &mut Lines, role: &str, party: &Party) {
    file.key(&format!("{role}Счет"), &party.account);
    file.key(&format!("{role}ИНН"), &party.inn);
    file.key(&format!("{role}1"), &party.name);
    file.key(&format!("{role}РасчСчет"), &party.account);
    file.key(&format!("{role}Банк1"), BANK);
    file.key(&format!("{role}БИК"), BIK);
    file.key(&format!("{role}Корсчет"), CORRESPONDENT);
}

impl Operation {
    fn signed(&self) -> i64 {
        match self.way {
            Way::In => self.kopecks,
            Way::Out => -self.kopecks,
        }
    }
}

/// Lines as the format ends them.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }

    /// A value is one line, whatever was typed.
    fn key(&mut self, key: &str, value: &str) {
        let value: String = value
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.line(&format!("{key}={value}"));
    }
}

fn day(date: Date) -> String {
    date.strftime("%d.%m.%Y").to_string()
}

pub(crate) fn roubles(kopecks: i64) -> String {
    let sign = if kopecks < 0 { "-" } else { "" };
    let kopecks = kopecks.unsigned_abs();
    format!("{sign}{}.{:02}", kopecks / 100, kopecks % 100)
}

#[cfg(test)]
mod tests {
    use super::{roubles, text};
    use crate::bank::{Account, Form, Operation, Party, Way};
    use crate::code_page::CodePage;
    use jiff::civil::date;

    fn operation(day: i8, way: Way, kopecks: i64, purpose: &str) -> Operation {
        Operation {
            account: "40702810900000000001".to_owned(),
            way,
            form: Form::PaymentOrder,
            number: "77".to_owned(),
            date: date(2026, 2, day),
            booked: date(2026, 2, day),
            kopecks,
            other: Party {
                name: "ООО \"Пример\"".to_owned(),
                inn: "1234567894".to_owned(),
                account: "40702810700000012345".to_owned(),
            },
            purpose: purpose.to_owned(),
        }
    }

    #[test]
    fn balances_and_turnover_follow_from_the_operations() {
        let account = Account {
            number: "40702810900000000001".to_owned(),
            owner: Party {
                name: "ООО \"Наша\"".to_owned(),
                inn: "0207043410".to_owned(),
                account: String::new(),
            },
            opening_kopecks: 1_000,
        };
        let operations = [
            Operation {
                form: Form::BankOrder,
                ..operation(3, Way::Out, 4_550, "Комиссия")
            },
            operation(1, Way::In, 10_000, "Оплата"),
            operation(2, Way::In, 15_000_005, "Оплата\r\nСекцияДокумент=подделка"),
        ];
        let days = (date(2026, 2, 2), date(2026, 2, 3));
        let text = text(
            &account,
            &operations,
            days,
            date(2026, 2, 4),
            CodePage::Windows,
        );
        for line in [
            "НачальныйОстаток=110.00",
            "ВсегоПоступило=150000.05",
            "ВсегоСписано=45.50",
            "КонечныйОстаток=150064.55",
            "НазначениеПлатежа=Оплата  СекцияДокумент=подделка",
            "СекцияДокумент=Платежное поручение",
            "СекцияДокумент=Банковский ордер",
            "ДатаСписано=03.02.2026",
            "ДатаПоступило=02.02.2026",
            "ДатаСоздания=04.02.2026",
        ] {
            assert!(
                text.contains(&format!("\r\n{line}\r\n")),
                "{line} is not in {text}"
            );
        }
        let documents = text
            .lines()
            .filter(|line| line.starts_with("СекцияДокумент="));
        assert_eq!(documents.count(), 2);
        assert!(text.starts_with("1CClientBankExchange\r\n") && text.ends_with("КонецФайла\r\n"));
    }

    #[test]
    fn roubles_have_two_digits_of_kopecks() {
        assert_eq!(
            [0, 5, 123, -5, -1_000].map(roubles),
            ["0.00", "0.05", "1.23", "-0.05", "-10.00"]
        );
    }
}
