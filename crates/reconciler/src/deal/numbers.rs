//! Numbers that invoices of ours are to take over: whether another invoice bears one is asked before, for the create would be
//! refused, and what is in the way is the manager's to mend.

use std::collections::BTreeMap;

use capability::{Call, ConnectorError};
use domain::{DealId, OrganisationId};
use engine::LeaseContext;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::civil::Date;
use store::Record;

use super::{Looked, observe, tell};
use crate::Connected;

/// A number, in whose books and of which day.
pub(crate) type Numbered = (OrganisationId, String, Date);

/// Questions that are under way at one time, as with buyers: others want their turn too.
const TOGETHER: usize = 10;

/// Asks the accounting side for each, several at a time. A create that was refused for its number is nobody's question any
/// more: the number is.
pub(crate) async fn ask(
    ctx: &LeaseContext,
    connected: &Connected,
    call: &Call<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    asked: Vec<(Numbered, DealId)>,
    record: &mut Record,
) {
    let read = &connected.accounting.read;
    let calls: Vec<BoxFuture<'_, Result<bool, ConnectorError>>> = asked
        .iter()
        .map(|((organisation, number, day), _)| {
            let taken = move || read.is_number_taken(call, organisation, number, *day);
            ctx.reading(taken).boxed()
        })
        .collect();
    let answers: Vec<_> = futures_util::stream::iter(calls)
        .buffered(TOGETHER)
        .collect()
        .await;
    for ((numbered, id), taken) in asked.into_iter().zip(answers) {
        let Some(deal) = deals.get_mut(&id) else {
            continue;
        };
        match taken {
            Ok(taken) => {
                tell::withdraw(deal, tell::FIND_NUMBER, record);
                if taken {
                    tell::withdraw(deal, tell::ISSUE_INVOICE, record);
                }
                deal.snapshot.numbers_taken.insert(numbered, taken);
            }
            Err(error) => observe::unanswered(deal, tell::FIND_NUMBER, &error, ctx.now(), record),
        }
    }
}
