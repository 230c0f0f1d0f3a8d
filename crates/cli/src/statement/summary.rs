//! What an import came to, for people and programs.

use std::collections::BTreeMap;
use std::path::Path;

use desk::statement::{self, Became, Known};
use domain::display::{date, money};
use serde::Serialize;
use store::AccountSpan;

use crate::words::harmless;

/// Of one file.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    file: String,
    dry_run: bool,
    /// Payments that were read.
    read: usize,
    /// Those that were not known.
    new: usize,
    /// What became of the new ones.
    became: BTreeMap<&'static str, Became>,
    faults: Vec<String>,
    more_faults: usize,
    lost: bool,
    /// Payments that statements showed before on its days, and it does not.
    not_shown: Vec<i64>,
    /// The same for people.
    #[serde(skip)]
    remark: Option<String>,
}

impl Summary {
    pub(super) fn new(
        path: &Path,
        dry_run: bool,
        known: &Known,
        came_to: statement::Summary,
    ) -> Self {
        Self {
            file: path.display().to_string(),
            dry_run,
            read: came_to.read,
            new: came_to.new,
            remark: came_to.not_shown_in_words(),
            became: came_to.became,
            not_shown: came_to.not_shown,
            faults: known.faults.clone(),
            more_faults: known.more_faults,
            lost: known.lost,
        }
    }

    pub(super) fn told(&self, json: bool) -> anyhow::Result<String> {
        if json {
            return Ok(format!("{}\n", serde_json::to_string(self)?));
        }
        let known = self.read.saturating_sub(self.new);
        let mut told = format!(
            "Файл {}: платежей {}, новых {}, уже известных {known}\n",
            harmless(&self.file),
            self.read,
            self.new
        );
        for (word, text) in [
            ("booked", "отнесено к счетам"),
            ("asked", "ждут решения (`provodka cases`)"),
            ("aside", "не оплата счетов"),
            ("left", "оставлено без счёта"),
            ("new", "ещё не рассмотрено"),
        ] {
            if let Some(became) = self.became.get(word) {
                let (count, amount) = (became.payments, money(became.amount));
                told.push_str(&format!("  {text}: {count} на {amount}\n"));
            }
        }
        for fault in &self.faults {
            told.push_str(&format!("  !  {}\n", harmless(fault)));
        }
        if self.more_faults > 0 {
            told.push_str(&format!("  !  и ещё замечаний: {}\n", self.more_faults));
        }
        if self.lost {
            told.push_str("  Часть файла не прочитана: запросите выписку у банка ещё раз.\n");
        }
        if let Some(remark) = &self.remark {
            told.push_str(&format!("  !  {remark}\n"));
        }
        if self.dry_run {
            told.push_str("  Ничего не записано: это проверка.\n");
        }
        Ok(told)
    }
}

/// Which account is known through which day.
pub(super) fn covered(spans: &[AccountSpan], json: bool) -> String {
    if json {
        let told = serde_json::json!({ "covered": spans });
        return format!("{told}\n");
    }
    let mut told = String::new();
    for span in spans {
        told.push_str(&format!(
            "Счёт {} известен с {} по {}\n",
            span.account,
            date(span.from),
            date(span.to)
        ));
    }
    told
}
