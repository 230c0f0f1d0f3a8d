//! Questions about deals, and about whatever else is no payment: which are open, what each asks, and a person's order to
//! try again.
//!
//! An answer by one of the choices is `payments`, for all questions alike; questions about payments are read in
//! `questions`, with what is open of their invoices now. Not here: how a question looks (`cli`, `web::admin`).

use store::{Case, CasePage, CaseState, Retried, StoreError};

use crate::Desk;
use crate::payments::{choices, fingerprint};
use crate::questions::UNDECIDED;

/// About an action that surely did not happen and may be ordered anew.
const RETRIED: [&str; 2] = ["ACTION-REFUSED", "TRIED-TOO-OFTEN"];
/// About one that may have happened.
const OUTCOME_UNKNOWN: &str = "OUTCOME-UNKNOWN";
/// No question: what would be issued if its funnel were not watched only.
const INVOICE_FORETOLD: &str = "INVOICE-FORETOLD";

/// Before a link into the portal, and after it.
const LINK: (&str, &str) = ("[URL=", "[/URL]");

/// Open questions, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenCases {
    /// The newest first.
    pub cases: Vec<Case>,
    /// Before this case; none: these are the last.
    pub next: Option<i64>,
    /// How many are open of each code.
    pub codes: Vec<(String, u64)>,
}

/// Why nothing is tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotRetried {
    /// There is none of this number.
    #[error("there is no case {0}")]
    NoCase(i64),
    /// It is about no action that was refused or given up.
    #[error("case {} ({}) is about nothing that can be tried again", .0.id, .0.facts.code)]
    NothingToTry(Box<Case>),
    /// It is not sent a second time before that is known.
    #[error("what case {0} is about may have happened")]
    MayHaveHappened(i64),
    /// It is about something else by now: what was meant is not what would be tried.
    #[error("case {0} was asked anew meanwhile")]
    Changed(i64),
    /// Somebody was faster, or it settled itself.
    #[error("case {0} is closed already")]
    Closed(i64),
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A piece of a text that was written for the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// `[URL=place]word[/URL]`
    Link {
        /// Where it leads, mostly a path on the portal.
        place: &'a str,
        /// What is read.
        word: &'a str,
    },
}

impl Desk {
    /// Open questions that are not about which invoice a payment is for: of one code, those before case `before`.
    ///
    /// # Errors
    /// The store's.
    pub async fn open_cases(
        &self,
        code: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<OpenCases, StoreError> {
        let page = CasePage {
            code: code.map(str::to_owned),
            but: UNDECIDED.to_owned(),
            before,
            limit: limit.saturating_add(1),
        };
        let mut cases = self.store.cases_newest(&self.portal, &page).await?;
        let is_more = cases.len() > limit;
        cases.truncate(limit);
        let mut codes = self.store.cases_count(&self.portal).await?;
        codes.retain(|(code, _)| code != UNDECIDED);
        Ok(OpenCases {
            next: cases.last().filter(|_| is_more).map(|case| case.id),
            cases,
            codes,
        })
    }

    /// Orders, in the name of `by`, that what case `number` is about be tried again, where it is known as whoever orders saw
    /// it.
    ///
    /// # Errors
    /// Says why nothing is.
    pub async fn retry(
        &self,
        number: i64,
        seen: Option<&str>,
        by: &str,
    ) -> Result<Case, NotRetried> {
        let case = self.store.case_get(&self.portal, number).await?;
        let case = case.ok_or(NotRetried::NoCase(number))?;
        if case.state == CaseState::Open && seen.is_some_and(|seen| seen != fingerprint(&case)) {
            return Err(NotRetried::Changed(number));
        }
        if case.facts.code == OUTCOME_UNKNOWN {
            return Err(NotRetried::MayHaveHappened(number));
        }
        if !is_retried(&case) {
            return Err(NotRetried::NothingToTry(Box::new(case)));
        }
        let now = self.clock.now();
        let ordered = self.store.case_retry(&self.portal, &case, by, now);
        match ordered.await? {
            Retried::Ordered(answered) => Ok(*answered),
            Retried::MayHaveHappened => Err(NotRetried::MayHaveHappened(number)),
            Retried::Changed => Err(NotRetried::Changed(number)),
            Retried::NotOpen => Err(NotRetried::Closed(number)),
        }
    }
}

/// Whether what it is about may be ordered anew.
pub fn is_retried(case: &Case) -> bool {
    RETRIED.contains(&case.facts.code.as_str())
}

/// Whether nobody was told of it, because its funnel is watched only, and somebody may be later. Of what would be issued
/// nobody ever is.
pub fn is_watched(case: &Case) -> bool {
    case.facts.facts.get("watched").is_some() && case.facts.code != INVOICE_FORETOLD
}

/// The deals that one question is about together.
pub fn deals(case: &Case) -> Vec<u64> {
    let deals = case
        .facts
        .facts
        .get("deals")
        .and_then(|deals| deals.as_array());
    deals
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_u64)
        .collect()
}

/// The text without the lines that name the choices: whoever is shown each of them beside it reads them once.
pub fn question(case: &Case) -> String {
    let choices = choices(case);
    let named: Vec<String> = choices
        .iter()
        .map(|choice| format!("• {} ({})", choice.text, choice.word))
        .collect();
    let lines = case.facts.text.lines();
    let kept: Vec<&str> = lines
        .filter(|line| !named.iter().any(|named| named == line))
        .collect();
    kept.join("\n").trim().to_owned()
}

/// A text that was written for the portal, with its links apart; other marks stay as they are.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (before_link, after_link) = LINK;
    let mut pieces = Vec::new();
    let mut rest = text;
    // Where nothing closes a mark, it is text, and what follows it is searched on.
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|rest| rest.find(before_link)) {
        let at = from + at;
        let (before, marked) = rest.split_at(at);
        let inside = marked.strip_prefix(before_link).unwrap_or(marked);
        let link = inside
            .split_once(after_link)
            .and_then(|(inside, after)| Some((inside.split_once(']')?, after)));
        let Some(((place, word), after)) = link else {
            from = at + before_link.len();
            continue;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Link { place, word });
        (rest, from) = (after, 0);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn links_stand_apart_and_what_is_none_stays() {
        let link = |place, word| Piece::Link { place, word };
        for (text, expected) in [
            ("", vec![]),
            (
                "без ссылок [B]и[/B]",
                vec![Piece::Text("без ссылок [B]и[/B]")],
            ),
            (
                "КПП — [URL=/crm/company/details/1/]исправить[/URL].",
                vec![
                    Piece::Text("КПП — "),
                    link("/crm/company/details/1/", "исправить"),
                    Piece::Text("."),
                ],
            ),
            (
                "[URL=/a/]а[/URL][URL=/b/]б[/URL]",
                vec![link("/a/", "а"), link("/b/", "б")],
            ),
            ("[URL=/a/ и конец", vec![Piece::Text("[URL=/a/ и конец")]),
            (
                "[URL=и[/URL] [URL=/b/]б[/URL]",
                vec![Piece::Text("[URL=и[/URL] "), link("/b/", "б")],
            ),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
