//! Which cycles there are, from a seed: a deck of thirty, shuffled anew whenever it is used up.

use clap::ValueEnum;
use rand::seq::SliceRandom as _;
use testkit::seed::seeded;

/// What happens in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// SQLite: killed, sometimes twice.
    Killed,
    /// SQLite: both remotes are away for about a minute; the breaker opens.
    RemotesAway,
    /// SQLite: no space on its file system; killed in it, or not.
    DiskFull,
    /// PostgreSQL: one of two replicas is killed.
    ReplicaKilled,
    /// PostgreSQL: one of two replicas is frozen past its lease, and thawed.
    ReplicaFrozen,
    /// PostgreSQL: connections cut at COMMIT, before or after the server heard it.
    CommitCut,
    /// PostgreSQL itself crashes and starts again.
    DatabaseRestarted,
}

/// Kinds that share a world; the worlds live beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    Sqlite,
    SmallDisk,
    Postgres,
}

/// How often each kind is in a deck.
const DECK: [(Kind, usize); 7] = [
    (Kind::Killed, 9),
    (Kind::RemotesAway, 1),
    (Kind::DiskFull, 5),
    (Kind::ReplicaKilled, 5),
    (Kind::ReplicaFrozen, 4),
    (Kind::CommitCut, 4),
    (Kind::DatabaseRestarted, 2),
];

impl Kind {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn leg(self) -> Leg {
        match self {
            Self::Killed | Self::RemotesAway => Leg::Sqlite,
            Self::DiskFull => Leg::SmallDisk,
            Self::ReplicaKilled
            | Self::ReplicaFrozen
            | Self::CommitCut
            | Self::DatabaseRestarted => Leg::Postgres,
        }
    }
}

impl Leg {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::SmallDisk, Self::Postgres];
}

/// All cycles, numbered from one.
pub(crate) struct Plan(Vec<(usize, Kind)>);

impl Plan {
    /// Of `kinds` only, unless there are none.
    pub(crate) fn new(seed: u64, cycles: usize, kinds: &[Kind]) -> Self {
        let mut rng = seeded(seed);
        let wanted = |kind: &Kind| kinds.is_empty() || kinds.contains(kind);
        let mut order = Vec::with_capacity(cycles);
        while order.len() < cycles {
            let copies = DECK.iter().filter(|(kind, _)| wanted(kind));
            let mut deck: Vec<Kind> = copies
                .flat_map(|(kind, copies)| std::iter::repeat_n(*kind, *copies))
                .collect();
            deck.shuffle(&mut rng);
            deck.truncate(cycles - order.len());
            order.extend(deck);
        }
        Self((1..).zip(order).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn of(&self, leg: Leg) -> Vec<(usize, Kind)> {
        let own = self.0.iter().filter(|(_, kind)| kind.leg() == leg);
        own.copied().collect()
    }
}
