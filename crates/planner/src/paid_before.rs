//! What an adopted invoice was paid before it was the deal's, and what of our money is the same.
//!
//! The accounting side told a sum when the invoice was adopted, and not by which payments. What came on a later day came on
//! top. What is dated earlier is taken for counted, and so is what came on that very day until the accounting side shows more
//! or the accountant says otherwise. Not here: how the invoice is adopted (`adopting`), what the deal shows (`receipts`).

use domain::Money;
use domain::display::{date, money};

use crate::asking::{about_invoice, answered, ask};
use crate::receipts::{Means, Receipt};
use crate::texts::{by_strangers, with_choices};
use crate::{CaseCode, Choice, DealSnapshot, OurInvoice, Plan};

/// The payment is a part of what the accounting side told.
const COUNTED: &str = "counted";
/// It came on top of that.
const NEW: &str = "new";

/// What is paid of an invoice, as far as it is known, and what of its total would be if all our money came on top.
struct Bounds {
    known: Money,
    at_most: Money,
}

impl DealSnapshot {
    /// What is paid of an invoice: by our records, and what the accounting side knew as paid before it was the deal's.
    pub(crate) fn paid_of(&self, invoice: &OurInvoice) -> Money {
        if !invoice.stands() {
            return self.paid(invoice.slot);
        }
        self.paid_with(invoice, self.receipts_of(invoice.slot))
    }

    /// What is paid of it with these receipts.
    pub(crate) fn paid_with<'a>(
        &self,
        invoice: &OurInvoice,
        receipts: impl Iterator<Item = &'a Receipt>,
    ) -> Money {
        self.bounds(invoice, receipts).known
    }

    /// Money from before shows what the accounting side counted: both are the same, whichever knows more. What that side
    /// shows since then is as certain, as far as our money explains it.
    fn bounds<'a>(
        &self,
        invoice: &OurInvoice,
        receipts: impl Iterator<Item = &'a Receipt>,
    ) -> Bounds {
        let (since, before): (Vec<_>, Vec<_>) =
            receipts.partition(|one| self.is_since(invoice, one));
        let sum = |receipts: Vec<&Receipt>| {
            let amounts = receipts.into_iter().map(|one| one.amount);
            Money::sum(amounts).unwrap_or_default()
        };
        let (since, before) = (sum(since), sum(before));
        let of = |parts: &[Money]| Money::sum(parts.iter().copied()).unwrap_or(invoice.total);
        let ours = of(&[since, before]);
        let at_most = of(&[since, before, invoice.paid_before]);
        let at_least = of(&[since, before.max(invoice.paid_before)]);
        let shown = invoice.paid_there.min(at_most);
        let whole = |paid: Money| paid.min(invoice.total).max(ours);
        // One that was marked as paid may have been so for money that came later. Else more than it asks for came, and is said.
        let sure = if invoice.paid_before < invoice.total {
            at_least
        } else {
            whole(at_least)
        };
        Bounds {
            known: sure.max(shown),
            at_most: whole(at_most),
        }
    }

    /// Whether it came after the accounting side was asked what is paid. Where nobody wrote the day down, all may be from
    /// before.
    fn is_since(&self, invoice: &OurInvoice, receipt: &Receipt) -> bool {
        let Some(adopted_on) = invoice.adopted_on else {
            return false;
        };
        receipt.day() > adopted_on || self.said_of(receipt) == Some(NEW)
    }

    /// What the accountant said of a payment of that day.
    fn said_of(&self, receipt: &Receipt) -> Option<&str> {
        let code = CaseCode::PaymentAtAdoption.as_str();
        self.answers.to(code, &about(receipt))
    }

    /// The first payment of the day of adoption of which nothing tells whether it was counted then.
    fn unclear(&self) -> Option<(&OurInvoice, &Receipt)> {
        let mut standing = self.invoices.iter().filter(|one| one.stands());
        standing.find_map(|invoice| {
            let bounds = self.bounds(invoice, self.receipts_of(invoice.slot));
            let of_day =
                |one: &&Receipt| invoice.adopted_on == Some(one.day()) && one.amount.is_positive();
            let mut asked = self.receipts_of(invoice.slot).filter(of_day);
            let first = asked.find(|one| self.said_of(one).is_none())?;
            (bounds.known < bounds.at_most).then_some((invoice, first))
        })
    }
}

fn about(receipt: &Receipt) -> String {
    format!("transaction/{}", receipt.transaction)
}

/// Asks the accountant of a payment of the day of adoption, until it is known.
pub(crate) fn asked(snapshot: &DealSnapshot) -> Plan {
    let code = CaseCode::PaymentAtAdoption;
    let Some((invoice, receipt)) = snapshot.unclear() else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let choices = vec![
        Choice {
            word: COUNTED.to_owned(),
            text: "он уже был в этой сумме".to_owned(),
        },
        Choice {
            word: NEW.to_owned(),
            text: "он пришёл сверх неё".to_owned(),
        },
    ];
    let what = match &receipt.means {
        Means::Payment { order, .. } | Means::Refund { order, .. } => format!(
            "Платёж на {} (поручение № {} от {})",
            money(receipt.amount),
            by_strangers(&order.number),
            date(order.date)
        ),
        Means::Settlement(settlement) => format!(
            "Закрытие на {} ({})",
            money(receipt.amount),
            by_strangers(&settlement.document)
        ),
    };
    let question = format!(
        "Счёт № {} от {} привязан {}, и учёт показал тогда оплату {}. {what} — того же дня: входит ли он в эту сумму, \
         по дню не видно. Пока он считается входящим, чтобы деньги не показались дважды. Если учёт покажет больше, \
         вопрос снимется сам; иначе пусть скажет бухгалтер:",
        invoice.number,
        date(invoice.date),
        date(receipt.day()),
        money(invoice.paid_before)
    );
    let text = with_choices(&question, &choices);
    let mut asked = about_invoice(snapshot.id, code, invoice, text);
    asked.case.choices = choices;
    asked.case.about = about(receipt);
    ask(snapshot, asked)
}
