//! An office whose deals lead to the page of their invoice: policy says what its address is made of.

use domain::observed::OurField;
use emulator_bitrix24::{CustomFieldSeed, PortalConfig};
use planner::Policy;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::offices::office;

/// The field for it.
pub(crate) const LINK: &str = "UF_CRM_PROVODKA_LINK";
const PAGES: &str = "https://accounting.example";

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_links(&mut self, seed: u64) {
        let drawn = Dice::of(seed, About::Links).chance(100);
        self.customs.links = drawn && self.is_plain();
    }
}

/// The portal has the field.
pub(crate) fn at_portal(portal: &mut PortalConfig) {
    portal.custom_fields.push(CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: LINK.to_owned(),
        kind: "url".to_owned(),
        label: "Ссылка на счёт".to_owned(),
        multiple: false,
        items: Vec::new(),
    });
}

/// Policy names the field, and where the pages are.
pub(crate) fn write(policy: &mut Policy) {
    policy.fields.insert(OurField::Link, LINK.to_owned());
    policy.invoice.link = Some(format!("{PAGES}/{{organisation}}/{{invoice}}"));
}

/// Where the page of a bill is.
pub(crate) fn page_of(place: usize, bill: &str) -> String {
    format!("{PAGES}/{}/{bill}", office::organisation(place))
}
