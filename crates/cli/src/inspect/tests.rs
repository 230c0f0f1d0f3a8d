//! What `inspect` prints, line by line.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may")]

use serde_json::Value;

use super::{Kind, MAX_LINE_BYTES, run, statement};

fn inspect(kind: Kind, input: impl AsRef<[u8]>) -> String {
    let mut output = Vec::new();
    run(kind, input.as_ref(), &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

fn check(kind: Kind, input: &str, expected: &[&str]) {
    let found = inspect(kind, input);
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected);
}

/// The one answer to one line.
fn answer(kind: Kind, line: impl AsRef<[u8]>) -> Value {
    let output = inspect(kind, line);
    assert_eq!(output.matches('\n').count(), 1);
    serde_json::from_str(&output).unwrap()
}

#[test]
fn inn_is_told_with_its_kind_or_its_fault() {
    check(
        Kind::Inn,
        "7707083893\n123456789047\n7707083894\n\n7707083893 \n0000000000\n770708389O\n770708389\n",
        &[
            r#"{"input":"7707083893","valid":true,"kind":"organisation","reason":null}"#,
            r#"{"input":"123456789047","valid":true,"kind":"person","reason":null}"#,
            r#"{"input":"7707083894","valid":false,"kind":null,"reason":"check digit 10 is wrong"}"#,
            r#"{"input":"","valid":false,"kind":null,"reason":"empty"}"#,
            r#"{"input":"7707083893 ","valid":false,"kind":null,"reason":"character 11 is not a digit"}"#,
            r#"{"input":"0000000000","valid":false,"kind":null,"reason":"all digits are zero"}"#,
            r#"{"input":"770708389O","valid":false,"kind":null,"reason":"character 10 is not a digit"}"#,
            r#"{"input":"770708389","valid":false,"kind":null,"reason":"10 or 12 digits expected, found 9"}"#,
        ],
    );
}

#[test]
fn kpp_and_ogrn_are_told_with_their_holder() {
    check(
        Kind::Kpp,
        "7701AB001\n0",
        &[
            r#"{"input":"7701AB001","valid":true,"kind":"organisation","reason":null}"#,
            r#"{"input":"0","valid":false,"kind":null,"reason":"9 characters expected, found 1"}"#,
        ],
    );
    check(
        Kind::Ogrn,
        "1027700132195\r\n321160679037740\r\n2027700132195\r\n",
        &[
            r#"{"input":"1027700132195","valid":true,"kind":"organisation","reason":null}"#,
            r#"{"input":"321160679037740","valid":true,"kind":"entrepreneur","reason":null}"#,
            r#"{"input":"2027700132195","valid":false,"kind":null,"reason":"the first digit marks another record of the register"}"#,
        ],
    );
}

#[test]
fn account_is_told_with_where_it_is_kept() {
    check(
        Kind::Account,
        "044525225 40702810200000012345\n044525225 30101810400000000225\n044525000 40501810800002000002\n\
         044525187 30101810400000000225\n044525187 40702810200000012345\n04452522 40702810200000012345\n\
         40702810200000012345\n044525225\t40702810200000012345 x\n017003983 40102810445370000059\n",
        &[
            r#"{"input":"044525225 40702810200000012345","valid":true,"kind":"settlement","reason":null}"#,
            r#"{"input":"044525225 30101810400000000225","valid":true,"kind":"correspondent","reason":null}"#,
            r#"{"input":"044525000 40501810800002000002","valid":true,"kind":"rkc","reason":null}"#,
            r#"{"input":"044525187 30101810400000000225","valid":false,"kind":null,"reason":"account: the last three digits differ from those of the BIK"}"#,
            r#"{"input":"044525187 40702810200000012345","valid":false,"kind":null,"reason":"account: the key does not hold: the account or the BIK is wrong"}"#,
            r#"{"input":"04452522 40702810200000012345","valid":false,"kind":null,"reason":"BIK: 9 digits expected, found 8"}"#,
            r#"{"input":"40702810200000012345","valid":false,"kind":null,"reason":"a BIK, a blank and an account expected"}"#,
            r#"{"input":"044525225\t40702810200000012345 x","valid":false,"kind":null,"reason":"a BIK, a blank and an account expected"}"#,
            r#"{"input":"017003983 40102810445370000059","valid":true,"kind":"correspondent","reason":null}"#,
        ],
    );
}

#[test]
fn amount_is_said_in_words() {
    let display = "1\u{a0}234\u{a0}567,89";
    let said = format!(
        r#"{{"input":"1234567.89","words":"Один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей 89 копеек","words_full":"Один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей восемьдесят девять копеек","display":"{display}"}}"#
    );
    check(
        Kind::Words,
        "1234567.89\n0\n1.005\n\nабв",
        &[
            &said,
            r#"{"input":"0","words":"Ноль рублей 00 копеек","words_full":"Ноль рублей ноль копеек","display":"0,00"}"#,
            r#"{"input":"1.005","words":null,"words_full":null,"display":null,"valid":false,"reason":"has a fraction of a kopeck"}"#,
            r#"{"input":"","words":null,"words_full":null,"display":null,"valid":false,"reason":"empty"}"#,
            r#"{"input":"абв","words":null,"words_full":null,"display":null,"valid":false,"reason":"not a number"}"#,
        ],
    );
}

#[test]
fn vat_is_computed_by_lines() {
    let wrong = |reason: &str| {
        format!(
            r#"{{"lines":null,"net":null,"vat":null,"gross":null,"valid":false,"reason":"{reason}"}}"#
        )
    };
    check(
        Kind::Vat,
        concat!(
            r#"{"mode":"included","lines":[{"quantity":"3","price":"33.33","vat":"22"}]}"#,
            "\n",
            r#"{"mode":"on_top","lines":[{"quantity":3,"price":0.07,"vat":22},{"quantity":"1","price":"5","vat":"none"}]}"#,
            "\n",
            r#"{"mode":"included","lines":[{"quantity":"2","price":"100","vat":"10","discount_percent":"5"},{"quantity":"2","price":"100","vat":"0","discount_money":"10.50"}]}"#,
            "\n",
            r#"{"mode":"included","lines":[]}"#,
            "\n",
            r#"{"mode":"included","lines":[{"quantity":"x","price":"1","vat":"22"}]}"#,
            "\n",
            r#"{"mode":"included","lines":[{"quantity":"1","price":"1","vat":"18"}]}"#,
            "\n",
            r#"{"mode":"included","lines":[{"quantity":1,"price":1234567890.1234567,"vat":"22"}]}"#,
            "\n",
            r#"{"mode":"on_top","lines":[{"quantity":"1","price":"92233720368547758.07","vat":"22"}]}"#,
            "\n",
        ),
        &[
            r#"{"lines":[{"net":"81.96","vat":"18.03","gross":"99.99"}],"net":"81.96","vat":"18.03","gross":"99.99"}"#,
            r#"{"lines":[{"net":"0.21","vat":"0.05","gross":"0.26"},{"net":"5.00","vat":"0.00","gross":"5.00"}],"net":"5.21","vat":"0.05","gross":"5.26"}"#,
            r#"{"lines":[{"net":"172.73","vat":"17.27","gross":"190.00"},{"net":"179.00","vat":"0.00","gross":"179.00"}],"net":"351.73","vat":"17.27","gross":"369.00"}"#,
            r#"{"lines":[],"net":"0.00","vat":"0.00","gross":"0.00"}"#,
            &wrong("line 1: `quantity`: not a number"),
            &wrong(
                "line 1: `vat`: unknown VAT rate; known are 22, 20, 10, 7, 5, 0, none, not_stated",
            ),
            &wrong("line 1: a number of more than 15 digits must be given as text"),
            &wrong("line 1: the amount is too large"),
        ],
    );
}

#[test]
fn requisites_become_a_payment_code() {
    let ours = r#"{"name":"ООО «Пример»","account":"40702810200000012345","bank_name":"ПАО Сбербанк","bik":"044525225","correspondent":"30101810400000000225","sum":"150000.00","purpose":"Счет № 123","inn":"1234567894","kpp":""}"#;
    let standard = r#"{"Name":"ООО «Пример»","PersonalAcc":"40702810200000012345","BankName":"ПАО Сбербанк","BIC":"044525225","CorrespAcc":"30101810400000000225","Sum":15000000,"Purpose":"Счет № 123","PayeeINN":"1234567894"}"#;
    let payload = r#"{"payload":"ST00012|Name=ООО «Пример»|PersonalAcc=40702810200000012345|BankName=ПАО Сбербанк|BIC=044525225|CorrespAcc=30101810400000000225|Sum=15000000|Purpose=Счет № 123|PayeeINN=1234567894"}"#;
    let wrong_key = ours.replace("30101810400000000225", "30101810500000000225");
    let no_account = ours.replace(r#""account":"40702810200000012345","#, "");
    let two_sums = ours.replace(r#""kpp":"""#, r#""Sum":1"#);
    let nothing = ours.replace("150000.00", "0");
    check(
        Kind::Qr,
        &[ours, standard, &wrong_key, &no_account, &two_sums, &nothing].join("\n"),
        &[
            payload,
            payload,
            r#"{"payload":null,"valid":false,"reason":"`correspondent`: the key does not hold: the account or the BIK is wrong"}"#,
            &format!(
                r#"{{"payload":null,"valid":false,"reason":"not the expected JSON: missing field `account` at line 1 column {}"}}"#,
                no_account.len()
            ),
            r#"{"payload":null,"valid":false,"reason":"`sum` is in roubles and `Sum` in kopecks: give one"}"#,
            r#"{"payload":null,"valid":false,"reason":"the sum is not positive"}"#,
        ],
    );
}

#[test]
fn a_purpose_is_told_with_all_that_it_names() {
    check(
        Kind::Purpose,
        "Оплата по счету № 123 от 01.02.2026, дог. 7. В т.ч. НДС 22% 18032.79\n\
         Оплата за ООО \"Ромашка\" по с/ф УТ-5/1 от 1 марта, без НДС\n\
         сч. б/н от 31.04.2026, НДС 100-00\n\
         \n\
         {\"mode\":\"included\"}",
        &[
            r#"{"input":"Оплата по счету № 123 от 01.02.2026, дог. 7. В т.ч. НДС 22% 18032.79","refs":[{"kind":"invoice","number":"123","date":"2026-02-01"},{"kind":"contract","number":"7","date":null}],"third_party":null,"vat":[{"rate":"22","amount":"18032.79"}]}"#,
            r#"{"input":"Оплата за ООО \"Ромашка\" по с/ф УТ-5/1 от 1 марта, без НДС","refs":[{"kind":"invoice_vat","number":"УТ-5/1","date":"--03-01"}],"third_party":"ООО \"Ромашка\"","vat":[{"rate":"none","amount":null}]}"#,
            r#"{"input":"сч. б/н от 31.04.2026, НДС 100-00","refs":[{"kind":"invoice","number":null,"date":null}],"third_party":null,"vat":[{"rate":null,"amount":"100.00"}]}"#,
            r#"{"input":"","refs":[],"third_party":null,"vat":[]}"#,
            r#"{"input":"{\"mode\":\"included\"}","refs":[],"third_party":null,"vat":[]}"#,
        ],
    );
    let no_text = answer(Kind::Purpose, b"\xff\xfe\n");
    assert_eq!(no_text["refs"], serde_json::json!([]));
    assert_eq!(no_text["reason"], "not UTF-8 text");
}

#[test]
fn hostile_purposes_are_answered_at_once() {
    for piece in [
        "№1,",
        "счет ",
        "НДС 1%",
        "за ООО \"",
        "7",
        "от 1.1.",
        "1 000 ",
    ] {
        let line = piece.repeat(2_000_000 / piece.len());
        let output = inspect(Kind::Purpose, format!("{line}\nсчет 1\n"));
        let last: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        assert_eq!(last["refs"][0]["number"], "1");
    }
}

fn shown(file: &[u8], json: bool) -> (String, bool) {
    let mut output = Vec::new();
    let whole = statement::show("x.txt", Ok(file), json, &mut output).unwrap();
    (String::from_utf8(output).unwrap(), whole)
}

#[test]
fn a_statement_is_shown_for_people() {
    let whole =
        include_bytes!("../../../connectors/bank-statement/fixtures/claims_dos_holds_windows.txt");
    let (told, all) = shown(whole, false);
    let expected = "\
Файл x.txt: версия 1.03, windows-1251 (в заголовке DOS), 02.02.2026–03.02.2026
  Счёт 40702810200000012345, 02.02.2026: на начало 1 000,00, поступило 150 700,00, списано 50,00, на конец 151 650,00
  Счёт 40702810200000012345, 03.02.2026: на начало 151 650,00, поступило 0,00, списано 1 500,10, на конец 150 149,90
  02.02.2026  +150 000,00  № 77 от 02.02.2026  ООО \"Пример\", ИНН 1234567894: Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18
  02.02.2026  +700,00  № 1 от 02.02.2026  Иванов Иван Иванович: Оплата заказа = доставка
  02.02.2026  -50,00  № 900001 от 02.02.2026  Банк «Образец»: Комиссия за ведение счета
  03.02.2026  -1 500,10  № 15 от 03.02.2026  ООО \"Поставщик\", ИНН 7707083893: Возврат по счету № 120 от 20.01.2026
Прочитано платежей: 4; поступило 150 700,00, списано 1 550,10; замечаний нет.

";
    assert_eq!(told.replace('\u{a0}', " "), expected);
    assert!(all);
}

#[test]
fn what_was_not_read_of_a_statement_is_said() {
    let broken = include_bytes!("../../../connectors/bank-statement/fixtures/broken.txt");
    let (told, all) = shown(broken, false);
    assert!(!all);
    assert!(
        told.contains("  !! строки 19–25: «Сумма» не читается: «сто рублей», документ не учтён\n"),
        "{told}"
    );
    assert!(
        told.contains(
            "  !  строки 42–51: «ПлательщикИНН» не читается, документ учтён без этого поля\n"
        ),
        "{told}"
    );
    assert!(
        told.contains("замечаний: 12, из них с потерей данных: 8.\n"),
        "{told}"
    );
    let (told, all) = shown(b"no statement", false);
    assert!(!all);
    assert!(
        told.starts_with("Файл x.txt не прочитан: это не выписка для 1С"),
        "{told}"
    );
}

#[test]
fn control_characters_of_a_statement_do_not_reach_the_terminal() {
    let file = "1CClientBankExchange\nРасчСчет=1\nСекцияДокумент=П\nНомер=1\nДата=02.02.2026\nСумма=1\nПлательщикСчет=2\n\
        ПолучательСчет=1\nНазначениеПлатежа=\u{1b}[2Jда\rнет\u{9b}1m\nКонецДокумента\nКонецФайла\n";
    let (told, _) = shown(file.as_bytes(), false);
    assert!(
        told.contains("\u{fffd}[2Jда\u{fffd}нет\u{fffd}1m\n"),
        "{told:?}"
    );
    assert!(!told.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn a_statement_as_json_is_one_record_a_line() {
    let whole = include_bytes!("../../../connectors/bank-statement/fixtures/windows.txt");
    let (told, all) = shown(whole, true);
    assert!(all);
    let lines: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0]["at_end"], "151650.00");
    assert_eq!(
        lines[2],
        serde_json::json!({
            "file": "x.txt", "line": 31, "direction": "in", "number": "77", "date": "2026-02-02", "booked": "2026-02-02",
            "amount": "150000.00", "form": "Платежное поручение", "own_account": "40702810200000012345",
            "other": {"name": "ООО \"Пример\"", "inn": "1234567894", "kpp": "770801001", "account": "40702810700000012345", "bik": "044525187"},
            "purpose": "Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18",
        })
    );
    assert_eq!(
        lines[6]["summary"],
        serde_json::json!({"orders": 4, "came": "150700.00", "left": "1550.10", "faults": 0, "lost": 0})
    );
    let broken = include_bytes!("../../../connectors/bank-statement/fixtures/broken.txt");
    let (told, _) = shown(broken, true);
    let second: Value = serde_json::from_str(told.lines().nth(1).unwrap()).unwrap();
    assert!(second["at_end"].is_string() || second["fault"].is_string());
    let (told, _) = shown(b"", true);
    assert!(
        told.starts_with(r#"{"file":"x.txt","error":"the file does not begin"#),
        "{told}"
    );
}

#[test]
fn every_line_is_an_input_and_the_last_one_needs_no_end() {
    for (input, lines) in [
        ("", 0),
        ("\n", 1),
        ("\n\n", 2),
        ("a", 1),
        ("a\n", 1),
        ("a\n\nb", 3),
    ] {
        for kind in [
            Kind::Inn,
            Kind::Account,
            Kind::Words,
            Kind::Vat,
            Kind::Qr,
            Kind::Purpose,
        ] {
            assert_eq!(inspect(kind, input).lines().count(), lines, "{input:?}");
        }
    }
}

#[test]
fn hostile_lines_are_answered_and_the_next_line_too() {
    let deep = format!(r#"{{"mode":{}"#, "[".repeat(1_000_000));
    let long = "7".repeat(10_000_000);
    let long_text = format!(r#"{{"mode":"{long}","lines":[]}}"#);
    let hostile: [&[u8]; 6] = [
        deep.as_bytes(),
        long.as_bytes(),
        long_text.as_bytes(),
        b"\xff\xfe\x00",
        b"\x00",
        b"null",
    ];
    for kind in [
        Kind::Inn,
        Kind::Kpp,
        Kind::Ogrn,
        Kind::Account,
        Kind::Words,
        Kind::Vat,
        Kind::Qr,
    ] {
        for line in hostile {
            let output = inspect(kind, [line, b"\n7707083893\n"].concat());
            let answers: Vec<Value> = output
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(answers.len(), 2);
            assert_eq!(answers[0]["valid"], false);
            assert!(answers[0]["reason"].as_str().unwrap().len() < 1000);
        }
    }
}

#[test]
fn what_is_no_text_is_shown_as_far_as_it_can_be() {
    let answer = answer(Kind::Inn, b"77\xff7\n");
    assert_eq!(answer["input"], "77\u{fffd}7");
    assert_eq!(answer["reason"], "not UTF-8 text");
}

#[test]
fn endless_line_is_cut() {
    let answer = answer(Kind::Inn, vec![b'7'; MAX_LINE_BYTES + 1]);
    assert_eq!(answer["input"].as_str().unwrap().len(), MAX_LINE_BYTES);
    assert_eq!(
        answer["reason"],
        format!("longer than {MAX_LINE_BYTES} bytes")
    );
}

#[test]
fn line_in_many_pieces_is_one_line() {
    let input = std::io::BufReader::with_capacity(3, "7707083893\n123456789047".as_bytes());
    let mut output = Vec::new();
    run(Kind::Inn, input, &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    assert_eq!(output.matches(r#""valid":true"#).count(), 2, "{output}");
}
