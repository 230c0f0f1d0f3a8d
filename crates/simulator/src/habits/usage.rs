//! When whoever some offices have beside the usual people does something. What they do has a file for each.

use std::time::Duration;

use jiff::Timestamp;

use crate::days::day::{Calendar, Happening};
use crate::days::world::World;
use crate::offices::new_year::NewYear;

impl World {
    pub(crate) fn own_invoices_every(&self) -> Option<Duration> {
        let own = self.weather.customs.own_invoices.as_ref();
        own.map(|own| own.every)
    }

    pub(crate) fn requisites_every(&self) -> Option<Duration> {
        let requisites = self.weather.customs.requisites.as_ref();
        requisites.map(|one| one.every)
    }

    pub(crate) fn exempt_every(&self) -> Option<Duration> {
        let exempt = self.weather.customs.exempt.as_ref();
        exempt.map(|one| one.every)
    }

    pub(crate) fn cancels_every(&self) -> Option<Duration> {
        let cancels = self.weather.customs.cancels.as_ref();
        cancels.map(|one| one.every)
    }

    pub(crate) fn drags_every(&self) -> Option<Duration> {
        let drags = self.weather.customs.drags.as_ref();
        drags.map(|drags| drags.every)
    }

    pub(crate) fn taking_on_every(&self) -> Option<Duration> {
        let production = self.weather.customs.production.as_ref();
        production.map(|production| production.every)
    }

    pub(crate) fn sellers_every(&self) -> Option<Duration> {
        let sellers = self.weather.customs.sellers.as_ref();
        sellers.map(|sellers| sellers.every)
    }

    pub(crate) fn terms_every(&self) -> Option<Duration> {
        self.weather.customs.terms.map(|terms| terms.every)
    }

    pub(crate) fn turn_of_year_every(&self) -> Option<Duration> {
        let turns = self.weather.customs.new_year.is_some();
        turns.then(|| NewYear::every(self.now()))
    }

    pub(crate) fn hints_every(&self) -> Option<Duration> {
        self.weather.customs.hints.map(|hints| hints.every)
    }

    pub(crate) fn clerk_every(&self) -> Option<Duration> {
        self.weather.customs.clerk.map(|clerk| clerk.every)
    }

    pub(crate) fn cashes_every(&self) -> Option<Duration> {
        self.weather.customs.cashier.map(|cashing| cashing.every)
    }

    /// Somebody does what is done in this office.
    pub(crate) fn follow_customs(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
    ) {
        if let Happening::DragBack(place, deal) = happening {
            if let Some(tenant) = self.tenants.get_mut(place) {
                tenant.office.drag_back(now, deal);
            }
            return;
        }
        let customs = self.weather.customs.clone();
        let place = self.some_tenant();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return;
        };
        let office = &mut tenant.office;
        let every = match happening {
            Happening::TryOut => {
                office.try_out(now);
                customs.trials
            }
            Happening::Foreigner => {
                office.sell_to_foreigners(now);
                customs.foreigners
            }
            Happening::OwnInvoice => {
                office.invoice_by_portal(now);
                self.own_invoices_every()
            }
            Happening::Copy => {
                office.copy(now);
                customs.copies
            }
            Happening::Branch => {
                office.sell_to_branches(now);
                customs.branches
            }
            Happening::TypeSum => {
                office.type_sums(now);
                customs.typists
            }
            Happening::TakeOn => {
                office.take_on(now);
                self.taking_on_every()
            }
            Happening::SayWhoSells => {
                if let Some(sellers) = &customs.sellers {
                    office.say_who_sells(now, sellers);
                }
                self.sellers_every()
            }
            Happening::AgreeOnTerms => {
                if let Some(terms) = &customs.terms {
                    office.agree_on_terms(now, terms);
                }
                self.terms_every()
            }
            Happening::TurnOfYear => {
                office.bill_at_the_turn(now);
                self.turn_of_year_every()
            }
            Happening::Weigh => {
                office.sell_by_weight(now);
                customs.kopecks.map(|one| one.every)
            }
            Happening::Contract => {
                office.keep_contracts(now);
                customs.contracts.map(|one| one.every)
            }
            Happening::OddRow => {
                office.write_odd_rows(now);
                customs.odd_rows.map(|odd| odd.every)
            }
            Happening::Requisite => {
                office.sell_to_varied(now);
                self.requisites_every()
            }
            Happening::Staff => {
                office.change_staff(now);
                customs.dismissals
            }
            Happening::Exempt => {
                if let Some(exempt) = &customs.exempt {
                    office.exempt(now, exempt);
                }
                self.exempt_every()
            }
            Happening::Cancel => {
                if let Some(cancels) = &customs.cancels {
                    office.cancel_by_order(now, cancels);
                }
                self.cancels_every()
            }
            Happening::Waybill => {
                office.name_waybill(now);
                customs.waybills
            }
            Happening::Drag => {
                let dragged = customs.drags.as_ref();
                if let Some((deal, back)) = dragged.and_then(|drags| office.drag(now, drags)) {
                    let happening = Happening::DragBack(place, deal);
                    calendar.soon(now, back, back, happening);
                }
                self.drags_every()
            }
            _ => None,
        };
        calendar.again(now, every, happening);
    }
}
