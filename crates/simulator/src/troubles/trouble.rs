//! What goes wrong outside of our processes: outages, broken answers, lost rights and tokens, a clock that jumps.

use std::sync::atomic::Ordering;

use emulator_bitrix24::{EventSettings, PortalConfig};
use emulator_harness::{FaultKind, FaultRule};
use jiff::Timestamp;

use crate::chance::weather::Often;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::machine::process::Process;
use crate::offices::office;
use crate::troubles::death::OF_TOKENS;

impl World {
    /// What goes wrong outside of our processes.
    pub(crate) fn disturb(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
        often: &Often,
    ) {
        let network = &self.ground.network;
        match happening {
            Happening::Outage => {
                let portal = calendar.dice.chance(500);
                let down = if portal {
                    &network.portal_down
                } else {
                    &network.accounting_down
                };
                down.store(true, Ordering::Relaxed);
                let which = if portal { "portal" } else { "accounting" };
                self.story.tell(now, "outage", which);
                calendar.soon(now, secs(5), secs(900), Happening::OutageEnds);
                calendar.again(now, often.outage, happening);
            }
            Happening::OutageEnds => {
                network.portal_down.store(false, Ordering::Relaxed);
                network.accounting_down.store(false, Ordering::Relaxed);
            }
            Happening::Broken => {
                let status = calendar.dice.pick(&[500, 502, 503, 504]).unwrap_or(500);
                let kind = calendar
                    .dice
                    .pick(&[FaultKind::Status(status), FaultKind::HtmlPage])
                    .unwrap_or(FaultKind::HtmlPage);
                let rule = FaultRule::always(kind);
                let portal = calendar.dice.chance(500);
                let which = if portal { "portal" } else { "accounting" };
                for tenant in &self.tenants {
                    let faults = if portal {
                        tenant.office.portal.faults()
                    } else {
                        tenant.office.accounting.faults()
                    };
                    faults.clear();
                    faults.add(rule.clone());
                }
                self.story.tell(now, "broken", format!("{which}: {kind}"));
                calendar.soon(now, secs(5), secs(600), Happening::BrokenEnds);
                calendar.again(now, often.broken, happening);
            }
            Happening::BrokenEnds => self.usual_faults(),
            Happening::Scopes => {
                self.scopes(&["user", "im"].map(str::to_owned));
                self.story
                    .tell(now, "lost rights", "the scope `crm` is gone");
                calendar.soon(now, secs(10), secs(600), Happening::ScopesEnd);
                calendar.again(now, often.scopes, happening);
            }
            Happening::ScopesEnd => self.all_scopes(),
            Happening::Tokens => {
                for tenant in &self.tenants {
                    tenant.office.portal.expire_access_tokens();
                }
                self.story.tell(now, "tokens died", "");
                if self.deaths.chance(60) {
                    Process::one_dies(&self.slots, &OF_TOKENS, 1, &mut self.deaths);
                }
                calendar.again(now, often.tokens, happening);
            }
            Happening::Revoked => {
                for tenant in &self.tenants {
                    tenant.office.portal.revoke_refresh_tokens();
                    tenant.office.portal.expire_access_tokens();
                }
                self.story.tell(now, "access revoked", "");
                calendar.again(now, often.revoked, happening);
            }
            Happening::Tariff => {
                self.tariff(false);
                self.story.tell(now, "tariff unpaid", "");
                calendar.soon(now, secs(5), secs(600), Happening::TariffEnds);
                calendar.again(now, often.tariff, happening);
            }
            Happening::TariffEnds => self.tariff(true),
            Happening::Jump => {
                let seconds = i64::try_from(calendar.dice.between(60, 3_600)).unwrap_or(60);
                let ahead = if calendar.dice.chance(500) {
                    seconds
                } else {
                    seconds.saturating_neg()
                };
                self.host.jump(ahead);
                self.story
                    .tell(now, "clock jumped", format!("{ahead} s ahead"));
                calendar.soon(now, secs(1), secs(1_800), Happening::JumpEnds);
                calendar.again(now, often.jump, happening);
            }
            Happening::JumpEnds => {
                self.host.jump(0);
                self.story.tell(now, "clock set right", "");
            }
            Happening::Stranger => {
                self.strange(calendar, now);
                calendar.again(now, self.weather.customs.strangers, happening);
            }
            Happening::Neighbour => {
                for _request in 0..calendar.dice.between(10, 60) {
                    for site in &self.ground.tenants {
                        drop(tokio::spawn(neighbour(
                            site.portal.clone(),
                            site.access.place,
                        )));
                    }
                }
                self.story.tell(now, "neighbour", "uses up the bucket");
                calendar.again(now, often.neighbour, happening);
            }
            _ => {}
        }
    }

    /// The accounting side's tariff is paid, or not.
    pub(crate) fn tariff(&self, paid: bool) {
        for tenant in &self.tenants {
            let books = &tenant.office.accounting;
            for organisation in books.organizations() {
                if let Some(accountant) = books.accountant(organisation) {
                    let _done = accountant.set_tariff_paid(paid).is_ok();
                }
            }
        }
    }

    /// Changes the settings of all portals.
    pub(crate) fn configure(&self, change: impl Fn(&mut PortalConfig)) {
        for tenant in &self.tenants {
            tenant.office.portal.configure(&change);
        }
    }

    /// The portals' robots and unreliable events end.
    pub(crate) fn calm_portals(&self) {
        self.configure(|portal| {
            portal.events = EventSettings::default();
            portal.robots.clear();
        });
    }

    /// What the portals let our credentials ask for, be they webhooks or applications.
    fn scopes(&self, scopes: &[String]) {
        for tenant in &self.tenants {
            tenant.office.portal.set_scopes(scopes);
        }
    }

    pub(crate) fn all_scopes(&self) {
        let usual = PortalConfig::default();
        let hook = usual.webhooks.into_iter().next();
        self.scopes(&hook.map(|hook| hook.scopes).unwrap_or_default());
    }
}

/// A request of somebody else's program on our address.
async fn neighbour(portal: axum::Router, place: usize) {
    use tower::ServiceExt as _;
    let path = format!("/rest/7/{}/user.current", office::webhook_secret(place));
    let request = http::Request::post(path)
        .header(http::header::HOST, office::portal_host(place))
        .body(axum::body::Body::empty());
    if let Ok(request) = request {
        let Ok(_answer) = portal.oneshot(request).await;
    }
}
