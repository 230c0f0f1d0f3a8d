//! The codes that people meet, each with its page of `docs/errors/`.
//!
//! The pages are built in, so that they are at hand where there is no network.

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
    "INVOICE-FORETOLD",
    "INVOICE-LONG-OVERDUE",
    "INVOICE-MARKED-PAID",
    "INVOICE-OVERDUE",
    "INVOICE-RATE-ENDED",
    "INVOICE-TWIN",
    "KONTUR-ACCOUNTING",
    "ORGANISATION-UNMATCHED",
    "OUTCOME-UNKNOWN",
    "PAID-INVOICE-GONE",
    "PAID-MARK-GONE",
    "PAPER-UNUSABLE",
    "PAYMENT-AT-ADOPTION",
    "PAYMENT-DEAL-LOST",
    "PAYMENT-TAKEN-BACK",
    "PAYMENT-UNDECIDED",
    "POLICY-MISSING",
    "POLICY-OUTDATED",
    "PORTAL-PAUSED",
    "PORTAL-TAKEN",
    "SELLER-HIDDEN",
    "SUBJECT-SET-ASIDE",
    "TOKENS-SEALED",
    "TRIED-TOO-OFTEN",
    "TRIGGER-UNBOUND",
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
pub fn title(page: &'static str) -> &'static str {
    let first = page.lines().next().unwrap_or_default();
    first.split_once(": ").map_or(first, |(_, title)| title)
}

/// The part of a page that says what a person does.
pub fn to_do(page: &'static str) -> &'static str {
    let after = page.split_once(TO_DO).map_or("", |(_, after)| after);
    let part = after.split_once("\n## ").map_or(after, |(part, _)| part);
    part.trim()
}

/// Before that part; the last of most pages.
const TO_DO: &str = "\n## Что сделать\n";

#[cfg(test)]
mod tests {
    use super::{PAGES, to_do};

    #[test]
    fn every_page_says_what_to_do() {
        for (code, page) in PAGES {
            let told = to_do(page);
            assert!(
                !told.is_empty() && !told.contains("\n## "),
                "{code}: {told}"
            );
        }
    }
}
