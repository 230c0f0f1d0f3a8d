//! The rows of deals with more of them than a page holds. What follows the first page is asked for in one request, each page
//! by a reference to the last row of the one before: what an invoice rests on may be two seconds old, and a page a request
//! takes longer.

use serde_json::{Value, json};

use crate::batch::key;
use crate::command::Command;
use crate::gather::{PAGE, full};
use crate::wire::ProductRow;

/// Pages that are asked for at once where a deal has more than one, or several deals together. A page behind the end is read
/// in vain.
const OF_ONE: usize = 8;
const OF_SEVERAL: usize = 2;

/// A page of the rows of these deals.
#[derive(Clone, Debug)]
pub(crate) struct RowPage {
    deals: Vec<u64>,
    after: After,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
enum After {
    Id(u64),
    /// Where the page ends that is asked for just before it, in the same request.
    Page,
}

impl RowPage {
    pub(crate) fn first(deals: &[u64]) -> Self {
        Self {
            deals: deals.to_vec(),
            after: After::Id(0),
        }
    }

    /// Whether it rests on what the command before it finds.
    pub(crate) fn is_on_trust(&self) -> bool {
        matches!(self.after, After::Page)
    }

    /// The command for it in this place of a request.
    pub(crate) fn command(&self, place: usize) -> Command {
        let after = match self.after {
            After::Id(id) => Value::from(id),
            After::Page => {
                let (before, last) = (key(place.saturating_sub(1)), PAGE - 1);
                format!("$result[{before}][productRows][{last}][id]").into()
            }
        };
        Command::new(
            "crm.item.productrow.list",
            json!({
                "filter": {"=ownerType": "D", "=ownerId": self.deals, ">id": after},
                "order": {"id": "ASC"}, "start": -1,
            }),
        )
    }
}

/// How far the rows were read.
#[derive(Default)]
pub(crate) struct RowPages {
    /// The deals whose rows go on after the last page, and after which id.
    unended: Option<(Vec<u64>, u64)>,
}

impl RowPages {
    /// Whether a page goes on after the one before. Its reference leads nowhere if that was not full, or travelled in
    /// another request; what is missing then is wanted by [`RowPages::behind`].
    pub(crate) fn goes_on(&mut self, page: RowPage, rows: &[ProductRow]) -> bool {
        if page.is_on_trust() {
            let last = self.unended.as_ref().map(|(_, last)| *last);
            let is_behind = |last| !rows.is_empty() && rows.iter().all(|row| row.id.0 > last);
            if !last.is_some_and(is_behind) {
                return false;
            }
        }
        self.unended = full(rows, |row| row.id.0).map(|last| (page.deals, last));
        true
    }

    /// The pages behind the last one that was full.
    pub(crate) fn behind(&mut self) -> Vec<RowPage> {
        let Some((deals, last)) = self.unended.take() else {
            return Vec::new();
        };
        let more = if deals.len() == 1 { OF_ONE } else { OF_SEVERAL };
        let page = |after| RowPage {
            deals: deals.clone(),
            after,
        };
        let first = page(After::Id(last));
        let others = (1..more).map(|_| page(After::Page));
        std::iter::once(first).chain(others).collect()
    }
}
