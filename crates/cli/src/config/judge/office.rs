//! The office's own legal entities: what each setting must be, and what no two of them may share.

use connector_office::{GoOn, Organisation, TEST_PREFIX};
use domain::{Inn, Kpp, OrganisationId};

use super::super::raw::{RawAccounting, RawOrganisation};
use super::{Faults, fault};

pub(super) const ORGANISATIONS: &str = "accounting.organisations";
/// The years in which a series may go on.
const YEARS: std::ops::RangeInclusive<u32> = 2020..=2100;

/// All of them, if each is in order.
pub(super) fn organisations(raw: &RawAccounting, faults: &mut Faults) -> Option<Vec<Organisation>> {
    if raw.organisations.is_empty() {
        fault(
            faults,
            ORGANISATIONS,
            "is empty: nobody could sell",
            "write a section `[[accounting.organisations]]` with `id`, `name`, `inn` and `kpp` for each of your legal \
             entities; `docs/reference/configuration.md` shows one",
        );
        return None;
    }
    let before = faults.len();
    let mut organisations: Vec<Organisation> = Vec::new();
    for (place, given) in (1_usize..).zip(&raw.organisations) {
        let key = format!("{ORGANISATIONS}[{place}]");
        let Some(one) = organisation(given, &key, faults) else {
            continue;
        };
        if organisations.iter().any(|other| other.id == one.id) {
            let what = format!(
                "`{}` is there twice: both would give the same numbers",
                one.id
            );
            fault(faults, &format!("{key}.id"), what, "choose another word");
        }
        // A test organisation stands beside the real one that it is a rehearsal of.
        let same = |other: &&Organisation| {
            other.inn == one.inn && other.kpp == one.kpp && other.test == one.test
        };
        if let Some(other) = organisations.iter().find(same) {
            let what = format!("has the INN and KPP of `{}`", other.id);
            fault(faults, &key, what, "keep one of the two");
        }
        organisations.push(one);
    }
    (faults.len() == before).then_some(organisations)
}

fn organisation(given: &RawOrganisation, key: &str, faults: &mut Faults) -> Option<Organisation> {
    let id = given.id.trim();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !(1..=40).contains(&id.len()) || !id.chars().all(is_word) {
        fault(
            faults,
            &format!("{key}.id"),
            "is no short word of latin letters, digits, `-` and `_`",
            "write one that will stay for ever, such as `sever`",
        );
    }
    if given.name.trim().is_empty() {
        fault(
            faults,
            &format!("{key}.name"),
            "is missing",
            "write the short name, such as `ООО «Северный ветер»`",
        );
    }
    if let Err(error) = Organisation::judge_prefix(&given.prefix) {
        fault(
            faults,
            &format!("{key}.prefix"),
            format!("`{}` {error}", given.prefix),
            "write for example `СВ-`, or `{year}/`, or leave it out",
        );
    }
    let prefix = match (given.test, given.prefix.as_str()) {
        (true, "") => TEST_PREFIX,
        (_, prefix) => prefix,
    };
    if given.test && !Organisation::says_test(prefix) {
        fault(
            faults,
            &format!("{key}.prefix"),
            format!("`{prefix}` does not say that the numbers are tests"),
            format!("write for example `{TEST_PREFIX}`, or leave it out"),
        );
    }
    let go_on = go_on(given, key, faults);
    let (inn, kpp) = (inn(given, key, faults), kpp(given, key, faults));
    Some(Organisation {
        id: OrganisationId::new(id),
        name: given.name.trim().to_owned(),
        inn: inn?,
        kpp: kpp?,
        test: given.test,
        prefix: prefix.to_owned(),
        go_on,
    })
}

fn inn(given: &RawOrganisation, key: &str, faults: &mut Faults) -> Option<Inn> {
    let parsed = Inn::parse(given.inn.trim());
    if let Err(error) = &parsed {
        fault(
            faults,
            &format!("{key}.inn"),
            format!("`{}` is no INN: {error}", given.inn),
            "copy it from the own company's requisites on the portal",
        );
    }
    parsed.ok()
}

/// Organisations have one, sole traders have none.
fn kpp(given: &RawOrganisation, key: &str, faults: &mut Faults) -> Option<Option<Kpp>> {
    let text = given.kpp.trim();
    let is_person = Inn::parse(given.inn.trim()).is_ok_and(|inn| inn.is_person());
    let key = format!("{key}.kpp");
    match (text.is_empty(), is_person) {
        (true, true) => return Some(None),
        (true, false) => fault(
            faults,
            &key,
            "is missing",
            "copy it from the own company's requisites on the portal",
        ),
        (false, true) => fault(
            faults,
            &key,
            "is set, and the INN is a sole trader's",
            "leave it out",
        ),
        (false, false) => match Kpp::parse(text) {
            Ok(kpp) => return Some(Some(kpp)),
            Err(error) => fault(
                faults,
                &key,
                format!("`{text}` is no KPP: {error}"),
                "copy it from the own company's requisites on the portal",
            ),
        },
    }
    None
}

fn go_on(given: &RawOrganisation, key: &str, faults: &mut Faults) -> Option<GoOn> {
    match (given.next, given.year) {
        (0, 0) => None,
        (0, _) | (_, 0) => {
            fault(
                faults,
                &format!("{key}.next"),
                "and `year` belong together: a number goes on in one year, each other year begins with 1",
                "set both, or none of them",
            );
            None
        }
        (number, year) => {
            let in_time = i16::try_from(year).ok().filter(|_| YEARS.contains(&year));
            if in_time.is_none() {
                fault(
                    faults,
                    &format!("{key}.year"),
                    format!("`{year}` is no year of ours"),
                    "write the year of the invoices, such as 2026",
                );
            }
            in_time.map(|year| GoOn { year, number })
        }
    }
}
