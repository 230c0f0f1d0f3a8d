//! Answers of the accounting side, through the whole of the connector.

use std::sync::Arc;

use capability::accounting::{InvoiceOrder, PaymentsFrom};
use capability::{Accounting, Call, Urgency};
use connector_kontur_accounting::{Offers, Settings, Waits, connect};
use domain::{
    ContactId, ContractorId, Counterparty, CounterpartyKey, InvoiceDraft, InvoiceId, Line,
    OrganisationId, PortalId, Price, Quantity, Unit, VatMode, VatRate, Who,
};

use crate::remote::{OpenGate, Script, finish, now};

const KEY: &str = "7f3a/deal/4711/invoice/whole/1";
const NEXT: &str = "2026-03-12T09:00:00.000Z/5d6f7a8b-1234-4c1c-9d73-7bab4d2f6e77";

#[derive(Clone, Copy)]
enum Operation {
    Find,
    Create,
    Issue,
    FindByKey,
    Read,
    Print,
    Changes,
    Probe,
    Organisations,
    FindOurs,
    WithNumber,
    Payments,
    PaymentsGoOn,
}

const OPERATIONS: [(&str, Operation); 13] = [
    ("find", Operation::Find),
    ("create", Operation::Create),
    ("issue", Operation::Issue),
    ("find-by-key", Operation::FindByKey),
    ("read", Operation::Read),
    ("print", Operation::Print),
    ("changes", Operation::Changes),
    ("probe", Operation::Probe),
    ("organisations", Operation::Organisations),
    ("find-ours", Operation::FindOurs),
    ("with-number", Operation::WithNumber),
    ("payments", Operation::Payments),
    ("payments-go-on", Operation::PaymentsGoOn),
];

pub(crate) fn run(input: &[u8]) {
    let script = Script::of(input);
    let operation = script.operation(&OPERATIONS);
    let settings = Settings {
        base: "https://accounting.example/kontur/".parse().unwrap(),
        key: "0f2c8a3e".to_owned().into(),
        account: "main".to_owned(),
        offers: Offers::default(),
        waits: Waits::default(),
    };
    let accounting = connect(settings, script, Arc::new(now)).unwrap();
    let member = PortalId::new("a223c6b3710f85df22e9377d6c4f7553");
    let call = Call::new(&member, Urgency::Due, &OpenGate);
    finish(ask(&accounting, &call, operation));
}

async fn ask(accounting: &Accounting, call: &Call<'_>, operation: Operation) {
    let organisation = OrganisationId::new("972252c5-6551-4ec4-90ad-cb5b296490cb");
    let bill = InvoiceId::new("9bcc6d6f-23c0-4549-b81c-1299e2d983fe");
    match operation {
        Operation::Find => {
            let inns = ["7707083893".parse().unwrap()];
            let counterparties = &accounting.counterparties;
            drop(counterparties.find(call, &organisation, &inns).await);
        }
        Operation::Create => {
            let counterparties = &accounting.counterparties;
            let buyer = buyer();
            let created = counterparties.create(call, &organisation, &buyer, KEY);
            drop(created.await);
        }
        Operation::Issue => drop(accounting.issue.issue(call, &order(organisation)).await),
        Operation::FindByKey => {
            let keys = [KEY.to_owned()];
            let found = accounting
                .issue
                .find_by_key(call, &organisation, now(), &keys);
            drop(found.await);
        }
        Operation::Read => drop(accounting.read.read(call, &organisation, &[bill]).await),
        Operation::Print => {
            let print = accounting.print.as_ref().unwrap();
            drop(print.print(call, &organisation, &bill).await);
        }
        Operation::Changes => {
            let feed = accounting.feed.as_ref().unwrap();
            drop(feed.changes(call, &organisation, Some("17")).await);
        }
        Operation::Probe => drop(accounting.probe.probe(call).await),
        Operation::Organisations => drop(accounting.probe.organisations(call).await),
        Operation::FindOurs => {
            let counterparties = &accounting.counterparties;
            let ours = [person()];
            let found = counterparties.find_ours(call, &organisation, &ours);
            drop(found.await);
        }
        Operation::WithNumber => {
            let found = accounting.read.with_number(call, &organisation, "К-77");
            drop(found.await);
        }
        Operation::Payments => {
            let payments = accounting.payments.as_ref().unwrap();
            let from = PaymentsFrom::Moment(now());
            drop(payments.payments(call, &organisation, from).await);
        }
        Operation::PaymentsGoOn => {
            let payments = accounting.payments.as_ref().unwrap();
            let from = PaymentsFrom::Cursor(NEXT);
            drop(payments.payments(call, &organisation, from).await);
        }
    }
}

fn buyer() -> Counterparty {
    Counterparty {
        key: "7707083893/770701001".parse().unwrap(),
        name: "ООО «Ромашка»".to_owned(),
        full_name: None,
        ogrn: None,
        address: None,
    }
}

/// Somebody without an INN, who is known by our own mark.
fn person() -> Counterparty {
    Counterparty {
        key: CounterpartyKey {
            who: Who::Contact(ContactId(12)),
            kpp: None,
        },
        name: "Анна Кузнецова".to_owned(),
        ..buyer()
    }
}

fn order(seller: OrganisationId) -> InvoiceOrder {
    let line = Line {
        name: "Монтаж наружного освещения".to_owned(),
        unit: Unit {
            okei: Some("796".to_owned()),
            name: "шт".to_owned(),
        },
        quantity: Quantity::parse("3").unwrap(),
        price: Price::parse("50000").unwrap(),
        discount: None,
        vat: VatRate::Percent22,
    };
    InvoiceOrder {
        contractor: ContractorId::new("b79d3808-beef-4ce8-b27a-1192e7366d4e"),
        draft: InvoiceDraft {
            seller,
            buyer: buyer(),
            mode: VatMode::Included,
            lines: vec![line],
            currency: "RUB".to_owned(),
            basis: None,
            date: jiff::civil::date(2026, 3, 12),
            due: None,
            valid_until: None,
            part: None,
            number: None,
        },
        key: KEY.to_owned(),
    }
}
