//! Of what cannot be invoiced somebody is asked, row by row and by what is the matter with it; of what can be nobody is. What
//! may be billed, and for how much, is judged with every other bill.

use emulator_bitrix24::LineSeed;

use super::Evidence;
use super::deals::is_about;
use crate::habits::odd_rows::{LineRules, NO_UNIT, NoRate, OWN_UNIT, PRODUCT};
use crate::people::remembered::Version;

const MISSING: &str = "DEAL-DATA-MISSING";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(odd) = evidence.weather.customs.odd_rows else {
        return;
    };
    for (id, deal) in &evidence.office.deals {
        let mut cases = evidence.cases.iter();
        let asked = cases.find(|case| is_about(case, *id) && case.facts.code == MISSING);
        let last = deal.versions.last().filter(|_| !deal.deleted);
        if let (Some(asked), Some(last)) = (asked, last) {
            let rules = last.rules.unwrap_or(odd.rules);
            named(*id, last, rules, &asked.facts.text, wrong);
        }
    }
}

/// Whether a question says of each row what is the matter with it, and nothing of those that are right.
fn named(deal: i64, last: &Version, rules: LineRules, text: &str, wrong: &mut Vec<String>) {
    let mut say = |holds: bool, words: &str| {
        let is_said = text.contains(words);
        if is_said != holds {
            wrong.push(format!(
                "[rows] deal {deal}: said of `{words}`: {is_said}, and it should be {holds}: {text}"
            ));
        }
    };
    say(last.foreign, "валюта сделки USD");
    let has_sum = last.typed.is_some_and(|typed| typed > 0);
    let is_empty = last.lines.is_empty() && !(rules.without_rows && has_sum);
    say(is_empty, "в сделке нет товаров и услуг");
    for (row, number) in last.lines.iter().zip(1..) {
        for (holds, what) in faults(row, rules) {
            let name = &row.name;
            say(holds, &format!("строка {number} «{name}»: {what}"));
        }
    }
}

/// Whatever may be the matter with a row, and whether it is.
fn faults(row: &LineSeed, rules: LineRules) -> [(bool, &'static str); 6] {
    let is_less = |number: &str| number == "0" || number.starts_with('-');
    let [free, of_product] = rules.no_rate;
    let meant = if row.product == PRODUCT {
        of_product
    } else {
        free
    };
    let is_meant = row.vat.is_empty() && rules.pays_vat;
    [
        (is_less(&row.quantity), "количество "),
        (is_less(&row.price), "цена "),
        (row.measure == NO_UNIT, "не указана единица измерения"),
        (
            row.measure == OWN_UNIT && !rules.unit,
            "единица измерения «бухта» не из классификатора ОКЕИ",
        ),
        (is_meant && meant.is_none(), "ставка НДС не указана"),
        (
            is_meant && meant == Some(NoRate::Ended),
            "в правилах (invoice.no_rate) ставка НДС 20% ",
        ),
    ]
}
