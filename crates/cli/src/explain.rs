//! `provodka explain CODE`: the page of a code that a person met.
//!
//! The pages of `docs/errors/` are built in, so that they are at hand where there is no network.

use std::io::Write;

use crate::fault::Told;

macro_rules! pages {
    ($($code:literal),+ $(,)?) => {
        /// Every code a person can meet, with its page.
        pub const PAGES: &[(&str, &str)] = &[
            $(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),+
        ];
    };
}

pages![
    "ACTION-REFUSED",
    "ADMINISTRATOR-MISSING",
    "ACCOUNT-UNKNOWN",
    "ACCOUNTING-PAYMENT",
    "BITRIX24-ACCESS",
    "BITRIX24-ADMIN",
    "BITRIX24-ANSWER",
    "BITRIX24-BLOCKED",
    "BITRIX24-FIELD",
    "BITRIX24-INSTALL",
    "BITRIX24-LIMIT",
    "BITRIX24-OUTGOING-WEBHOOK",
    "BITRIX24-OWN-COMPANY",
    "BITRIX24-PLAN",
    "BITRIX24-RIGHTS",
    "BITRIX24-SCOPE",
    "BITRIX24-UNREACHABLE",
    "BUYER-HIDDEN",
    "CLOCK-WRONG",
    "CONFIG-REFUSED",
    "COUNTERPARTY-AMBIGUOUS",
    "COUNTERPARTY-NEW",
    "DATABASE-UNUSABLE",
    "DEAL-CHANGED-AFTER-INVOICE",
    "DEAL-DATA-MISSING",
    "DEAL-DELETED",
    "DEAL-HIDDEN",
    "DEAL-SMART-INVOICE",
    "DEAL-SUM-DIFFERS",
    "FIELD-NOT-KEPT",
    "INVOICE-CANCEL-ORDERED",
    "INVOICE-CANCELLED",
    "INVOICE-DELETED",
    "INVOICE-EDITED",
    "INVOICE-FLOOD",
    "INVOICE-LONG-OVERDUE",
    "INVOICE-OVERDUE",
    "INVOICE-RATE-ENDED",
    "INVOICE-TWIN",
    "KONTUR-ACCOUNTING",
    "ORGANISATION-UNMATCHED",
    "OUTCOME-UNKNOWN",
    "PAID-INVOICE-GONE",
    "PAPER-UNUSABLE",
    "PAYMENT-AT-ADOPTION",
    "PAYMENT-DEAL-LOST",
    "PAYMENT-TAKEN-BACK",
    "PAYMENT-UNDECIDED",
    "POLICY-MISSING",
    "POLICY-OUTDATED",
    "PORTAL-PAUSED",
    "PORTAL-TAKEN",
    "SUBJECT-SET-ASIDE",
    "TOKENS-SEALED",
    "TRIED-TOO-OFTEN",
    "VAT-RATE-ENDED",
    "VAT-REGIME-UNKNOWN",
];

/// The page of a code, in whatever letters it is written.
pub fn page(code: &str) -> Option<&'static str> {
    let code = code.trim();
    let found = PAGES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(code));
    found.map(|(_, page)| *page)
}

/// The first line of a page, without its code: what it is about.
fn title(page: &'static str) -> &'static str {
    let first = page.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}

/// Prints a page, or the list of codes.
///
/// # Errors
/// When there is no such code.
pub fn run(code: Option<&str>, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(code) = code else {
        for (code, page) in PAGES {
            writeln!(out, "{code:<28}{}", title(page))?;
        }
        return Ok(());
    };
    let page = page(code).ok_or_else(|| {
        Told::mistake(format!("there is no code `{code}`")).hint("`provodka explain` lists them")
    })?;
    out.write_all(page.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PAGES, page, run, title};

    #[test]
    fn every_code_of_the_planner_and_the_engine_has_its_page() {
        let mut codes: Vec<&str> = planner::CaseCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect();
        codes.push(planner::flood::INVOICE_FLOOD);
        codes.push(engine::set_aside::SUBJECT_SET_ASIDE);
        codes.push(crate::config::CONFIG_REFUSED);
        for code in codes {
            assert!(page(code).is_some(), "{code}");
        }
    }

    #[test]
    fn every_page_is_listed_and_says_what_is_asked_of_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
        let listed: BTreeSet<String> = PAGES.iter().map(|(code, _)| format!("{code}.md")).collect();
        assert_eq!(on_disk, listed);
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(!title(page).is_empty(), "{code}");
            for part in [
                "## Что случилось",
                "## Что программа делает сама",
                "## Что сделать",
            ] {
                assert!(page.contains(part), "{code} lacks {part}");
            }
        }
    }

    #[test]
    fn a_code_is_found_in_any_letters_and_an_unknown_one_is_a_mistake() {
        assert_eq!(page("bitrix24-scope"), page("BITRIX24-SCOPE"));
        let error = run(Some("NO-SUCH"), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "there is no code `NO-SUCH`");
    }
}
