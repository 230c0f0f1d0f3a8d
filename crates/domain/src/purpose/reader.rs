//! Walks over the tokens once and collects what they say. The parts are read by their own modules.

use super::dates::{self, Expected};
use super::lexicon::{self, Meaning, is_misspelt_invoice};
use super::lists::share_dates;
use super::tokens::{self, Token};
use super::{Purpose, Reference, ReferenceKind, StatedVat, numbers, parties, vat, withheld};
use crate::Inn;

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
    let mut found = reader.found;
    if found.signs.register {
        found.commission = withheld::commission(text, &tokens);
    }
    found
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    found: Purpose,
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
    pub(super) fn rest(&self) -> &[Token] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    fn before(&self) -> &[Token] {
        self.tokens.get(..self.at).unwrap_or_default()
    }

    pub(super) fn skip(&mut self, tokens: usize) {
        self.at = self.at.saturating_add(tokens);
    }

    pub(super) fn next_is(&self, meaning: Meaning) -> bool {
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
            self.skip_agreement(meaning);
            self.list();
        } else if meaning == Meaning::Sum {
            self.skip_sum();
        } else if meaning == Meaning::Requisite {
            self.requisite(token);
        } else if meaning == Meaning::Vat {
            self.vat();
        } else if meaning == Meaning::WithoutVat {
            self.skip(1);
            self.add_vat(vec![vat::WITHOUT]);
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

    pub(super) fn note(&mut self, meaning: Meaning) {
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
        self.skip_second_name(kind);
        let mut items = self.list();
        // Without a number it is no reference, and a word all the same: the goods of `заказ` and a `платежный терминал`
        // may well be paid by an invoice, an act is paid instead of one.
        let of_its_own = !matches!(
            kind,
            ReferenceKind::Invoice
                | ReferenceKind::Contract
                | ReferenceKind::Order
                | ReferenceKind::Payment
        );
        self.found.signs.other_document |= of_its_own && items.is_empty();
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

    /// `счёту (оферте) № 118`: in brackets stands what could as well stand behind a hyphen.
    fn skip_second_name(&mut self, kind: ReferenceKind) {
        let [.., first] = self.before() else { return };
        let [opening, second, closing, behind, ..] = self.rest() else {
            return;
        };
        let is_bracketed = opening.is_mark(&['(']) && second.is_word() && closing.is_mark(&[')']);
        let is_numbered = behind.is_digits() || behind.meaning == Meaning::NumberSign;
        if !(is_bracketed && is_numbered) {
            return;
        }
        let folded = |token: &Token| {
            let mut folded = String::new();
            let word = self.text.get(token.start..token.end);
            tokens::fold(word.unwrap_or_default(), &mut folded);
            folded
        };
        let together = lexicon::abbreviation(&folded(first), &folded(second));
        if together == Some(Meaning::Document(kind)) {
            self.skip(3);
        }
    }

    fn skip_date(&mut self, expected: Expected) {
        if let Some(found) = dates::date(self.text, self.rest(), expected) {
            self.skip(found.tokens);
        }
    }

    /// `доп. соглашение` is a part of a contract and not the contract.
    fn skip_agreement(&mut self, meaning: Meaning) {
        let dot = usize::from(self.rest().first().is_some_and(|dot| dot.is_mark(&['.'])));
        let is_agreement = self.rest().get(dot).is_some_and(|word| {
            word.meaning == Meaning::Document(ReferenceKind::Contract)
                || self.text.get(word.start..word.end) == Some("согл")
        });
        if is_agreement && meaning == Meaning::PartOfContract {
            self.skip(dot.saturating_add(1));
        }
    }

    /// `за март 2026`.
    fn skip_year(&mut self) {
        let year = self.rest().first().filter(|token| token.is_digits());
        if year.is_some_and(|year| year.end.saturating_sub(year.start) == 4) {
            self.skip(1);
        }
    }

    pub(super) fn skip_marks(&mut self, marks: &[char]) {
        let count = self
            .rest()
            .iter()
            .take(2)
            .take_while(|token| token.is_mark(marks))
            .count();
        self.skip(count);
    }

    /// `ИНН 7707083893`, `ИНН/КПП 7707083893/770801001`, `р/с`: a number follows that is no document's. An INN says who is
    /// meant.
    fn requisite(&mut self, token: &Token) {
        self.skip(1);
        let begins = self.at;
        self.number_of_requisite();
        let mut folded = String::new();
        let word = self.text.get(token.start..token.end);
        tokens::fold(word.unwrap_or_default(), &mut folded);
        if !matches!(folded.as_str(), "инн" | "кпп") {
            return;
        }
        let numbers = self.tokens.get(begins..self.at).unwrap_or_default();
        let numbers = numbers
            .iter()
            .filter_map(|number| self.text.get(number.start..number.end));
        let inns: Vec<Inn> = numbers.filter_map(|text| Inn::parse(text).ok()).collect();
        self.found.inns.extend(inns);
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

    fn vat(&mut self) {
        let behind = self.at.saturating_add(1);
        let rest = self.tokens.get(behind..).unwrap_or_default();
        let found = vat::vat(self.text, self.before(), rest);
        self.at = behind.saturating_add(found.tokens);
        self.add_vat(found.stated);
    }

    fn add_vat(&mut self, stated: Vec<StatedVat>) {
        for one in stated {
            if !self.found.vat.contains(&one) {
                self.found.vat.push(one);
            }
        }
    }
}
