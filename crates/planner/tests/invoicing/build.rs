//! A deal that lacks nothing, and short words to change it.
//!
//! It stands in the invoice stage of funnel 0 for a minute, its buyer is known to the accounting side, and it was
//! read whole just now: its plan is to issue. Every test says only what is different.

use domain::observed::{
    BankDetail, ChosenRequisites, DealGlance, DealReading, FieldValue, KnownCounterparty, OurField,
    OurFields, OwnCompany, Owner, ProductRow, Requisite, RowVat, StageEntry,
};
use domain::{
    BankDetailId, CompanyId, ContactId, ContractorId, Counterparty, CounterpartyKey, Deal, DealId,
    FunnelId, Money, OrganisationId, Price, Quantity, RequisiteId, Slot, SlotKind, StageId, UserId,
    VatRate,
};
use jiff::{SignedDuration, Timestamp};
use planner::{
    Creating, DealSnapshot, Funnel, InvoicePolicy, Mode, OpenCase, Organisation, OurInvoice, Plan,
    Policy, Repeatable, Seen, SmartInvoices, invoicing,
};

use crate::carry::issued;
use crate::render::render;

/// Thursday, 12 March 2026, noon in Moscow.
pub(crate) fn noon() -> Timestamp {
    "2026-03-12T09:00:00Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    noon() - SignedDuration::from_secs(seconds)
}

pub(crate) const INVOICE_STAGE: &str = "PREPAYMENT_INVOICE";
pub(crate) const ROMASHKA: &str = "7707083893/770801001";

/// A deal under test: what is observed of it, by which rules, and when.
#[derive(Clone, Debug)]
pub(crate) struct TestDeal {
    pub(crate) snapshot: DealSnapshot,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
}

pub(crate) fn deal() -> TestDeal {
    let reading = DealReading {
        glance: glance(),
        history: vec![entered("NEW", ago(600)), entered(INVOICE_STAGE, ago(60))],
        rows: vec![row("Консультация")],
        requisites: vec![requisite(21, Owner::Company(CompanyId(7)))],
        chosen: ChosenRequisites::default(),
        company_title: Some("Ромашка".to_owned()),
        contact_name: None,
    };
    let mut snapshot = DealSnapshot::unread(DealId(4711));
    snapshot.seen = Seen::Whole(Box::new(reading), noon());
    snapshot.own_companies = vec![own_company(1)];
    TestDeal {
        snapshot,
        policy: policy(),
        now: noon(),
    }
    .accounting_knows(&[("K-1", ROMASHKA)])
}

fn glance() -> DealGlance {
    DealGlance {
        deal: Deal {
            id: DealId(4711),
            title: "Ромашка, весна".to_owned(),
            funnel: FunnelId(0),
            stage: StageId::new(INVOICE_STAGE),
            closed: false,
            lost: false,
            template: false,
            amount: Money::from_kopecks(12_200),
            manual_amount: false,
            currency: "RUB".to_owned(),
            company: Some(CompanyId(7)),
            contact: None,
            own_company: None,
            responsible: UserId(5),
            created: ago(600),
            changed: ago(60),
            changed_by: Some(UserId(5)),
        },
        fields: OurFields::default(),
        named: Default::default(),
    }
}

pub(crate) fn entered(stage: &str, at: Timestamp) -> StageEntry {
    StageEntry {
        funnel: FunnelId(0),
        stage: StageId::new(stage),
        at,
    }
}

/// One piece for 122 roubles, 22 % VAT within.
pub(crate) fn row(name: &str) -> ProductRow {
    ProductRow {
        product: Some(501),
        name: name.to_owned(),
        quantity: Quantity::ONE,
        price: Price::parse("122").unwrap(),
        vat_included: true,
        vat: RowVat::Known(VatRate::Percent22),
        unit_code: Some("796".to_owned()),
        unit_name: Some("шт".to_owned()),
    }
}

/// What the CRM makes of a row: its sum with VAT, rounded.
fn gross(row: &ProductRow) -> Option<domain::Decimal> {
    let sum = row.price.value().checked_mul(row.quantity.value())?;
    let percent = match &row.vat {
        RowVat::Known(rate) if !row.vat_included => rate.percent().unwrap_or(0),
        RowVat::Known(_) | RowVat::Strange(_) => 0,
    };
    let on_top = sum.checked_mul(domain::Decimal::new(i64::from(percent) + 100, 2))?;
    Money::rounded(on_top).map(Money::roubles)
}

pub(crate) fn requisite(id: u64, owner: Owner) -> Requisite {
    Requisite {
        id: RequisiteId(id),
        owner,
        name: "ООО «Ромашка»".to_owned(),
        full_name: "Общество с ограниченной ответственностью «Ромашка»".to_owned(),
        inn: "7707083893".to_owned(),
        kpp: "770801001".to_owned(),
        ogrn: "1027700132195".to_owned(),
        director: String::new(),
        accountant: String::new(),
        address: "Москва, ул. Лесная, 1".to_owned(),
        address_only: false,
        banks: Vec::new(),
    }
}

pub(crate) fn own_company(id: u64) -> OwnCompany {
    OwnCompany {
        id: CompanyId(id),
        title: "Мы".to_owned(),
        requisites: vec![Requisite {
            name: "ООО «Мы»".to_owned(),
            inn: "7736050003".to_owned(),
            kpp: "773601001".to_owned(),
            ogrn: String::new(),
            director: "Петров П. П.".to_owned(),
            accountant: "Сидорова С. С.".to_owned(),
            banks: vec![BankDetail {
                id: BankDetailId(31),
                bank_name: "ПАО Сбербанк".to_owned(),
                bik: "044525225".to_owned(),
                account: "40702810200000012345".to_owned(),
                correspondent: "30101810400000000225".to_owned(),
            }],
            ..requisite(11 + id - 1, Owner::Company(CompanyId(id)))
        }],
    }
}

pub(crate) fn organisation(id: &str, own_company: u64) -> Organisation {
    Organisation {
        id: OrganisationId::new(id),
        title: "Мы".to_owned(),
        own_company: CompanyId(own_company),
        account: None,
        time_zone: "Europe/Moscow".to_owned(),
        test: false,
        vat: Vec::new(),
        paper: None,
    }
}

fn policy() -> Policy {
    let stages = [
        "NEW",
        "PREPARATION",
        INVOICE_STAGE,
        "EXECUTING",
        "WON",
        "LOSE",
    ];
    let fields = [
        (OurField::Number, "UF_NUMBER"),
        (OurField::Date, "UF_DATE"),
        (OurField::Status, "UF_STATUS"),
        (OurField::Sum, "UF_SUM"),
        (OurField::Command, "UF_COMMAND"),
    ];
    Policy {
        start_at: ago(86_400),
        administrator: Some("chat12".to_owned()),
        accountant: None,
        fields: fields.map(|(field, name)| (field, name.to_owned())).into(),
        money: None,
        invoice: InvoicePolicy {
            // What is gathered and for how long has tests of its own.
            gather_seconds: 0,
            smart_invoices: Some(SmartInvoices::Ignore),
            ..InvoicePolicy::default()
        },
        notices: planner::Notices::default(),
        pilot: None,
        organisations: vec![organisation("org", 1)],
        funnels: vec![Funnel {
            id: FunnelId(0),
            mode: Mode::Active,
            start_at: None,
            stages: stages.map(StageId::new).into(),
            former: Vec::new(),
            invoice_stages: vec![StageId::new(INVOICE_STAGE)],
            organisation: None,
            settle_seconds: 10,
        }],
    }
}

pub(crate) fn known(id: &str, key: &str) -> KnownCounterparty {
    KnownCounterparty {
        id: ContractorId::new(id),
        counterparty: Counterparty {
            key: key.parse::<CounterpartyKey>().unwrap(),
            name: "Ромашка".to_owned(),
            full_name: None,
            ogrn: None,
            address: None,
        },
    }
}

impl TestDeal {
    /// The plan as the tests compare it.
    pub(crate) fn plan(&self) -> String {
        render(&self.planned())
    }

    pub(crate) fn planned(&self) -> Plan {
        invoicing::plan(&self.snapshot, &self.policy, self.now)
    }

    /// Whether anything may be written for it.
    pub(crate) fn is_at_work(&self) -> bool {
        planner::is_at_work(&self.snapshot, &self.policy)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Changes what the whole look shows.
    pub(crate) fn read(mut self, change: impl FnOnce(&mut DealReading)) -> Self {
        match &mut self.snapshot.seen {
            Seen::Whole(reading, _) => change(reading),
            other => panic!("not read whole: {other:?}"),
        }
        self
    }

    pub(crate) fn of(self, change: impl FnOnce(&mut Deal)) -> Self {
        self.read(|reading| change(&mut reading.glance.deal))
    }

    pub(crate) fn seen(mut self, seen: Seen) -> Self {
        self.snapshot.seen = seen;
        self
    }

    /// The whole look was taken then.
    pub(crate) fn seen_at(mut self, read_at: Timestamp) -> Self {
        match &mut self.snapshot.seen {
            Seen::Whole(_, at) => *at = read_at,
            other => panic!("not read whole: {other:?}"),
        }
        self
    }

    /// Only the cheap look was taken.
    pub(crate) fn glanced(mut self) -> Self {
        let glance = self.snapshot.glance().cloned().unwrap();
        self.snapshot.seen = Seen::Glance(Box::new(glance));
        self
    }

    pub(crate) fn stage(self, stage: &str) -> Self {
        self.of(|deal| deal.stage = StageId::new(stage))
    }

    /// The stages it entered, each so many seconds ago; it stands in the last.
    pub(crate) fn history(self, entries: &[(&str, i64)]) -> Self {
        let last = entries.last().map_or(INVOICE_STAGE, |(stage, _)| stage);
        self.stage(last).read(|reading| {
            reading.history = entries
                .iter()
                .map(|(stage, seconds)| entered(stage, ago(*seconds)))
                .collect();
        })
    }

    pub(crate) fn ordered(self) -> Self {
        self.read(|reading| {
            reading.glance.fields.command = Some("Выставить счет ".to_owned());
        })
    }

    pub(crate) fn rows(self, rows: impl IntoIterator<Item = ProductRow>) -> Self {
        self.read(|reading| reading.rows = rows.into_iter().collect())
            .summed_up()
    }

    /// The CRM's own sum follows the rows, as far as rows make one.
    fn summed_up(self) -> Self {
        self.read(|reading| {
            let sum = reading
                .rows
                .iter()
                .map(gross)
                .sum::<Option<domain::Decimal>>();
            let deal = &mut reading.glance.deal;
            if let Some(sum) = sum.and_then(Money::rounded).filter(|_| !deal.manual_amount) {
                deal.amount = sum;
            }
        })
    }

    /// Changes the only row.
    pub(crate) fn row(self, change: impl FnOnce(&mut ProductRow)) -> Self {
        self.read(|reading| change(&mut reading.rows[0]))
            .summed_up()
    }

    /// Changes the buyer's only requisite.
    pub(crate) fn buyer(self, change: impl FnOnce(&mut Requisite)) -> Self {
        self.read(|reading| change(&mut reading.requisites[0]))
    }

    /// Changes the only requisite of our own company.
    pub(crate) fn seller(mut self, change: impl FnOnce(&mut Requisite)) -> Self {
        change(&mut self.snapshot.own_companies[0].requisites[0]);
        self
    }

    /// Changes our only account.
    pub(crate) fn account(self, change: impl FnOnce(&mut BankDetail)) -> Self {
        self.seller(|requisite| change(&mut requisite.banks[0]))
    }

    /// What the accounting side answered when asked for the buyer's INN.
    pub(crate) fn accounting_knows(mut self, known_ones: &[(&str, &str)]) -> Self {
        let who = ROMASHKA.parse::<CounterpartyKey>().unwrap().who;
        let known = known_ones.iter().map(|(id, key)| known(id, key)).collect();
        let asked = (OrganisationId::new("org"), who);
        self.snapshot.counterparties = [(asked, known)].into();
        self
    }

    pub(crate) fn accounting_not_asked(mut self) -> Self {
        self.snapshot.counterparties.clear();
        self
    }

    pub(crate) fn creating(mut self, look_at: Timestamp) -> Self {
        let slot = Slot::first(SlotKind::Whole);
        self.snapshot.creating = Some(Creating {
            slot,
            look_at,
            repeatable: None,
        });
        self
    }

    /// The fate of just what the deal wants is not known, and the accounting side tells a repetition by its key.
    pub(crate) fn asked_for(mut self, look_at: Timestamp, not_before: Timestamp) -> Self {
        let wanted = self.clone().issued();
        let revision = wanted.snapshot.invoices[0].revision.clone();
        let slot = Slot::first(SlotKind::Whole);
        let repeatable = Some(Repeatable {
            revision,
            not_before,
        });
        self.snapshot.creating = Some(Creating {
            slot,
            look_at,
            repeatable,
        });
        self
    }

    pub(crate) fn open(mut self, key: &str, text: &str, told: bool) -> Self {
        let text = text.to_owned();
        let open = OpenCase {
            text,
            told,
            watched: false,
            about: String::new(),
            whom: None,
            heard_by: None,
            id: Some(1),
        };
        self.snapshot.open_cases.insert(key.to_owned(), open);
        self
    }

    /// The invoice that the deal's plan asks for was issued as number 17.
    pub(crate) fn issued(mut self) -> Self {
        let invoice = self
            .planned()
            .actions
            .iter()
            .find_map(|action| issued(action, "17"))
            .expect("a deal that lacks nothing");
        self.snapshot.invoices.push(invoice);
        self
    }

    /// Only events ask for the look, which came now, and the deal was changed then.
    pub(crate) fn hinted(mut self, changed: Timestamp) -> Self {
        self.snapshot.hinted = Some(self.now);
        self.of(|deal| deal.changed = changed)
    }

    /// Changes what we know of its last invoice.
    pub(crate) fn invoice(mut self, change: impl FnOnce(&mut OurInvoice)) -> Self {
        change(self.snapshot.invoices.last_mut().unwrap());
        self
    }

    /// The invoice is issued and everything that shows it was done.
    pub(crate) fn settled(self) -> Self {
        let mut settled = self.issued();
        for _round in 0..8 {
            let plan = settled.planned();
            settled.carry_out(plan);
        }
        assert!(settled.planned().is_empty(), "{}", settled.plan());
        settled
    }
}

pub(crate) fn contact_requisite(id: u64) -> Requisite {
    Requisite {
        name: "Иванов Иван Иванович".to_owned(),
        full_name: String::new(),
        inn: "500100732259".to_owned(),
        kpp: String::new(),
        ogrn: String::new(),
        ..requisite(id, Owner::Contact(ContactId(9)))
    }
}

pub(crate) fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}
