//! Managers whose deals cannot be invoiced as they stand: rows in a unit that nobody knows, for nothing or less than that,
//! without a rate of VAT, a sum in dollars, a delivery that is in no row, a sum and no rows. Some of it they mend, some of it
//! stays, and the policy of some offices says what it means, at times by a rate that has ended.

use std::time::Duration;

use domain::VatRate;
use emulator_bitrix24::{DealSeed, LineSeed, MeasureSeed, PortalConfig};
use jiff::Timestamp;
use planner::{OwnLine, OwnUnit, Policy, VatPeriod, VatRegime};
use serde_json::json;

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::days::world::World;
use crate::habits::own_invoices::worth;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;
use crate::people::remembered::Version;

/// A unit of the portal's own, which the classifier lacks.
pub(crate) const OWN_UNIT: i64 = 555;
const OWN_UNIT_NAME: &str = "бухта";
/// What policy prints for it, once somebody says so.
pub(crate) const OWN_UNIT_PRINTED: &str = "бухта 100 м";
/// One that the portal does not know itself.
pub(crate) const NO_UNIT: i64 = 999;
/// A product of which policy may say what no rate means.
pub(crate) const PRODUCT: i64 = 71;
pub(crate) const DELIVERY: &str = "Доставка";
pub(crate) const DELIVERY_UNIT: &str = "усл. ед";
pub(crate) const WITHOUT_ROWS: &str = "Работы по договору";
pub(crate) const WITHOUT_ROWS_UNIT: &str = "шт";

/// What the office's policy says of what is no plain row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineRules {
    /// The seller pays VAT: a row without a rate means something only where policy says so.
    pub(crate) pays_vat: bool,
    /// What no rate means in rows that were typed, and in those of the product.
    pub(crate) no_rate: [Option<NoRate>; 2],
    /// What is beyond the rows is a line of the policy.
    pub(crate) delivery: bool,
    /// A sum without rows is one.
    pub(crate) without_rows: bool,
    /// Policy knows the portal's own unit.
    pub(crate) unit: bool,
}

/// What a row without a rate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRate {
    Percent22,
    Without,
    /// What was right until the year ended: nothing can be billed by it.
    Ended,
}

impl NoRate {
    fn rate(self) -> VatRate {
        match self {
            Self::Percent22 => VatRate::Percent22,
            Self::Without => VatRate::Without,
            Self::Ended => VatRate::Percent20,
        }
    }

    fn mended(self) -> Self {
        match self {
            Self::Percent22 | Self::Ended => Self::Percent22,
            Self::Without => Self::Without,
        }
    }
}

/// An office where such deals are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OddRows {
    /// Mean time between two acts with them.
    pub(crate) every: Duration,
    /// As the day begins.
    pub(crate) rules: LineRules,
    /// After so long the administrator says what the portal's own unit is, and mends what no rate means.
    pub(crate) named_after: Option<Duration>,
}

/// What is odd about a deal.
#[derive(Clone, Copy, Debug)]
enum Odd {
    OwnUnit,
    NoUnit,
    Zero,
    Negative,
    Fewer,
    NoRate,
    NoRateOfProduct,
    Dollars,
    Delivery,
    WithoutRows,
}

const ALL: [Odd; 10] = [
    Odd::OwnUnit,
    Odd::NoUnit,
    Odd::Zero,
    Odd::Negative,
    Odd::Fewer,
    Odd::NoRate,
    Odd::NoRateOfProduct,
    Odd::Dollars,
    Odd::Delivery,
    Odd::WithoutRows,
];

impl OddRows {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let meanings = [None, Some(NoRate::Percent22), Some(NoRate::Without)];
        let mut meaning = || dice.pick(&meanings).flatten();
        let no_rate = [meaning(), meaning()];
        Self {
            every: dice.time(secs(15), secs(60)),
            rules: LineRules {
                pays_vat: dice.chance(700),
                no_rate,
                delivery: dice.chance(500),
                without_rows: dice.chance(500),
                unit: dice.chance(250),
            },
            named_after: dice.chance(600).then(|| dice.time(secs(60), secs(1_000))),
        }
    }

    /// What no rate means in typed rows, in those of the product, or in both, is a rate that has ended.
    pub(crate) fn with_ended_meaning(dice: &mut Dice) -> Self {
        let mut odd = Self::drawn(dice);
        let kinds = [[true, true], [true, false], [false, true]];
        let ended = dice.pick(&kinds).unwrap_or([true; 2]);
        for (meaning, has_ended) in odd.rules.no_rate.iter_mut().zip(ended) {
            if has_ended {
                *meaning = Some(NoRate::Ended);
            }
        }
        odd.rules.pays_vat = true;
        odd
    }

    pub(crate) fn has_ended_meaning(&self) -> bool {
        self.rules.no_rate.contains(&Some(NoRate::Ended))
    }
}

impl OddRows {
    /// The portal has a unit of its own.
    pub(crate) fn at_portal(portal: &mut PortalConfig) {
        portal.measures.push(MeasureSeed {
            code: OWN_UNIT,
            title: "Бухта".to_owned(),
            symbol: OWN_UNIT_NAME.to_owned(),
        });
    }
}

impl LineRules {
    /// With a unit of which nobody had said what it is, and no rate that has ended.
    fn mended(self) -> Self {
        Self {
            unit: true,
            no_rate: self.no_rate.map(|meaning| meaning.map(NoRate::mended)),
            ..self
        }
    }

    /// As policy says them.
    pub(crate) fn write(self, policy: &mut Policy) {
        let own = |name: &str, unit: &str| OwnLine {
            name: name.to_owned(),
            unit: unit.to_owned(),
            vat: VatRate::Percent22,
        };
        let [free_rows, of_product] = self.no_rate;
        let invoice = &mut policy.invoice;
        invoice.no_rate.free_rows = free_rows.map(NoRate::rate);
        let of_product = of_product.map(|it| (PRODUCT.to_string(), it.rate()));
        invoice.no_rate.products = of_product.into_iter().collect();
        invoice.delivery = self.delivery.then(|| own(DELIVERY, DELIVERY_UNIT));
        invoice.without_rows = self
            .without_rows
            .then(|| own(WITHOUT_ROWS, WITHOUT_ROWS_UNIT));
        if self.unit {
            invoice.units.insert(OWN_UNIT.to_string(), own_unit());
        }
        if self.pays_vat {
            for organisation in &mut policy.organisations {
                organisation.vat = vec![VatPeriod {
                    from: jiff::civil::date(2026, 1, 1),
                    regime: VatRegime::General,
                    wording: None,
                }];
            }
        }
    }
}

fn own_unit() -> OwnUnit {
    OwnUnit {
        okei: None,
        name: OWN_UNIT_PRINTED.to_owned(),
    }
}

impl World {
    /// The administrator says what the portal's own unit is, and no rate means one that is in force: what waited for
    /// that goes on.
    pub(crate) async fn name_unit(&mut self) -> Result<(), String> {
        let now = self.now();
        for place in 0..self.tenants.len() {
            let Some(id) = self.tenants.get(place).map(|tenant| tenant.id.clone()) else {
                continue;
            };
            let rules = self.tenants.get(place);
            let Some(rules) = rules.and_then(|tenant| tenant.office.line_rules) else {
                continue;
            };
            let mended = rules.mended();
            self.change_policy(&id, |policy| mended.write(policy))
                .await?;
            if let Some(tenant) = self.tenants.get_mut(place) {
                tenant.office.tell(now, "named a unit", OWN_UNIT_PRINTED);
                tenant.office.rules_are(now, mended);
            }
        }
        Ok(())
    }
}

impl Office {
    /// From now on each deal asks for what these rules say.
    fn rules_are(&mut self, now: Timestamp, rules: LineRules) {
        let rules = Some(rules);
        self.line_rules = rules;
        let deals: Vec<i64> = self.deals.keys().copied().collect();
        for deal in deals {
            self.changed(now, deal, |last| last.rules = rules);
        }
    }

    /// A manager whose deals are odd does something.
    pub(crate) fn write_odd_rows(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let (all, odd): (Vec<i64>, Vec<bool>) = living
            .map(|(id, deal)| (*id, deal.versions.last().is_some_and(is_odd)))
            .unzip();
        let odd = all.iter().zip(odd).filter(|(_, odd)| *odd);
        let odd: Vec<i64> = odd.map(|(id, _)| *id).collect();
        let (some, odd) = (self.habits.pick(&all), self.habits.pick(&odd));
        match (self.habits.below(100), some, odd) {
            (0..45, _, _) | (_, None, _) => self.new_odd_deal(now),
            (45..60, Some(deal), _) => self.spoil(now, deal),
            (60..85, _, Some(deal)) => self.make_plain(now, deal),
            (_, Some(deal), _) => self.move_to(now, deal, INVOICE),
        }
    }

    fn new_odd_deal(&mut self, now: Timestamp) {
        if self.habits.chance(150) {
            return self.new_deal_without_rows(now);
        }
        if let Some(deal) = self.quiet_deal(now) {
            self.spoil(now, deal);
            if self.habits.chance(200) {
                self.spoil(now, deal);
            }
            self.move_to(now, deal, INVOICE);
        }
    }

    /// Somebody typed its sum and nothing else, by hand or through another program.
    fn new_deal_without_rows(&mut self, now: Timestamp) {
        let buyer = self.some_buyer(now);
        self.fill_kpp(now, buyer);
        let kopecks = self.some_kopecks(9_000_000);
        let seed = DealSeed {
            stage: INVOICE.to_owned(),
            company: office::title_in(self.place, buyer),
            fields: [
                ("OPPORTUNITY".to_owned(), json!(roubles(kopecks))),
                ("IS_MANUAL_OPPORTUNITY".to_owned(), json!("Y")),
            ]
            .into(),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            buyer: Some(buyer),
            typed: Some(kopecks),
            ..Version::default()
        };
        if let Some(deal) = self.made(seed, version) {
            let words = format!("deal {deal}: {kopecks} kopecks");
            self.tell(now, "odd rows: WithoutRows", words);
        }
    }

    fn some_kopecks(&mut self, most: u64) -> i64 {
        i64::try_from(self.habits.between(10_000, most)).unwrap_or(10_000)
    }

    fn spoil(&mut self, now: Timestamp, deal: i64) {
        let Some(odd) = self.habits.pick(&ALL) else {
            return;
        };
        self.tell(now, &format!("odd rows: {odd:?}"), format!("deal {deal}"));
        match odd {
            Odd::Dollars => self.set_currency(now, deal, "USD"),
            Odd::Delivery => {
                let kopecks = self.some_kopecks(500_000);
                self.deliver(now, deal, kopecks);
            }
            Odd::WithoutRows => {
                self.set_lines(now, deal, Vec::new());
                let kopecks = self.some_kopecks(9_000_000);
                self.type_odd_sum(now, deal, Some(kopecks));
            }
            Odd::OwnUnit => self.change_row(now, deal, |row| row.measure = OWN_UNIT),
            Odd::NoUnit => self.change_row(now, deal, |row| row.measure = NO_UNIT),
            Odd::Zero => self.change_row(now, deal, |row| "0".clone_into(&mut row.price)),
            Odd::Negative => self.change_row(now, deal, |row| row.price.insert(0, '-')),
            Odd::Fewer => self.change_row(now, deal, |row| row.quantity.insert(0, '-')),
            Odd::NoRate => self.change_row(now, deal, |row| row.vat.clear()),
            Odd::NoRateOfProduct => self.change_row(now, deal, |row| {
                row.vat.clear();
                row.product = PRODUCT;
            }),
        }
    }

    /// One row of a deal is made another, where it is a plain one.
    fn change_row(&mut self, now: Timestamp, deal: i64, change: impl FnOnce(&mut LineSeed)) {
        let known = self.deals.get(&deal);
        let last = known.and_then(|known| known.versions.last());
        let mut lines = last.map(|last| last.lines.clone()).unwrap_or_default();
        if lines.is_empty() {
            lines = self.some_lines();
        }
        let places: Vec<usize> = (0..lines.len()).collect();
        let place = self.habits.pick(&places);
        let row = place.and_then(|place| lines.get_mut(place));
        if let Some(row) = row.filter(|row| is_plain(row)) {
            change(row);
        }
        self.set_lines(now, deal, lines);
    }

    fn set_currency(&mut self, now: Timestamp, deal: i64, currency: &str) {
        let fields = json!({"CURRENCY_ID": currency});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: {currency}: {edited:?}");
        self.tell(now, "chose a currency", words);
        let foreign = currency != "RUB";
        self.changed(now, deal, |last| last.foreign = foreign);
    }

    fn deliver(&mut self, now: Timestamp, deal: i64, kopecks: i64) {
        let price = roubles(kopecks);
        let manager = self.portal.manager();
        let done = manager.set_delivery(deal, "Курьер", &price);
        let words = format!("deal {deal}: {price}: {:?}", done.err());
        self.tell(now, "set a delivery", words);
        self.changed(now, deal, |last| last.delivery = kopecks);
    }

    /// By hand, or the portal counts again.
    fn type_odd_sum(&mut self, now: Timestamp, deal: i64, typed: Option<i64>) {
        let known = self.deals.get(&deal);
        let last = known.and_then(|known| known.versions.last());
        let counted = last.map_or(0, |last| worth(&last.lines));
        let fields = json!({
            "OPPORTUNITY": roubles(typed.unwrap_or(counted)),
            "IS_MANUAL_OPPORTUNITY": if typed.is_some() { "Y" } else { "N" },
        });
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: {typed:?} kopecks: {edited:?}");
        self.tell(now, "typed a sum", words);
        self.changed(now, deal, |last| last.typed = typed);
    }

    /// Whatever is odd about a deal is mended.
    fn make_plain(&mut self, now: Timestamp, deal: i64) {
        let known = self.deals.get(&deal);
        let Some(last) = known.and_then(|known| known.versions.last()).cloned() else {
            return;
        };
        self.tell(now, "made plain", format!("deal {deal}"));
        if last.lines.is_empty() {
            let lines = self.some_lines();
            self.set_lines(now, deal, lines);
        } else if !last.lines.iter().all(is_plain) {
            let mut lines = last.lines.clone();
            for (row, mended) in lines.iter_mut().zip(self.some_plain(last.lines.len())) {
                if !is_plain(row) {
                    let name = row.name.clone();
                    *row = LineSeed { name, ..mended };
                }
            }
            self.set_lines(now, deal, lines);
        }
        if last.foreign {
            self.set_currency(now, deal, "RUB");
        }
        if last.delivery > 0 {
            self.deliver(now, deal, 0);
        }
        if last.typed.is_some() {
            self.type_odd_sum(now, deal, None);
        }
    }

    fn some_plain(&mut self, count: usize) -> Vec<LineSeed> {
        let mut row = || {
            let price = self.habits.between(1, 90_000).to_string();
            office::line("", &price, "2")
        };
        (0..count).map(|_| row()).collect()
    }
}

fn is_plain(row: &LineSeed) -> bool {
    let plain = LineSeed {
        name: row.name.clone(),
        ..office::line("", &row.price, &row.quantity)
    };
    let told = |row: &LineSeed| (row.measure, row.vat.clone(), row.product);
    let is_positive = |number: &str| number != "0" && !number.starts_with('-');
    told(row) == told(&plain) && is_positive(&row.price) && is_positive(&row.quantity)
}

fn is_odd(version: &Version) -> bool {
    let has_odd_row = !version.lines.iter().all(is_plain);
    has_odd_row || version.foreign || version.delivery > 0 || version.typed.is_some()
}

fn roubles(kopecks: i64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks % 100)
}
