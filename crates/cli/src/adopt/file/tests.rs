//! What a file of claims says, and what is wrong with it.

use domain::{CompanyId, Money, OrganisationId};
use jiff::civil::date;
use planner::{Organisation, Policy};

use super::{claims, number_and_date};

fn policy() -> Policy {
    let mut policy = Policy::parse(include_str!("../../../../../config/policy.toml")).unwrap();
    let organisation = |id: &str, title: &str| Organisation {
        id: OrganisationId::new(id),
        title: title.to_owned(),
        own_company: CompanyId(1),
        account: None,
        time_zone: "Europe/Moscow".to_owned(),
        test: false,
        vat: Vec::new(),
        paper: None,
    };
    policy.organisations = vec![
        organisation("org", "ООО «Мы»"),
        organisation("twin", "ИП Я"),
        organisation("twin-2", "ИП Я"),
    ];
    policy
}

/// The claims, or the faults, a line each.
fn read(text: &str) -> String {
    match claims(text, &policy()) {
        Err(faults) => faults.join("\n"),
        Ok(claims) => {
            let line = |claim: &planner::adopting::Claim| {
                let organisation = claim.organisation.as_ref();
                let bills = match claim.bills {
                    domain::SlotKind::Whole => "",
                    domain::SlotKind::Advance => " advance",
                    domain::SlotKind::Rest => " rest",
                    domain::SlotKind::Additional => " additional",
                };
                format!(
                    "{}: {} № {} {} {}{bills}",
                    claim.deal,
                    organisation.map_or("-", |id| id.as_str()),
                    claim.number,
                    claim.date.map_or("-".to_owned(), |date| date.to_string()),
                    claim.total.map_or("-".to_owned(), |sum| sum.to_string()),
                )
            };
            claims.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn columns_are_found_by_their_names_in_either_language_and_order() {
    for (text, expected) in [
        (
            "\u{feff}сделка;организация;номер;дата;сумма\r\n4711;ООО «Мы»;17;12.03.2026;13 080,00\r\n\r\n",
            "4711: org № 17 2026-03-12 13080.00",
        ),
        (
            "Number,Deal,Comment,Sum\n007,5,\"a, \"\"b\"\"\",\"122,50\"\n",
            "5: - № 007 - 122.50",
        ),
        (
            "сделка\tномер\n1\t№ 17 от 12.03.2026 г.\n2\tА-18/1\n",
            "1: - № 17 2026-03-12 -\n2: - № А-18/1 - -",
        ),
        (
            "сделка;номер;вид\n1;17;Аванс\n2;18;\n3;19;счёт\n",
            "1: - № 17 - - advance\n2: - № 18 - -\n3: - № 19 - -",
        ),
        (
            "сделка;номер;вид\n1;18;остаток\n1;17;аванс\n",
            "1: - № 18 - - rest\n1: - № 17 - - advance",
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn each_fault_names_its_line_and_what_to_do() {
    let header = "deal;organisation;number;date;sum\n";
    for (lines, expected) in [
        (";;17;;\n", "line 2: the deal is missing"),
        ("0;;17;;\n", "line 2: `0` is no id of a deal"),
        ("5;;;;\n", "line 2: the number of the invoice is missing"),
        ("5;;№;;\n", "line 2: `№` is no number of an invoice"),
        (
            "5;;17;32.03.2026;\n",
            "line 2: `32.03.2026` is no date: write 2026-03-12 or 12.03.2026",
        ),
        (
            "5;;17;;1,234,5\n",
            "line 2: `1,234,5` is no sum: write 13080,00",
        ),
        (
            "5;;17;;0,005\n",
            "line 2: `0,005` is no sum: write 13080,00",
        ),
        (
            "5;Они;17;;\n",
            "line 2: the policy has no organisation `Они`, only org, twin, twin-2",
        ),
        (
            "5;ИП Я;17;;\n",
            "line 2: `ИП Я` is the title of several organisations: write the id",
        ),
        (
            "5;;17;;\n\n5;;18;;\n",
            "line 4: deal 5 stands in line 2 already: leave one of them",
        ),
        ("5;;\"17;;\n", "line 2: a quotation mark is not closed"),
        (
            "5;;17;;1;2\n",
            "line 2: there are 6 cells under 5 columns: put quotation marks around one that holds a `;`",
        ),
        ("", "it has a header and no line"),
    ] {
        assert_eq!(read(&format!("{header}{lines}")), expected, "{lines}");
    }
    assert_eq!(read(""), "it is empty");
    assert_eq!(
        read("сделка;дата\n1;2\n"),
        "line 1: there is no column `number`"
    );
}

#[test]
fn a_number_may_stand_with_its_date() {
    let march = Some(date(2026, 3, 12));
    for (said, expected) in [
        ("17", ("17", None)),
        (" № 0017 ", ("0017", None)),
        ("№ 17 от 12.03.2026", ("17", march)),
        ("17 от 2026-03-12", ("17", march)),
        ("17 от марта", ("17 от марта", None)),
        ("", ("", None)),
    ] {
        let (number, date) = number_and_date(said);
        assert_eq!((number.as_str(), date), expected, "{said}");
    }
    assert_eq!(
        Money::parse("13 080,00").unwrap(),
        Money::from_kopecks(1_308_000)
    );
}
