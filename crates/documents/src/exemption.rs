//! Why a line has no VAT, in the words that an accountant expects below the sums.
//!
//! The policy of a portal says which reason is the seller's; whether it is printed depends on the
//! lines (`facts.rs`).

use serde::{Deserialize, Serialize};

use crate::spacing::glued;

/// Why a seller or an operation is without VAT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// USN with an income below the threshold: art. 145(1) NK as of law 176-ФЗ of 2024-07-12.
    SimplifiedSystem,
    /// Patent: art. 346.43(11) NK.
    Patent,
    /// Tax on professional income: art. 2(9) of law 422-ФЗ of 2018-11-27.
    ProfessionalIncome,
    /// Exemption asked for under art. 145 NK (general system, agricultural tax).
    Article145,
    /// An operation of art. 149 NK; the clause as it is to be printed: `пп. 26 п. 2 ст. 149`.
    Operation(String),
    /// A sentence of the seller's accountant.
    Words(String),
}

impl Exemption {
    /// The sentence below the sums.
    pub fn sentence(&self) -> String {
        let reason = match self {
            Self::SimplifiedSystem => {
                "применяется упрощённая система налогообложения, п. 1 ст. 145 НК РФ"
            }
            Self::Patent => "применяется патентная система налогообложения, п. 11 ст. 346.43 НК РФ",
            Self::ProfessionalIncome => {
                "применяется налог на профессиональный доход, ч. 9 ст. 2 Закона № 422-ФЗ"
            }
            Self::Article145 => "освобождение по ст. 145 НК РФ",
            Self::Operation(clause) => {
                return glued(&format!("Не облагается НДС: {} НК РФ.", clause.trim()));
            }
            Self::Words(sentence) => return sentence.trim().to_owned(),
        };
        glued(&format!("НДС не облагается: {reason}."))
    }
}
