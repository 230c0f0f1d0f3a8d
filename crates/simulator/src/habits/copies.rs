//! Managers who copy deals, or make templates of them: the portal copies our fields as well.

use std::collections::BTreeMap;

use emulator_bitrix24::DealSeed;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::habits::exempt::TEMPLATE;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;
use crate::people::remembered::Version;

/// What the portal takes over: the buyer, who sells, and what we wrote.
const COPIED: [&str; 9] = [
    "COMPANY_ID",
    "CONTACT_ID",
    office::SELLER_FIELD,
    office::NUMBER,
    office::DATE,
    office::STATUS,
    office::SUM,
    office::PAID,
    office::PAID_ON,
];
const DEAL: i64 = 2;

impl Office {
    /// A deal is copied, most often one with an invoice; or a copy is moved on.
    pub(crate) fn copy(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let (copies, all): (Vec<i64>, Vec<i64>) = {
            let copies = living
                .clone()
                .filter(|(_, deal)| deal.copied_from.is_some());
            (
                copies.map(|(id, _)| *id).collect(),
                living.map(|(id, _)| *id).collect(),
            )
        };
        if self.habits.chance(250) {
            if let Some(copy) = self.habits.pick(&copies) {
                self.move_to(now, copy, INVOICE);
            }
            return;
        }
        let billed = self.billed_deals();
        let among = if self.habits.chance(850) {
            &billed
        } else {
            &all
        };
        if let Some(deal) = self.habits.pick(among) {
            self.copy_of(now, deal, false);
        }
    }

    /// Deals that show an invoice.
    pub(crate) fn billed_deals(&self) -> Vec<i64> {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let shows = |id: &i64| !self.portal.deal_field(*id, office::NUMBER).is_empty();
        living.map(|(id, _)| *id).filter(shows).collect()
    }

    /// A copy, or a template for others like it.
    pub(crate) fn copy_of(&mut self, now: Timestamp, deal: i64, template: bool) {
        let last = self
            .deals
            .get(&deal)
            .and_then(|known| known.versions.last());
        let (Some(last), Some(record)) = (last.cloned(), self.portal.record(DEAL, deal)) else {
            return;
        };
        let funnel = self.deals.get(&deal).map_or(0, |known| known.funnel);
        let stage = if self.habits.chance(300) {
            INVOICE
        } else {
            "NEW"
        };
        let copied = COPIED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), record.get(name)?.clone())))
            .chain(template.then(|| (TEMPLATE.to_owned(), json!("Y"))));
        let seed = DealSeed {
            stage: office::stage_in(funnel, stage),
            funnel,
            fields: copied.collect::<BTreeMap<String, Value>>(),
            ..DealSeed::default()
        };
        let version = Version { at: now, ..last };
        if let Some(copy) = self.made(seed, version) {
            let kind = if template {
                "template of a deal"
            } else {
                "copied"
            };
            self.tell(now, kind, format!("deal {deal} as {copy}"));
            if let Some(known) = self.deals.get_mut(&copy) {
                known.copied_from = Some(deal);
                known.template.extend(template.then_some((now, true)));
            }
        }
    }
}
