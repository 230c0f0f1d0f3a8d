//! The day: people act, things go wrong, processes die and come back, until evening; then everything settles.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::PortalId;
use engine::Clock as _;
use engine::clock::later;
use jiff::Timestamp;
use planner::Mode;
use store::{Fault, Lane, Look, Subject};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Often;
use crate::days::world::{World, told};
use crate::machine::freeze::Awaited;
use crate::machine::process::Process;
use crate::troubles::death::{self, Death, Doom, Moment, POINTS};

/// What is to happen at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Manager,
    Accountant,
    Integrator,
    Administrator,
    Bank,
    Parts,
    Call,
    Register,
    BooksFail,
    Adopt,
    Stranger,
    BackUp,
    Lost,
    Restored,
    Poison,
    Import,
    Storm,
    Crowd(u32),
    TryOut,
    Foreigner,
    OwnInvoice,
    Drag,
    DragBack(usize, i64),
    Copy,
    Branch,
    TypeSum,
    TakeOn,
    SayWhoSells,
    AgreeOnTerms,
    TurnOfYear,
    OddRow,
    Edit,
    EditOn(usize, i64),
    Contract,
    Weigh,
    NameUnit,
    Clerk,
    CloseByMark,
    Cash,
    Requisite,
    Staff,
    Exempt,
    Cancel,
    Waybill,
    Hint,
    Hide,
    Unhide(usize),
    AskForPlan,
    Reorder,
    Seal,
    Unseal(usize),
    SwitchPapers,
    Intrude,
    StopFormer,
    Remove,
    /// A portal's application; for the first time.
    Reinstall(usize, bool),
    Kill,
    KillAtRequest,
    KillAtStatement,
    KillAtPoint,
    DiskFull,
    Locked,
    UnknownCommit,
    Freeze,
    Thaw(u64),
    Outage,
    OutageEnds,
    Broken,
    BrokenEnds,
    Scopes,
    ScopesEnd,
    Tokens,
    Revoked,
    Tariff,
    TariffEnds,
    Jump,
    JumpEnds,
    Neighbour,
    Start(usize),
    Resume(usize),
    Active(usize),
}

/// What is still to come, in order.
pub(crate) struct Calendar {
    entries: BTreeMap<(Timestamp, u64), Happening>,
    count: u64,
    pub(crate) dice: Dice,
}

impl Calendar {
    pub(crate) fn put(&mut self, at: Timestamp, happening: Happening) {
        self.count = self.count.saturating_add(1);
        self.entries.insert((at, self.count), happening);
    }

    pub(crate) fn soon(
        &mut self,
        now: Timestamp,
        from: Duration,
        to: Duration,
        happening: Happening,
    ) {
        let wait = self.dice.time(from, to);
        self.put(later(now, wait), happening);
    }

    /// Again after a wait of this mean, if the kind is on.
    pub(crate) fn again(&mut self, now: Timestamp, mean: Option<Duration>, happening: Happening) {
        if let Some(mean) = mean {
            let wait = self.dice.wait(mean);
            self.put(later(now, wait), happening);
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    fn take(&mut self, now: Timestamp) -> Option<Happening> {
        let (key, _) = self.entries.first_key_value()?;
        if key.0 > now {
            return None;
        }
        self.entries.pop_first().map(|(_, happening)| happening)
    }
}

/// What is written with more to follow: the deal's fields after its bill, its entry and its file after these.
const WRITTEN: [&str; 3] = ["/contractors", "/bills", "crm.item.update"];

/// Mean time between two acts of the bank or of whoever brings its statements.
const PAYMENTS: Duration = secs(60);

/// The same of managers who bill by parts.
const PARTS: Duration = secs(50);

/// A process that ended by itself.
const ENDED: &str = "process ended";

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl World {
    /// Morning to evening.
    pub(crate) async fn live(&mut self) -> Result<(), String> {
        let mut calendar = Calendar {
            entries: BTreeMap::new(),
            count: 0,
            dice: Dice::of(self.seed, About::Disturbance),
        };
        let now = self.now();
        let evening = later(now, self.weather.day);
        self.plan_day(&mut calendar, now);
        loop {
            let next = calendar.next().unwrap_or(evening).min(evening);
            tokio::select! {
                biased;
                Some(kill) = self.kills.recv() => self.died(&mut calendar, kill.process, kill.point),
                Some(number) = self.ends.recv() => self.died(&mut calendar, number, ENDED),
                Some(turned) = self.turned.recv() => self.rows_move(turned),
                () = self.clock.sleep_until(next) => {
                    let now = self.now();
                    if now >= evening {
                        break;
                    }
                    if let Some(happening) = calendar.take(now) {
                        self.happen(&mut calendar, now, happening).await?;
                        self.observe()?;
                    }
                }
            }
        }
        Ok(())
    }

    fn plan_day(&self, calendar: &mut Calendar, now: Timestamp) {
        let Often {
            killed,
            killed_at_point,
            unknown_commit,
            revoked,
            tariff,
            jump,
            killed_at_request,
            killed_at_statement,
            disk_full,
            locked,
            frozen,
            outage,
            broken,
            scopes,
            tokens,
            neighbour,
        } = self.weather.often.clone();
        let own_books = self.weather.customs.own_books.clone();
        let customs = &self.weather.customs;
        let (odd_rows, kopecks) = (customs.odd_rows, customs.kopecks);
        let (contracts, edits) = (customs.contracts, customs.edits);
        for (mean, happening) in [
            (Some(self.weather.managers), Happening::Manager),
            (self.weather.accountant, Happening::Accountant),
            (self.weather.integrator, Happening::Integrator),
            (self.weather.administrator, Happening::Administrator),
            (self.weather.bank.then_some(PAYMENTS), Happening::Bank),
            (self.weather.parts.then_some(PARTS), Happening::Parts),
            (self.weather.customs.calls, Happening::Call),
            (self.weather.customs.adopts, Happening::Adopt),
            (self.weather.customs.trials, Happening::TryOut),
            (self.weather.customs.foreigners, Happening::Foreigner),
            (self.own_invoices_every(), Happening::OwnInvoice),
            (self.drags_every(), Happening::Drag),
            (self.weather.customs.copies, Happening::Copy),
            (self.weather.customs.branches, Happening::Branch),
            (self.weather.customs.typists, Happening::TypeSum),
            (self.taking_on_every(), Happening::TakeOn),
            (self.sellers_every(), Happening::SayWhoSells),
            (self.terms_every(), Happening::AgreeOnTerms),
            (self.turn_of_year_every(), Happening::TurnOfYear),
            (odd_rows.map(|odd| odd.every), Happening::OddRow),
            (kopecks.map(|one| one.every), Happening::Weigh),
            (contracts.map(|one| one.every), Happening::Contract),
            (edits.map(|one| one.every), Happening::Edit),
            (self.cashes_every(), Happening::Cash),
            (self.requisites_every(), Happening::Requisite),
            (self.weather.customs.dismissals, Happening::Staff),
            (self.exempt_every(), Happening::Exempt),
            (self.cancels_every(), Happening::Cancel),
            (self.weather.customs.waybills, Happening::Waybill),
            (self.hints_every(), Happening::Hint),
            (self.weather.customs.hides, Happening::Hide),
            (self.weather.customs.dry_runs, Happening::AskForPlan),
            (self.weather.customs.reorders, Happening::Reorder),
            (self.weather.customs.seals, Happening::Seal),
            (self.weather.customs.installations, Happening::Intrude),
            (
                customs.printing.map(|one| one.every),
                Happening::SwitchPapers,
            ),
            (own_books.as_ref().map(|own| own.every), Happening::Register),
            (
                own_books.as_ref().map(|own| own.fails),
                Happening::BooksFail,
            ),
            (killed, Happening::Kill),
            (killed_at_request, Happening::KillAtRequest),
            (killed_at_statement, Happening::KillAtStatement),
            (killed_at_point, Happening::KillAtPoint),
            (unknown_commit, Happening::UnknownCommit),
            (revoked, Happening::Revoked),
            (tariff, Happening::Tariff),
            (jump, Happening::Jump),
            (disk_full, Happening::DiskFull),
            (locked, Happening::Locked),
            (frozen, Happening::Freeze),
            (outage, Happening::Outage),
            (broken, Happening::Broken),
            (scopes, Happening::Scopes),
            (tokens, Happening::Tokens),
            (neighbour, Happening::Neighbour),
            (self.weather.customs.strangers, Happening::Stranger),
            (self.clerk_every(), Happening::Clerk),
            (self.weather.customs.closes, Happening::CloseByMark),
        ] {
            calendar.again(now, mean, happening);
        }
        self.plan_rarities(calendar, now);
    }

    /// What happens once on a day, where it does.
    fn plan_rarities(&self, calendar: &mut Calendar, now: Timestamp) {
        let customs = &self.weather.customs;
        if let Some(restore) = customs.restore {
            calendar.put(later(now, restore.copied_after), Happening::BackUp);
            calendar.put(later(now, restore.lost_after), Happening::Lost);
        }
        if let Some(poison) = customs.poison {
            calendar.put(later(now, poison.after), Happening::Poison);
        }
        if let Some(removal) = customs.removal {
            calendar.put(later(now, removal.after), Happening::Remove);
        }
        if let Some(import) = customs.import {
            calendar.put(later(now, import.after), Happening::Import);
            calendar.put(later(now, import.storm_after), Happening::Storm);
        }
        if let Some(crowd) = self.crowd() {
            let noon = self.weather.day.checked_div(2).unwrap_or_default();
            calendar.put(later(now, noon), Happening::Crowd(crowd));
        }
        if let Some(after) = customs.odd_rows.and_then(|odd| odd.named_after) {
            calendar.put(later(now, after), Happening::NameUnit);
        }
    }

    fn died(&mut self, calendar: &mut Calendar, number: u64, how: &str) {
        let now = self.now();
        let mut processes = self.slots.iter().flatten();
        let failed_at = processes
            .find(|process| process.number == number)
            .and_then(Process::failed_at);
        let how = failed_at.filter(|_| how == ENDED).unwrap_or(how);
        if let Some(slot) = self.remove(number) {
            let kind = if death::named().any(|point| point.name == how) {
                format!("died: {how}")
            } else {
                how.to_owned()
            };
            self.story.tell(now, &kind, format!("process {number}"));
            calendar.soon(
                now,
                Duration::from_millis(50),
                secs(90),
                Happening::Start(slot),
            );
        }
    }

    async fn happen(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
    ) -> Result<(), String> {
        let often = self.weather.often.clone();
        match happening {
            Happening::Manager => {
                let place = self.some_tenant();
                self.know_paid(place).await?;
                if let Some(tenant) = self.tenants.get_mut(place) {
                    tenant.office.manager(now);
                }
                calendar.again(now, Some(self.weather.managers), happening);
            }
            Happening::Accountant => {
                let place = self.some_tenant();
                if let Some(tenant) = self.tenants.get_mut(place) {
                    tenant.office.accountant(now);
                }
                calendar.again(now, self.weather.accountant, happening);
            }
            Happening::Integrator => {
                self.integrate(calendar, now).await?;
                calendar.again(now, self.weather.integrator, happening);
            }
            Happening::Administrator => {
                self.administer(&mut calendar.dice).await?;
                calendar.again(now, self.weather.administrator, happening);
            }
            Happening::Bank => {
                self.bank().await?;
                calendar.again(now, Some(PAYMENTS), happening);
            }
            Happening::Parts => {
                let place = self.some_tenant();
                if let Some(tenant) = self.tenants.get_mut(place) {
                    tenant.office.bill_by_parts(now);
                }
                calendar.again(now, Some(PARTS), happening);
            }
            Happening::Call => {
                let place = self.some_tenant();
                if let Some(tenant) = self.tenants.get_mut(place) {
                    tenant.call_orders(now);
                }
                calendar.again(now, self.weather.customs.calls, happening);
            }
            Happening::Adopt => {
                self.adopt().await?;
                calendar.again(now, self.weather.customs.adopts, happening);
            }
            Happening::Cash => {
                self.cash().await?;
                calendar.again(now, self.cashes_every(), happening);
            }
            Happening::Register => {
                self.keep_register().await?;
                let every = self.weather.customs.own_books.as_ref().map(|own| own.every);
                calendar.again(now, every, happening);
            }
            Happening::BooksFail => {
                let process = self.some_process(calendar).map(|one| one.number);
                self.books_fail(process, now);
                let fails = self.weather.customs.own_books.as_ref().map(|own| own.fails);
                calendar.again(now, fails, happening);
            }
            Happening::Clerk => {
                self.clerk(now);
                calendar.again(now, self.clerk_every(), happening);
            }
            Happening::CloseByMark => {
                self.close_by_mark().await?;
                calendar.again(now, self.weather.customs.closes, happening);
            }
            Happening::BackUp => self.back_up(calendar, now)?,
            Happening::Lost => self.lose(calendar, now),
            Happening::Restored => self.restore(now).await?,
            Happening::Poison => self.poison(calendar, now),
            Happening::Import => self.import(now),
            Happening::Storm => self.storm(now),
            Happening::Crowd(left) => self.one_of_crowd(calendar, now, left),
            Happening::Edit => self.edit(calendar, now).await?,
            Happening::EditOn(place, deal) => self.edit_on(calendar, now, (place, deal)),
            Happening::NameUnit => self.name_unit().await?,
            Happening::TryOut
            | Happening::Foreigner
            | Happening::OwnInvoice
            | Happening::Drag
            | Happening::DragBack(..)
            | Happening::Copy
            | Happening::Branch
            | Happening::TypeSum
            | Happening::OddRow
            | Happening::Contract
            | Happening::Weigh
            | Happening::TakeOn
            | Happening::SayWhoSells
            | Happening::AgreeOnTerms
            | Happening::TurnOfYear
            | Happening::Requisite
            | Happening::Staff
            | Happening::Exempt
            | Happening::Waybill
            | Happening::Cancel => self.follow_customs(calendar, now, happening),
            Happening::Hint => {
                let place = self.some_tenant();
                if let Some(tenant) = self.tenants.get_mut(place) {
                    tenant.hint(now);
                }
                calendar.again(now, self.hints_every(), happening);
            }
            Happening::Hide => self.hide(calendar, now),
            Happening::Unhide(place) => self.unhide(place, now),
            Happening::AskForPlan => self.ask_for_plan(calendar, now).await?,
            Happening::Reorder => self.reorder(calendar, now).await?,
            Happening::Seal => self.seal(calendar, now).await?,
            Happening::Unseal(place) => self.unseal(place).await?,
            Happening::SwitchPapers => self.switch_papers(calendar, now).await?,
            Happening::Intrude => self.intrude(calendar, now).await?,
            Happening::StopFormer => self.stop_former().await?,
            Happening::Remove => self.remove_application(calendar, now),
            Happening::Reinstall(place, first) => {
                self.reinstall(calendar, now, (place, first)).await?;
            }
            Happening::Start(slot) => self.start_process(slot).await,
            Happening::Resume(place) => self.pause(place, now, false).await?,
            Happening::Active(place) => self.set_mode(place, now, Mode::Active).await?,
            Happening::Kill => {
                if let Some(number) = self.some_process(calendar).map(|one| one.number) {
                    self.died(calendar, number, "killed");
                }
                calendar.again(now, often.killed, happening);
            }
            Happening::KillAtRequest
            | Happening::KillAtStatement
            | Happening::KillAtPoint
            | Happening::DiskFull
            | Happening::Locked
            | Happening::UnknownCommit => self.order_death(calendar, now, happening, &often),
            Happening::Freeze => {
                self.freeze(calendar, now);
                calendar.again(now, often.frozen, happening);
            }
            Happening::Thaw(number) => {
                let timers_late = calendar.dice.time(Duration::ZERO, secs(2));
                self.thaw(now, number, timers_late);
            }
            other => self.disturb(calendar, now, other, &often),
        }
        Ok(())
    }

    /// Some process stands still, at once or in the middle of its work.
    fn freeze(&self, calendar: &mut Calendar, now: Timestamp) {
        let Some(process) = self.some_process(calendar) else {
            return;
        };
        let number = process.number;
        let brief = (secs(1), secs(240));
        let dice = &mut calendar.dice;
        let (from, to) = match dice.below(3) {
            0 => {
                process.freezer.freeze();
                brief
            }
            1 => {
                process.freezer.freeze_at_answer(Awaited::Any);
                brief
            }
            // Long enough that another has the portal when it wakes with more to write.
            _ => {
                let written = dice.pick(&WRITTEN).map_or(Awaited::Any, Awaited::To);
                process.freezer.freeze_at_answer(written);
                (secs(150), secs(600))
            }
        };
        calendar.soon(now, from, to, Happening::Thaw(number));
    }

    fn thaw(&self, now: Timestamp, number: u64, timers_late: Duration) {
        for process in self.slots.iter().flatten() {
            if process.number == number {
                process.freezer.thaw(timers_late);
                self.story.tell(now, "thawed", format!("process {number}"));
            }
        }
    }

    fn some_process(&self, calendar: &mut Calendar) -> Option<&Process> {
        let alive: Vec<&Process> = self.slots.iter().flatten().collect();
        calendar.dice.pick(&alive)
    }

    /// A process is to die, or its store to fail, at something that it does next.
    fn order_death(
        &self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
        often: &Often,
    ) {
        let Some(process) = self.some_process(calendar) else {
            return calendar.again(now, Some(secs(60)), happening);
        };
        let dice = &mut calendar.dice;
        let small = |n: u64| u32::try_from(n).unwrap_or(1);
        let mean = match happening {
            Happening::KillAtRequest => {
                process.dies_at_request(Doom {
                    at: None,
                    skipped: dice.below(12),
                    death: dice
                        .pick(&[Death::Before, Death::During, Death::After])
                        .unwrap_or(Death::After),
                    point: "died at a request",
                });
                often.killed_at_request
            }
            Happening::KillAtPoint => {
                if let Some(point) = dice.pick(&POINTS) {
                    process.dies_at_point(point, dice.below(3));
                }
                often.killed_at_point
            }
            Happening::KillAtStatement => {
                let fault = dice
                    .pick(&[Fault::Io, Fault::IoAtCommit, Fault::IoAfterCommit])
                    .unwrap_or(Fault::Io);
                let most = if fault == Fault::Io { 400 } else { 30 };
                let moment = Moment {
                    statement: None,
                    fault,
                };
                process.dies_at(moment, small(dice.between(1, most)), None);
                often.killed_at_statement
            }
            Happening::UnknownCommit => {
                let fault = dice
                    .pick(&[Fault::UnknownCommitLost, Fault::UnknownCommitStored])
                    .unwrap_or(Fault::UnknownCommitLost);
                let moment = Moment {
                    statement: None,
                    fault,
                };
                process.dies_at(moment, small(dice.between(1, 20)), None);
                often.unknown_commit
            }
            Happening::Locked => {
                let moment = Moment {
                    statement: None,
                    fault: Fault::Busy,
                };
                process.dies_at(moment, small(dice.between(1, 300)), None);
                often.locked
            }
            _ => {
                let at_commit = dice.chance(500);
                let (fault, most) = if at_commit {
                    (Fault::DiskFullAtCommit, 15)
                } else {
                    (Fault::DiskFull, 300)
                };
                let moment = Moment {
                    statement: None,
                    fault,
                };
                process.dies_at(moment, small(dice.between(1, most)), None);
                often.disk_full
            }
        };
        calendar.again(now, mean, happening);
    }

    async fn integrate(&mut self, calendar: &mut Calendar, now: Timestamp) -> Result<(), String> {
        let place = self.some_tenant();
        let Some(portal) = self.tenants.get(place).map(|tenant| tenant.id.clone()) else {
            return Ok(());
        };
        match calendar.dice.below(100) {
            0..40 => {
                if let Some(process) = self.some_process(calendar) {
                    process.ask_to_stop();
                    let number = process.number;
                    self.story
                        .tell(now, "restarted", format!("process {number}"));
                }
            }
            40..60 => {
                self.pause(place, now, true).await?;
                calendar.soon(now, secs(5), secs(600), Happening::Resume(place));
            }
            60..75 => {
                self.set_mode(place, now, Mode::WatchOnly).await?;
                calendar.soon(now, secs(5), secs(600), Happening::Active(place));
            }
            75..90 => {
                let settle = u32::try_from(calendar.dice.below(40)).unwrap_or(0);
                self.story
                    .tell(now, "new policy", format!("settle {settle} s"));
                self.change_policy(&portal, |policy| {
                    for funnel in &mut policy.funnels {
                        funnel.settle_seconds = settle;
                    }
                })
                .await?;
            }
            _ => {
                let days = u16::try_from(calendar.dice.between(1, 30)).unwrap_or(5);
                self.story
                    .tell(now, "new policy", format!("{days} days to pay"));
                self.change_policy(&portal, |policy| policy.invoice.due_days = Some(days))
                    .await?;
            }
        }
        Ok(())
    }

    /// A person orders a look.
    pub(crate) async fn look_at(&self, portal: &PortalId, subject: Subject) -> Result<(), String> {
        let look = Look {
            subject,
            lane: Lane::Click,
            due_at: self.host.now(),
            reason: "person".to_owned(),
        };
        self.store.look(portal, &[look]).await.map_err(told)
    }
}
