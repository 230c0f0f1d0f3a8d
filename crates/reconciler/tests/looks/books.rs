//! The accounting side's door to the office.

use std::sync::Arc;

use async_trait::async_trait;
use capability::accounting::{
    ChangeFeed, Changes, Counterparties, Found, InvoiceOrder, IssueInvoices, Marked,
    OwnOrganisation, PaymentPage, PaymentsFrom, PrintInvoices, ProbeAccounting, ReadInvoices,
    ReadPayments,
};
use capability::portal::Finding;
use capability::{Accounting, Call, ConnectorError, Remote};
use domain::observed::KnownCounterparty;
use domain::{
    ContractorId, Counterparty, Inn, Invoice, InvoiceId, InvoiceStatus, Money, OrganisationId,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::office::{Bill, Office, State, Trouble, failed};

pub(crate) struct Books(pub(crate) Arc<Office>);

pub(crate) fn accounting(office: &Arc<Office>) -> Accounting {
    let books = || Arc::new(Books(Arc::clone(office)));
    let tells_payments = !office.state().payments.is_empty();
    Accounting {
        counterparties: books(),
        issue: books(),
        read: books(),
        print: Some(books()),
        feed: (!office.state().without_feed).then(|| books() as Arc<dyn ChangeFeed>),
        payments: tells_payments.then(|| books() as Arc<dyn ReadPayments>),
        probe: books(),
    }
}

#[async_trait]
impl Counterparties for Books {
    async fn find(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        inns: &[Inn],
    ) -> Result<Found, ConnectorError> {
        let find = |state: &State| {
            let asked = |one: &&KnownCounterparty| {
                let inn = one.counterparty.key.who.inn();
                inn.is_some_and(|inn| inns.contains(inn) && !state.unreadable_inns.contains(inn))
            };
            let unread = state.unreadable_inns.iter();
            let unread = unread.filter(|inn| inns.contains(inn));
            Found {
                known: state.contractors.iter().filter(asked).cloned().collect(),
                unread: unread.map(|inn| (inn.clone(), not_understood())).collect(),
            }
        };
        self.0.read("find", find).await
    }

    async fn find_ours(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        counterparties: &[Counterparty],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let find = |state: &State| {
            let asked = |one: &&KnownCounterparty| {
                let mut all = counterparties.iter();
                all.any(|asked| asked.key == one.counterparty.key)
            };
            state.contractors.iter().filter(asked).cloned().collect()
        };
        self.0.read("find ours", find).await
    }

    async fn is_still_ours(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        counterparty: &Counterparty,
        id: &ContractorId,
    ) -> Result<bool, ConnectorError> {
        let is_it =
            |one: &KnownCounterparty| one.id == *id && one.counterparty.key == counterparty.key;
        let find = |state: &State| state.contractors.iter().any(is_it);
        self.0.read("still ours", find).await
    }

    async fn create(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        counterparty: &Counterparty,
        _key: &str,
    ) -> Result<ContractorId, ConnectorError> {
        self.0.arrive("create").await;
        let counterparty = counterparty.clone();
        let create = move |state: &mut State| {
            let id = ContractorId::new(format!("K-{}", state.contractors.len() + 1));
            let line = format!("books: counterparty {id} {}", counterparty.key);
            state.contractors.push(KnownCounterparty {
                id: id.clone(),
                counterparty,
            });
            (id, line)
        };
        self.0.write("create", create).await
    }
}

/// A record that is not what the contract promises.
fn not_understood() -> ConnectorError {
    ConnectorError {
        code: "not-understood".to_owned(),
        ..failed("find", Trouble::Busy)
    }
}

#[async_trait]
impl IssueInvoices for Books {
    async fn issue(
        &self,
        call: &Call<'_>,
        order: &InvoiceOrder,
    ) -> Result<Invoice, ConnectorError> {
        call.admit(Remote::KonturAccounting, "key", &["bills.create"])
            .await?;
        self.0.arrive("issue").await;
        let change = self.0.state().changed_meanwhile.take();
        if let Some(change) = change {
            self.0.edit(1, change);
        }
        let card = self.0.state().card_meanwhile.take();
        if let Some(key) = card {
            self.0.corrects_card(0, key);
        }
        let order = order.clone();
        self.0
            .write("issue", move |state| issue(state, order))
            .await
    }

    async fn room(&self, call: &Call<'_>) -> u32 {
        call.room(Remote::KonturAccounting, "key", &["bills.create"])
            .await
    }

    async fn find_marked(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        _since: Timestamp,
        keys: &[String],
    ) -> Result<Marked, ConnectorError> {
        let now = self.0.clock.now();
        let find = |state: &State| {
            let mut marked = Marked::default();
            if now < state.unlisted_until {
                return marked;
            }
            let asked = |bill: &&Bill| !bill.deleted && keys.contains(&bill.key);
            for bill in state.bills.iter().filter(asked) {
                if state.unreadable.contains(&bill.key) {
                    let why = failed("find_by_key", Trouble::Busy);
                    marked.unread.insert(bill.key.clone(), why);
                } else {
                    let found = (bill.key.clone(), bill.invoice.clone());
                    marked.found.push(found);
                }
            }
            marked
        };
        self.0.read("find_by_key", find).await
    }

    fn honours_idempotency_key(&self) -> bool {
        self.0.state().honours_key
    }
}

fn issue(state: &mut State, order: InvoiceOrder) -> (Invoice, String) {
    let known = state.bills.iter().find(|bill| bill.key == order.key);
    if let Some(known) = known.filter(|_| state.honours_key) {
        let line = format!("books: invoice {} asked for again", known.invoice.number);
        return (known.invoice.clone(), line);
    }
    let next = (state.bills.len() + 1).to_string();
    let number = order.draft.number.clone().unwrap_or(next);
    let totals = order.draft.totals().unwrap().amounts();
    let mut contractors = state.contractors.iter();
    let billed = contractors.find(|one| one.id == order.contractor);
    let billed = billed.map(|one| one.counterparty.key.clone());
    let invoice = Invoice {
        id: InvoiceId::new(format!("B-{number}")),
        seller: order.draft.seller.clone(),
        number: number.clone(),
        date: order.draft.date,
        due: order.draft.due,
        status: InvoiceStatus::Issued,
        contractor: order.contractor.clone(),
        counterparty: billed.filter(|key| key.who.inn().is_some()),
        mode: order.draft.mode,
        lines: Vec::new(),
        totals,
        currency: order.draft.currency.clone(),
        paid: Money::ZERO,
        marked: true,
        made_as: Some(domain::EffectKey::from_stored(order.key.clone())),
        changed: None,
    };
    state.feed.push(invoice.id.clone());
    state.bills.push(Bill {
        invoice: invoice.clone(),
        key: order.key.clone(),
        deleted: false,
    });
    let line = format!(
        "books: invoice {number} for {} to {}: {}",
        order.key, order.contractor, totals.gross
    );
    (invoice, line)
}

#[async_trait]
impl ReadInvoices for Books {
    async fn read(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Vec<Result<Option<Invoice>, ConnectorError>> {
        self.0.arrive("read_invoices").await;
        if let Some(trouble) = self.0.trouble("read_invoices") {
            let failed = |_: &InvoiceId| Err(failed("read_invoices", trouble));
            return ids.iter().map(failed).collect();
        }
        let state = self.0.state();
        let of = |id: &InvoiceId| {
            if let Some(code) = state.unreadable_bills.get(id) {
                return Err(ConnectorError {
                    code: (*code).to_owned(),
                    ..failed("read_invoices", Trouble::Busy)
                });
            }
            let here = |bill: &&Bill| bill.invoice.id == *id && !bill.deleted;
            let found = state.bills.iter().find(here);
            Ok(found.map(|bill| bill.invoice.clone()))
        };
        ids.iter().map(of).collect()
    }

    async fn with_number(
        &self,
        _call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
    ) -> Result<Vec<Invoice>, ConnectorError> {
        let found = |state: &State| {
            let bills = state.bills.iter().map(|bill| &bill.invoice);
            let is_it = |one: &&Invoice| one.number == number && one.seller == *organisation;
            bills.filter(is_it).cloned().collect()
        };
        self.0.read("find_by_number", found).await
    }

    async fn is_number_taken(
        &self,
        _call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
        day: Date,
    ) -> Result<bool, ConnectorError> {
        let taken = |state: &State| {
            let bears = |bill: &Bill| {
                let one = &bill.invoice;
                (&one.seller, one.date.year()) == (organisation, day.year()) && one.number == number
            };
            state.bills.iter().any(|bill| !bill.deleted && bears(bill))
        };
        self.0.read("number_taken", taken).await
    }
}

#[async_trait]
impl PrintInvoices for Books {
    async fn print(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        id: &InvoiceId,
    ) -> Result<Vec<u8>, ConnectorError> {
        let print = |_: &State| format!("%PDF of {id}").into_bytes();
        self.0.read("print", print).await
    }
}

#[async_trait]
impl ChangeFeed for Books {
    async fn changes(
        &self,
        _call: &Call<'_>,
        organisation: &OrganisationId,
        offset: Option<&str>,
    ) -> Result<Changes, ConnectorError> {
        if self.0.state().shut_feed.as_ref() == Some(organisation) {
            self.0.arrive("feed").await;
            return Err(failed("feed", Trouble::Garbled));
        }
        let changes = |state: &State| {
            let from = offset.map_or(state.feed.len(), |offset| offset.parse().unwrap());
            let to = from + state.feed_at_once.unwrap_or(1);
            Changes {
                invoices: state.feed.iter().take(to).skip(from).cloned().collect(),
                next: to.min(state.feed.len()).to_string(),
                more: to < state.feed.len(),
            }
        };
        self.0.read("feed", changes).await
    }
}

#[async_trait]
impl ProbeAccounting for Books {
    async fn probe(&self, _call: &Call<'_>) -> Vec<Finding> {
        Vec::new()
    }

    async fn impatience(&self, _call: &Call<'_>) -> Result<Option<Finding>, ConnectorError> {
        Ok(None)
    }

    async fn organisations(
        &self,
        _call: &Call<'_>,
    ) -> Result<Vec<OwnOrganisation>, ConnectorError> {
        self.0.read("organisations", |_| Vec::new()).await
    }
}

#[async_trait]
impl ReadPayments for Books {
    async fn payments(
        &self,
        _call: &Call<'_>,
        _organisation: &OrganisationId,
        from: PaymentsFrom<'_>,
    ) -> Result<PaymentPage, ConnectorError> {
        let (place, asked) = match from {
            PaymentsFrom::Moment(moment) => (0, moment.to_string()),
            PaymentsFrom::Cursor(cursor) => (cursor.parse().unwrap(), cursor.to_owned()),
        };
        self.0.state().payments_from.push(asked);
        let page = |state: &State| {
            let last = state.payments.len() - 1;
            let page = state.payments[place.min(last)].clone();
            let next = (place + 1).min(last);
            PaymentPage {
                next: next.to_string(),
                more: place < last,
                ..page
            }
        };
        self.0.read("payments", page).await
    }
}
