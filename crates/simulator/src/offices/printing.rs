//! Offices that print invoices on our own paper and switch stamp, signatures and a layout of their own on and off; in
//! some of them a sole trader sells, who signs alone whatever is switched on.

use std::sync::Arc;
use std::time::Duration;

use documents::{Layout, Picture};
use emulator_bitrix24::PortalConfig;
use jiff::Timestamp;
use planner::{Attach, OwnPaper, Policy};
use reconciler::Papers;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::people::managers::Office;
use crate::people::papers::person_inn;

const STAMP: &str = "stamp.png";
const HEAD: &str = "head.png";
const ACCOUNTANT: &str = "accountant.png";
const LAYOUT: &str = "own.typ";

/// As they lie on the disk.
const PICTURES: [(&str, &[u8]); 3] = [
    (STAMP, include_bytes!("../../pictures/stamp.png")),
    (HEAD, include_bytes!("../../pictures/head.png")),
    (ACCOUNTANT, include_bytes!("../../pictures/accountant.png")),
];

/// Each is so many dots wide as no other: by its width a file says that it was printed.
pub(crate) const STAMP_WIDTH: u32 = 101;
pub(crate) const HEAD_WIDTH: u32 = 103;
pub(crate) const ACCOUNTANT_WIDTH: u32 = 107;

/// Stands among the words that a paper of the own layout is to be found by.
pub(crate) const OWN_LAYOUT: &str = "own-layout";
/// So does this, with how many sign.
pub(crate) const SIGNS: &str = "signs-";

const OWN_LAYOUT_TEXT: &str = r#"#let paper = json("/invoice.json")
#let signs = "signs-" + str(paper.signatories.len())
#set document(title: paper.title, keywords: ("own-layout", signs))
#paper.title
#if paper.replaced_by != none { paper.replaced_by }
#if paper.has_stamp { image("/stamp") }
#for (place, signatory) in paper.signatories.enumerate() {
  if signatory.has_signature { image("/signature-" + str(place)) }
}
"#;

/// The number of the sole trader's INN: no buyer has it.
const TRADER: u32 = 79_990;

/// How such an office prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printing {
    /// Mean time between two times that something is switched.
    pub(crate) every: Duration,
    /// A sole trader sells.
    pub(crate) sole_trader: bool,
}

/// What is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switched {
    pub(crate) stamp: bool,
    pub(crate) head: bool,
    pub(crate) accountant: bool,
    pub(crate) layout: bool,
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_printing(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Printing);
        let every = dice.chance(50).then(|| dice.time(secs(200), secs(600)));
        let sole_trader = dice.chance(400);
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        // The bank knows the seller by another INN.
        self.bank = false;
        self.attach = Attach::Provodka;
        self.customs.printing = Some(Printing { every, sole_trader });
    }
}

impl Printing {
    /// A sole trader has a longer INN, and no KPP; that an accountant stands in the requisite changes nothing.
    pub(crate) fn at_portal(self, portal: &mut PortalConfig) {
        let own = portal.companies.iter_mut().filter(|one| one.is_my_company);
        for requisite in own.flat_map(|company| &mut company.requisites) {
            if self.sole_trader {
                let inn = ("RQ_INN".to_owned(), person_inn(TRADER));
                requisite.fields.extend([inn]);
                requisite.fields.remove("RQ_KPP");
            }
        }
    }
}

impl Switched {
    /// As policy says it.
    fn write(self, policy: &mut Policy) {
        let named = |is_on: bool, name: &str| is_on.then(|| name.to_owned());
        let paper = OwnPaper {
            stamp: named(self.stamp, STAMP),
            head_signature: named(self.head, HEAD),
            accountant_signature: named(self.accountant, ACCOUNTANT),
        };
        for organisation in &mut policy.organisations {
            organisation.paper = Some(paper.clone());
        }
        policy.invoice.layout = named(self.layout, LAYOUT);
    }
}

/// What a policy's papers are made of, as the program reads it from its disk.
pub(crate) fn papers_of(policy: &Policy) -> Papers {
    let names_pictures = policy.organisations.iter().any(|one| one.paper.is_some());
    let pictures = PICTURES.into_iter().filter(|_| names_pictures);
    let pictures = pictures.filter_map(|(name, bytes)| {
        let picture = Picture::new(bytes).ok()?;
        Some((name.to_owned(), picture))
    });
    let layout = policy.invoice.layout.as_ref();
    Papers {
        layout: layout.map(|_| Arc::new(Layout::from_text(OWN_LAYOUT_TEXT))),
        pictures: pictures.collect(),
    }
}

impl Office {
    fn switch_papers(&mut self, now: Timestamp) -> Switched {
        let mut some = || self.habits.chance(500);
        let on = Switched {
            stamp: some(),
            head: some(),
            accountant: some(),
            layout: some(),
        };
        self.switched.push((now, on));
        self.tell(now, "papers switched", format!("{on:?}"));
        on
    }
}

impl World {
    /// The administrator of an office switches what its papers show.
    pub(crate) async fn switch_papers(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        let every = self.weather.customs.printing.map(|one| one.every);
        calendar.again(now, every, Happening::SwitchPapers);
        let place = self.some_tenant();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let on = tenant.office.switch_papers(now);
        let portal = tenant.id.clone();
        self.change_policy(&portal, |policy| on.write(policy)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_layout_is_one_and_each_picture_has_its_width() {
        let proved = Layout::from_text(OWN_LAYOUT_TEXT).prove();
        assert_eq!(proved.map_err(|refused| refused.to_string()), Ok(()));
        let widths = [STAMP_WIDTH, HEAD_WIDTH, ACCOUNTANT_WIDTH];
        for ((name, bytes), width) in PICTURES.into_iter().zip(widths) {
            assert!(Picture::new(bytes).is_ok(), "{name}");
            // A PNG says it in its head.
            let told = bytes.get(16..20).map(<[u8]>::to_vec);
            assert_eq!(told, Some(width.to_be_bytes().to_vec()), "{name}");
        }
        for word in [OWN_LAYOUT, SIGNS] {
            assert!(OWN_LAYOUT_TEXT.contains(word), "{word}");
        }
    }
}
