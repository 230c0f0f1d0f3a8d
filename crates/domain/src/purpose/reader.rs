//! Walks over the tokens once and collects what they say. The parts are read by their own modules.

use super::dates::{self, Expected};
use super::lexicon::{Meaning, is_misspelt_invoice};
use super::tokens::{self, Token};
use super::{Purpose, Reference, ReferenceKind, StatedDate, numbers, parties, vat};

pub(super) fn read(text: &str) -> Purpose {
    let tokens = tokens::tokens(text);
    let mut reader = Reader {
        text,
        tokens: &tokens,
        at: code_of_currency_control(&tokens),
        found: Purpose::default(),
    };
    while let Some(token) = reader.tokens.get(reader.at) {
        reader.step(token);
    }
    reader.found
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    found: Purpose,
}

/// A number and a date of a list, before the document is known.
struct Item {
    number: Option<String>,
    date: Option<StatedDate>,
    /// Something in the place of a date was read, even if it is no day.
    dated: bool,
}

/// `{VO20100}` at the beginning: the code of currency control.
fn code_of_currency_control(tokens: &[Token]) -> usize {
    let opened = tokens
        .first()
        .is_some_and(|token| token.is_mark(&['{', '(']));
    let code = tokens
        .iter()
        .take(6)
        .position(|token| token.is_mark(&['}', ')']));
    let is_code =
        tokens.get(1).is_some_and(Token::is_word) && tokens.get(2).is_some_and(Token::is_digits);
    match code {
        Some(closing) if opened && is_code => closing.saturating_add(1),
        _ => 0,
    }
}

impl Reader<'_> {
    fn rest(&self) -> &[Token] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    fn before(&self) -> &[Token] {
        self.tokens.get(..self.at).unwrap_or_default()
    }

    fn skip(&mut self, tokens: usize) {
        self.at = self.at.saturating_add(tokens);
    }

    fn next_is(&self, meaning: Meaning) -> bool {
        self.rest()
            .first()
            .is_some_and(|token| token.meaning == meaning)
    }

    /// Reads what begins with `token` and goes behind it.
    fn step(&mut self, token: &Token) {
        self.note(token.meaning);
        let meaning = token.meaning;
        if let Meaning::Document(kind) = meaning {
            self.document(kind);
        } else if meaning == Meaning::PartOfContract || meaning == Meaning::OtherDocument {
            self.skip(1);
            self.list();
        } else if meaning == Meaning::Requisite {
            self.skip(1);
            self.number_of_requisite();
        } else if meaning == Meaning::Vat {
            let found = vat::vat(
                self.text,
                self.before(),
                self.tokens
                    .get(self.at.saturating_add(1)..)
                    .unwrap_or_default(),
            );
            self.skip(found.tokens.saturating_add(1));
            self.add_vat(found.stated);
        } else if meaning == Meaning::WithoutVat {
            self.skip(1);
            self.add_vat(vec![super::StatedVat {
                rate: Some(super::StatedRate::Without),
                amount: None,
            }]);
        } else if meaning == Meaning::For || meaning == Meaning::OnBehalf {
            self.skip(1);
            self.third_party();
        } else if meaning == Meaning::Of {
            self.skip(1);
            self.skip_date(Expected::Surely);
        } else if matches!(meaning, Meaning::Month(_)) {
            self.skip(1);
            self.skip_year();
        } else if token.is_digits() {
            self.digits();
        } else if self.is_misspelt_invoice(token) {
            self.document(ReferenceKind::Invoice);
        } else if token.is_word() || meaning == Meaning::NumberSign {
            self.word_or_sign();
        } else {
            self.skip(1);
        }
    }

    fn note(&mut self, meaning: Meaning) {
        let signs = &mut self.found.signs;
        signs.refund |= meaning == Meaning::Refund;
        signs.own_funds |= meaning == Meaning::OwnFunds;
        signs.register |= meaning == Meaning::Register;
        signs.commission |= meaning == Meaning::Commission;
        signs.loan |= meaning == Meaning::Loan;
        signs.other_document |= meaning == Meaning::OtherDocument;
    }

    fn is_misspelt_invoice(&self, token: &Token) -> bool {
        let next = self.tokens.get(self.at.saturating_add(1));
        let numbered =
            next.is_some_and(|next| next.is_digits() || next.meaning == Meaning::NumberSign);
        if !(token.is_word() && token.meaning == Meaning::Other && numbered) {
            return false;
        }
        let mut folded = String::new();
        tokens::fold(
            self.text.get(token.start..token.end).unwrap_or_default(),
            &mut folded,
        );
        is_misspelt_invoice(&folded)
    }

    /// A document and the numbers that follow it.
    fn document(&mut self, kind: ReferenceKind) {
        let of_somebody = kind == ReferenceKind::Invoice && self.is_account();
        self.skip(1);
        if of_somebody {
            return self.number_of_requisite();
        }
        self.skip_form_of(kind);
        let mut items = self.list();
        share_dates(&mut items);
        let references = items.into_iter().map(|item| Reference {
            kind,
            number: item.number,
            date: item.date,
        });
        self.found.references.extend(references);
    }

    /// `расчетный счет`, `лиц. счет`.
    fn is_account(&self) -> bool {
        let word = match self.before() {
            [.., word, dot] if dot.is_mark(&['.']) => Some(word),
            [.., word] => Some(word),
            [] => None,
        };
        word.is_some_and(|word| word.meaning == Meaning::AccountKind)
    }

    /// What only says more exactly which paper it is: `ТОРГ-12`, `УПД (счет-фактура)`.
    fn skip_form_of(&mut self, kind: ReferenceKind) {
        let is_form = |token: &Token| match kind {
            ReferenceKind::Upd => {
                token.is_mark(&['(', ')'])
                    || token.meaning == Meaning::Document(ReferenceKind::InvoiceVat)
            }
            ReferenceKind::Waybill => {
                token.is_mark(&['-']) || self.text.get(token.start..token.end) == Some("12")
            }
            ReferenceKind::Invoice
            | ReferenceKind::Contract
            | ReferenceKind::Act
            | ReferenceKind::InvoiceVat
            | ReferenceKind::Order
            | ReferenceKind::Letter
            | ReferenceKind::Payment => false,
        };
        let count = self
            .rest()
            .iter()
            .take(3)
            .take_while(|token| is_form(token));
        let count = count.count();
        // Without a number of its own behind, the twelve is the number.
        let numbered = self
            .rest()
            .get(count)
            .is_some_and(|token| token.is_digits() || token.meaning == Meaning::NumberSign);
        if numbered {
            self.skip(count);
        }
    }

    /// Number and date, and more of them: `№ 123 от 01.02.2026, № 130 от 05.02.2026`, `№№ 123, 124`.
    fn list(&mut self) -> Vec<Item> {
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

    fn skip_date(&mut self, expected: Expected) {
        if let Some(found) = dates::date(self.text, self.rest(), expected) {
            self.skip(found.tokens);
        }
    }

    /// `за март 2026`.
    fn skip_year(&mut self) {
        let year = self.rest().first().filter(|token| token.is_digits());
        if year.is_some_and(|year| year.end.saturating_sub(year.start) == 4) {
            self.skip(1);
        }
    }

    fn skip_marks(&mut self, marks: &[char]) {
        let count = self
            .rest()
            .iter()
            .take(2)
            .take_while(|token| token.is_mark(marks))
            .count();
        self.skip(count);
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
        self.skip(count);
    }

    /// `№`, `№№`, `N.`, `номер`, `№:`.
    fn skip_signs(&mut self) -> bool {
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
    fn counts_or_costs(&self) -> bool {
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

    /// The digits behind `ИНН`, `р/с` and the like.
    fn number_of_requisite(&mut self) {
        self.skip_marks(&['.', ':', '№', ',']);
        while self
            .rest()
            .first()
            .is_some_and(|token| token.is_digits() || token.meaning == Meaning::NumberSign)
        {
            self.skip(1);
        }
    }

    fn third_party(&mut self) {
        let found = parties::third_party(self.text, self.rest())
            .map(|found| (found.name.to_owned(), found.tokens));
        if let Some((name, tokens)) = found {
            self.skip(tokens);
            self.found.third_party.get_or_insert(name);
        }
    }

    /// Digits that no document claims: a date, a rate, a sum, or a number on its own.
    fn digits(&mut self) {
        if let Some(found) = dates::date(self.text, self.rest(), Expected::Perhaps) {
            return self.skip(found.tokens);
        }
        let amount = vat::amount(self.text, self.rest());
        if let Some((_, tokens)) = amount {
            let start = self.at;
            self.skip(tokens);
            let has_kopecks = self
                .before()
                .iter()
                .rev()
                .take(2)
                .any(|token| token.is_mark(&['.', ',', '=']));
            if self.counts_or_costs() || (tokens > 1 && has_kopecks) {
                return;
            }
            self.at = start;
        }
        self.word_or_sign();
    }

    /// A word, or a number with or without its sign that belongs to nothing.
    fn word_or_sign(&mut self) {
        let signed = self.skip_signs();
        let found = numbers::number(self.text, self.rest(), signed)
            .map(|found| (found.text.to_owned(), found.tokens));
        match found {
            Some((number, tokens)) => {
                self.skip(tokens);
                self.found.loose.push(number);
            }
            None if signed => {}
            None => self.skip(1),
        }
    }

    fn add_vat(&mut self, stated: Vec<super::StatedVat>) {
        for one in stated {
            if !self.found.vat.contains(&one) {
                self.found.vat.push(one);
            }
        }
    }
}

/// `№№ 123, 124 от 01.02.2026`: the date is that of both.
fn share_dates(items: &mut [Item]) {
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
