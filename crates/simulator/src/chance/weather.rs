//! What one seed's day is like: how the product is connected, who works, what goes wrong and how often.
//!
//! Swarm testing: each seed switches some kinds of trouble off altogether and draws the rates of the rest, so that
//! a rare trouble is not drowned by common ones.

use std::time::Duration;

use emulator_bitrix24::EventSettings;
use emulator_harness::{FaultKind, FaultRule};
use planner::Attach;

use crate::chance::customs::Customs;
use crate::chance::dice::{About, Dice};
use crate::machine::network::Remote;
use crate::troubles::spoil::Spoil;

/// After so long no write takes effect any more; late effects come sooner, as the remotes promise.
pub(crate) const PORTAL_QUIET: Duration = Duration::from_secs(90);
/// The accounting side's promise in the simulation; shorter than in production to save idle hours.
pub(crate) const ACCOUNTING_QUIET: Duration = Duration::from_secs(150);

/// One seed's day.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// Connected as an application, else by webhooks.
    pub(crate) app: bool,
    /// The accounting side honours the key.
    pub(crate) idempotency_key: bool,
    /// Processes of the product on one database.
    pub(crate) owners: usize,
    /// Portals on one database.
    pub(crate) tenants: usize,
    pub(crate) attach: Attach,
    pub(crate) settle_seconds: u32,
    pub(crate) deals: u64,
    pub(crate) day: Duration,
    /// No trouble at all: budgets and promptness are judged.
    pub(crate) calm: bool,
    /// No trouble but that some writes are answered late.
    pub(crate) hangs: bool,
    /// The first tenant works as fast as it can, beside others who expect to be served.
    pub(crate) floods: bool,
    pub(crate) portal_faults: Vec<FaultRule>,
    pub(crate) accounting_faults: Vec<FaultRule>,
    pub(crate) events: EventSettings,
    /// One way, in milliseconds.
    pub(crate) latency_ms: (u64, u64),
    /// The remotes' clocks against ours, in seconds.
    pub(crate) skew: (i64, i64),
    pub(crate) list_lag_ms: u64,
    pub(crate) token_seconds: i64,
    /// Run time of a method within ten minutes, where it is short.
    pub(crate) operating_limit_ms: Option<u64>,
    /// What answers suffer on their way.
    pub(crate) spoils: Vec<(Remote, Spoil, u64)>,
    /// A robot moves deals on from the invoice stage after so many milliseconds.
    pub(crate) robot_after_ms: Option<u64>,
    /// A robot empties our field whenever somebody fills it, so often in all.
    pub(crate) field_robot: Option<u32>,
    pub(crate) row_edit_always_fires: bool,
    /// Mean time between disturbances of each kind; none: the kind is off.
    pub(crate) often: Often,
    /// Mean time between two acts of the managers together.
    pub(crate) managers: Duration,
    pub(crate) accountant: Option<Duration>,
    pub(crate) integrator: Option<Duration>,
    /// Somebody answers questions that offer choices.
    pub(crate) administrator: Option<Duration>,
    /// The acts that nobody does on this day.
    pub(crate) omitted: u64,
    /// More invoices at once than this are asked about; 0: never.
    pub(crate) ask_above: u32,
    /// Only the deals of one manager are ours.
    pub(crate) pilot: bool,
    /// Some lines still bear a VAT rate that ended.
    pub(crate) old_rates: bool,
    /// Buyers pay, and statements are brought.
    pub(crate) bank: bool,
    /// Some managers bill by parts.
    pub(crate) parts: bool,
    /// What only some offices do.
    pub(crate) customs: Customs,
}

/// Mean times between disturbances.
#[derive(Clone, Debug, Default)]
pub(crate) struct Often {
    /// A process is gone at a moment.
    pub(crate) killed: Option<Duration>,
    /// A process is gone before or after one of its next requests.
    pub(crate) killed_at_request: Option<Duration>,
    /// A process is gone at one of its next statements.
    pub(crate) killed_at_statement: Option<Duration>,
    /// A process is gone at one of the named points.
    pub(crate) killed_at_point: Option<Duration>,
    /// The outcome of a commit is not known.
    pub(crate) unknown_commit: Option<Duration>,
    /// The disk is full at one of the next statements or commits.
    pub(crate) disk_full: Option<Duration>,
    /// The database is locked at one of the next statements.
    pub(crate) locked: Option<Duration>,
    /// A process stands still for a while.
    pub(crate) frozen: Option<Duration>,
    /// A remote cannot be reached for a while.
    pub(crate) outage: Option<Duration>,
    /// A remote answers one status to everybody for a while.
    pub(crate) broken: Option<Duration>,
    /// The technical user loses a right for a while.
    pub(crate) scopes: Option<Duration>,
    /// All access tokens die.
    pub(crate) tokens: Option<Duration>,
    /// All refresh tokens die as well: the application must be let in anew.
    pub(crate) revoked: Option<Duration>,
    /// The accounting side's tariff is not paid for a while.
    pub(crate) tariff: Option<Duration>,
    /// Somebody sets our machine's clock, and it is set right again.
    pub(crate) jump: Option<Duration>,
    /// A foreign program on the same address uses up the portal's bucket.
    pub(crate) neighbour: Option<Duration>,
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Weather {
    /// The day of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::of(seed, About::Weather);
        let calm = dice.chance(60);
        let app = dice.chance(350);
        let owners = if dice.chance(300) { 2 } else { 1 };
        let deals = if dice.chance(60) {
            dice.between(9, 30)
        } else {
            dice.between(1, 5)
        };
        // Many short days see more than few long ones; some are long for what takes its time.
        let day = if dice.chance(100) {
            dice.time(secs(1_800), secs(7_200))
        } else {
            dice.time(secs(200), secs(1_200))
        };
        let mut weather = Self {
            app,
            idempotency_key: dice.chance(300),
            owners: if calm { 1 } else { owners },
            tenants: 1,
            attach: if dice.chance(700) {
                Attach::Accounting
            } else {
                Attach::Nothing
            },
            settle_seconds: dice.pick(&[0, 0, 3, 10, 30]).unwrap_or(0),
            deals,
            day,
            calm,
            hangs: false,
            floods: false,
            portal_faults: Vec::new(),
            accounting_faults: Vec::new(),
            events: EventSettings {
                delay_ms: dice.between(5, 500),
                ..EventSettings::default()
            },
            latency_ms: (dice.between(0, 40), dice.between(40, 400)),
            skew: (0, 0),
            list_lag_ms: 0,
            token_seconds: 3600,
            operating_limit_ms: None,
            spoils: Vec::new(),
            robot_after_ms: dice.chance(300).then(|| dice.between(0, 20_000)),
            field_robot: None,
            row_edit_always_fires: dice.chance(500),
            often: Often::default(),
            managers: dice.time(secs(8), secs(80)),
            accountant: None,
            integrator: None,
            administrator: None,
            omitted: 0,
            ask_above: 0,
            pilot: false,
            old_rates: false,
            bank: false,
            parts: false,
            customs: Customs::default(),
        };
        if !calm {
            weather.darken(dice);
            if dice.chance(40) {
                weather.only_hangs(dice);
            }
        }
        weather.rarities(&mut Dice::of(seed, About::Rarities));
        if !calm && !weather.hangs {
            weather.rules(&mut Dice::of(seed, About::Rules));
            weather.draw_customs(&mut Dice::of(seed, About::Customs));
            weather.draw_usage(&mut Dice::of(seed, About::Usage));
            weather.draw_offices(seed);
            weather.draw_strangers(seed);
            weather.draw_restore(seed);
            weather.draw_poison(seed);
            weather.draw_import(seed);
            weather.draw_oddities(seed);
            weather.draw_rows(seed);
            weather.draw_clerk(seed);
            weather.draw_cashier(seed);
            weather.draw_requisites(seed);
            weather.draw_staff(seed);
            weather.draw_exempt(seed);
            weather.draw_cancels(seed);
            weather.draw_hidden(seed);
            weather.draw_marks(seed);
            weather.draw_payers(seed);
            weather.draw_own_money(seed);
            weather.draw_waybills(seed);
            weather.draw_files(seed);
            weather.draw_hints(seed);
            weather.draw_strays(seed);
            weather.draw_dry_runs(seed);
            weather.draw_reorders(seed);
            weather.draw_seals(seed);
            weather.draw_links(seed);
            weather.draw_shares(seed);
            weather.draw_removal(seed);
            weather.draw_hidden_seller(seed);
            weather.draw_ended_meanings(seed);
            weather.draw_printing(seed);
            weather.draw_installations(seed);
            weather.draw_closing(seed);
        }
        weather
    }

    /// A day without chance: nobody acts, nothing goes wrong, and the way to the remotes takes no time.
    pub(crate) fn still() -> Self {
        Self {
            app: false,
            idempotency_key: false,
            owners: 1,
            tenants: 1,
            attach: Attach::Accounting,
            settle_seconds: 0,
            deals: 0,
            day: Duration::ZERO,
            calm: true,
            hangs: false,
            floods: false,
            portal_faults: Vec::new(),
            accounting_faults: Vec::new(),
            events: EventSettings::default(),
            latency_ms: (0, 0),
            skew: (0, 0),
            list_lag_ms: 0,
            token_seconds: 3_600,
            operating_limit_ms: None,
            spoils: Vec::new(),
            robot_after_ms: None,
            field_robot: None,
            row_edit_always_fires: false,
            often: Often::default(),
            managers: Duration::MAX,
            accountant: None,
            integrator: None,
            administrator: None,
            omitted: 0,
            ask_above: 0,
            pilot: false,
            old_rates: false,
            bank: false,
            parts: false,
            customs: Customs::default(),
        }
    }

    /// What is rare draws from a stream of its own, so that the rest of the day stays as it is without it.
    fn rarities(&mut self, dice: &mut Dice) {
        if self.hangs {
            return;
        }
        self.tenants = match dice.below(1_000) {
            0..200 => 2,
            200..240 => 3,
            _ => 1,
        };
        if self.calm {
            if self.tenants > 1 {
                self.floods = true;
                self.deals = dice.between(20, 40);
                self.managers = dice.time(secs(1), secs(6));
            }
            return;
        }
        if dice.chance(120) {
            self.operating_limit_ms = Some(dice.between(600, 6_000));
        }
        let mut often =
            |of: u64, from: u64, to: u64| dice.chance(of).then(|| dice.time(secs(from), secs(to)));
        self.often.killed_at_point = often(450, 10, 300);
        self.often.unknown_commit = often(200, 20, 300);
        self.often.revoked = often(120, 120, 900).filter(|_| self.app);
        self.often.tariff = often(100, 120, 900);
        self.often.jump = often(200, 60, 900);
        if !dice.chance(350) {
            self.spoils = spoils(dice, self.app);
        }
    }

    /// What the office has agreed upon beside the usual.
    fn rules(&mut self, dice: &mut Dice) {
        self.administrator = dice.chance(500).then(|| dice.time(secs(30), secs(300)));
        if dice.chance(150) {
            // A quarter of a busy day's deals within a minute.
            let most = (self.deals / 4).max(2);
            self.ask_above = u32::try_from(dice.between(1, most)).unwrap_or(1);
            self.administrator = self.administrator.or(Some(secs(60)));
        }
        self.pilot = dice.chance(120);
        self.old_rates = dice.chance(150);
        self.bank = dice.chance(250);
        self.parts = dice.chance(200) && !self.old_rates;
    }

    /// What lasts for the whole day, in words.
    pub(crate) fn marks(&self) -> Vec<&'static str> {
        let robots = self.robot_after_ms.is_some() || self.field_robot.is_some();
        [
            (self.app, "by application"),
            (!self.app, "by webhook"),
            (self.idempotency_key, "idempotency key"),
            (self.owners > 1, "two owners"),
            (self.tenants > 1, "several tenants"),
            (self.calm, "calm"),
            (self.hangs, "hanging writes"),
            (self.floods, "flooding tenant"),
            (self.events.double_permille > 0, "events doubled"),
            (self.events.shuffle_permille > 0, "events shuffled"),
            (self.skew != (0, 0), "clock skew"),
            (self.list_lag_ms > 0, "list lag"),
            (self.token_seconds < 3_600, "short tokens"),
            (self.operating_limit_ms.is_some(), "short run time"),
            (robots, "robots"),
            (self.ask_above > 0, "guarded against floods"),
            (self.pilot, "pilot"),
            (self.old_rates, "ended rates"),
            (self.bank, "bank"),
            (self.parts, "billed by parts"),
            (self.customs.calls.is_some(), "orders called"),
            (self.customs.own_books.is_some(), "own books"),
            (self.customs.adopts.is_some(), "bills taken over"),
            (self.customs.strangers.is_some(), "strangers"),
            (self.customs.import.is_some(), "short batches"),
            (self.customs.belated, "bills beyond the promise"),
            (self.customs.strange_rates, "strange rates"),
            (self.customs.odd_rows.is_some(), "odd rows"),
            (
                self.customs.means_ended_rate(),
                "no rate means an ended one",
            ),
            (self.customs.kopecks.is_some(), "sums off by kopecks"),
            (self.customs.contracts.is_some(), "contracts"),
            (self.customs.edits.is_some(), "edits after the issue"),
            (self.customs.trials.is_some(), "test organisation"),
            (self.customs.foreigners.is_some(), "buyers without an INN"),
            (self.customs.own_invoices.is_some(), "portal's own invoices"),
            (self.customs.drags.is_some(), "wrong drags"),
            (self.customs.copies.is_some(), "copied deals"),
            (self.customs.quiet.is_some(), "quiet hours"),
            (self.customs.asks_buyers, "new buyers asked about"),
            (self.customs.branches.is_some(), "companies with branches"),
            (self.customs.typists.is_some(), "sums typed by hand"),
            (self.customs.production.is_some(), "deals taken on"),
            (self.customs.sellers.is_some(), "two sellers"),
            (self.customs.regime.is_some(), "regimes of VAT"),
            (self.customs.new_year.is_some(), "turn of the year"),
            (self.customs.terms.is_some(), "terms agreed upon"),
            (self.customs.clerk.is_some(), "payments in accounting"),
            (self.customs.closes.is_some(), "bills closed by marks"),
            (self.customs.cashier.is_some(), "money at the desk"),
            (
                self.bank && self.customs.own_books.is_some(),
                "own books with a bank",
            ),
            (self.customs.own_money, "money of our own"),
            (self.customs.files, "statements as files"),
            (self.customs.strays, "two sellers with a bank"),
            (self.customs.hints.is_some(), "hints of accounting"),
            (self.customs.waybills.is_some(), "stage demands a field"),
            (self.customs.requisites.is_some(), "several requisites"),
            (self.customs.dismissals.is_some(), "people come and go"),
            (
                self.customs.exempt.is_some(),
                "templates or a pilot by field",
            ),
            (self.customs.cancels.is_some(), "cancels ordered"),
            (self.customs.hides.is_some(), "companies hidden from us"),
            (self.customs.hides_seller, "own company hidden from us"),
            (self.customs.silent.is_some(), "a kind of question is off"),
            (self.customs.dry_runs.is_some(), "plans asked for"),
            (self.customs.reorders.is_some(), "another order of stages"),
            (self.customs.seals.is_some(), "two versions"),
            (self.customs.links, "links to invoices"),
            (self.customs.shares, "advances agreed upon"),
            (self.customs.removal.is_some(), "application comes and goes"),
            (self.customs.printing.is_some(), "own paper"),
            (self.customs.installations.is_some(), "portal taken over"),
            (
                self.customs.printing.is_some_and(|one| one.sole_trader),
                "sole trader sells",
            ),
        ]
        .into_iter()
        .filter_map(|(holds, mark)| holds.then_some(mark))
        .collect()
    }

    /// A short day on which nothing goes wrong of itself, for deaths at named points: an application whose tokens
    /// expire often comes by all of them.
    pub(crate) fn of_deaths() -> Self {
        Self {
            app: true,
            deals: 8,
            day: secs(1_200),
            calm: false,
            latency_ms: (5, 100),
            token_seconds: 120,
            managers: secs(25),
            ..Self::still()
        }
    }

    fn darken(&mut self, dice: &mut Dice) {
        self.omitted = dice.below(u64::MAX) & dice.below(u64::MAX);
        self.accountant = dice.chance(500).then(|| dice.time(secs(30), secs(400)));
        self.integrator = dice.chance(400).then(|| dice.time(secs(100), secs(900)));
        self.portal_faults = rules(dice, &PORTAL_METHODS, PORTAL_QUIET);
        self.accounting_faults = rules(dice, &ACCOUNTING_METHODS, ACCOUNTING_QUIET);
        let mut permille = |of: u64| {
            if dice.chance(of) {
                u16::try_from(dice.between(20, 600)).unwrap_or(0)
            } else {
                0
            }
        };
        self.events.drop_permille = permille(400);
        self.events.double_permille = permille(400);
        self.events.shuffle_permille = permille(400);
        self.events.shuffle_ms = dice.between(100, 120_000);
        self.events.jitter_ms = dice.pick(&[0, 0, 1_000, 30_000]).unwrap_or(0);
        if dice.chance(300) {
            let skew = |dice: &mut Dice| {
                i64::try_from(dice.below(1_081))
                    .unwrap_or(0)
                    .saturating_sub(540)
            };
            self.skew = (skew(dice), skew(dice));
        }
        if dice.chance(400) {
            self.list_lag_ms = dice.between(500, 55_000);
        }
        if self.app && dice.chance(500) {
            self.token_seconds = i64::try_from(dice.between(120, 1_200)).unwrap_or(600);
        }
        self.field_robot = dice
            .chance(120)
            .then(|| u32::try_from(dice.between(1, 6)).unwrap_or(1));
        let mut often =
            |of: u64, from: u64, to: u64| dice.chance(of).then(|| dice.time(secs(from), secs(to)));
        self.often = Often {
            killed: often(350, 20, 500),
            killed_at_request: often(350, 20, 500),
            killed_at_statement: often(350, 20, 500),
            disk_full: often(250, 20, 500),
            frozen: often(250, 60, 600),
            outage: often(250, 60, 900),
            broken: often(250, 60, 900),
            scopes: often(120, 120, 900),
            tokens: often(if self.app { 400 } else { 0 }, 60, 900),
            neighbour: often(150, 60, 600),
            ..Often::default()
        };
        if dice.chance(250) {
            self.portal_faults.push(FaultRule {
                permille: u16::try_from(dice.between(20, 400)).unwrap_or(100),
                method: Some("batch".to_owned()),
                ..FaultRule::always(FaultKind::MissingPart)
            });
        }
    }

    /// Nothing goes wrong but that writes hang, and people go on clicking: promptness is judged.
    fn only_hangs(&mut self, dice: &mut Dice) {
        self.hangs = true;
        self.owners = 1;
        self.often = Often::default();
        self.accountant = None;
        self.integrator = None;
        self.accounting_faults = Vec::new();
        self.portal_faults = vec![FaultRule {
            permille: u16::try_from(dice.between(50, 250)).unwrap_or(100),
            method: Some("crm.item.update".to_owned()),
            ..FaultRule::always(FaultKind::Slow {
                delay: dice.time(secs(20), secs(60)),
            })
        }];
        self.events = EventSettings {
            delay_ms: dice.between(5, 500),
            ..EventSettings::default()
        };
        self.skew = (0, 0);
        self.list_lag_ms = 0;
        self.token_seconds = 3_600;
        self.field_robot = None;
        self.deals = dice.between(9, 30);
        self.managers = dice.time(secs(3), secs(15));
    }
}

/// Methods whose faults hurt most; faults without a method meet every request.
const PORTAL_METHODS: [&str; 7] = [
    "batch",
    "crm.item.list",
    "crm.item.update",
    "crm.timeline.comment",
    "im.",
    "crm.item.productrow",
    "oauth",
];
const ACCOUNTING_METHODS: [&str; 7] = [
    "createBill",
    "createBill",
    "createContractor",
    "listContractors",
    "listBills",
    "getBill",
    "listChanges",
];

fn rules(dice: &mut Dice, methods: &[&str], quiet: Duration) -> Vec<FaultRule> {
    let mut rules = Vec::new();
    if dice.chance(150) {
        return rules;
    }
    let latest = quiet.saturating_sub(secs(20));
    for kind in 0..12 {
        if dice.chance(550) {
            continue;
        }
        let kind = match kind {
            0 => FaultKind::AnswerLost,
            1 => FaultKind::LateEffect {
                delay: dice.time(secs(1), latest),
            },
            2 => FaultKind::NotDone,
            3 => FaultKind::HtmlPage,
            4 => FaultKind::CutBody,
            5 => FaultKind::Slow {
                delay: dice.time(secs(1), secs(40)),
            },
            6 => FaultKind::Slow {
                delay: dice.time(secs(60), latest.min(secs(100))),
            },
            7 => FaultKind::Status(dice.pick(&[500, 502, 504, 429]).unwrap_or(500)),
            8 => FaultKind::StatusAfter(dice.pick(&[500, 502, 504]).unwrap_or(500)),
            9 => FaultKind::Limit,
            10 => FaultKind::LateEffect { delay: latest },
            _ => FaultKind::StatusAfter(500),
        };
        let method = if dice.chance(500) {
            dice.pick(methods).map(str::to_owned)
        } else {
            None
        };
        let most = if method.is_some() { 500 } else { 120 };
        rules.push(FaultRule {
            kind,
            permille: u16::try_from(dice.between(5, most)).unwrap_or(50),
            method,
            times: None,
            skip: u32::try_from(dice.below(4)).unwrap_or(0),
        });
    }
    rules
}

/// What answers suffer on this day, and how often.
fn spoils(dice: &mut Dice, app: bool) -> Vec<(Remote, Spoil, u64)> {
    let mut spoils = Vec::new();
    for how in crate::troubles::spoil::ALL {
        if dice.chance(700) {
            continue;
        }
        let remote = if dice.chance(600) {
            Remote::Portal
        } else {
            Remote::Accounting
        };
        let fits = match how {
            Spoil::ExpiredWithin => remote == Remote::Portal && app,
            Spoil::Overload | Spoil::MissingKey | Spoil::CutBatch => remote == Remote::Portal,
            _ => true,
        };
        let most = match how {
            Spoil::Overload | Spoil::Giant | Spoil::Deep => 10,
            _ => 120,
        };
        let permille = dice.between(3, most);
        if fits {
            spoils.push((remote, how, permille));
        }
    }
    spoils
}
