//! The contract's examples through the translation, both ways, and the corners of discounts and states.

use domain::{
    Amounts, ContractorId, Counterparty, CounterpartyKey, Discount, InvoiceDraft, InvoiceStatus,
    Line, Money, OrganisationId, Price, Quantity, Unit, VatMode, VatRate,
};
use jiff::civil::date;
use serde_json::{Value, json};

use super::{
    Inexpressible, bill_to_create, contractor_to_save, counterparty, difference, invoice,
    is_deleted,
};

const KEY: &str = "7f3a/deal/4711/invoice/whole/1";

fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bill(value: Value) -> domain::Invoice {
    invoice(
        serde_json::from_value(value).unwrap(),
        &OrganisationId::new("org"),
    )
    .unwrap()
}

fn line(name: &str, unit: (&str, &str), quantity: &str, price: &str, vat: VatRate) -> Line {
    Line {
        name: name.to_owned(),
        unit: Unit {
            okei: Some(unit.1.to_owned()).filter(|code| !code.is_empty()),
            name: unit.0.to_owned(),
        },
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse(price).unwrap(),
        discount: None,
        vat,
    }
}

fn draft(mode: VatMode, lines: Vec<Line>) -> InvoiceDraft {
    InvoiceDraft {
        seller: OrganisationId::new("org"),
        buyer: buyer(),
        mode,
        lines,
        currency: "RUB".to_owned(),
        basis: None,
        date: date(2026, 3, 12),
        due: None,
        valid_until: None,
        part: None,
        number: None,
    }
}

fn buyer() -> Counterparty {
    Counterparty {
        key: "7707083893/770701001".parse::<CounterpartyKey>().unwrap(),
        name: "ООО «Ромашка»".to_owned(),
        full_name: Some("Общество с ограниченной ответственностью «Ромашка»".to_owned()),
        ogrn: Some("1027700132195".parse().unwrap()),
        address: Some("117997, г. Москва, ул. Вавилова, д. 19".to_owned()),
    }
}

fn two_lines() -> Vec<Line> {
    let vat = VatRate::Percent22;
    vec![
        line(
            "Монтаж наружного освещения",
            ("шт", "796"),
            "3",
            "50000",
            vat,
        ),
        line("Кабель ВВГнг 3×2,5", ("м", "006"), "12.5", "33.3333", vat),
    ]
}

fn created(draft: &InvoiceDraft) -> Result<Value, Inexpressible> {
    bill_to_create(
        draft,
        &ContractorId::new("b79d3808-beef-4ce8-b27a-1192e7366d4e"),
        KEY,
    )
    .map(|bill| serde_json::to_value(bill).unwrap())
}

#[test]
fn a_draft_becomes_the_contracts_request() {
    let mut draft = draft(VatMode::Included, two_lines());
    draft.basis = Some("Договор № 34 от 01.03.2026".to_owned());
    draft.due = Some(date(2026, 3, 19));
    let mut expected = fixture("bill_request");
    // Our side knows the basis as one text, and adds nothing to the comment but the mark.
    expected["reason"] = json!({"name": "Договор № 34 от 01.03.2026"});
    expected["comment"] = json!("[provodka:7f3a/deal/4711/invoice/whole/1]");
    expected["items"][0]["price"] = json!("50000");
    assert_eq!(created(&draft).unwrap(), expected);
}

#[test]
fn per_cents_go_as_they_are_and_money_off_a_unit_goes_into_its_price() {
    let mut lines = vec![
        line(
            "Аренда подъёмника",
            ("ч", "356"),
            "7",
            "1234.56",
            VatRate::Percent22,
        ),
        line(
            "Книга учёта",
            ("шт", "796"),
            "2",
            "99.99",
            VatRate::Percent10,
        ),
    ];
    lines[0].discount = Some(Discount::Percent("10".parse().unwrap()));
    lines[1].discount = Some(Discount::Money(Money::from_kopecks(49)));
    let draft = draft(VatMode::OnTop, lines);
    let sent = created(&draft).unwrap();
    assert_eq!(sent["sumsWithNds"], false);
    assert_eq!(sent["items"][0]["discountPercent"], "10");
    assert_eq!(sent["items"][0]["price"], "1234.56");
    assert_eq!(sent["items"][1]["price"], "99.5");
    assert_eq!(sent["items"][1].get("discountSum"), None);
    // The contract's example takes the same off as money off the line: the same totals come out.
    let theirs = bill(fixture("bill_on_top"));
    assert_eq!(difference(&draft, &theirs), None);
}

#[test]
fn without_vat_no_line_states_a_rate() {
    for mode in [VatMode::Included, VatMode::OnTop] {
        let line = line(
            "Консультация",
            ("ч", ""),
            "0.333333",
            "3000",
            VatRate::Without,
        );
        let draft = draft(mode, vec![line]);
        let mut expected = fixture("bill_without_vat_request");
        expected["comment"] = json!("[provodka:7f3a/deal/4711/invoice/whole/1]");
        expected["sumsWithNds"] = json!(false);
        assert_eq!(created(&draft).unwrap(), expected);
        assert_eq!(difference(&draft, &bill(fixture("bill_without_vat"))), None);
    }
}

#[test]
fn every_rate_of_the_law_has_its_name() {
    for (rate, name) in [
        (VatRate::Percent22, "nds22"),
        (VatRate::Percent20, "nds20"),
        (VatRate::Percent10, "nds10"),
        (VatRate::Percent7, "nds7"),
        (VatRate::Percent5, "nds5"),
        (VatRate::Zero, "nds0"),
        (VatRate::Without, "withoutNds"),
    ] {
        let lines = vec![
            line("А", ("шт", "796"), "1", "1", rate),
            line("Б", ("шт", "796"), "1", "1", VatRate::Percent10),
        ];
        let sent = created(&draft(VatMode::Included, lines)).unwrap();
        assert_eq!(sent["items"][0]["ndsRate"], name);
        let mut answer = fixture("bill");
        answer["items"][0]["ndsRate"] = json!(name);
        assert_eq!(bill(answer).lines[0].vat, rate);
    }
}

#[test]
fn what_the_contract_cannot_say_is_not_sent() {
    let with = |change: fn(&mut InvoiceDraft)| {
        let mut draft = draft(VatMode::Included, two_lines());
        change(&mut draft);
        created(&draft).unwrap_err().to_string()
    };
    let cases = [
        (with(|draft| draft.currency = "EUR".to_owned()), "`EUR`"),
        (
            with(|draft| draft.lines[1].vat = VatRate::NotStated),
            "line 2: the VAT rate",
        ),
        (
            with(|draft| draft.lines[0].price = Price::parse("0.1234567").unwrap()),
            "line 1: `price`",
        ),
        (
            with(|draft| draft.lines[0].price = Price::parse("-1").unwrap()),
            "line 1: `price`",
        ),
        (
            with(|draft| draft.lines[1].quantity = Quantity::parse("123456789012").unwrap()),
            "line 2: `quantity`",
        ),
        (
            with(|draft| {
                draft.lines[0].discount = Some(Discount::Percent("3.33333".parse().unwrap()))
            }),
            "`discount`",
        ),
        (
            with(|draft| {
                draft.lines[1].discount = Some(Discount::Money(Money::from_kopecks(9_999)))
            }),
            "`price`",
        ),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn the_contracts_bill_is_read_to_the_kopeck() {
    let invoice = bill(fixture("bill"));
    assert_eq!(invoice.number, "1");
    assert_eq!(
        (invoice.date, invoice.due),
        (date(2026, 3, 12), Some(date(2026, 3, 19)))
    );
    assert_eq!(invoice.status, InvoiceStatus::Issued);
    assert_eq!(invoice.mode, VatMode::Included);
    assert_eq!(invoice.lines, two_lines());
    let totals = Amounts {
        net: Money::from_kopecks(12_329_235),
        vat: Money::from_kopecks(2_712_432),
        gross: Money::from_kopecks(15_041_667),
    };
    assert_eq!(invoice.totals, totals);
    assert_eq!(invoice.counterparty.clone().unwrap(), buyer().key);
    assert_eq!(invoice.changed.unwrap().to_string(), "2026-03-12T09:00:00Z");
    assert_eq!(
        difference(&draft(VatMode::Included, two_lines()), &invoice),
        None
    );
}

#[test]
fn another_total_is_seen_and_the_invoice_stays_theirs() {
    let mut answer = fixture("bill");
    answer["sum"] = json!("150416.68");
    let invoice = bill(answer);
    let (ours, theirs) = difference(&draft(VatMode::Included, two_lines()), &invoice).unwrap();
    assert_eq!(ours.gross, Money::from_kopecks(15_041_667));
    assert_eq!(theirs.gross, Money::from_kopecks(15_041_668));
    assert_eq!(invoice.totals.gross, theirs.gross);
}

#[test]
fn the_state_follows_the_contract_and_an_unknown_one_is_pending() {
    for (status, paid, expected) in [
        ("notPaid", "0.00", InvoiceStatus::Issued),
        ("partiallyPaid", "0.01", InvoiceStatus::PartiallyPaid),
        ("paid", "150416.67", InvoiceStatus::Paid),
        ("overdue", "0.00", InvoiceStatus::Issued),
        ("overdue", "100.00", InvoiceStatus::PartiallyPaid),
        ("rejected", "0.00", InvoiceStatus::Cancelled),
        ("cancelled", "0.00", InvoiceStatus::Cancelled),
        ("waitingForApproval", "0.00", InvoiceStatus::Unknown),
    ] {
        let mut answer = fixture("bill");
        answer["status"] = json!(status);
        answer["paidSum"] = json!(paid);
        assert_eq!(bill(answer).status, expected, "{status}");
    }
}

#[test]
fn a_deleted_bill_is_seen_as_deleted() {
    let is = |name| is_deleted(&fixture(name));
    assert!(is("bill_deleted"));
    assert!(!is("bill"));
}

#[test]
fn a_rate_that_the_law_no_longer_knows_is_not_stated() {
    let mut answer = fixture("bill");
    answer["items"][0]["ndsRate"] = json!("nds18");
    answer["items"][1]["ndsRate"] = Value::Null;
    let invoice = bill(answer);
    assert_eq!(invoice.lines[0].vat, VatRate::NotStated);
    assert_eq!(invoice.lines[1].vat, VatRate::NotStated);
    let mut answer = fixture("bill_without_vat");
    answer["items"][0]["ndsRate"] = Value::Null;
    assert_eq!(bill(answer).lines[0].vat, VatRate::Without);
}

#[test]
fn money_off_a_line_becomes_money_off_a_unit_or_one_piece() {
    let exact = bill(fixture("bill_on_top"));
    assert_eq!(
        exact.lines[1].discount,
        Some(Discount::Money(Money::from_kopecks(49)))
    );
    assert_eq!(
        exact.lines[0].discount,
        Some(Discount::Percent("10".parse().unwrap()))
    );
    let mut answer = fixture("bill_on_top");
    answer["items"][1]["discountSum"] = json!("0.99");
    answer["items"][1]["sumWithoutNds"] = json!("198.99");
    let odd = bill(answer);
    assert_eq!(odd.lines[1].discount, None);
    assert_eq!(odd.lines[1].quantity, Quantity::ONE);
    assert_eq!(odd.lines[1].price.to_string(), "198.99");
}

#[test]
fn an_answer_that_breaks_its_promise_names_the_field() {
    for (field, value) in [
        ("sum", "1 руб."),
        ("sumNds", "1.001"),
        ("paidSum", ""),
        ("date", "12.03.2026"),
        ("changedAt", "yesterday"),
        ("paymentDueDate", "2026-02-30"),
    ] {
        let mut answer = fixture("bill");
        answer[field] = json!(value);
        let bill = serde_json::from_value(answer).unwrap();
        let strange = invoice(bill, &OrganisationId::new("org")).unwrap_err();
        assert_eq!(strange.0, field);
    }
}

#[test]
fn unlisted_fields_are_tolerated() {
    let mut answer = fixture("bill");
    answer["invented"] = json!({"later": [1, 2]});
    answer["items"][0]["invented"] = json!(true);
    assert_eq!(bill(answer).number, "1");
}

#[test]
fn a_counterparty_becomes_the_contracts_contractor_and_back() {
    let mut expected = fixture("contractor_request");
    expected.as_object_mut().unwrap().remove("email");
    let saved = serde_json::to_value(contractor_to_save(&buyer())).unwrap();
    assert_eq!(saved, expected);
    let read = serde_json::from_value(fixture("contractor")).unwrap();
    let known = counterparty(read).unwrap();
    assert_eq!(known.counterparty, buyer());
    assert_eq!(known.id.as_str(), "b79d3808-beef-4ce8-b27a-1192e7366d4e");
}

#[test]
fn a_person_goes_without_kpp() {
    let mut person = buyer();
    person.key = "123456789047/770701001".parse().unwrap();
    person.full_name = None;
    let saved = serde_json::to_value(contractor_to_save(&person)).unwrap();
    assert_eq!(saved.get("kpp"), None);
    assert_eq!(saved["name"], "ООО «Ромашка»");
}

#[test]
fn a_contractor_without_a_good_inn_is_nobody_and_a_bad_kpp_is_left_out() {
    let read = |field: &str, value: Value| {
        let mut contractor = fixture("contractor");
        contractor[field] = value;
        counterparty(serde_json::from_value(contractor).unwrap())
    };
    assert!(read("inn", Value::Null).is_none());
    assert!(read("inn", json!("7707083894")).is_none());
    let key = read("kpp", json!("77070100")).unwrap().counterparty.key;
    assert_eq!(
        (key.who.to_string().as_str(), key.kpp),
        ("7707083893", None)
    );
    assert_eq!(read("ogrn", json!("1")).unwrap().counterparty.ogrn, None);
    let named = read("shortName", Value::Null).unwrap().counterparty;
    assert_eq!(Some(named.name), named.full_name);
}
