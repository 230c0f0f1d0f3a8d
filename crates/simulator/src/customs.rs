//! What only some offices do beside the usual: about one seed in six has any of it. It is drawn from a stream of its own,
//! so that the days of all the others stay as they are.

use std::time::Duration;

use planner::Attach;

use crate::dice::Dice;
use crate::import::Import;
use crate::poison::Poisoning;
use crate::restore::Restore;
use crate::weather::Weather;

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
}

impl Customs {
    /// Nobody else works with our records than whoever works in every office.
    pub(crate) fn is_usual(&self) -> bool {
        self.calls.is_none() && self.adopts.is_none() && self.own_books.is_none()
    }
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
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Weather {
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
    fn keep_own_books(&mut self, dice: &mut Dice) {
        let first = if dice.chance(500) {
            1
        } else {
            u32::try_from(dice.between(2, 300)).unwrap_or(1)
        };
        self.customs.own_books = Some(OwnBooks {
            first,
            every: dice.time(secs(30), secs(200)),
            fails: dice.time(secs(40), secs(300)),
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
}
