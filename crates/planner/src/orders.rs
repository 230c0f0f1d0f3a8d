//! Orders that a person gives in the deal's field: read once, carried out, and taken out of the field again.
//!
//! An order that replaces an invoice stays noted with that invoice until the field is empty, so that a field that cannot
//! be emptied replaces nothing a second time.

use domain::observed::DealGlance;

use crate::DealSnapshot;

/// What a person wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// An invoice, whatever the stage.
    Issue,
    /// Another in the place of the one there is.
    Reissue,
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
        "оставить" | "оставить счет" => Some(Order::Leave),
        _ => None,
    }
}

/// Whether a person ordered an invoice: also one that is there no more is ordered anew.
pub(crate) fn is_ordered(glance: &DealGlance) -> bool {
    matches!(order(glance), Some(Order::Issue | Order::Reissue))
}

/// Whether the order in the field was carried out already, and the field only has to be emptied.
pub(crate) fn is_obeyed(snapshot: &DealSnapshot) -> bool {
    snapshot.invoices.iter().any(|invoice| invoice.order_open)
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
        let expected = [Order::Issue, Order::Reissue, Order::Leave].map(Some);
        assert_eq!(orders, expected);
        assert_eq!(order(&saying(" Выставить счет ")), Some(Order::Issue));
        for said in ["", "выставить сч", "отменить"] {
            assert_eq!(order(&saying(said)), None, "{said}");
        }
    }
}
