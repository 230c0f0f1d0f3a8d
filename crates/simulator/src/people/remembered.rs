//! What people remember of deals and buyers: the checks know from it what each deal truly asked for at each moment.

use emulator_bitrix24::LineSeed;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::habits::contracts::Agreed;
use crate::habits::odd_rows::LineRules;
use crate::habits::parts::Part;
use crate::habits::shares::Share;
use crate::offices::sellers::Said;

/// What people made of a deal's lines, buyer and seller, with the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Version {
    pub(crate) at: Timestamp,
    pub(crate) lines: Vec<LineSeed>,
    /// The number of the buyer.
    pub(crate) buyer: Option<u32>,
    /// Whoever tries out had it sold by the organisation for that.
    pub(crate) sample: bool,
    /// The sum in kopecks that a person typed; none: the portal counts the lines.
    pub(crate) typed: Option<i64>,
    /// What it says of who sells.
    pub(crate) said: Said,
    /// Until when it is to be paid, if it names a day.
    pub(crate) pay_until: Option<Date>,
    /// What stands in the fields for the contract, where there are such.
    pub(crate) contract: Option<Agreed>,
    /// Its sums are not in roubles.
    pub(crate) foreign: bool,
    /// What its delivery costs, in kopecks; it is in no row.
    pub(crate) delivery: i64,
    /// How much of it is billed in advance, if it says so.
    pub(crate) share: Option<Share>,
    /// What policy says of rows that are not plain, where managers write such.
    pub(crate) rules: Option<LineRules>,
}

/// A deal as people know it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deal {
    pub(crate) versions: Vec<Version>,
    /// By the command field.
    pub(crate) ordered: bool,
    pub(crate) deleted: bool,
    /// A person wrote into our fields.
    pub(crate) scribbled: bool,
    /// Its manager takes no part in the pilot.
    pub(crate) outside: bool,
    /// When a person wanted another invoice in the place of the one there is.
    pub(crate) replaced: Vec<Timestamp>,
    /// When people wanted the invoice left as it is, although the deal was changed.
    pub(crate) left: Vec<Timestamp>,
    /// The administrator left it out when there were too many.
    pub(crate) left_out: Option<Timestamp>,
    /// The administrator let it go when there were too many.
    pub(crate) let_go: Option<Timestamp>,
    /// When people wanted it billed by which part.
    pub(crate) parts: Vec<(Timestamp, Part)>,
    /// Somebody wanted its bill taken back: that it is gone then is no question.
    pub(crate) taken_back: bool,
    pub(crate) funnel: i64,
    /// When who wanted its invoice cancelled.
    pub(crate) cancels: Vec<(Timestamp, i64)>,
    /// Since when it was a template of recurring deals, or was none.
    pub(crate) template: Vec<(Timestamp, bool)>,
    /// When somebody named it for the pilot.
    pub(crate) takes_part: Option<Timestamp>,
    /// Who answers for it, and since when.
    pub(crate) responsible: Vec<(Timestamp, i64)>,
    /// The number of its contract, and since when it stands there.
    pub(crate) contract: Option<(Timestamp, String)>,
    /// The deal that it was copied from.
    pub(crate) copied_from: Option<i64>,
    /// When people decided about the portal's own invoices of it: whether ours was to stand beside them.
    pub(crate) beside_own: Vec<(Timestamp, bool)>,
    /// When people said that the lines hold where another sum was typed: which sum, and what the lines came to.
    pub(crate) by_lines: Vec<(Timestamp, i64, i64)>,
    /// What people said of lines whose rate is over, and when.
    pub(crate) rates_said: Vec<(Timestamp, String)>,
    /// Somebody left a bill as it is although its rate is over.
    pub(crate) rate_left: bool,
    /// The marks of which somebody said that their bills may stay open, as they were asked about.
    pub(crate) marks_left: Vec<String>,
    /// The transactions that people let close a bill although its mark is gone.
    pub(crate) closing_left: Vec<i64>,
    /// The transactions whose money people left with it although it is lost.
    pub(crate) lost_left: Vec<i64>,
}

impl Deal {
    /// Whether it is a template by now.
    pub(crate) fn is_template(&self) -> bool {
        self.template.last().is_some_and(|(_, is_one)| *is_one)
    }

    /// Whether it was one all the time between two moments.
    pub(crate) fn was_template(&self, from: Timestamp, until: Timestamp) -> bool {
        let before = self.template.iter().rfind(|(at, _)| *at <= from);
        let mut between = self
            .template
            .iter()
            .filter(|(at, _)| *at > from && *at <= until);
        before.is_some_and(|(_, is_one)| *is_one) && between.all(|(_, is_one)| *is_one)
    }

    /// Whether a person wanted the invoice left although the deal was as it is now. Such a decision holds also when the
    /// deal comes back to it.
    pub(crate) fn is_left(&self) -> bool {
        let Some(last) = self.versions.last() else {
            return false;
        };
        let first = self.versions.iter().find(|version| version.asks_as(last));
        first.is_some_and(|first| self.left.iter().any(|left| *left >= first.at))
    }
}

impl Version {
    fn asks_as(&self, other: &Self) -> bool {
        let told = |lines: &[LineSeed]| -> Vec<([String; 4], (i64, i64, bool))> {
            let told = |line: &LineSeed| {
                let words = [&line.name, &line.price, &line.quantity, &line.vat];
                let rest = (line.measure, line.product, line.vat_included);
                (words.map(String::clone), rest)
            };
            lines.iter().map(told).collect()
        };
        let rest = |version: &Self| {
            let sums = (version.typed, version.foreign, version.delivery);
            let rules = (version.rules, version.contract.clone());
            (version.buyer, version.sample, sums, rules)
        };
        rest(self) == rest(other) && told(&self.lines) == told(&other.lines)
    }
}

/// A buyer as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) with_kpp: bool,
}
