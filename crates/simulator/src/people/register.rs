//! The accountant of an office without an accounting program: cancels by the register, and takes exports of it, two at once
//! and by half. What each file gave is kept for the checks.

use std::collections::BTreeMap;

use domain::{InvoiceId, OrganisationId};
use jiff::Timestamp;
use store::{Cancelled, Export, Fault, OfficeBill};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::world::{World, told};
use crate::machine::process::Process;
use crate::offices::office;
use crate::troubles::death::Moment;

/// What the processes do to the books, and how it may fail.
const STATEMENTS: [&str; 2] = ["TAKE_NUMBER", "PUT_BILL"];
const FAULTS: [Fault; 5] = [
    Fault::Io,
    Fault::IoAtCommit,
    Fault::IoAfterCommit,
    Fault::UnknownCommitLost,
    Fault::UnknownCommitStored,
];

/// An invoice's place in all series: whose it is, and its id there.
pub(crate) type Id = (OrganisationId, InvoiceId);

/// An accountant's work with the register.
pub(crate) struct Register {
    dice: Dice,
    /// Why which invoice was cancelled.
    pub(crate) cancelled: BTreeMap<Id, String>,
    /// Every file that an export began, in order.
    pub(crate) files: Vec<File>,
}

/// The file of an export.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) export: i64,
    /// Our records say that the accountant has it.
    pub(crate) finished: bool,
    pub(crate) lines: Vec<Given>,
}

/// An invoice in a file.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) id: Id,
    /// Marked as one that the accountant may have.
    pub(crate) again: bool,
    pub(crate) cancelled: bool,
}

/// How an export ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    /// The program died before its file was written, or after: nobody says which.
    Died,
}

impl Register {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Register),
            cancelled: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    fn begun(&mut self, export: &Export) -> usize {
        let lines = export.bills.iter().map(|given| Given {
            id: (given.bill.organisation.clone(), given.bill.id.clone()),
            again: given.again,
            cancelled: given.bill.cancelled.is_some(),
        });
        self.files.push(File {
            export: export.number,
            finished: false,
            lines: lines.collect(),
        });
        self.files.len().saturating_sub(1)
    }
}

impl Weather {
    /// Buyers of some such offices pay: they are drawn from a stream of their own, so that all the others stay as
    /// they are.
    pub(crate) fn draw_payers(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Payers);
        let customs = &self.customs;
        // Nobody pays a sample, the bank knows one of our companies, and money is shown where something is done.
        let others = [
            customs.own_books.is_none(),
            customs.trials.is_some(),
            customs.sellers.is_some(),
            customs.new_year.is_some(),
            customs.production.is_some(),
        ];
        if dice.chance(500) && !others.contains(&true) {
            self.bank = true;
        }
    }
}

impl World {
    /// The accountant does something with the register.
    pub(crate) async fn keep_register(&mut self) -> Result<(), String> {
        let place = self.some_tenant();
        let Some(register) = self.register(place) else {
            return Ok(());
        };
        match register.dice.below(100) {
            0..40 => self.cancel_by_register(place).await,
            40..75 => self.export(place, End::Finished).await,
            75..88 => self.export(place, End::Died).await,
            _ => self.export_twice_at_once(place).await,
        }
    }

    /// At the end of the day everything new is given once more.
    pub(crate) async fn last_exports(&mut self) -> Result<(), String> {
        for place in 0..self.tenants.len() {
            if self.register(place).is_some() {
                self.export(place, End::Finished).await?;
            }
        }
        Ok(())
    }

    /// A process's next invoice fails while it is recorded.
    pub(crate) fn books_fail(&mut self, process: Option<u64>, now: Timestamp) {
        let drawn = self.register(0).and_then(|register| {
            let statement = register.dice.pick(&STATEMENTS)?;
            Some((statement, register.dice.pick(&FAULTS)?))
        });
        let mut alive = self.slots.iter().flatten();
        let process = alive.find(|one: &&Process| Some(one.number) == process);
        if let (Some((statement, fault)), Some(process)) = (drawn, process) {
            let statement = Some(statement);
            process.dies_at(Moment { statement, fault }, 1, None);
            let words = format!("process {}: {statement:?} {fault:?}", process.number);
            self.story.add(now, format!("books are to fail: {words}"));
        }
    }

    fn register(&mut self, place: usize) -> Option<&mut Register> {
        self.tenants.get_mut(place)?.register.as_mut()
    }

    async fn cancel_by_register(&mut self, place: usize) -> Result<(), String> {
        let (now, host_now) = (self.now(), self.host.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let Some(register) = &mut tenant.register else {
            return Ok(());
        };
        let bills = self.store.office_bills(&tenant.id, 0).await.map_err(told)?;
        let Some(bill) = register.dice.pick(&bills) else {
            return Ok(());
        };
        let because = format!("письмо {}", register.dice.below(1_000));
        let cancelled = Cancelled {
            at: host_now,
            by: "accountant".to_owned(),
            because: because.clone(),
        };
        let (organisation, id) = (&bill.organisation, &bill.id);
        let done = self
            .store
            .office_cancel(&tenant.id, organisation, id, &cancelled);
        let done = done.await.map_err(told)?;
        if done {
            let id = (bill.organisation.clone(), bill.id.clone());
            register.cancelled.insert(id, because);
        }
        let words = format!("№ {} of deal {}: {done}", bill.number, bill.deal);
        tenant.office.tell(now, "cancelled by register", words);
        Ok(())
    }

    async fn export(&mut self, place: usize, end: End) -> Result<(), String> {
        if let Some((file, export)) = self.begin_export(place).await?
            && end == End::Finished
        {
            self.finish_export(place, file, &export).await?;
        }
        Ok(())
    }

    /// Two people export at one time: the second takes up what the first began, and the first is finished before it.
    async fn export_twice_at_once(&mut self, place: usize) -> Result<(), String> {
        let one = self.begin_export(place).await?;
        let other = self.begin_export(place).await?;
        for (file, export) in one.into_iter().chain(other) {
            self.finish_export(place, file, &export).await?;
        }
        Ok(())
    }

    async fn begin_export(&mut self, place: usize) -> Result<Option<(usize, Export)>, String> {
        let (now, host_now) = (self.now(), self.host.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(None);
        };
        let begun = self.store.office_export_begin(&tenant.id, host_now).await;
        let (Some(export), Some(register)) = (begun.map_err(told)?, &mut tenant.register) else {
            return Ok(None);
        };
        let file = register.begun(&export);
        let words = format!("{}, {} lines", export.number, export.bills.len());
        tenant.office.tell(now, "export begun", words);
        Ok(Some((file, export)))
    }

    async fn finish_export(
        &mut self,
        place: usize,
        file: usize,
        export: &Export,
    ) -> Result<(), String> {
        let (now, host_now) = (self.now(), self.host.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let finished = self
            .store
            .office_export_finish(&tenant.id, export, host_now);
        let finished = finished.await.map_err(told)?;
        let files = tenant.register.as_mut().map(|register| &mut register.files);
        if let Some(file) = files.and_then(|files| files.get_mut(file)) {
            file.finished = finished;
        }
        let words = format!("{}: {finished}", export.number);
        tenant.office.tell(now, "export finished", words);
        Ok(())
    }
}

/// What a tenant's register holds when the day is over.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    pub(crate) bills: Vec<OfficeBill>,
    /// The number that the next invoice of each organisation and year would get.
    pub(crate) next: BTreeMap<(OrganisationId, i64), Option<i64>>,
}

impl World {
    /// Reads it.
    pub(crate) async fn books(&self, place: usize) -> Result<Option<Books>, String> {
        let tenant = self.tenants.get(place);
        let Some(tenant) = tenant.filter(|tenant| tenant.register.is_some()) else {
            return Ok(None);
        };
        let bills = self.store.office_bills(&tenant.id, 0).await.map_err(told)?;
        let mut next = BTreeMap::new();
        for organisation in [
            office::organisation(place),
            office::trial(place),
            office::second(place),
        ] {
            let organisation = OrganisationId::new(organisation);
            for year in YEARS {
                let of_it = self.store.office_next(&tenant.id, &organisation, year);
                let of_it = of_it.await.map_err(told)?;
                next.insert((organisation.clone(), year), of_it);
            }
        }
        Ok(Some(Books { bills, next }))
    }
}

/// In which the seeds' days lie.
pub(crate) const YEARS: [i64; 2] = [2025, 2026];
