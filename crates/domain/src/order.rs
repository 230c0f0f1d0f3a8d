//! What a person may order for a deal: in the list field of the deal, or by calling an address of ours.
//!
//! Not here: what becomes of an order (`planner`), where it is given (`connectors`, `web`).

/// What a person wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
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

impl Order {
    /// All of them, as the list shows them.
    pub const ALL: [Self; 7] = [
        Self::Issue,
        Self::Reissue,
        Self::Advance,
        Self::Rest,
        Self::Additional,
        Self::Cancel,
        Self::Leave,
    ];

    /// The stable text: plain letters, for addresses and our records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Reissue => "reissue",
            Self::Advance => "advance",
            Self::Rest => "rest",
            Self::Additional => "additional",
            Self::Cancel => "cancel",
            Self::Leave => "leave",
        }
    }

    /// The item of the list.
    pub const fn in_russian(self) -> &'static str {
        match self {
            Self::Issue => "выставить счёт",
            Self::Reissue => "перевыставить",
            Self::Advance => "аванс",
            Self::Rest => "остаток",
            Self::Additional => "дополнительный",
            Self::Cancel => "отменить",
            Self::Leave => "оставить",
        }
    }

    /// What people say in the field. Other words are nothing: somebody may be typing.
    pub fn said(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().replace('ё', "е").as_str() {
            "выставить счет" | "выставить" => Some(Self::Issue),
            "перевыставить" | "перевыставить счет" => {
                Some(Self::Reissue)
            }
            "аванс" => Some(Self::Advance),
            "остаток" => Some(Self::Rest),
            "дополнительный" | "дополнительный счет" => {
                Some(Self::Additional)
            }
            "отменить" | "отменить счет" => Some(Self::Cancel),
            "оставить" | "оставить счет" => Some(Self::Leave),
            _ => None,
        }
    }

    /// What stands in an address or in our records: the stable text, or what people say.
    pub fn named(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|order| order.as_str() == text)
            .or_else(|| Self::said(text))
    }

    /// Whether an invoice comes of it.
    pub const fn makes_invoice(self) -> bool {
        match self {
            Self::Issue | Self::Reissue | Self::Advance | Self::Rest | Self::Additional => true,
            Self::Cancel | Self::Leave => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn every_order_is_read_back_by_both_its_names() {
        for order in Order::ALL {
            assert_eq!(Order::said(order.in_russian()), Some(order));
            assert_eq!(Order::named(order.in_russian()), Some(order));
            assert_eq!(Order::named(order.as_str()), Some(order));
            // Nobody orders in the field by the name that addresses have.
            assert_eq!(Order::said(order.as_str()), None);
        }
        assert_eq!(Order::said(" Выставить счет "), Some(Order::Issue));
        for text in ["", "выставить сч", "отмени", "ISSUE"] {
            assert_eq!(Order::named(text), None, "{text}");
        }
    }
}
