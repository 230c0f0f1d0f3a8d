//! Invoices of the portal's own ("smart invoices"): whether deals have any, and which were changed.
//!
//! One that came to nothing stands in the failed stage that each of their funnels begins with. Another failed stage that
//! somebody made is not known for one here: then a person is asked once more than needed.

use capability::portal::OwnInvoices;
use capability::{Call, ConnectorError};
use domain::observed::SmartInvoice;
use domain::{CompanyId, ContactId, DealId, SmartInvoiceId, Verdict};
use serde_json::{Value, json};

use crate::command::Command;
use crate::connection::Connector;
use crate::error::{Effect, other_shape};
use crate::gather::{PAGE, full, items};
use crate::{translate, wire};

const LIST: &str = "crm.item.list";
/// The stage of those that were not paid, in any of their funnels.
const FAILED: &str = ":D";
/// Pages for fifty deals; who has more of them is asked about those.
const MOST_PAGES: usize = 20;

impl Connector {
    pub(crate) async fn read_smart_invoices(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<SmartInvoice>, ConnectorError> {
        // Where each portion of deals is read on from.
        let mut left: Vec<(&[DealId], u64)> = ids.chunks(PAGE).map(|ids| (ids, 0)).collect();
        let mut found = Vec::new();
        for _page in 0..MOST_PAGES {
            if left.is_empty() {
                break;
            }
            let commands: Vec<Command> =
                left.iter().map(|(ids, after)| list(ids, *after)).collect();
            let answers = self.client.batch(call, &commands, Effect::Read).await;
            let mut further = Vec::new();
            for ((ids, _), answer) in left.into_iter().zip(answers) {
                let rows = items::<wire::SmartInvoice>(answer?)
                    .map_err(|shape| other_shape(Effect::Read, LIST, shape.to_string()))?;
                further.extend(full(&rows, |row| row.id.0).map(|last| (ids, last)));
                found.extend(rows.into_iter().filter_map(smart_invoice));
            }
            left = further;
        }
        Ok(found)
    }

    /// Whether there is any.
    pub(crate) async fn has_smart_invoices(
        &self,
        call: &Call<'_>,
    ) -> Result<OwnInvoices, ConnectorError> {
        let any = Command::new(
            LIST,
            json!({"entityTypeId": 31, "order": {"id": "DESC"}, "select": ["id"], "start": -1}),
        );
        match self.client.call(call, &any, Effect::Read).await {
            Ok(answer) => {
                let rows = items::<wire::SmartInvoice>(answer)
                    .map_err(|shape| other_shape(Effect::Read, LIST, shape.to_string()))?;
                Ok(if rows.is_empty() {
                    OwnInvoices::None
                } else {
                    OwnInvoices::Some
                })
            }
            Err(error) if error.verdict == Verdict::Reject => {
                Ok(OwnInvoices::Hidden(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

fn list(ids: &[DealId], after: u64) -> Command {
    Command::new(
        LIST,
        json!({
            "entityTypeId": 31, "filter": {"@parentId2": ids, ">id": after}, "order": {"id": "ASC"},
            "select": [
                "id", "parentId2", "accountNumber", "stageId", "opportunity", "currencyId", "mycompanyId", "companyId",
                "contactId",
            ],
            "start": -1,
        }),
    )
}

/// A page of those that were changed, of whichever deal.
pub(crate) fn changed(since: &str, after: &Value) -> Command {
    Command::new(
        LIST,
        json!({
            "entityTypeId": 31, "filter": {">=updatedTime": since, ">id": after}, "order": {"id": "ASC"},
            "select": ["id", "parentId2", "updatedTime"], "start": -1,
        }),
    )
}

/// None: of no deal.
fn smart_invoice(row: wire::SmartInvoice) -> Option<SmartInvoice> {
    let amount = row.opportunity.0.as_deref().and_then(translate::money);
    Some(SmartInvoice {
        id: SmartInvoiceId(row.id.0),
        deal: DealId(row.parent_id2.0?),
        number: row.account_number.0,
        live: !row.stage_id.0.ends_with(FAILED),
        amount: amount.filter(|_| row.currency_id.0 == "RUB"),
        seller: row.mycompany_id.0.map(CompanyId),
        company: row.company_id.0.map(CompanyId),
        contact: row.contact_id.0.map(ContactId),
    })
}
