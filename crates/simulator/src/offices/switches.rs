//! What an integrator switches: a portal is paused or goes on, and is watched only or worked for.

use jiff::Timestamp;
use planner::Mode;
use reconciler::portal_task;
use store::Subject;

use crate::days::world::{World, told};

impl World {
    /// As `provodka pause` and `provodka resume` do it.
    pub(crate) async fn pause(
        &mut self,
        place: usize,
        now: Timestamp,
        paused: bool,
    ) -> Result<(), String> {
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        tenant.parked.push(now);
        let portal = tenant.id.clone();
        let kind = if paused { "paused" } else { "resumed" };
        self.story.tell(now, kind, format!("portal {place}"));
        let host_now = self.host.now();
        desk::pause::by_person(&self.store, &portal, paused, host_now)
            .await
            .map_err(told)?;
        self.look_at(&portal, Subject::portal(portal_task::SWEEP))
            .await
    }

    pub(crate) async fn set_mode(
        &mut self,
        place: usize,
        now: Timestamp,
        mode: Mode,
    ) -> Result<(), String> {
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        if mode == Mode::WatchOnly {
            tenant.watched_until = Some(Timestamp::MAX);
        } else if tenant.watched_until == Some(Timestamp::MAX) {
            tenant.watched_until = Some(now);
        }
        tenant.parked.push(now);
        let portal = tenant.id.clone();
        self.story
            .tell(now, "mode", format!("{mode:?} for portal {place}"));
        let production = self.weather.customs.production.clone();
        let mode_of = |funnel| {
            let production = production.as_ref();
            production.map_or(mode, |one| one.mode_within(funnel, mode))
        };
        self.change_policy(&portal, |policy| {
            for funnel in &mut policy.funnels {
                funnel.mode = mode_of(funnel.id);
            }
        })
        .await?;
        self.look_at(&portal, Subject::portal(portal_task::SWEEP))
            .await
    }
}
