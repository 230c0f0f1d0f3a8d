//! What people do by hand in the card of a company or a contact to its requisites, bank details and addresses.
//!
//! It fires events as every other click does. What is edited in a requisite that is there stands in `people`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::RequisiteSeed;
use crate::people::Person;
use crate::requisites::find_address_of;
use crate::schema::{COMPANY, CONTACT};
use crate::seed::{LEGAL, plant_address, plant_bank_detail, plant_requisite, texts_of};

impl Person {
    /// Further requisites of a company: the id of the new record.
    pub fn add_requisite(&self, company: i64, requisite: &RequisiteSeed) -> i64 {
        self.act("add requisite", Value::Null, |state, origin| {
            plant_requisite(state, (COMPANY, company), requisite, origin)
        })
    }

    /// The same of a contact.
    pub fn add_requisite_of_contact(&self, contact: i64, requisite: &RequisiteSeed) -> i64 {
        self.act("add requisite", Value::Null, |state, origin| {
            plant_requisite(state, (CONTACT, contact), requisite, origin)
        })
    }

    /// Further bank details of a requisite (`RQ_ACC_NUM` and so on): the id of the new record.
    pub fn add_bank_detail(&self, requisite: i64, fields: &BTreeMap<String, String>) -> i64 {
        self.act("add bank detail", Value::Null, |state, origin| {
            plant_bank_detail(state, requisite, fields, origin)
        })
    }

    /// Writes the legal address of a requisite (`ADDRESS_1`, `CITY` and so on), in place of what it says.
    pub fn set_legal_address(&self, requisite: i64, fields: &BTreeMap<String, String>) {
        self.act(
            "set address",
            Value::Null,
            |state, origin| match find_address_of(state, requisite, LEGAL) {
                Some(address) => {
                    crate::requisites::change_address(state, address, texts_of(fields), origin);
                }
                None => plant_address(state, requisite, LEGAL, fields, origin),
            },
        );
    }

    /// Takes the legal address of a requisite away; `false` where it has none.
    pub fn remove_legal_address(&self, requisite: i64) -> bool {
        self.act("remove address", Value::Null, |state, origin| {
            let address = find_address_of(state, requisite, LEGAL);
            address.is_some_and(|id| crate::requisites::remove_address(state, id, origin))
        })
    }
}
