//! The capabilities over books in memory: what is asked of the books, and what their answers mean.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use capability::accounting::InvoiceOrder;
use capability::{Accounting, Admission, Call, Exchange, Gate, NotAdmitted, Urgency};
use domain::{
    ContractorId, Counterparty, Invoice, InvoiceDraft, InvoiceId, InvoiceStatus, Money,
    OrganisationId, PortalId, Verdict, Who,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    Books, BooksError, GoOn, NewBill, Organisation, OrganisationError, Recorded, Series, connect,
};

#[derive(Default)]
struct InMemory {
    bills: Mutex<Vec<(NewBill, Invoice)>>,
    parties: Mutex<Vec<Counterparty>>,
    /// Said instead of recording.
    says: Mutex<Option<Result<Recorded, BooksError>>>,
}

#[async_trait]
impl Books for InMemory {
    async fn record(
        &self,
        _: &PortalId,
        bill: &NewBill,
        now: Timestamp,
    ) -> Result<Recorded, BooksError> {
        if let Some(says) = self.says.lock().unwrap().take() {
            return says;
        }
        let mut bills = self.bills.lock().unwrap();
        let number = format!("{}{}", bill.prefix, bill.first);
        let invoice = Invoice {
            id: InvoiceId::new(format!("i{}", bills.len())),
            seller: bill.draft.seller.clone(),
            number,
            date: bill.draft.date,
            due: None,
            status: InvoiceStatus::Issued,
            contractor: bill.contractor.clone(),
            counterparty: None,
            mode: bill.draft.mode,
            lines: Vec::new(),
            totals: bill.totals,
            currency: bill.draft.currency.clone(),
            paid: Money::ZERO,
            marked: false,
            made_as: None,
            changed: Some(now),
        };
        bills.push((bill.clone(), invoice.clone()));
        Ok(Recorded::Invoice(Box::new(invoice)))
    }

    async fn by_number(&self, _: &PortalId, number: &str) -> Result<Vec<Invoice>, BooksError> {
        let bills = self.bills.lock().unwrap();
        let found = bills.iter().map(|(_, invoice)| invoice);
        Ok(found.filter(|one| one.number == number).cloned().collect())
    }

    async fn is_taken(
        &self,
        _: &PortalId,
        series: &Series,
        number: &str,
    ) -> Result<bool, BooksError> {
        let by_hand = format!("{}{}", series.prefix, series.first - 1);
        let bills = self.bills.lock().unwrap();
        let bears = |one: &Invoice| {
            (&one.seller, one.date.year()) == (&series.organisation, series.year)
                && one.number == number
        };
        Ok(number == by_hand || bills.iter().any(|(_, invoice)| bears(invoice)))
    }

    async fn by_key(
        &self,
        _: &PortalId,
        keys: &[String],
    ) -> Result<Vec<(String, Invoice)>, BooksError> {
        let bills = self.bills.lock().unwrap();
        let found = bills.iter().filter(|(bill, _)| keys.contains(&bill.key));
        Ok(found
            .map(|(bill, invoice)| (bill.key.clone(), invoice.clone()))
            .collect())
    }

    async fn by_id(
        &self,
        _: &PortalId,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Result<Vec<Invoice>, BooksError> {
        if organisation.as_str() == "broken" {
            return Err(busy());
        }
        let bills = self.bills.lock().unwrap();
        let invoices = bills.iter().map(|(_, invoice)| invoice);
        Ok(invoices
            .filter(|invoice| ids.contains(&invoice.id))
            .rev()
            .cloned()
            .collect())
    }

    async fn next_number(
        &self,
        _: &PortalId,
        organisation: &OrganisationId,
        _: i16,
    ) -> Result<Option<u32>, BooksError> {
        Ok((organisation.as_str() == "south").then_some(7))
    }

    async fn counterparties(
        &self,
        _: &PortalId,
        _: &OrganisationId,
        all: &[Who],
    ) -> Result<Vec<Counterparty>, BooksError> {
        let parties = self.parties.lock().unwrap();
        let found = parties.iter().filter(|one| all.contains(&one.key.who));
        Ok(found.cloned().collect())
    }

    async fn add_counterparty(
        &self,
        _: &PortalId,
        _: &OrganisationId,
        counterparty: &Counterparty,
        _: Timestamp,
    ) -> Result<(), BooksError> {
        self.parties.lock().unwrap().push(counterparty.clone());
        Ok(())
    }
}

/// Nothing may pass it: the office calls no remote.
struct Shut;

#[async_trait]
impl Gate for Shut {
    async fn admit(&self, _: &Admission) -> Result<(), NotAdmitted> {
        panic!("the office asked to call a remote")
    }

    async fn room(&self, _: &Admission) -> u32 {
        panic!("the office asked for a remote's limits")
    }

    async fn book(&self, _: &PortalId, _: &Exchange) {
        panic!("the office booked an exchange")
    }
}

fn busy() -> BooksError {
    BooksError {
        verdict: Verdict::Retry { after: None },
        message: "the database is busy".to_owned(),
    }
}

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn organisation(id: &str, prefix: &str) -> Organisation {
    Organisation {
        id: OrganisationId::new(id),
        name: format!("ООО «{id}»"),
        inn: "7707083893".parse().unwrap(),
        kpp: Some("770701001".parse().unwrap()),
        test: false,
        prefix: prefix.to_owned(),
        go_on: Some(GoOn {
            year: 2026,
            number: 118,
        }),
    }
}

fn office(books: &Arc<InMemory>) -> Accounting {
    let organisations = vec![organisation("north", "С{year}/"), organisation("south", "")];
    connect(organisations, books.clone(), Arc::new(now))
}

fn buyer(kpp: &str) -> Counterparty {
    serde_json::from_value(json!({
        "key": { "inn": "7736207543", "kpp": kpp }, "name": "ООО «Ромашка»",
        "full_name": null, "ogrn": null, "address": null,
    }))
    .unwrap()
}

fn order(seller: &str, day: &str, quantity: &str) -> InvoiceOrder {
    let draft: InvoiceDraft = serde_json::from_value(json!({
        "seller": seller, "buyer": buyer("770401001"), "mode": "included",
        "lines": [{
            "name": "Кабель", "unit": { "okei": "006", "name": "м" }, "quantity": quantity,
            "price": "96.50", "discount": null, "vat": "22",
        }],
        "currency": "RUB", "basis": null, "date": day, "due": null,
    }))
    .unwrap();
    InvoiceOrder {
        contractor: ContractorId::new("7736207543/770401001"),
        draft,
        key: "p/deal/1/invoice/whole/1".to_owned(),
    }
}

#[tokio::test]
async fn an_invoice_is_recorded_with_its_totals_under_its_years_series() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    for (seller, day, number) in [
        ("north", "2026-12-31", "С2026/118"),
        ("north", "2027-01-01", "С2027/1"),
        ("south", "2026-03-02", "118"),
    ] {
        let issued = office.issue.issue(&call, &order(seller, day, "120")).await;
        assert_eq!(issued.unwrap().number, number);
    }
    let bills = books.bills.lock().unwrap();
    let totals = bills[0].0.totals;
    assert_eq!(totals.gross.kopecks(), 1_158_000);
    assert_eq!(totals.vat.kopecks(), 208_820);
    assert_eq!(bills[0].0.key, "p/deal/1/invoice/whole/1");
}

#[tokio::test]
async fn what_the_books_answer_decides_what_may_be_done_next() {
    let retry = Verdict::Retry { after: None };
    let lost = BooksError {
        verdict: Verdict::Verify,
        message: "lost at commit".to_owned(),
    };
    for (says, verdict, code) in [
        (Ok(Recorded::NotUnderWay), retry, "not-under-way"),
        (
            Ok(Recorded::OfAnotherRevision),
            Verdict::Verify,
            "key-reused",
        ),
        (Err(busy()), retry, "books"),
        (Err(lost), Verdict::Verify, "books"),
    ] {
        let (books, portal) = (Arc::<InMemory>::default(), PortalId::new("p"));
        *books.says.lock().unwrap() = Some(says);
        let call = Call::new(&portal, Urgency::Due, &Shut);
        let order = order("north", "2026-03-02", "1");
        let error = office(&books).issue.issue(&call, &order).await.unwrap_err();
        assert_eq!((error.verdict, error.code.as_str()), (verdict, code));
    }
}

#[tokio::test]
async fn nothing_is_recorded_for_strangers_too_late_or_beyond_what_can_be_counted() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let office = office(&books);
    let call = || Call::new(&portal, Urgency::Due, &Shut);
    let late = now() - SignedDuration::from_millis(1);
    for (call, order, code) in [
        (
            call(),
            order("west", "2026-03-02", "1"),
            "unknown-organisation",
        ),
        (
            call().send_by(late),
            order("north", "2026-03-02", "1"),
            "too-late",
        ),
        (
            call().not_after(late),
            order("north", "2026-03-02", "1"),
            "too-late",
        ),
        (
            call(),
            order("north", "2026-03-02", "9999999999999999"),
            "not-expressible",
        ),
    ] {
        let error = office.issue.issue(&call, &order).await.unwrap_err();
        assert_eq!(error.code, code);
    }
    assert!(books.bills.lock().unwrap().is_empty());
    let in_time = call().send_by(now()).not_after(now());
    let order = order("north", "2026-03-02", "1");
    assert!(office.issue.issue(&in_time, &order).await.is_ok());
}

#[tokio::test]
async fn an_invoice_is_found_by_its_key_within_its_organisation() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    assert!(office.issue.honours_idempotency_key());
    assert_eq!(office.issue.room(&call).await, u32::MAX);
    let order = order("north", "2026-03-02", "1");
    let issued = office.issue.issue(&call, &order).await.unwrap();
    let find = async |organisation: &str, key: &str| {
        let organisation = OrganisationId::new(organisation);
        let keys = [key.to_owned()];
        let issue = &office.issue;
        let found = issue.find_by_key(&call, &organisation, now(), &keys).await;
        found.unwrap()
    };
    assert_eq!(
        find("north", &order.key).await,
        [(order.key.clone(), issued)]
    );
    assert!(find("south", &order.key).await.is_empty());
    assert!(find("north", "another").await.is_empty());
}

#[tokio::test]
async fn a_number_is_taken_in_the_series_of_its_organisation_and_year() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    let order = order("north", "2026-03-02", "1");
    office.issue.issue(&call, &order).await.unwrap();
    for (seller, day, number, taken) in [
        ("north", "2026-12-31", "С2026/118", true),
        ("north", "2026-03-02", "С2026/117", true),
        ("north", "2026-03-02", "17-Б", false),
        ("north", "2027-01-01", "С2026/118", false),
        ("south", "2026-03-02", "С2026/118", false),
    ] {
        let (seller, day) = (OrganisationId::new(seller), day.parse().unwrap());
        let told = office.read.is_number_taken(&call, &seller, number, day);
        assert_eq!(told.await, Ok(taken), "{seller} {day} {number}");
    }
    let stranger = OrganisationId::new("stranger");
    let told = office
        .read
        .is_number_taken(&call, &stranger, "1", order.draft.date);
    assert_eq!(told.await.unwrap_err().verdict, Verdict::Reject);
}

#[tokio::test]
async fn invoices_are_read_in_the_order_they_were_asked_for() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    for _invoice in 0..2 {
        let order = order("north", "2026-03-02", "1");
        office.issue.issue(&call, &order).await.unwrap();
    }
    let ids = ["i1", "gone", "i0"].map(InvoiceId::new);
    let read = async |organisation: &str| {
        let organisation = OrganisationId::new(organisation);
        office.read.read(&call, &organisation, &ids).await
    };
    let seen: Vec<_> = read("north")
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let seen: Vec<_> = seen.into_iter().map(|one| one.map(|one| one.id)).collect();
    assert_eq!(seen, [Some(ids[0].clone()), None, Some(ids[2].clone())]);
    let failed = read("broken").await;
    assert_eq!(failed.len(), 3);
    assert!(
        failed.iter().all(Result::is_err),
        "no failure passes for a deletion"
    );
}

#[tokio::test]
async fn a_counterparty_is_its_inn_and_kpp() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    let (us, parties) = (OrganisationId::new("north"), &office.counterparties);
    let (head, branch) = (buyer("770401001"), buyer("997250001"));
    let id = parties.create(&call, &us, &head, "k").await.unwrap();
    assert_eq!(id.as_str(), "7736207543/770401001");
    parties.create(&call, &us, &branch, "k").await.unwrap();
    let found = parties
        .find(
            &call,
            &us,
            std::slice::from_ref(head.key.who.inn().unwrap()),
        )
        .await
        .unwrap();
    let ids: Vec<&str> = found.known.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["7736207543/770401001", "7736207543/997250001"]);
    for (key, is_there) in [("7736207543/770401001", true), ("contact-9", false)] {
        let id = ContractorId::new(key);
        let asked = parties.is_still_ours(&call, &us, &head, &id).await;
        assert_eq!(asked.unwrap(), is_there, "{key}");
    }
}

#[tokio::test]
async fn the_check_says_which_number_comes_next() {
    let (books, portal) = (Arc::default(), PortalId::new("p"));
    let (office, call) = (office(&books), Call::new(&portal, Urgency::Due, &Shut));
    let findings = office.probe.probe(&call).await;
    let advice: Vec<&str> = findings.iter().map(|one| one.advice.as_str()).collect();
    assert!(findings.iter().all(|one| one.holds), "{findings:?}");
    assert_eq!(advice[1], "следующий в 2026 году — С2026/118");
    // Seven would be next, and the settings say that 117 were given by hand.
    assert_eq!(advice[2], "следующий в 2026 году — 118");
    let own = office.probe.organisations(&call).await.unwrap();
    assert_eq!(own[0].inn.as_deref(), Some("7707083893"));
    assert_eq!(own[0].kpp.as_deref(), Some("770701001"));
}

#[test]
fn a_prefix_makes_no_number_that_could_be_another() {
    for (prefix, judged) in [
        ("", Ok(())),
        ("СВ-", Ok(())),
        ("{year}/", Ok(())),
        ("А1.", Ok(())),
        ("1", Err(OrganisationError::EndsWithDigit)),
        ("СВ-{year}", Err(OrganisationError::EndsWithDigit)),
        ("СВ ", Err(OrganisationError::Shape)),
        ("=1+", Err(OrganisationError::Shape)),
        ("А\n", Err(OrganisationError::Shape)),
        ("{number}-", Err(OrganisationError::Shape)),
        ("прпрпрпрпрпрпрпрпрпрп", Err(OrganisationError::Shape)),
    ] {
        assert_eq!(Organisation::judge_prefix(prefix), judged, "{prefix:?}");
    }
}
