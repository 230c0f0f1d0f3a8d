//! Orders that a person gives in the deal's field: read once, carried out, and taken out of the field again.
//!
//! An order that replaces an invoice stays noted with that invoice until the field is empty, so that a field that cannot
//! be emptied replaces nothing a second time.

use domain::observed::{DealGlance, FieldValue, OurField};
use jiff::Timestamp;

use crate::asking::merge;
use crate::changed::said;
use crate::showing::is_not_kept;
use crate::{Action, DealSnapshot, Plan, Policy, texts};

/// What a person wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// An invoice, whatever the stage.
    Issue,
    /// Another in the place of the one there is.
    Reissue,
    /// An invoice for a part in advance.
    Advance,
    /// An invoice for what the advance left.
    Rest,
    /// An invoice for what was added to the deal.
    Additional,
    /// The invoice taken back.
    Cancel,
    /// The invoice as it is, although the deal was changed.
    Leave,
}

/// The order that stands in the field. Other words are nothing: somebody may be typing.
pub(crate) fn order(glance: &DealGlance) -> Option<Order> {
    let said = glance.fields.command.as_deref().unwrap_or_default();
    match said.trim().to_lowercase().replace('ё', "е").as_str() {
        "выставить счет" | "выставить" => Some(Order::Issue),
        "перевыставить" | "перевыставить счет" => {
            Some(Order::Reissue)
        }
        "аванс" => Some(Order::Advance),
        "остаток" => Some(Order::Rest),
        "дополнительный" | "дополнительный счет" => {
            Some(Order::Additional)
        }
        "отменить" | "отменить счет" => Some(Order::Cancel),
        "оставить" | "оставить счет" => Some(Order::Leave),
        _ => None,
    }
}

/// Whether a person ordered an invoice where there is none: also one that is there no more is ordered anew.
pub(crate) fn is_ordered(glance: &DealGlance) -> bool {
    match order(glance) {
        Some(Order::Issue | Order::Reissue | Order::Advance) => true,
        Some(Order::Rest | Order::Additional | Order::Cancel | Order::Leave) | None => false,
    }
}

/// Whether an invoice that is issued now is what the order in the field asked for.
pub(crate) fn is_by_order(glance: &DealGlance) -> bool {
    match order(glance) {
        Some(Order::Issue | Order::Reissue | Order::Advance | Order::Rest | Order::Additional) => {
            true
        }
        Some(Order::Cancel | Order::Leave) | None => false,
    }
}

/// Whether the order in the field was carried out already, and the field only has to be emptied.
pub(crate) fn is_obeyed(snapshot: &DealSnapshot) -> bool {
    snapshot.invoices.iter().any(|invoice| invoice.order_open)
}

/// The answer to an order that is about an invoice where there is none: said once, and the field emptied.
pub(crate) fn without_invoice(
    snapshot: &DealSnapshot,
    policy: &Policy,
    now: Timestamp,
) -> Option<Plan> {
    let glance = snapshot.glance()?;
    let why = match order(glance)? {
        Order::Rest => texts::NO_REST_BEFORE_ADVANCE,
        Order::Additional => texts::NOTHING_TO_ADD_TO,
        Order::Cancel | Order::Leave => texts::NO_INVOICE_YET,
        Order::Issue | Order::Reissue | Order::Advance => return None,
    };
    let is_followed = policy.funnel(glance.deal.funnel).is_some() && !glance.deal.template;
    let empty = FieldValue::Empty;
    let is_kept = !is_not_kept(snapshot, OurField::Command, &empty, now);
    (is_followed && is_kept && policy.fields.contains_key(&OurField::Command)).then_some(())?;
    let about = format!("order/refused/{}", glance.deal.changed);
    let mut plan = said(snapshot, &about, why.to_owned());
    let emptied = Plan::act(
        Action::WriteFields {
            fields: vec![(OurField::Command, empty)],
        },
        why,
    );
    merge(&mut plan, emptied);
    Some(plan)
}

#[cfg(test)]
mod tests {
    use domain::observed::{DealGlance, ORDERS, OurFields};
    use domain::{Deal, DealId, FunnelId, Money, StageId, UserId};
    use jiff::Timestamp;

    use super::{Order, order};

    fn saying(said: &str) -> DealGlance {
        DealGlance {
            deal: Deal {
                id: DealId(1),
                title: String::new(),
                funnel: FunnelId(0),
                stage: StageId::new("NEW"),
                closed: false,
                lost: false,
                template: false,
                amount: Money::ZERO,
                manual_amount: false,
                currency: "RUB".to_owned(),
                company: None,
                contact: None,
                own_company: None,
                responsible: UserId(5),
                created: Timestamp::UNIX_EPOCH,
                changed: Timestamp::UNIX_EPOCH,
            },
            fields: OurFields {
                command: Some(said.to_owned()),
                ..OurFields::default()
            },
            named: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn every_item_of_the_list_is_an_order_and_other_words_are_none() {
        let orders: Vec<_> = ORDERS.iter().map(|said| order(&saying(said))).collect();
        let expected = [
            Order::Issue,
            Order::Reissue,
            Order::Advance,
            Order::Rest,
            Order::Additional,
            Order::Cancel,
            Order::Leave,
        ];
        assert_eq!(orders, expected.map(Some));
        assert_eq!(order(&saying(" Выставить счет ")), Some(Order::Issue));
        for said in ["", "выставить сч", "отмени"] {
            assert_eq!(order(&saying(said)), None, "{said}");
        }
    }
}
