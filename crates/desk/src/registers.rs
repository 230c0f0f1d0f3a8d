//! Credits of acquiring and СБП: a person, or the register, says which sales one credit is for, and what the bank kept.
//!
//! Sums close or nothing is recorded: what the buyers paid is what came and the commission. What is typed may be counted
//! before ([`Desk::count_split`]), and is taken back like any other booking ([`Desk::undo`]).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Direction, GivenOtherwise, PaymentKind, PaymentOrder};
use domain::purpose::{NumberKey, Purpose};
use domain::{DealId, Money};
use jiff::tz::TimeZone;
use planner::payments::GIVEN_BY_PARTS;
use serde_json::json;
use store::{
    Balance, BookedShare, InvoiceRef, ListedPayment, PaymentFilter, PaymentState, Split,
    SplitRefused, StoreError, Undecided, WasSplit,
};

use crate::Desk;
use crate::invoices::{NotNamed, named_by_id, one_of, open_to};
use crate::policy::NoBooking;

/// What a person says of a credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitOrder {
    /// The payment's number.
    pub payment: i64,
    /// The sales: the invoice's number, or `organisation/id` where several have one number, and what the buyer paid.
    pub sales: Vec<(String, Money)>,
    /// What the bank kept.
    pub commission: Money,
    /// What of the credit belongs to sales without an invoice.
    pub other: Money,
    /// The register, with its number and date.
    pub register: String,
    /// The last transaction of the payment that was seen; none: nothing was looked at.
    pub seen: Option<i64>,
}

/// A credit that may be split, as it is known before anybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The payment's number.
    pub payment: i64,
    /// Our rules took it for a credit of many sales.
    pub is_register: bool,
    /// The last transaction of the payment, see [`SplitOrder::seen`].
    pub seen: i64,
    /// What came.
    pub net: Money,
    /// What the bank kept, and what the buyers paid, where the purpose tells it.
    pub told: Option<(Money, Money)>,
}

impl Credit {
    fn of(
        (payment, kind): (i64, PaymentKind),
        order: &PaymentOrder,
        net: Money,
        seen: i64,
    ) -> Credit {
        let purpose = Purpose::read(&order.purpose);
        let gross = purpose.gross(net);
        Credit {
            payment,
            is_register: kind == PaymentKind::Register,
            seen,
            net,
            told: purpose.commission.zip(gross),
        }
    }
}

/// What is known of a payment that may be split; none of one that may not. `seen`: its last transaction, read before it.
pub fn credit(payment: &ListedPayment, seen: i64) -> Option<Credit> {
    let kind = (payment.number, payment.kind);
    may_be_split(payment).then(|| Credit::of(kind, &payment.order, payment.remaining, seen))
}

/// The registers among these, by their numbers; `last`: the last transaction of each, read before them.
pub(crate) fn credits(
    asked: &BTreeMap<i64, Undecided>,
    last: &BTreeMap<i64, i64>,
) -> BTreeMap<i64, Credit> {
    let registers = asked.values();
    let registers = registers.filter(|one| one.kind == PaymentKind::Register);
    let credits = registers.map(|one| {
        let seen = last.get(&one.number).copied().unwrap_or_default();
        let credit = Credit::of((one.number, one.kind), &one.order, one.remaining, seen);
        (one.number, credit)
    });
    credits.collect()
}

fn may_be_split(payment: &ListedPayment) -> bool {
    payment.order.direction == Direction::In
        && matches!(payment.kind, PaymentKind::Register | PaymentKind::Incoming)
        && payment.remaining.is_positive()
        && match payment.state {
            PaymentState::New | PaymentState::Asked | PaymentState::Aside => true,
            PaymentState::Booked | PaymentState::Left => false,
        }
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitUp {
    /// The deals that are looked at.
    pub deals: Vec<DealId>,
    /// The bank's whole order that was taken back, since this credit is a part of it.
    pub whole: Option<i64>,
}

/// A sale whose invoice is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// As it was typed.
    pub named: String,
    /// Its invoice.
    pub invoice: InvoiceRef,
    /// What is known of that now.
    pub balance: Balance,
    /// What of it is open to the credit now.
    pub open: Money,
    /// What the buyer paid.
    pub amount: Money,
}

/// What an order comes to, before it is given.
#[derive(Debug)]
pub struct SplitCount {
    /// What came.
    pub net: Money,
    /// What the sales with invoices come to.
    pub gross: Money,
    /// What of what came and the commission is still to be named; below zero: so much is named too much.
    pub left: Money,
    /// The sales.
    pub sales: Vec<Sale>,
    /// Why it would be refused.
    pub refused: Option<NotSplit>,
}

/// Why nothing was split.
#[derive(Debug, thiserror::Error)]
pub enum NotSplit {
    /// Nothing is booked.
    #[error(transparent)]
    NoBooking(#[from] NoBooking),
    /// No one invoice is meant.
    #[error(transparent)]
    NotNamed(#[from] NotNamed),
    /// Nothing proves it.
    #[error("a split needs its register")]
    NoRegister,
    /// A payment that is given to no invoice: what we paid, or none at all.
    #[error("payment {0} is no credit that sales could be behind")]
    NoCredit(i64),
    /// What stands is taken back first.
    #[error("payment {0} is decided already")]
    Decided(i64),
    /// Something was recorded of it since it was seen.
    #[error("payment {0} was changed meanwhile")]
    Changed(i64),
    /// The sums do not close.
    #[error(
        "the sums do not close: {gross} of sales, while what came is {net} and the commission {commission}, together {}",
        net.checked_add(*commission).unwrap_or(*net)
    )]
    NotClosed {
        /// What came.
        net: Money,
        /// What the bank kept.
        commission: Money,
        /// What the sales come to, those without an invoice among them.
        gross: Money,
    },
    /// The sales without an invoice take all that came.
    #[error(
        "nothing of payment {0} would come to the invoices: the commission alone would pay them"
    )]
    NothingForInvoices(i64),
    /// No sale, or one of no amount.
    #[error("there is no sale of an amount above nothing, or an amount is below it")]
    NoSuchSales,
    /// One invoice for two sales: it may be a slip.
    #[error("invoice `{0}` is named twice")]
    Twice(String),
    /// Less is open of an invoice.
    #[error("invoice `{number}` has {open} open")]
    MoreThanOpen {
        /// Which one.
        number: String,
        /// So much.
        open: Money,
    },
    /// It is a part of the bank's whole order, which a person gave.
    #[error("payment {payment} is a part of payment {whole}, which a person gave already")]
    WholeGiven {
        /// The payment's number.
        payment: i64,
        /// That of the whole one: it is taken back first.
        whole: i64,
    },
    /// A part of it is given.
    #[error("payment {payment} is given by its parts already, as payment {part}")]
    PartGiven {
        /// The payment's number.
        payment: i64,
        /// That of the part: it is taken back first.
        part: i64,
    },
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A line of a register that cannot be read, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is no invoice and amount, as `117;1500.00`")]
pub struct BadLine(pub usize);

/// Reads sales: one a line, the invoice and the amount with `;`, `=` or a tab between them. A first line without a digit is
/// the heading of a table.
///
/// # Errors
/// Names the first line that is none.
pub fn read_sales(text: &str) -> Result<Vec<(String, Money)>, BadLine> {
    let lines = text.lines().zip(1_usize..);
    let mut lines = lines.filter(|(line, _)| !line.trim().is_empty()).peekable();
    lines.next_if(|(line, _)| !line.bytes().any(|byte| byte.is_ascii_digit()));
    lines
        .map(|(line, place)| read_sale(line).ok_or(BadLine(place)))
        .collect()
}

fn read_sale(line: &str) -> Option<(String, Money)> {
    let (invoice, amount) = line.trim().rsplit_once([';', '=', '\t'])?;
    let invoice = invoice.trim();
    let amount = Money::parse(amount.trim()).ok()?;
    (!invoice.is_empty()).then(|| (invoice.to_owned(), amount))
}

impl Desk {
    /// Gives a credit to its sales in the name of `by`. Where it is a part of an order that the bank shows whole, what a rule
    /// gave of that is taken back by corrections of today in `zone`.
    ///
    /// # Errors
    /// Says why nothing was recorded.
    pub async fn split(
        &self,
        order: &SplitOrder,
        by: &str,
        zone: &TimeZone,
    ) -> Result<SplitUp, NotSplit> {
        if order.register.trim().is_empty() {
            return Err(NotSplit::NoRegister);
        }
        let (wanted, sales, _) = self.wanted(order, by, zone).await?;
        let now = self.clock.now();
        match self.store.money_split(&self.portal, &wanted, now).await? {
            WasSplit::Done {
                transaction,
                deals,
                whole,
            } => {
                let note = json!({
                    "split": order.payment, "transaction": transaction, "because": wanted.because, "by": by,
                });
                self.note_person(note).await?;
                // At once, so that the question is there.
                self.decide(whole.as_slice()).await?;
                Ok(SplitUp { deals, whole })
            }
            WasSplit::Refused(refused) => Err(not_split(refused, order, &sales)),
        }
    }

    /// What that order comes to, and whether it would be obeyed. Nothing is recorded.
    ///
    /// # Errors
    /// Where it is not even understood.
    pub async fn count_split(&self, order: &SplitOrder) -> Result<SplitCount, NotSplit> {
        // Nothing is recorded, so its day is nobody's.
        let (wanted, sales, net) = self.wanted(order, "", &TimeZone::UTC).await?;
        let gross = Money::sum(sales.iter().map(|sale| sale.amount));
        let left = gross.and_then(|gross| {
            let whole = net.checked_add(order.commission)?;
            whole.checked_sub(gross)?.checked_sub(order.other)
        });
        let (gross, left) = gross.zip(left).ok_or(NotSplit::NoSuchSales)?;
        let refused = self
            .store
            .money_split_preview(&self.portal, &wanted)
            .await?;
        Ok(SplitCount {
            net,
            gross,
            left,
            refused: refused.map(|refused| not_split(refused, order, &sales)),
            sales,
        })
    }

    /// The order as the store takes it, with its sales, and what came.
    async fn wanted(
        &self,
        order: &SplitOrder,
        by: &str,
        zone: &TimeZone,
    ) -> Result<(Split, Vec<Sale>, Money), NotSplit> {
        self.booking_policy().await?;
        let nobodys = || NotSplit::NoCredit(order.payment);
        // Nothing has the number 0, which the filter takes for any.
        if order.payment <= 0 {
            return Err(nobodys());
        }
        let filter = PaymentFilter {
            number: Some(order.payment),
            limit: 1,
            ..PaymentFilter::default()
        };
        let found = self.store.money_list(&self.portal, &filter).await?;
        let credit = found.first().ok_or_else(nobodys)?;
        let sales = self.sales(&order.sales, credit).await?;
        let wanted = Split {
            payment: order.payment,
            shares: sales
                .iter()
                .map(|sale| BookedShare {
                    invoice: sale.invoice.clone(),
                    amount: sale.amount,
                })
                .collect(),
            commission: order.commission,
            other: order.other,
            seen: order.seen,
            because: order.register.trim().to_owned(),
            of_parts: GIVEN_BY_PARTS.to_owned(),
            by: by.to_owned(),
            today: self.clock.now().to_zoned(zone.clone()).date(),
        };
        Ok((wanted, sales, credit.remaining))
    }

    /// The invoices that the sales name, found together: a number is that of the organisation whose account got the money.
    async fn sales(
        &self,
        sales: &[(String, Money)],
        credit: &ListedPayment,
    ) -> Result<Vec<Sale>, NotSplit> {
        let numbers: Vec<String> = sales
            .iter()
            .map(|(number, _)| bare(number).to_owned())
            .collect();
        let mut of_number: BTreeMap<NumberKey, Vec<(InvoiceRef, Balance)>> = BTreeMap::new();
        for (invoice, balance) in self.store.money_invoices(&self.portal, &numbers).await? {
            if balance.stands && invoice.organisation == credit.organisation {
                let known = of_number.entry(NumberKey::of(&balance.number));
                known.or_default().push((invoice, balance));
            }
        }
        of_number.values_mut().for_each(leave_open);
        let ids: Vec<InvoiceRef> = numbers.iter().filter_map(|one| named_by_id(one)).collect();
        let of_id = self.store.money_balances(&self.portal, &ids).await?;
        let mut found: Vec<Sale> = Vec::with_capacity(sales.len());
        let mut named = BTreeSet::new();
        for (number, (typed, amount)) in numbers.iter().zip(sales) {
            let numbered = of_number.get(&NumberKey::of(number));
            let one = one_of(number, numbered.map_or(&[], Vec::as_slice))?;
            let known = one.cloned().or_else(|| {
                let id = named_by_id(number)?;
                let balance = of_id.get(&id).filter(|one| one.stands)?.clone();
                Some((id, balance))
            });
            let nobodys = || NotNamed::NoInvoice(number.clone());
            let (invoice, balance) = known.ok_or_else(nobodys)?;
            if !named.insert(invoice.clone()) {
                return Err(NotSplit::Twice(number.clone()));
            }
            found.push(Sale {
                named: typed.clone(),
                invoice,
                open: balance.open(),
                balance,
                amount: *amount,
            });
        }
        let invoices: Vec<InvoiceRef> = named.into_iter().collect();
        let counted = self.store.money_counted(&self.portal, &invoices).await?;
        for sale in &mut found {
            let counted = counted.get(&sale.invoice);
            sale.open = open_to(&credit.order, &sale.balance, counted);
        }
        Ok(found)
    }
}

/// Of several invoices with a number only those that may still get something are meant, if there are any.
fn leave_open(of_number: &mut Vec<(InvoiceRef, Balance)>) {
    let is_open = |(_, balance): &(InvoiceRef, Balance)| balance.open().is_positive();
    if of_number.iter().any(is_open) {
        of_number.retain(is_open);
    }
}

fn not_split(refused: SplitRefused, order: &SplitOrder, sales: &[Sale]) -> NotSplit {
    match refused {
        SplitRefused::NoCredit => NotSplit::NoCredit(order.payment),
        SplitRefused::Decided => NotSplit::Decided(order.payment),
        SplitRefused::Changed => NotSplit::Changed(order.payment),
        SplitRefused::NotClosed { net, gross } => NotSplit::NotClosed {
            net,
            commission: order.commission,
            gross,
        },
        SplitRefused::NothingForInvoices => NotSplit::NothingForInvoices(order.payment),
        SplitRefused::NoSuchShares => NotSplit::NoSuchSales,
        SplitRefused::Otherwise(GivenOtherwise::Whole(whole)) => NotSplit::WholeGiven {
            payment: order.payment,
            whole,
        },
        SplitRefused::Otherwise(GivenOtherwise::Part(part)) => NotSplit::PartGiven {
            payment: order.payment,
            part,
        },
        SplitRefused::MoreThanOpen { invoice, open } => {
            let sale = sales.iter().find(|sale| sale.invoice == invoice);
            let number = sale.map_or_else(
                || invoice.invoice.to_string(),
                |sale| bare(&sale.named).to_owned(),
            );
            NotSplit::MoreThanOpen { number, open }
        }
    }
}

/// A number as people write it before the number itself.
fn bare(number: &str) -> &str {
    number.trim().trim_start_matches('№').trim_start()
}

#[cfg(test)]
mod tests {
    use super::{BadLine, read_sales};

    #[test]
    fn sales_are_read_line_by_line() {
        let told = |text| {
            read_sales(text).map(|sales| {
                let sales = sales.into_iter();
                let told: Vec<_> = sales.map(|(number, sum)| (number, sum.kopecks())).collect();
                told
            })
        };
        let two = vec![("117".to_owned(), 150_000), ("СЧ-1/2".to_owned(), 99)];
        assert_eq!(
            told("Счёт;Сумма\n117;1 500,00\n\n СЧ-1/2 = 0.99 \r\n"),
            Ok(two)
        );
        assert_eq!(told("117\t1500"), Ok(vec![("117".to_owned(), 150_000)]));
        assert_eq!(told(""), Ok(Vec::new()));
        for (text, line) in [
            ("117", 1),
            ("117;1\n118;", 2),
            (";5", 1),
            ("117;сто", 1),
            ("счёт;сумма\nитого;сто", 2),
        ] {
            assert_eq!(told(text), Err(BadLine(line)), "{text:?}");
        }
    }
}
