//! Answers of the portal, single ones and batches, through the whole of the connector.

use std::sync::Arc;

use capability::portal::{PortalWrite, RecordKind, SweepAsk, SweepOf};
use capability::{Call, Portal, Urgency};
use connector_bitrix24::{Bitrix24, Connection, FieldNames, Offline, Settings};
use domain::observed::{FieldValue, OurField, Record};
use domain::{BankDetailId, DealId, PortalId, RequisiteId, StageId, UserId};
use transport::Allowed;

use crate::remote::{OpenGate, Script, finish, now};

#[derive(Clone, Copy)]
enum Operation {
    Glance,
    Read,
    Presence,
    Changed,
    Owners,
    Write,
    LookUp,
    Funnels,
    OwnCompanies,
    Probe,
    EnsureFields,
}

const OPERATIONS: [(&str, Operation); 11] = [
    ("glance", Operation::Glance),
    ("read", Operation::Read),
    ("presence", Operation::Presence),
    ("changed", Operation::Changed),
    ("owners", Operation::Owners),
    ("write", Operation::Write),
    ("look-up", Operation::LookUp),
    ("funnels", Operation::Funnels),
    ("own-companies", Operation::OwnCompanies),
    ("probe", Operation::Probe),
    ("ensure-fields", Operation::EnsureFields),
];

pub(crate) fn run(input: &[u8]) {
    let script = Script::of(input);
    let operation = script.operation(&OPERATIONS);
    let connection = Connection::Webhook {
        url: "https://portal.bitrix24.test/rest/1/s3cr3t/"
            .to_owned()
            .into(),
    };
    let bitrix = Bitrix24::new(connection, script, settings()).unwrap();
    let member = PortalId::new("a223c6b3710f85df22e9377d6c4f7553");
    let call = Call::new(&member, Urgency::Due, &OpenGate);
    finish(ask(&bitrix.portal(), &call, operation));
}

pub(crate) fn settings() -> Settings {
    Settings {
        fields: FieldNames::new(fields().map(|(field, name)| (field, name.to_owned()))),
        offline: Offline::KeptWithoutOurs,
        allowed: Allowed::default(),
        development_oauth_host: None,
        now: Arc::new(now),
    }
}

fn fields() -> [(OurField, &'static str); 6] {
    [
        (OurField::Number, "UF_CRM_PROVODKA_NUMBER"),
        (OurField::Date, "UF_CRM_PROVODKA_DATE"),
        (OurField::Status, "UF_CRM_PROVODKA_STATUS"),
        (OurField::Link, "UF_CRM_PROVODKA_LINK"),
        (OurField::Sum, "UF_CRM_PROVODKA_SUM"),
        (OurField::Command, "UF_CRM_PROVODKA_COMMAND"),
    ]
}

async fn ask(portal: &Portal, call: &Call<'_>, operation: Operation) {
    let deals = [DealId(351), DealId(352)];
    match operation {
        Operation::Glance => drop(portal.deals.glance(call, &deals).await),
        Operation::Read => drop(portal.deals.read(call, &deals).await),
        Operation::Presence => drop(portal.deals.presence(call, &deals).await),
        Operation::Changed => drop(portal.sweep.changed(call, &sweep()).await),
        Operation::Owners => {
            let records = [
                Record::Requisite(RequisiteId(27)),
                Record::BankDetail(BankDetailId(9)),
            ];
            drop(portal.sweep.owners(call, &records).await);
        }
        Operation::Write => {
            let writes = writes();
            let answers = portal.write.write(call, &writes).await;
            assert_eq!(answers.len(), writes.len(), "one answer for each write");
        }
        Operation::LookUp => {
            let writes = writes();
            let answers = portal.write.look_up(call, &writes).await;
            assert_eq!(answers.len(), writes.len(), "one answer for each write");
        }
        Operation::Funnels => drop(portal.directory.funnels(call).await),
        Operation::OwnCompanies => drop(portal.directory.own_companies(call).await),
        Operation::Probe => drop(portal.directory.probe(call).await),
        Operation::EnsureFields => {
            let wanted = fields().map(|(field, name)| (field, name.to_owned()));
            drop(portal.set_up.ensure_fields(call, &wanted).await);
        }
    }
}

fn sweep() -> [SweepAsk; 4] {
    [
        SweepOf::Changed(RecordKind::Deal),
        SweepOf::Changed(RecordKind::BankDetail),
        SweepOf::OwnInvoices,
        SweepOf::Entered(vec![StageId::new("C9:PREPAYMENT_INVOICE")]),
    ]
    .map(|of| SweepAsk {
        // The last one goes on and on.
        pages: match of {
            SweepOf::Entered(_) => 2,
            SweepOf::Changed(_) | SweepOf::OwnInvoices => 0,
        },
        of,
        since: now(),
        after: None,
    })
}

fn writes() -> [PortalWrite; 5] {
    let deal = DealId(351);
    let text = || "Выставлен счёт № 17".to_owned();
    let mark = || "provodka-17".to_owned();
    [
        PortalWrite::SetFields {
            deal,
            fields: vec![(OurField::Number, FieldValue::Text("17".to_owned()))],
            compared: Some(now()),
        },
        PortalWrite::AddTimelineEntry {
            deal,
            text: text(),
            mark: mark(),
        },
        PortalWrite::AttachFile {
            deal,
            entry: "99".to_owned(),
            text: text(),
            name: "17.pdf".to_owned(),
            bytes: vec![0x25; 16],
        },
        PortalWrite::Notify {
            user: UserId(6),
            tag: "provodka-351".to_owned(),
            text: text(),
        },
        PortalWrite::PostToChat {
            dialog: "chat12".to_owned(),
            text: text(),
            mark: mark(),
        },
    ]
}
