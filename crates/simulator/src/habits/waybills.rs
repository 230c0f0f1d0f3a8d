//! A portal that lets no deal into the stage of what is paid before its waybill is named, and managers who name it
//! sooner or later.

use emulator_bitrix24::{CustomFieldSeed, PortalConfig, RequiredSeed};
use jiff::Timestamp;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::office::PAID_STAGE;
use crate::people::clerk::Moving;
use crate::people::managers::Office;

/// The field.
pub(crate) const WAYBILL: &str = "UF_CRM_WAYBILL";
/// What people call it.
pub(crate) const LABEL: &str = "Номер накладной";

impl Weather {
    /// Some of the days on which we move what is paid: they are drawn from a stream of their own, so that all the
    /// others stay as they are.
    pub(crate) fn draw_waybills(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Waybills);
        let (is_drawn, every) = (dice.chance(600), dice.time(secs(20), secs(90)));
        // The portal's automation asks for nothing.
        let clerk = self.customs.clerk;
        let is_direct = clerk.is_some_and(|clerk| clerk.moves == Moving::Directly);
        self.customs.waybills = (is_drawn && is_direct).then_some(every);
    }
}

/// The field, and what is demanded.
pub(crate) fn at_portal(portal: &mut PortalConfig) {
    portal.custom_fields.push(CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: WAYBILL.to_owned(),
        kind: "string".to_owned(),
        label: LABEL.to_owned(),
        multiple: false,
        items: Vec::new(),
    });
    portal.required_fields.push(RequiredSeed {
        field: WAYBILL.to_owned(),
        from: PAID_STAGE.to_owned(),
    });
}

impl Office {
    /// A manager names the waybill of a deal, or takes it out again.
    pub(crate) fn name_waybill(&mut self, now: Timestamp) {
        let Some(deal) = self.some_living() else {
            return;
        };
        let is_named = self.habits.chance(850);
        let number = self.habits.between(1, 99).to_string();
        let number = if is_named { number } else { String::new() };
        let fields = json!({WAYBILL: number});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: `{number}`: {edited:?}");
        self.tell(now, "named a waybill", words);
    }
}
