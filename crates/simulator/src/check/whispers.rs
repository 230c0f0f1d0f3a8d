//! [I-16] Nothing secret and nobody's personal details in what we keep and log; [I-15] nothing of another tenant either.

use memchr::memmem::Finder;

use super::Evidence;
use crate::offices::office;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let others: Vec<String> = (0..evidence.weather.tenants)
        .filter(|place| *place != evidence.place)
        .map(office::canary)
        .collect();
    let (secrets, others) = (secret_words(evidence.secrets), Words::new(&others));
    let mut judge = |whence: &dyn Fn() -> String, text: &str| {
        if secrets.stand_in(text) {
            wrong.push(format!(
                "[I-16] a secret or a person stands in {}",
                whence()
            ));
        }
        if others.stand_in(text) {
            wrong.push(format!("[I-15] another tenant stands in {}", whence()));
        }
    };
    for line in &evidence.journal.lines {
        let whence = || format!("line {} of the journal, `{}`", line.seq, line.kind);
        judge(&whence, &line.text);
    }
    for case in &evidence.cases {
        let facts = &case.facts;
        let whence = || format!("the question {} about {}", facts.code, facts.subject);
        judge(&whence, &facts.text);
        judge(&whence, &facts.cause);
        judge(&whence, &facts.facts.to_string());
    }
    judge(&|| "the figures".to_owned(), &evidence.figures);
}

/// What must not be logged, in the log of all tenants: there no taxpayer's number may stand either.
pub(crate) fn in_logs(lines: &[String], secrets: &[String], inns: &[String]) -> Vec<String> {
    let (secrets, inns) = (secret_words(secrets), Words::new(inns));
    lines
        .iter()
        .find(|line| inns.stand_in(line) || secrets.stand_in(line))
        .map(|line| format!("[I-16] a secret or a person stands in the log: {line}"))
        .into_iter()
        .collect()
}

fn secret_words(secrets: &[String]) -> Words<'_> {
    let mut words = Words::new(secrets);
    words.0.push(Finder::new(office::CANARY));
    words
}

/// What is looked for in thousands of texts, each word made ready once.
struct Words<'a>(Vec<Finder<'a>>);

impl<'a> Words<'a> {
    fn new(words: &'a [String]) -> Self {
        Self(
            words
                .iter()
                .map(|word| Finder::new(word.as_bytes()))
                .collect(),
        )
    }

    fn stand_in(&self, text: &str) -> bool {
        let holds = |word: &Finder<'_>| word.find(text.as_bytes()).is_some();
        self.0.iter().any(holds)
    }
}
