//! How the buyers of open invoices are called: whoever pays for somebody else names him.
//!
//! A name is written with the balance of its invoice (`open`); invoices from before there were names, or balances, get theirs
//! once money comes. Not here: which spellings are one name (`domain::purpose`).

use domain::PortalId;
use domain::purpose::NameKey;

use crate::{
    books::links,
    error::StoreError,
    sql::statements,
    tx::Tx,
    value::{Value, params},
};

statements! {
    /// Whether there are any from before: mostly not, and that is asked with each portion of a statement.
    INCOMPLETE =
        "SELECT 1 FROM invoice_link WHERE portal_id = $1 AND counted = 0 AND deal >= 0
         UNION ALL
         SELECT 1 FROM invoice_balance WHERE portal_id = $1 AND buyer_name IS NULL AND stands = 1 AND paid < total
         LIMIT 1";
    /// Open ones from before names were kept.
    UNNAMED =
        "SELECT b.organisation_id, b.invoice_id, l.draft FROM invoice_balance b CROSS JOIN invoice_link l
         WHERE b.portal_id = $1 AND b.buyer_name IS NULL AND b.stands = 1 AND b.paid < b.total
             AND l.portal_id = $1 AND l.organisation_id = b.organisation_id AND l.invoice_id = b.invoice_id
         LIMIT 500";
    NAME =
        "UPDATE invoice_balance SET buyer_name = $4
         WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3 AND buyer_name IS NULL";
}

/// The buyer's name as it is found by; nothing where his card has none.
pub(super) fn of_buyer(draft: &serde_json::Value) -> String {
    let name = |place: &str| NameKey::of(draft.pointer(place)?.as_str()?);
    let name = name("/draft/buyer/name").or_else(|| name("/draft/buyer/full_name"));
    name.map_or_else(String::new, |name| name.as_str().to_owned())
}

/// Gives invoices from before there were balances theirs, and buyers from before there were names.
pub(super) async fn complete(tx: &mut Tx<'_>, portal: &PortalId) -> Result<(), StoreError> {
    let incomplete = tx.query_first(&INCOMPLETE, &params![portal]).await?;
    if incomplete.is_none() {
        return Ok(());
    }
    links::count_missing(tx, portal).await?;
    find_missing(tx, portal).await
}

/// Finds out how the buyers of what is open are called, where that is not known yet.
async fn find_missing(tx: &mut Tx<'_>, portal: &PortalId) -> Result<(), StoreError> {
    loop {
        let unnamed = tx
            .list(&UNNAMED, &params![portal], |row| {
                let (organisation, invoice) = (row.text()?, row.text()?);
                let draft: serde_json::Value = row.json()?;
                Ok((organisation, invoice, of_buyer(&draft)))
            })
            .await?;
        if unnamed.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<Value>> = unnamed
            .iter()
            .map(|(organisation, invoice, name)| {
                params![portal, organisation, invoice, name].to_vec()
            })
            .collect();
        tx.execute_each(&NAME, &rows).await?;
    }
}
