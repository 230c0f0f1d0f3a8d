//! What an import came to, for people and programs.

use std::collections::BTreeMap;
use std::path::Path;

use domain::Money;
use domain::display::{date, money};
use domain::payment::PaymentKind;
use serde::Serialize;
use store::{AccountSpan, PaymentState, PaymentSum};

use super::file::Known;

/// Of one file.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    file: String,
    pub(super) dry_run: bool,
    /// Payments that were read.
    pub(super) read: usize,
    /// Those that were not known.
    pub(super) new: usize,
    /// What became of the new ones.
    became: BTreeMap<&'static str, Became>,
    faults: Vec<String>,
    more_faults: usize,
    lost: bool,
}

#[derive(Debug, Default, Serialize)]
struct Became {
    payments: i64,
    #[serde(serialize_with = "as_text")]
    amount: Money,
    /// What of it is given to nothing.
    #[serde(serialize_with = "as_text")]
    remaining: Money,
}

fn as_text<S: serde::Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

impl Summary {
    pub(super) fn new(path: &Path, dry_run: bool, known: &Known) -> Self {
        Self {
            file: path.display().to_string(),
            dry_run,
            read: 0,
            new: 0,
            became: BTreeMap::new(),
            faults: known.faults.clone(),
            more_faults: known.more_faults,
            lost: known.lost,
        }
    }

    /// What became of a portion's new payments.
    pub(super) fn add(&mut self, sums: &[PaymentSum]) {
        for sum in sums {
            let is_buyers = sum.kind == PaymentKind::Incoming;
            let word = if is_buyers {
                sum.state.as_str()
            } else {
                PaymentState::Aside.as_str()
            };
            let became = self.became.entry(word).or_default();
            became.payments += sum.count;
            became.amount = became.amount.checked_add(sum.amount).unwrap_or_default();
            let remaining = became.remaining.checked_add(sum.remaining);
            became.remaining = remaining.unwrap_or_default();
        }
    }

    pub(super) fn told(&self, json: bool) -> anyhow::Result<String> {
        if json {
            return Ok(format!("{}\n", serde_json::to_string(self)?));
        }
        let known = self.read.saturating_sub(self.new);
        let mut told = format!(
            "Файл {}: платежей {}, новых {}, уже известных {known}\n",
            self.file, self.read, self.new
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
            told.push_str(&format!("  !  {fault}\n"));
        }
        if self.more_faults > 0 {
            told.push_str(&format!("  !  и ещё замечаний: {}\n", self.more_faults));
        }
        if self.lost {
            told.push_str("  Часть файла не прочитана: запросите выписку у банка ещё раз.\n");
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
