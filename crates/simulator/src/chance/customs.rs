//! What only some offices do beside the usual: about one seed in six has any of it. It is drawn from a stream of its own,
//! so that the days of all the others stay as they are.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Time;
use planner::{Attach, Demand, Kind, SmartInvoices};

use crate::chance::dice::Dice;
use crate::chance::weather::Weather;
use crate::habits::cancels::Cancels;
use crate::habits::contracts::Contracts;
use crate::habits::editors::Edits;
use crate::habits::exempt::Exempt;
use crate::habits::kopecks::Kopecks;
use crate::habits::odd_rows::OddRows;
use crate::habits::requisites::Requisites;
use crate::offices::new_year::NewYear;
use crate::offices::office::SECOND_FUNNEL;
use crate::offices::printing::Printing;
use crate::offices::production::Production;
use crate::offices::regimes::Regime;
use crate::offices::sellers::Sellers;
use crate::offices::terms::Terms;
use crate::people::clerk::Clerking;
use crate::people::remembered::Buyer;
use crate::troubles::hints::Hinting;
use crate::troubles::import::Import;
use crate::troubles::poison::Poisoning;
use crate::troubles::removals::Removal;
use crate::troubles::restore::Restore;

/// The customs of one seed's office.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customs {
    /// Mean time between two calls of orders by other programs; a robot of the portal calls as well.
    pub(crate) calls: Option<Duration>,
    /// Mean time between two acts of whoever takes over what was invoiced by hand.
    pub(crate) adopts: Option<Duration>,
    /// Mean time between two events that no portal sent.
    pub(crate) strangers: Option<Duration>,
    /// There is no accounting program: the register is our own.
    pub(crate) own_books: Option<OwnBooks>,
    /// Mean time between two acts of whoever tries out, in the register of a test organisation.
    pub(crate) trials: Option<Duration>,
    /// Mean time between two acts of managers who sell to buyers without an INN.
    pub(crate) foreigners: Option<Duration>,
    /// Managers make invoices of the portal's own.
    pub(crate) own_invoices: Option<OwnInvoices>,
    /// Managers drag deals by mistake.
    pub(crate) drags: Option<Drags>,
    /// Mean time between two copies of deals.
    pub(crate) copies: Option<Duration>,
    /// Between these moments of the day nobody is told of anything.
    pub(crate) quiet: Option<(Time, Time)>,
    /// A buyer whom the accounting side does not know is asked about.
    pub(crate) asks_buyers: bool,
    /// Mean time between two acts of managers who sell to companies with branches.
    pub(crate) branches: Option<Duration>,
    /// Managers sell to buyers with several requisites, or not all of one.
    pub(crate) requisites: Option<Requisites>,
    /// Mean time between two changes of who works there and answers for what.
    pub(crate) dismissals: Option<Duration>,
    /// Some deals are not billed for what stands in them.
    pub(crate) exempt: Option<Exempt>,
    /// People order that invoices are cancelled.
    pub(crate) cancels: Option<Cancels>,
    /// Mean time between two times when a right hides companies from us.
    pub(crate) hides: Option<Duration>,
    /// It hides our own company, not the buyers'.
    pub(crate) hides_seller: bool,
    /// A kind of question of which nobody is told.
    pub(crate) silent: Option<Kind>,
    /// Mean time between two acts of managers who type sums by hand.
    pub(crate) typists: Option<Duration>,
    /// Deals go on from one funnel to another.
    pub(crate) production: Option<Production>,
    /// Two own companies sell.
    pub(crate) sellers: Option<Sellers>,
    /// Buyers pay to the one or the other of them.
    pub(crate) strays: bool,
    /// Terms are agreed upon.
    pub(crate) terms: Option<Terms>,
    /// A year ends within the day.
    pub(crate) new_year: Option<NewYear>,
    /// How the organisation stands to VAT, where policy says so.
    pub(crate) regime: Option<Regime>,
    /// The accounting program holds payments as well.
    pub(crate) clerk: Option<Clerking>,
    /// Mean time between two acts of whoever lets marks of the accounting side close bills.
    pub(crate) closes: Option<Duration>,
    /// Mean time between two waybills that managers name, where no paid deal goes on without one.
    pub(crate) waybills: Option<Duration>,
    /// Among the bank's orders there are transfers of our own, and its charges.
    pub(crate) own_money: bool,
    /// The accounting side calls when its books changed.
    pub(crate) hints: Option<Hinting>,
    /// Statements are read as the files that a bank's program writes.
    pub(crate) files: bool,
    /// Somebody works with money at our desk.
    pub(crate) cashier: Option<Cashing>,
    /// A backup is put back.
    pub(crate) restore: Option<Restore>,
    /// One deal spoils whatever reads it.
    pub(crate) poison: Option<Poisoning>,
    /// Many deals are brought in at once.
    pub(crate) import: Option<Import>,
    /// Some bills land after the accounting side's promise has passed.
    pub(crate) belated: bool,
    /// Some lines bear a VAT rate that no law has.
    pub(crate) strange_rates: bool,
    /// Managers write rows that cannot be invoiced as they stand.
    pub(crate) odd_rows: Option<OddRows>,
    /// Managers go on editing deals that have their invoice.
    pub(crate) edits: Option<Edits>,
    /// Managers keep the contract in fields of the deal.
    pub(crate) contracts: Option<Contracts>,
    /// Managers sell by weight and by hundreds of rows.
    pub(crate) kopecks: Option<Kopecks>,
    /// Mean time between two times that somebody asks what would be done.
    pub(crate) dry_runs: Option<Duration>,
    /// Mean time between two orders of the funnel's stages.
    pub(crate) reorders: Option<Duration>,
    /// Mean time between two records that another version of the program makes.
    pub(crate) seals: Option<Duration>,
    /// Deals lead to the page of their invoice.
    pub(crate) links: bool,
    /// Managers say how much of a deal is billed in advance.
    pub(crate) shares: bool,
    /// The application is removed for a while.
    pub(crate) removal: Option<Removal>,
    /// Invoices are printed on our own paper.
    pub(crate) printing: Option<Printing>,
    /// Mean time between two times that another installation turns to our portal.
    pub(crate) installations: Option<Duration>,
}

impl Customs {
    /// Buyers who are there before the day begins.
    pub(crate) fn known_buyers(&self) -> BTreeMap<u32, Buyer> {
        let known = self.terms.iter().flat_map(Terms::known_buyers);
        let known = known.map(|number| (number, Buyer { with_kpp: true }));
        known.collect()
    }

    /// Nobody else works with our records than whoever works in every office.
    pub(crate) fn is_usual(&self) -> bool {
        let others = [
            self.calls.is_some(),
            self.adopts.is_some(),
            self.own_books.is_some(),
            self.trials.is_some(),
            self.foreigners.is_some(),
            self.own_invoices.is_some(),
            self.drags.is_some(),
            self.copies.is_some(),
            self.quiet.is_some(),
            self.asks_buyers,
            self.branches.is_some(),
            self.typists.is_some(),
            self.production.is_some(),
            self.sellers.is_some(),
            self.regime.is_some(),
            self.new_year.is_some(),
            self.terms.is_some(),
            self.odd_rows.is_some(),
            self.edits.is_some(),
            self.contracts.is_some(),
            self.kopecks.is_some(),
            self.clerk.is_some(),
            self.cashier.is_some(),
            self.requisites.is_some(),
            self.dismissals.is_some(),
            self.exempt.is_some(),
            self.cancels.is_some(),
            self.hides.is_some(),
            self.silent.is_some(),
            self.dry_runs.is_some(),
            self.reorders.is_some(),
            self.seals.is_some(),
            self.links,
            self.removal.is_some(),
            self.printing.is_some(),
            self.installations.is_some(),
            self.own_money,
            self.files,
            self.shares,
        ];
        !others.contains(&true)
    }

    /// Whether a field of the deal says that it takes part in the pilot.
    pub(crate) fn pilot_by_field(&self) -> bool {
        self.exempt.as_ref().is_some_and(|one| one.by_field)
    }

    /// What invoices must have beside the usual.
    pub(crate) fn demand(&self) -> Vec<Demand> {
        let requisites = self.requisites.as_ref();
        requisites.map_or_else(Vec::new, |one| one.demand.clone())
    }
}

/// What an office does with invoices of the portal's own.
#[derive(Clone, Debug)]
pub(crate) struct OwnInvoices {
    pub(crate) policy: SmartInvoices,
    /// Mean time between two acts with them.
    pub(crate) every: Duration,
}

/// Two funnels in which deals are dragged by mistake.
#[derive(Clone, Debug)]
pub(crate) struct Drags {
    /// Mean time between two of them.
    pub(crate) every: Duration,
    /// Seconds within which a drag is forgiven, by funnel.
    settle: [u32; 2],
}

impl Drags {
    /// Seconds within which a drag in this funnel is forgiven.
    pub(crate) fn settle_of(&self, funnel: i64) -> u32 {
        let [first, second] = self.settle;
        if funnel == SECOND_FUNNEL {
            second
        } else {
            first
        }
    }
}

/// An office with a cashier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cashing {
    /// Mean time between two orders.
    pub(crate) every: Duration,
    /// What is paid back is taken off what was paid.
    pub(crate) takes_off: bool,
}

/// An office with its own register.
#[derive(Clone, Debug)]
pub(crate) struct OwnBooks {
    /// The number that it begins with: smaller ones were given by hand.
    pub(crate) first: u32,
    /// Mean time between two acts of the accountant.
    pub(crate) every: Duration,
    /// Mean time between two invoices that fail while they are recorded.
    pub(crate) fails: Duration,
    /// A test organisation has a series of its own.
    pub(crate) trial: bool,
    /// So has the second of two own companies.
    pub(crate) second: bool,
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Weather {
    /// Nothing unusual is drawn yet, and nothing that befalls few days.
    pub(crate) fn is_plain(&self) -> bool {
        let customs = &self.customs;
        let rarest = [
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
        ];
        customs.is_usual() && !rarest.contains(&true)
    }

    /// Draws the customs. Each new one draws after those before it.
    pub(crate) fn draw_customs(&mut self, dice: &mut Dice) {
        if dice.chance(70) {
            self.customs.calls = Some(dice.time(secs(15), secs(120)));
        }
        if dice.chance(60) {
            self.keep_own_books(dice);
        }
        let adopts = dice.chance(60);
        if adopts && self.customs.own_books.is_none() {
            self.customs.adopts = Some(dice.time(secs(20), secs(120)));
        }
    }

    /// The register is no remote: what makes trouble there has no place. Nor has a machine's clock that jumps, as the moments
    /// of its invoices are compared with the true ones.
    pub(crate) fn keep_own_books(&mut self, dice: &mut Dice) {
        let first = if dice.chance(500) {
            1
        } else {
            u32::try_from(dice.between(2, 300)).unwrap_or(1)
        };
        self.customs.own_books = Some(OwnBooks {
            first,
            every: dice.time(secs(30), secs(200)),
            fails: dice.time(secs(40), secs(300)),
            trial: false,
            second: false,
        });
        if dice.chance(600) {
            self.owners = 2;
        }
        self.attach = Attach::Nothing;
        self.accountant = None;
        self.bank = false;
        self.old_rates = false;
        self.often.jump = None;
        self.skew.1 = 0;
    }

    /// Draws what else some offices are used to, from another stream: each new one draws after those before it. What is too
    /// much for one office is left out there.
    pub(crate) fn draw_usage(&mut self, dice: &mut Dice) {
        let mut often = |of: u64| dice.chance(of).then(|| dice.time(secs(15), secs(70)));
        let (trials, foreigners, own, drags, copies) =
            (often(40), often(40), often(45), often(40), often(45));
        if let Some(every) = trials {
            self.try_out(every, dice);
        }
        self.customs.foreigners = foreigners;
        if let Some(every) = own.filter(|_| self.customs.own_books.is_none()) {
            let policies = [
                SmartInvoices::Ask,
                SmartInvoices::Adopt,
                SmartInvoices::Adopt,
                SmartInvoices::Ignore,
            ];
            let policy = dice.pick(&policies).unwrap_or(SmartInvoices::Ask);
            self.customs.own_invoices = Some(OwnInvoices { policy, every });
            // What is asked of a part is not the deal's sum.
            self.parts = false;
            self.old_rates = false;
            self.customs.adopts = None;
        }
        if let Some(every) = drags {
            self.drag(every, dice);
        }
        self.customs.copies = copies;
        let minutes = |dice: &mut Dice| i64::try_from(dice.between(5, 25)).unwrap_or(5);
        let (from, lasts) = (minutes(dice), minutes(dice));
        // Whose clock may jump tells people by another one.
        if dice.chance(40) && self.often.jump.is_none() {
            let morning = jiff::civil::time(9, 0, 0, 0);
            let from = morning.saturating_add(from.minutes());
            self.customs.quiet = Some((from, from.saturating_add(lasts.minutes())));
        }
        self.customs.asks_buyers = dice.chance(40) && self.customs.own_books.is_none();
        let branches = dice.chance(45).then(|| dice.time(secs(15), secs(70)));
        // A copy keeps no choice of requisites, our register has nobody to enter another branch, and the portal's own invoices
        // know no branches.
        let customs = &self.customs;
        let others = customs.own_books.is_some() || customs.own_invoices.is_some();
        self.customs.branches = branches.filter(|_| !others && customs.copies.is_none());
        let typists = dice.chance(45).then(|| dice.time(secs(15), secs(70)));
        self.type_sums(typists.filter(|_| !others && self.customs.copies.is_none()));
    }

    /// What is asked of a part is not the deal's sum, an old rate may change what the lines come to, and an added line is
    /// billed though the typed sum stayed.
    fn type_sums(&mut self, every: Option<Duration>) {
        if every.is_none() || self.customs.calls.is_some() {
            return;
        }
        self.customs.typists = every;
        self.parts = false;
        self.old_rates = false;
        // Where the portal tells of no edit that leaves the sum as it is, nobody sees it before the night.
        self.row_edit_always_fires = true;
    }

    /// Parts of a deal have one seller, whoever is chosen in it by then.
    fn try_out(&mut self, every: Duration, dice: &mut Dice) {
        if self.customs.own_books.is_none() {
            self.keep_own_books(dice);
        }
        if let Some(own) = &mut self.customs.own_books {
            own.trial = true;
        }
        self.customs.trials = Some(every);
        self.customs.adopts = None;
        self.customs.calls = None;
        self.parts = false;
    }

    /// Whoever judges to the second needs clocks that agree, and a time that nobody changes.
    fn drag(&mut self, every: Duration, dice: &mut Dice) {
        let short = u32::try_from(dice.between(5, 40)).unwrap_or(5);
        let long = u32::try_from(dice.between(60, 300)).unwrap_or(60);
        let settle = if dice.chance(500) {
            [short, long]
        } else {
            [long, short]
        };
        let [first, _] = settle;
        self.settle_seconds = first;
        self.integrator = None;
        self.often.jump = None;
        self.skew.0 = 0;
        self.customs.drags = Some(Drags { every, settle });
    }
}
