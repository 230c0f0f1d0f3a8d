//! Numbers and dates behind a document: one, or a list of them.
//!
//! The second half of the reader. Whatever does not look like a reference is left where it stands.

use super::StatedDate;
use super::dates::{self, Expected};
use super::lexicon::Meaning;
use super::numbers;
use super::reader::Reader;
use super::tokens::Token;
use super::vat;

/// A number and a date of a list, before the document is known.
pub(super) struct Item {
    pub(super) number: Option<String>,
    pub(super) date: Option<StatedDate>,
    /// Something in the place of a date was read, even if it is no day.
    dated: bool,
}

impl Reader<'_> {
    /// Number and date, and more of them: `№ 123 от 01.02.2026, № 130 от 05.02.2026`, `№№ 123, 124`.
    pub(super) fn list(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        let Some(first) = self.first_item() else {
            return items;
        };
        items.push(first);
        while let Some(item) = self.next_item() {
            items.push(item);
        }
        items
    }

    /// The item right behind the document, or behind words such as `на оплату` and `оказания услуг`.
    fn first_item(&mut self) -> Option<Item> {
        let start = self.at;
        self.skip_marks(&['.', ':', ',', '"', '-', '(']);
        let early = self.dated();
        if early.is_none() && self.rest().first().is_some_and(Token::is_word) {
            self.skip_qualifiers();
        }
        let qualified = self.at > start.saturating_add(2) && early.is_none();
        let signed = self.skip_signs();
        let no_number = self.skip_no_number();
        let number = if no_number {
            None
        } else {
            numbers::number(self.text, self.rest(), signed)
        };
        let taken = number
            .as_ref()
            .map(|found| (found.text.to_owned(), found.tokens));
        if let Some((_, tokens)) = taken {
            self.skip(tokens);
        }
        let sum_follows = !signed && taken.is_some() && self.counts_or_costs();
        let late = if early.is_none() && !sum_follows {
            self.dated()
        } else {
            None
        };
        let (dated, date) = (early.is_some() || late.is_some(), early.or(late).flatten());
        let guessed = qualified && !signed && !dated;
        let number = taken.map(|(number, _)| number);
        if sum_follows || guessed || (number.is_none() && !no_number && !dated) {
            // Nothing of the kind: `по счету за услуги`, `по счету на 5000 руб`.
            self.at = start;
            return None;
        }
        Some(Item {
            number,
            date,
            dated,
        })
    }

    /// One more item of the list, where separators, a sign or a date make clear that it is one.
    fn next_item(&mut self) -> Option<Item> {
        let start = self.at;
        let _after_sum = self.skip_sum();
        let separated = self.skip_separators();
        let signed = self.skip_signs();
        let item = numbers::number(self.text, self.rest(), signed)
            .map(|found| (found.text.to_owned(), found.tokens))
            .and_then(|(number, tokens)| {
                self.skip(tokens);
                let costs = self.counts_or_costs();
                let dated = self.dated();
                let sure = signed
                    || dated.is_some()
                    || (separated && !costs && is_bare_number(&number) && self.ends_here());
                sure.then_some(Item {
                    number: Some(number),
                    date: dated.flatten(),
                    dated: dated.is_some(),
                })
            });
        if item.is_none() {
            self.at = start;
        }
        item
    }

    /// `от 01.02.2026`, `(от 1 февраля)`, or a full date without `от`. The inner `None` is a day that does not exist.
    fn dated(&mut self) -> Option<Option<StatedDate>> {
        let start = self.at;
        self.skip_marks(&['/', ',', '(', '.', '-', '\\']);
        let of = self.next_is(Meaning::Of);
        if of {
            self.skip(1);
            self.skip_marks(&['.', ':']);
        }
        let expected = if of {
            Expected::Surely
        } else {
            Expected::Perhaps
        };
        let found = dates::date(self.text, self.rest(), expected);
        match found {
            Some(found) => {
                self.skip(found.tokens);
                Some(found.date)
            }
            None => {
                self.at = start;
                None
            }
        }
    }

    /// `на сумму 1000-00 руб.`; `false` where no sum stands there.
    pub(super) fn skip_sum(&mut self) -> bool {
        let start = self.at;
        if self.next_is(Meaning::Qualifier) {
            self.skip(1);
        }
        let is_sum = self.next_is(Meaning::Sum);
        if !is_sum {
            self.at = start;
            return false;
        }
        self.skip(1);
        self.skip_marks(&['.', ':', '-', '=', '(']);
        if let Some((_, tokens)) = vat::amount(self.text, self.rest()) {
            self.skip(tokens);
        }
        if self.next_is(Meaning::Rouble) {
            self.skip(1);
        }
        true
    }

    fn skip_qualifiers(&mut self) {
        let count = self
            .rest()
            .iter()
            .take(10)
            .take_while(|token| {
                matches!(
                    token.meaning,
                    Meaning::Qualifier
                        | Meaning::And
                        | Meaning::OnBehalf
                        | Meaning::Loan
                        | Meaning::Role
                        | Meaning::Commission
                ) || token.is_mark(&['.', '-', '/'])
            })
            .count();
        for token in self.tokens.iter().skip(self.at).take(count) {
            self.note(token.meaning);
        }
        self.skip(count);
    }

    /// `№`, `№№`, `N.`, `номер`, `№:`.
    pub(super) fn skip_signs(&mut self) -> bool {
        let signs = self
            .rest()
            .iter()
            .take(3)
            .take_while(|token| token.meaning == Meaning::NumberSign)
            .count();
        self.skip(signs);
        if signs > 0 {
            self.skip_marks(&['.', ':', '°', 'º', '-', '"']);
        }
        signs > 0
    }

    /// `б/н`, `без номера`, `без №`.
    fn skip_no_number(&mut self) -> bool {
        let words = match self.rest() {
            [word, ..] if word.meaning == Meaning::NoNumber => 1,
            [without, sign, ..]
                if without.meaning == Meaning::Without && sign.meaning == Meaning::NumberSign =>
            {
                2
            }
            _ => 0,
        };
        self.skip(words);
        words > 0
    }

    fn skip_separators(&mut self) -> bool {
        let count = self
            .rest()
            .iter()
            .take(3)
            .take_while(|token| {
                token.is_mark(&[',', ';', '.', '+', '/', ')']) || token.meaning == Meaning::And
            })
            .count();
        self.skip(count);
        count > 0
    }

    /// Behind a number: it was so many roubles, pieces or per cent, or a year.
    pub(super) fn counts_or_costs(&self) -> bool {
        self.rest().first().is_some_and(|token| {
            matches!(
                token.meaning,
                Meaning::Rouble
                    | Meaning::Kopeck
                    | Meaning::Percent
                    | Meaning::Unit
                    | Meaning::Year
                    | Meaning::Month(_)
            ) || (token.is_mark(&[',', '='])
                && !token.spaced
                && self.rest().get(1).is_some_and(|next| {
                    next.is_digits() && !next.spaced && next.end.saturating_sub(next.start) <= 2
                })
                && token.is_mark(&['=']))
        })
    }

    /// Whether what follows cannot belong to the number before it.
    fn ends_here(&self) -> bool {
        self.rest().first().is_none_or(|token| {
            !token.is_digits() && (!token.is_word() || token.meaning != Meaning::Other)
        })
    }
}

/// `№№ 123, 124 от 01.02.2026`: the date is that of both.
pub(super) fn share_dates(items: &mut [Item]) {
    let mut next = None;
    for item in items.iter_mut().rev() {
        if item.dated {
            next = item.date;
        } else {
            item.date = next;
        }
    }
}

/// Digits alone, and not so many kopecks behind a hyphen.
fn is_bare_number(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let year = number.len() == 4 && (number.starts_with("20") || number.starts_with("19"));
    let sum = number
        .rsplit_once('-')
        .is_some_and(|(_, kopecks)| kopecks.len() == 2);
    digits <= 8 && !year && !sum && !number.contains('.')
}
