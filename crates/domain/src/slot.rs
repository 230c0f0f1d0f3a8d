//! Slots and effect keys: the place of one invoice on a deal, and the text that makes an effect one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DealId, PortalId};

/// What part of a deal an invoice is for. As text: `whole`, `advance`, `rest`, `additional`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// The whole deal.
    Whole,
    /// The part paid in advance.
    Advance,
    /// What is left after the advance.
    Rest,
    /// What the deal has beyond what was billed before, ordered by a person.
    Additional,
}

/// The place of one invoice on a deal.
///
/// The generation starts at 1 and grows only by a recorded decision, after the former one is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// What part of the deal.
    pub kind: SlotKind,
    /// Which try of a person, from 1.
    pub generation: u32,
}

/// The key under which an effect is done once: `portal/deal/4711/invoice/whole/1`.
///
/// Segments are parted by `/`; a `/` or `%` inside a segment is written `%2F` or `%25`, so that two
/// different lists of segments never give one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(String);

/// A text that names no kind of slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of slot; known are whole, advance, rest, additional")]
pub struct SlotKindError;

impl SlotKind {
    /// All of them.
    pub const ALL: [SlotKind; 4] = [
        SlotKind::Whole,
        SlotKind::Advance,
        SlotKind::Rest,
        SlotKind::Additional,
    ];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            SlotKind::Whole => "whole",
            SlotKind::Advance => "advance",
            SlotKind::Rest => "rest",
            SlotKind::Additional => "additional",
        }
    }
}

impl Slot {
    /// The first generation of a kind.
    pub const fn first(kind: SlotKind) -> Slot {
        Slot {
            kind,
            generation: 1,
        }
    }

    /// The generation after this one; `None` after the last that can be counted.
    pub fn next(self) -> Option<Slot> {
        let generation = self.generation.checked_add(1)?;
        Some(Slot { generation, ..self })
    }
}

impl EffectKey {
    /// The key of a slot's invoice: `portal/deal/4711/invoice/whole/1`.
    pub fn invoice(portal: &PortalId, deal: DealId, slot: Slot) -> EffectKey {
        let (deal, generation) = (deal.to_string(), slot.generation.to_string());
        EffectKey::of(
            portal,
            ["deal", &deal, "invoice", slot.kind.as_str(), &generation],
        )
    }

    /// The deal of this portal for whose invoice it is; none if it is another key.
    pub fn deal_of_invoice(&self, portal: &PortalId) -> Option<DealId> {
        let mut rest = self.0.strip_prefix(&escaped(portal.as_str()))?.split('/');
        let (end, kind) = (rest.next()?, rest.next()?);
        let (deal, what) = (rest.next()?, rest.next()?);
        let deal = deal
            .parse()
            .ok()
            .filter(|_| end.is_empty() && kind == "deal" && what == "invoice");
        deal.map(DealId)
    }

    /// The slot of this deal for which it is; none if it is another key.
    pub fn slot_of_invoice(&self, portal: &PortalId, deal: DealId) -> Option<Slot> {
        let mut segments = self.0.rsplit('/');
        let (generation, kind) = (segments.next()?, segments.next()?);
        let slot = Slot {
            kind: kind.parse().ok()?,
            generation: generation.parse().ok()?,
        };
        (*self == EffectKey::invoice(portal, deal, slot)).then_some(slot)
    }

    /// The key of any other effect: the portal, then what is done to what, from the general to the special.
    pub fn of<'a>(portal: &PortalId, segments: impl IntoIterator<Item = &'a str>) -> EffectKey {
        let mut key = escaped(portal.as_str());
        for segment in segments {
            key.push('/');
            key.push_str(&escaped(segment));
        }
        EffectKey(key)
    }

    /// A key read back from where it was kept.
    pub fn from_stored(text: impl Into<String>) -> EffectKey {
        EffectKey(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SlotKind {
    type Err = SlotKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SlotKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(SlotKindError)
    }
}

/// `whole/1`.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.generation)
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escaped(segment: &str) -> String {
    segment.replace('%', "%25").replace('/', "%2F")
}
