//! One of the portals that share our database, with its books, its people and what we know it by.
//!
//! Every tenant has strings that nobody else may ever see: they are looked for where they do not belong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{DealId, PortalId};
use emulator_bitrix24::PortalConfig;
use emulator_kontur_accounting as kontur;
use jiff::{SignedDuration, Timestamp};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::story::Story;
use crate::days::world::told;
use crate::evidence::witness::Ordered;
use crate::habits::dry_runs::DryRun;
use crate::habits::staff::Staff;
use crate::machine::connect::Access;
use crate::machine::doors::Doors;
use crate::offices::office;
use crate::offices::reorders::Orders;
use crate::people::adopter::Adopter;
use crate::people::bank::Bank;
use crate::people::calls::Caller;
use crate::people::cashier::Cashier;
use crate::people::clerk::Clerk;
use crate::people::closer::Closer;
use crate::people::managers::Office;
use crate::people::papers::Varied;
use crate::people::register::Register;
use crate::troubles::hints::Hinter;
use crate::troubles::installations::Intrusion;
use crate::troubles::seals::Sealed;

/// One portal and all that belongs to it.
pub(crate) struct Tenant {
    pub(crate) place: usize,
    pub(crate) id: PortalId,
    pub(crate) office: Office,
    pub(crate) access: Access,
    pub(crate) doors: Doors,
    /// What only this tenant's remotes may be sent.
    pub(crate) secrets: Vec<String>,
    pub(crate) bank: Bank,
    pub(crate) clerk: Clerk,
    /// Whoever lets marks close bills, where anybody does.
    pub(crate) closer: Option<Closer>,
    /// Deals whose deleted invoice was given up.
    pub(crate) given_up: BTreeSet<DealId>,
    /// What people ordered to be tried anew.
    pub(crate) retried: Vec<Ordered>,
    /// Programs that call orders, where there are any.
    pub(crate) caller: Option<Caller>,
    /// The accounting side as it calls us, where it does.
    pub(crate) hinter: Option<Hinter>,
    /// Whoever takes over what was invoiced by hand.
    pub(crate) adopter: Option<Adopter>,
    /// Whoever works with money at our desk.
    pub(crate) cashier: Option<Cashier>,
    /// The accountant's, where there is no accounting program.
    pub(crate) register: Option<Register>,
    /// When it was paused, went on, or was switched otherwise.
    pub(crate) parked: Vec<Timestamp>,
    /// Until when it was watched only, if it ever was.
    pub(crate) watched_until: Option<Timestamp>,
    /// The times that somebody asked for the plan.
    pub(crate) dry_runs: Vec<DryRun>,
    /// The records that could not be read for a while.
    pub(crate) sealed: Vec<Sealed>,
    /// The times that another installation turned to the portal.
    pub(crate) intrusions: Vec<Intrusion>,
}

impl Tenant {
    /// Both emulators and their people, before anybody works.
    pub(crate) fn found(
        seed: u64,
        place: usize,
        (portal, books): (PortalConfig, serde_json::Value),
        weather: &Weather,
        start: Timestamp,
        doors: &Doors,
        story: &Story,
    ) -> Result<Self, String> {
        let own_seed = seed.wrapping_add(u64::try_from(place).unwrap_or(0) << 40);
        let remote_clock = |skew: i64| {
            let base = start
                .checked_add(SignedDuration::from_secs(skew))
                .unwrap_or(start);
            emulator_harness::TokioClock::shared(base)
        };
        let doors = doors.for_another();
        let portal = emulator_bitrix24::Emulator::new(
            portal,
            remote_clock(weather.skew.0),
            own_seed,
            Arc::new(doors.clone()),
        );
        let credentials = portal.credentials(&office::portal_address(place));
        let books = serde_json::from_value(books).map_err(told)?;
        let accounting = kontur::Emulator::new(books, remote_clock(weather.skew.1), own_seed);
        drop(portal.run_background());
        let own_books = weather.customs.own_books.as_ref();
        let id = PortalId::new(&credentials.member_id);
        let access = Access {
            portal: id.clone(),
            place,
            webhook: (!weather.app).then(|| credentials.webhook_url.clone()),
            client_id: credentials.client_id.clone(),
            client_secret: credentials.client_secret.clone(),
            api_key: accounting
                .credentials(&office::accounting_address(place))
                .api_key,
            idempotency_key: weather.idempotency_key,
            own_books: own_books.cloned(),
        };
        let secrets = vec![
            office::webhook_secret(place),
            access.client_secret.clone(),
            access.api_key.clone(),
            office::canary(place),
        ];
        let office = Office {
            place,
            portal,
            accounting,
            deals: BTreeMap::new(),
            buyers: weather.customs.known_buyers(),
            foreigners: BTreeMap::new(),
            branched: BTreeMap::new(),
            varied: Varied::default(),
            demand: weather.customs.demand(),
            staff: Staff::default(),
            orders: Orders::default(),
            hidden: Vec::new(),
            switched: Vec::new(),
            hides_seller: weather.customs.hides_seller,
            pilot_by_field: weather.customs.pilot_by_field(),
            changes_staff: weather.customs.dismissals.is_some(),
            let_in: Vec::new(),
            own_invoices: Vec::new(),
            handled: Vec::new(),
            by_hand: Vec::new(),
            dice: Dice::of(own_seed, About::People),
            habits: Dice::of(own_seed, About::Habits),
            story: story.clone(),
            most_deals: if place == 0 {
                weather.deals
            } else {
                weather.deals.min(3)
            },
            omitted: weather.omitted,
            pilot: weather.pilot,
            old_rates: weather.old_rates,
            regime: weather.customs.regime,
            new_year: weather.customs.new_year,
            strange_rates: weather.customs.strange_rates,
            paid: BTreeSet::new(),
            contracts: weather.customs.contracts,
            line_rules: weather.customs.line_rules(),
            shares: weather.customs.shares,
        };
        Ok(Self {
            place,
            id,
            office,
            access,
            doors,
            secrets,
            bank: Bank::new(own_seed, place, &weather.customs),
            clerk: Clerk::new(own_seed),
            closer: weather.customs.closes.map(|_| Closer::new(own_seed)),
            given_up: BTreeSet::new(),
            retried: Vec::new(),
            caller: None,
            hinter: None,
            adopter: weather.customs.adopts.map(|_| Adopter::new(own_seed)),
            cashier: weather.customs.cashier.map(|_| Cashier::new(own_seed)),
            register: own_books.map(|_| Register::new(own_seed)),
            parked: Vec::new(),
            watched_until: None,
            dry_runs: Vec::new(),
            sealed: Vec::new(),
            intrusions: Vec::new(),
        })
    }

    /// How much we wrote on the portal.
    pub(crate) fn our_portal_writes(&self) -> usize {
        let truth = self.office.portal.truth();
        truth
            .entries()
            .filter(|entry| crate::check::is_our_write(entry))
            .count()
    }

    /// How much changed on the accounting side.
    pub(crate) fn accounting_changes(&self) -> usize {
        let truth = self.office.accounting.truth();
        truth
            .organizations
            .values()
            .map(|own| own.changes.len())
            .sum()
    }
}
