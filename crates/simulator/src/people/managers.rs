//! The people of the office: managers who edit, press twice and move back. What they did is kept in `remembered`.

use std::collections::{BTreeMap, BTreeSet};

use emulator_bitrix24::{DealSeed, LineSeed};
use emulator_kontur_accounting as kontur;
use jiff::Timestamp;
use planner::Demand;
use serde_json::json;

use crate::chance::dice::Dice;
use crate::chance::oddities::STRANGE_RATE;
use crate::days::story::Story;
use crate::habits::branches::Branched;
use crate::habits::contracts::Contracts;
use crate::habits::exempt;
use crate::habits::foreigners::Foreigner;
use crate::habits::odd_rows::LineRules;
use crate::habits::own_invoices::OwnInvoice;
use crate::habits::requisites;
use crate::habits::staff::Staff;
use crate::offices::new_year::NewYear;
use crate::offices::office::{self, INVOICE, LOST, STAGES};
use crate::offices::printing::Switched;
use crate::offices::regimes::Regime;
use crate::offices::reorders::Orders;
use crate::people::papers::Varied;
use crate::people::remembered::{Buyer, Deal, Version};
use crate::troubles::hidden;

/// The people and what they have done.
pub(crate) struct Office {
    /// Of which tenant.
    pub(crate) place: usize,
    pub(crate) portal: emulator_bitrix24::Emulator,
    pub(crate) accounting: kontur::Emulator,
    pub(crate) deals: BTreeMap<i64, Deal>,
    pub(crate) buyers: BTreeMap<u32, Buyer>,
    /// Buyers without an INN, by numbers of their own.
    pub(crate) foreigners: BTreeMap<u32, Foreigner>,
    /// Companies with branches, by numbers of their own.
    pub(crate) branched: BTreeMap<u32, Branched>,
    /// Buyers with several requisites, or not all of one.
    pub(crate) varied: Varied,
    /// Who was dismissed, and who works there.
    pub(crate) staff: Staff,
    /// How the stages of its funnel stood, and since when.
    pub(crate) orders: Orders,
    /// Since when companies are hidden from us, or are not.
    pub(crate) hidden: Vec<(Timestamp, bool)>,
    /// What its papers show, and since when; at first nothing beside the invoice.
    pub(crate) switched: Vec<(Timestamp, Switched)>,
    /// It is our own company that is hidden at times.
    pub(crate) hides_seller: bool,
    /// A field of the deal says whether it takes part in the pilot.
    pub(crate) pilot_by_field: bool,
    /// Managers come and go.
    pub(crate) changes_staff: bool,
    /// What invoices must have beside the usual.
    pub(crate) demand: Vec<Demand>,
    /// What people let us enter in the accounting side, with the moment: whose books, and which buyer.
    pub(crate) let_in: Vec<(Timestamp, String)>,
    /// What was made of the portal's own invoices.
    pub(crate) own_invoices: Vec<OwnInvoice>,
    /// Bills that the accountant laid hands on.
    pub(crate) handled: Vec<kontur::Id>,
    /// Bills that the accountant issued by hand, with their deals.
    pub(crate) by_hand: Vec<(i64, kontur::Id)>,
    pub(crate) dice: Dice,
    /// Of those whom only some offices have.
    pub(crate) habits: Dice,
    pub(crate) story: Story,
    pub(crate) most_deals: u64,
    pub(crate) omitted: u64,
    pub(crate) pilot: bool,
    pub(crate) old_rates: bool,
    pub(crate) regime: Option<Regime>,
    pub(crate) new_year: Option<NewYear>,
    pub(crate) strange_rates: bool,
    pub(crate) contracts: Option<Contracts>,
    /// Managers say how much of a deal is billed in advance.
    pub(crate) shares: bool,
    /// Deals of whose last bill some is paid, where somebody looks.
    pub(crate) paid: BTreeSet<i64>,
    /// What policy says of rows that are not plain, where managers write such.
    pub(crate) line_rules: Option<LineRules>,
}

/// In percent.
pub(crate) const ENDED_RATE: &str = "20";

impl Office {
    pub(crate) fn tell(&self, now: Timestamp, kind: &str, words: impl Into<String>) {
        let words = match self.place {
            0 => words.into(),
            place => format!("tenant {place}: {}", words.into()),
        };
        self.story.tell(now, kind, words);
    }

    fn title_of(&self, number: u32) -> String {
        office::title_in(self.place, number)
    }

    /// A manager does something.
    pub(crate) fn manager(&mut self, now: Timestamp) {
        let made = u64::try_from(self.deals.len()).unwrap_or(u64::MAX);
        if made == 0 || (made < self.most_deals && self.dice.chance(400)) {
            return self.new_deal(now);
        }
        let living: Vec<i64> = self
            .deals
            .iter()
            .filter(|(_, deal)| !deal.deleted)
            .map(|(id, _)| *id)
            .collect();
        let Some(deal) = self.dice.pick(&living) else {
            return self.new_deal(now);
        };
        let act = self.dice.below(1000);
        let kind = act / 40;
        if self.omitted >> (kind % 64) & 1 == 1 && act >= 360 {
            return;
        }
        match act {
            0..360 => self.move_to(now, deal, INVOICE),
            360..440 => self.press_twice(now, deal),
            440..520 => self.move_anywhere(now, deal),
            520..640 => self.edit_lines(now, deal),
            640..740 => self.mend(now, deal),
            740..790 => self.order(now, deal),
            790..830 => self.edit_title(now, deal),
            830..860 => self.scribble(now, deal),
            860..890 => self.other_buyer(now, deal),
            890..920 => self.spoil_buyer(now),
            920..940 => self.delete(now, deal),
            940..960 => self.comment(now, deal),
            960..975 => self.replace(now, deal),
            975..985 => self.leave(now, deal),
            _ => {
                self.edit_lines(now, deal);
                self.move_to(now, deal, INVOICE);
                self.edit_lines(now, deal);
            }
        }
    }

    fn new_deal(&mut self, now: Timestamp) {
        let buyer = if self.dice.chance(120) {
            None
        } else {
            Some(self.some_buyer(now))
        };
        let lines = if self.dice.chance(120) {
            Vec::new()
        } else {
            self.some_lines()
        };
        let stage = if self.dice.chance(200) {
            INVOICE
        } else {
            "NEW"
        };
        self.deal_of(now, buyer, lines, (0, stage));
    }

    /// One of the deals that are there.
    pub(crate) fn some_living(&mut self) -> Option<i64> {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let living: Vec<i64> = living.map(|(id, _)| *id).collect();
        self.habits.pick(&living)
    }

    /// A deal that lacks nothing and that nobody moved yet.
    pub(crate) fn quiet_deal(&mut self, now: Timestamp) -> Option<i64> {
        let (buyer, lines) = (self.some_buyer(now), self.some_lines());
        self.fill_kpp(now, buyer);
        self.deal_of(now, Some(buyer), lines, (0, "NEW"))
    }

    /// In this stage of this funnel.
    pub(crate) fn deal_of(
        &mut self,
        now: Timestamp,
        buyer: Option<u32>,
        lines: Vec<LineSeed>,
        (funnel, stage): (i64, &str),
    ) -> Option<i64> {
        let seed = DealSeed {
            stage: office::stage_in(funnel, stage),
            funnel,
            company: buyer
                .map(|number| self.title_of(number))
                .unwrap_or_default(),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            lines,
            buyer,
            ..Version::default()
        };
        self.made(seed, version)
    }

    /// A deal with the buyer and in the stage that the seed has, and what else it says.
    pub(crate) fn made(&mut self, seed: DealSeed, version: Version) -> Option<i64> {
        let takes_part = self.some_part_in_pilot();
        let outside = self.pilot && self.dice.chance(300) || takes_part == Some(false);
        let contract = self.some_contract();
        let responsible = self.some_responsible();
        let mut seed = DealSeed {
            title: "Поставка".to_owned(),
            lines: version.lines.clone(),
            responsible: if outside && self.pilot {
                office::COLLEAGUE
            } else {
                responsible.unwrap_or(office::MANAGER)
            },
            ..seed
        };
        let (now, buyer) = (version.at, version.buyer);
        let version = Version {
            rules: self.line_rules,
            contract: self.contracts.map(Contracts::silent),
            ..version
        };
        let field = contract.iter();
        let field = field.map(|number| (requisites::CONTRACT.to_owned(), json!(number)));
        seed.fields.extend(field);
        let field = takes_part.map(|takes_part| json!(u8::from(takes_part)));
        let field = field.map(|said| (exempt::PILOT_FIELD.to_owned(), said));
        seed.fields.extend(field);
        match self.portal.manager().create_deal(&seed) {
            Ok(id) => {
                let deal = Deal {
                    versions: vec![version],
                    outside,
                    contract: contract.map(|number| (now, number)),
                    responsible: vec![(now, seed.responsible)],
                    funnel: seed.funnel,
                    ..Deal::default()
                };
                self.deals.insert(id, deal);
                let stage = &seed.stage;
                self.tell(
                    now,
                    "new deal",
                    format!("deal {id} in {stage}, buyer {buyer:?}"),
                );
                Some(id)
            }
            Err(declined) => {
                self.tell(now, "declined", declined.to_string());
                None
            }
        }
    }

    pub(crate) fn some_buyer(&mut self, now: Timestamp) -> u32 {
        let known = u32::try_from(self.buyers.len()).unwrap_or(u32::MAX);
        if known > 0 && self.dice.chance(600) {
            return u32::try_from(self.dice.between(1, u64::from(known))).unwrap_or(1);
        }
        let number = known.saturating_add(1);
        let with_kpp = !self.dice.chance(250);
        let seed = office::buyer(self.place, number, with_kpp);
        let mut seed = requisites::as_demanded(seed, &self.demand);
        if self.hides_seller {
            hidden::keep(&mut seed);
        }
        let made = self.portal.manager().create_company(&seed);
        if made.is_ok() {
            self.buyers.insert(number, Buyer { with_kpp });
        }
        self.tell(
            now,
            "new buyer",
            format!("buyer {number}, with KPP: {with_kpp}"),
        );
        number
    }

    pub(crate) fn some_lines(&mut self) -> Vec<LineSeed> {
        let count = self.dice.between(1, 3);
        (0..count)
            .map(|place| {
                let price = format!(
                    "{}.{:02}",
                    self.dice.between(1, 90_000),
                    self.dice.below(100)
                );
                let quantity = self.dice.between(1, 40).to_string();
                let mut line = office::line(&format!("Товар {place}"), &price, &quantity);
                if self.old_rates && self.dice.chance(250) {
                    ENDED_RATE.clone_into(&mut line.vat);
                }
                if self.strange_rates && self.dice.chance(150) {
                    STRANGE_RATE.clone_into(&mut line.vat);
                }
                if let Some(regime) = self.regime {
                    let rate = regime.some_rate(&mut self.habits);
                    rate.clone_into(&mut line.vat);
                }
                if let Some(new_year) = self.new_year {
                    let rate = new_year.some_rate(self.portal.now(), &mut self.habits);
                    rate.clone_into(&mut line.vat);
                }
                line
            })
            .collect()
    }

    pub(crate) fn move_to(&mut self, now: Timestamp, deal: i64, stage: &str) {
        let stage = &office::stage_in(self.funnel_of(deal), stage);
        let moved = self.portal.manager().move_deal(deal, stage);
        self.tell(now, "moved", format!("deal {deal} to {stage}: {moved:?}"));
    }

    fn press_twice(&mut self, now: Timestamp, deal: i64) {
        self.move_to(now, deal, INVOICE);
        self.move_to(now, deal, "NEW");
        self.move_to(now, deal, INVOICE);
    }

    fn move_anywhere(&mut self, now: Timestamp, deal: i64) {
        let stage = self.dice.pick(&STAGES).unwrap_or(LOST);
        self.move_to(now, deal, stage);
    }

    fn edit_lines(&mut self, now: Timestamp, deal: i64) {
        let lines = if self.dice.chance(60) {
            Vec::new()
        } else {
            self.some_lines()
        };
        self.set_lines(now, deal, lines);
    }

    pub(crate) fn set_lines(&mut self, now: Timestamp, deal: i64, lines: Vec<LineSeed>) {
        self.portal.manager().set_lines(deal, &lines);
        self.tell(
            now,
            "edited lines",
            format!("deal {deal}: {}", words(&lines)),
        );
        self.changed(now, deal, |last| last.lines = lines);
    }

    /// From now on a deal is another.
    pub(crate) fn changed(&mut self, now: Timestamp, deal: i64, change: impl FnOnce(&mut Version)) {
        if let Some(known) = self.deals.get_mut(&deal) {
            let mut version = known.versions.last().cloned().unwrap_or_default();
            version.at = now;
            change(&mut version);
            known.versions.push(version);
        }
    }

    /// Fills in what is missing.
    pub(crate) fn mend(&mut self, now: Timestamp, deal: i64) {
        let Some(last) = self
            .deals
            .get(&deal)
            .and_then(|known| known.versions.last())
            .cloned()
        else {
            return;
        };
        if last.lines.is_empty() {
            let lines = self.some_lines();
            self.set_lines(now, deal, lines);
        }
        match last.buyer {
            None => self.other_buyer(now, deal),
            Some(buyer) => self.fill_kpp(now, buyer),
        }
    }

    pub(crate) fn fill_kpp(&mut self, now: Timestamp, number: u32) {
        self.change_kpp(now, number, office::KPP);
    }

    fn spoil_buyer(&mut self, now: Timestamp) {
        let numbers: Vec<u32> = self.buyers.keys().copied().collect();
        if let Some(number) = self.dice.pick(&numbers) {
            self.change_kpp(now, number, "");
        }
    }

    fn change_kpp(&mut self, now: Timestamp, number: u32, kpp: &str) {
        let Some(company) = self.portal.company_by_title(&self.title_of(number)) else {
            return;
        };
        let fields = BTreeMap::from([("RQ_KPP".to_owned(), kpp.to_owned())]);
        for requisite in self.portal.requisites_of(company) {
            let changed = self.portal.manager().edit_requisite(requisite, &fields);
            self.tell(
                now,
                "edited requisites",
                format!("buyer {number}: KPP `{kpp}`: {changed}"),
            );
        }
        if let Some(buyer) = self.buyers.get_mut(&number) {
            buyer.with_kpp = !kpp.is_empty();
        }
    }

    fn other_buyer(&mut self, now: Timestamp, deal: i64) {
        let number = self.some_buyer(now);
        let company = self.portal.company_by_title(&self.title_of(number));
        let fields = json!({"COMPANY_ID": company.unwrap_or(0)});
        self.forget_branch(deal);
        self.forget_requisite(deal);
        let edited = self.portal.manager().edit_deal(deal, fields);
        self.tell(
            now,
            "chose a buyer",
            format!("deal {deal}: buyer {number}: {edited:?}"),
        );
        self.changed(now, deal, |last| last.buyer = Some(number));
    }

    fn order(&mut self, now: Timestamp, deal: i64) {
        let most = if self.dice.chance(100) { 20 } else { 3 };
        for _press in 0..self.dice.between(1, most) {
            let fields = json!({office::COMMAND: "Выставить счёт"});
            let edited = self.portal.manager().edit_deal(deal, fields);
            self.tell(now, "ordered", format!("deal {deal}: {edited:?}"));
        }
        if let Some(known) = self.deals.get_mut(&deal) {
            known.ordered = true;
        }
    }

    /// Another invoice in the place of the one there is; where there is none, the first.
    pub(crate) fn replace(&mut self, now: Timestamp, deal: i64) {
        self.say(now, deal, "Перевыставить");
        if let Some(known) = self.deals.get_mut(&deal) {
            known.ordered = true;
            if !self.paid.contains(&deal) {
                known.replaced.push(now);
            }
        }
    }

    pub(crate) fn leave(&mut self, now: Timestamp, deal: i64) {
        self.say(now, deal, "Оставить");
        if let Some(known) = self.deals.get_mut(&deal) {
            known.left.push(now);
        }
    }

    /// An invoice for what has none any more.
    pub(crate) fn order_anew(&mut self, now: Timestamp, deal: i64) {
        self.say(now, deal, "Выставить счёт");
        if let Some(known) = self.deals.get_mut(&deal) {
            known.ordered = true;
        }
    }

    pub(crate) fn say(&self, now: Timestamp, deal: i64, order: &str) {
        let fields = json!({office::COMMAND: order});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: {}: {edited:?}", order.to_lowercase());
        self.tell(now, "said in the field", words);
    }

    pub(crate) fn edit_title(&mut self, now: Timestamp, deal: i64) {
        let title = format!("Поставка {}", self.dice.below(1_000));
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!({"TITLE": title}));
        self.tell(now, "edited title", format!("deal {deal}: {edited:?}"));
    }

    fn scribble(&mut self, now: Timestamp, deal: i64) {
        let field = self
            .dice
            .pick(&[office::NUMBER, office::STATUS])
            .unwrap_or(office::NUMBER);
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!({field: "от руки"}));
        self.tell(
            now,
            "scribbled",
            format!("deal {deal}: {field}: {edited:?}"),
        );
        if let Some(known) = self.deals.get_mut(&deal) {
            known.scribbled = true;
        }
    }

    /// Rows of the portal's lists move: one goes, one comes, or one is changed.
    pub(crate) fn move_rows(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let living: Vec<i64> = living.map(|(id, _)| *id).collect();
        let Some(deal) = self.dice.pick(&living) else {
            return;
        };
        match self.dice.below(3) {
            0 => self.delete(now, deal),
            1 => self.new_deal(now),
            _ => self.edit_title(now, deal),
        }
    }

    fn comment(&mut self, now: Timestamp, deal: i64) {
        let done = self.portal.manager().comment(deal, "Звонил покупатель");
        self.tell(now, "commented", format!("deal {deal}: {}", done.is_ok()));
    }

    fn delete(&mut self, now: Timestamp, deal: i64) {
        let deleted = self.portal.manager().delete_deal(deal);
        self.tell(now, "deleted deal", format!("deal {deal}: {deleted:?}"));
        if let Some(known) = self.deals.get_mut(&deal) {
            known.deleted = deleted.is_ok();
        }
    }
}

fn words(lines: &[LineSeed]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{} × {}", line.price, line.quantity))
        .collect();
    lines.join(", ")
}
