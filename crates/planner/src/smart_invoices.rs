//! A deal that has an invoice of the portal's own (a smart invoice): the buyer may have it, so ours would be a second one.
//!
//! It is asked about before the first invoice of a deal, unless policy ignores them; a person issues ours beside it, or takes
//! the other back, or leaves the deal as it is. Where policy says so, ours takes over the number instead: the buyer, who may
//! have the other one, pays by a number that the accounting side knows.

use domain::observed::{DealReading, SmartInvoice};
use domain::{CompanyId, ContactId, Deal, InvoiceDraft};

use crate::asking::{Asked, case, responsible};
use crate::policy::SmartInvoices;
use crate::{CaseCode, Choice, DealSnapshot, Organisation, Policy, texts};

/// The word for ours beside it.
const ISSUE: &str = "issue";
/// Longer numbers fit no register and no bank's field.
const LONGEST: usize = 30;
/// The word for none of ours.
const LEAVE: &str = "leave";
/// Why a number is not taken over that another invoice bears.
const TAKEN: &str =
    "он занят другим счётом этого года; дайте смарт-счёту другой номер, и наш возьмёт его";

/// What stands before the first invoice of a deal.
pub(crate) enum Before {
    /// Nothing.
    Clear,
    /// Nobody looked whether there is one.
    Unknown,
    /// Ours is to bear this number.
    Adopt(String),
    /// It is, unless another invoice does: nobody looked.
    Unasked(String),
    /// A person is asked.
    Ask(Box<Asked>),
    /// A person decided that the deal has its invoice.
    Left,
}

/// Whether the portal's own invoices let one of ours be issued.
pub(crate) fn before(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: &InvoiceDraft,
    policy: &Policy,
) -> Before {
    if is_out_of_account(snapshot, policy) {
        return Before::Clear;
    }
    let Some(live) = live(snapshot) else {
        return Before::Unknown;
    };
    if live.is_empty() {
        return Before::Clear;
    }
    let rule = policy.invoice.smart_invoices;
    let about = about(&live);
    let code = CaseCode::SmartInvoice;
    match snapshot.answers.to(code.as_str(), &about) {
        Some(ISSUE) => Before::Clear,
        Some(LEAVE) => Before::Left,
        Some(_) | None => {
            let in_the_way = match rule {
                Some(SmartInvoices::Adopt) => {
                    match number(&live, &reading.glance.deal, invoice, policy) {
                        Ok(number) => match is_taken(snapshot, invoice, &number) {
                            None => return Before::Unasked(number),
                            Some(false) => return Before::Adopt(number),
                            Some(true) => Some(TAKEN),
                        },
                        Err(why) => Some(why),
                    }
                }
                Some(SmartInvoices::Ask | SmartInvoices::Ignore) | None => None,
            };
            let choices = choices();
            let text = texts::has_smart_invoices(&live, in_the_way);
            let text = texts::with_choices(&text, &choices);
            let mut asked = case(snapshot.id, code, text, responsible(&reading.glance));
            asked.case.choices = choices;
            asked.case.about = about;
            Before::Ask(Box::new(asked))
        }
    }
}

/// Whether a person left the deal to those that it has now: what it lacks for one of ours is nobody's question then. None
/// where nobody looked whether they are still there.
pub(crate) fn is_left(snapshot: &DealSnapshot, policy: &Policy) -> Option<bool> {
    let key = CaseCode::SmartInvoice.as_str();
    let mut answers = snapshot.answers.0.iter();
    let was_left = answers.any(|answer| answer.key == key && answer.choice == LEAVE);
    if !was_left || is_out_of_account(snapshot, policy) {
        return Some(false);
    }
    let live = live(snapshot)?;
    Some(!live.is_empty() && snapshot.answers.to(key, &about(&live)) == Some(LEAVE))
}

/// Policy ignores them, or there was one of ours: beside that there is another only by a person's word.
fn is_out_of_account(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    policy.invoice.smart_invoices == Some(SmartInvoices::Ignore) || !snapshot.invoices.is_empty()
}

/// Those that came to something; none where nobody looked.
fn live(snapshot: &DealSnapshot) -> Option<Vec<&SmartInvoice>> {
    let found = snapshot.smart_invoices.as_ref()?;
    Some(found.iter().filter(|one| one.live).collect())
}

/// An answer holds for those there were.
fn about(live: &[&SmartInvoice]) -> String {
    let ids: Vec<String> = live.iter().map(|one| one.id.to_string()).collect();
    ids.join(", ")
}

/// The number that ours takes over, or why it cannot.
fn number(
    live: &[&SmartInvoice],
    deal: &Deal,
    invoice: &InvoiceDraft,
    policy: &Policy,
) -> Result<String, &'static str> {
    let [only] = live else {
        return Err("их несколько");
    };
    let number = only.number.trim();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | '_');
    let total = invoice.totals().map(|totals| totals.gross);
    let seller = policy.organisation(&invoice.seller);
    // The portal fills in the first own company where nobody chose one; it may be silent as well.
    let is_others =
        |seller: &Organisation| only.seller.is_some_and(|own| own != seller.own_company);
    let buyer = |company: Option<CompanyId>, contact: Option<ContactId>| {
        (company, contact.filter(|_| company.is_none()))
    };
    if seller.is_some_and(|seller| seller.test) {
        Err("продаёт тестовая организация")
    } else if seller.is_some_and(is_others) {
        Err("он от другой нашей организации")
    } else if buyer(only.company, only.contact) != buyer(deal.company, deal.contact) {
        Err("он другому покупателю")
    } else if number.is_empty() || number.chars().count() > LONGEST || !number.chars().all(fits) {
        Err("таким номер счёта не бывает")
    } else if only.amount.is_none() || only.amount != total.ok() {
        Err("он на другую сумму")
    } else {
        Ok(number.to_owned())
    }
}

/// Whether another invoice of the seller bears the number; none where nobody looked. One that was asked for and may have
/// been made bears it itself.
fn is_taken(snapshot: &DealSnapshot, invoice: &InvoiceDraft, number: &str) -> Option<bool> {
    if snapshot.creating.is_some() {
        return Some(false);
    }
    let asked = (invoice.seller.clone(), number.to_owned(), invoice.date);
    snapshot.numbers_taken.get(&asked).copied()
}

fn choices() -> Vec<Choice> {
    let choice = |word: &str, text: &str| Choice {
        word: word.to_owned(),
        text: text.to_owned(),
    };
    vec![
        choice(ISSUE, "выставить и наш счёт"),
        choice(LEAVE, "не выставлять: у сделки уже есть счёт"),
    ]
}
