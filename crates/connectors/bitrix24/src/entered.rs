//! Which deals entered a stage, wherever they stand now: by the stage history, fifty deals in a command.

use std::collections::BTreeSet;

use capability::{Call, ConnectorError};
use domain::{DealId, StageId};
use serde_json::json;

use crate::command::Command;
use crate::connection::Connector;
use crate::error::{Effect, other_shape};
use crate::gather::{PAGE, full, items};
use crate::wire;

const STAGE_HISTORY: &str = "crm.stagehistory.list";

impl Connector {
    /// A deal that a full page tells of is not asked for again; so every page leaves fewer of them, and the end comes.
    pub(crate) async fn read_entered(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
        stages: &[StageId],
    ) -> Result<Vec<DealId>, ConnectorError> {
        if stages.is_empty() {
            // An empty list in a filter of the portal is no filter.
            return Ok(Vec::new());
        }
        let stages: Vec<&str> = stages.iter().map(StageId::as_str).collect();
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let mut left: Vec<Vec<u64>> = ids.chunks(PAGE).map(<[u64]>::to_vec).collect();
        let mut found: BTreeSet<u64> = BTreeSet::new();
        while !left.is_empty() {
            let commands: Vec<Command> = left.iter().map(|ids| list(ids, &stages)).collect();
            let answers = self.client.batch(call, &commands, Effect::Read).await;
            let mut further = Vec::new();
            for (mut ids, answer) in left.into_iter().zip(answers) {
                let rows = items::<wire::StageEntry>(answer?)
                    .map_err(|shape| other_shape(Effect::Read, STAGE_HISTORY, shape.to_string()))?;
                let asked = ids.len();
                let owners: BTreeSet<u64> = rows.iter().map(|row| row.owner_id.0).collect();
                ids.retain(|id| !owners.contains(id));
                let goes_on = full(&rows, |row| row.id.0).is_some() && ids.len() < asked;
                if goes_on && !ids.is_empty() {
                    further.push(ids);
                }
                found.extend(owners);
            }
            left = further;
        }
        Ok(found.into_iter().map(DealId).collect())
    }
}

fn list(ids: &[u64], stages: &[&str]) -> Command {
    Command::new(
        STAGE_HISTORY,
        json!({
            "entityTypeId": 2, "filter": {"@OWNER_ID": ids, "@STAGE_ID": stages}, "order": {"ID": "ASC"},
            "select": ["ID", "OWNER_ID", "CREATED_TIME"], "start": -1,
        }),
    )
}
