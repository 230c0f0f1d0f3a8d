//! By whose clock invoices are dated and evenings are quiet: a wish, else what the portal tells of itself.
//!
//! The vendor's cloud keeps the clock of its data centre, so a zone that the technical user chose goes before it.

use std::collections::BTreeSet;

use capability::portal::{Finding, PortalClock};
use jiff::tz::{Offset, TimeZone};
use planner::Organisation;

use super::holds;
use crate::fault::Told;

/// A zone, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) name: String,
    known: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Somebody wished for it.
    Wished,
    /// The technical user has it.
    OfUser,
    /// The server's clock goes by it.
    OfServer,
    /// Nobody tells.
    Guessed,
}

const MOSCOW: &str = "Europe/Moscow";

/// The zones of Russia by their hours before UTC: none of them changes its clock.
const ZONES: [(i32, &str); 11] = [
    (2, "Europe/Kaliningrad"),
    (3, MOSCOW),
    (4, "Europe/Samara"),
    (5, "Asia/Yekaterinburg"),
    (6, "Asia/Omsk"),
    (7, "Asia/Krasnoyarsk"),
    (8, "Asia/Irkutsk"),
    (9, "Asia/Yakutsk"),
    (10, "Asia/Vladivostok"),
    (11, "Asia/Magadan"),
    (12, "Asia/Kamchatka"),
];

/// The zone of a portal.
///
/// # Errors
/// When there is none of the wished name.
pub(super) fn of(wished: Option<&str>, seen: &PortalClock) -> Result<Zone, Told> {
    let zone = |name: &str, known: Known| Zone {
        name: name.to_owned(),
        known,
    };
    let is_known = |name: &&str| TimeZone::get(name).is_ok();
    if let Some(wished) = wished {
        let Some(name) = Some(wished).filter(is_known) else {
            return Err(Told::mistake(format!("there is no time zone `{wished}`"))
                .hint("a zone is named by its place, such as `Asia/Yekaterinburg`"));
        };
        return Ok(zone(name, Known::Wished));
    }
    let of_user = seen.zone.as_deref().filter(is_known);
    let of_server = seen.server.and_then(russian);
    Ok(match (of_user, of_server) {
        (Some(name), _) => zone(name, Known::OfUser),
        (None, Some(name)) => zone(name, Known::OfServer),
        (None, None) => zone(MOSCOW, Known::Guessed),
    })
}

fn russian(offset: Offset) -> Option<&'static str> {
    let of_hours = |(hours, _): &&(i32, &str)| hours.saturating_mul(3_600) == offset.seconds();
    ZONES.iter().find(of_hours).map(|(_, name)| *name)
}

impl Zone {
    /// What is said of it: that of the policy's organisations, and how this one is known where it is theirs.
    pub(super) fn in_words(&self, organisations: &[Organisation]) -> Finding {
        let zones: BTreeSet<&str> = organisations
            .iter()
            .map(|one| one.time_zone.as_str())
            .collect();
        let named: Vec<&str> = zones.iter().copied().collect();
        let from = match self.known {
            _ if named != [self.name.as_str()] => "так в правилах",
            Known::Wished => "как задано",
            Known::OfUser => "как у технического пользователя портала",
            Known::OfServer => "по часам сервера портала",
            Known::Guessed => "портал своего не называет",
        };
        holds(
            "Часовой пояс",
            format!(
                "{}, {from}: по нему датируются счета и считаются тихие часы; другой задаёт --time-zone",
                named.join(", ")
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_goes_before_the_user_and_he_before_the_server() {
        let clock = |zone: &str, hours: i8| PortalClock {
            zone: Some(zone.to_owned()).filter(|zone| !zone.is_empty()),
            server: Some(jiff::tz::offset(hours)),
        };
        for (wished, seen, name, known) in [
            (
                Some("Asia/Tomsk"),
                clock("Asia/Omsk", 3),
                "Asia/Tomsk",
                Known::Wished,
            ),
            (None, clock("Asia/Omsk", 3), "Asia/Omsk", Known::OfUser),
            (None, clock("Nowhere", 3), MOSCOW, Known::OfServer),
            (None, clock("", 5), "Asia/Yekaterinburg", Known::OfServer),
            // The vendor's servers abroad.
            (None, clock("", 0), MOSCOW, Known::Guessed),
            (None, PortalClock::default(), MOSCOW, Known::Guessed),
        ] {
            let zone = of(wished, &seen).unwrap();
            assert_eq!((zone.name.as_str(), zone.known), (name, known), "{seen:?}");
        }
        assert!(of(Some("Урал"), &PortalClock::default()).is_err());
        for (hours, name) in ZONES {
            let offset = TimeZone::get(name)
                .unwrap()
                .to_offset("2026-07-01T00:00:00Z".parse().unwrap());
            assert_eq!(offset.seconds(), hours * 3_600, "{name}");
        }
    }
}
