//! What people do by hand to records beside deals and companies: contacts, and invoices of the portal's own.
//!
//! It fires events as every other click does. Deals and companies stand in `people`, requisites in `cards`.

use serde_json::Value;

use crate::call::Refusal;
use crate::people::{Declined, Person};
use crate::schema::{CONTACT, SMART_INVOICE, entity_type};

impl Person {
    /// A new contact, by upper-case names of its fields.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub fn create_contact(&self, fields: Value) -> Result<i64, Declined> {
        self.create(CONTACT, "create contact", fields)
    }

    /// Edits fields of a contact; `false` where nothing changed.
    ///
    /// # Errors
    /// Where it does not exist or a value does not fit.
    pub fn edit_contact(&self, contact: i64, fields: Value) -> Result<bool, Declined> {
        self.edit(CONTACT, contact, "edit contact", fields)
    }

    /// A new invoice of the portal's own; `PARENT_ID_2` is its deal.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub fn create_smart_invoice(&self, fields: Value) -> Result<i64, Declined> {
        self.create(SMART_INVOICE, "create smart invoice", fields)
    }

    /// Edits fields of an invoice of the portal's own, its stage among them; `false` where nothing changed.
    ///
    /// # Errors
    /// Where it does not exist or a value does not fit.
    pub fn edit_smart_invoice(&self, invoice: i64, fields: Value) -> Result<bool, Declined> {
        self.edit(SMART_INVOICE, invoice, "edit smart invoice", fields)
    }

    fn create(&self, entity_type_id: i64, what: &str, fields: Value) -> Result<i64, Declined> {
        let done = self.act(what, fields.clone(), |state, origin| {
            let entity = entity_type(entity_type_id)
                .ok_or_else(|| Refusal::not_found("Element not found"))?;
            let fields = fields.as_object().cloned().unwrap_or_default();
            let read = crate::items::read_fields(state, entity, &fields, None)?;
            crate::items::add(state, entity, read, origin)
        });
        done.map_err(Declined::from)
    }
}
