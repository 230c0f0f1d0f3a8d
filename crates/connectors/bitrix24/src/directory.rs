//! What changes rarely: funnels with their stages, our own legal entities, who works there, by which clock.

use async_trait::async_trait;
use capability::portal::{
    Finding, Funnel, OwnInvoices, PortalClock, ReadDirectory, Stage, StageSemantics,
};
use capability::{Call, ConnectorError};
use domain::observed::OwnCompany;
use domain::staff::Staff;
use domain::{FunnelId, StageId, UserId};
use jiff::fmt::temporal::Pieces;
use serde_json::{Value, json};

use crate::command::Command;
use crate::connection::Connector;
use crate::deals::{own_companies, requisites};
use crate::error::{Effect, other_shape};
use crate::gather::{Gathering, rows};
use crate::{translate, wire};

#[async_trait]
impl ReadDirectory for Connector {
    async fn funnels(&self, call: &Call<'_>) -> Result<Vec<Funnel>, ConnectorError> {
        let list = Command::new("crm.category.list", json!({"entityTypeId": 2}));
        let result = self.client.call(call, &list, Effect::Read).await?;
        let mut categories = wire::read::<wire::Categories>(result, "funnels")
            .map_err(|shape| unreadable(list.method, &shape))?
            .categories
            .0;
        categories.sort_by_key(|category| (translate::sort_key(&category.sort), category.id.0));
        let commands: Vec<Command> = categories
            .iter()
            .map(|category| stages_command(category.id.0))
            .collect();
        let answers = self.client.batch(call, &commands, Effect::Read).await;
        let mut funnels = Vec::with_capacity(categories.len());
        for (category, answer) in categories.into_iter().zip(answers) {
            let mut statuses = rows::<wire::Status>(answer?, "stages")
                .map_err(|shape| unreadable("crm.status.list", &shape))?;
            statuses.sort_by_key(|status| translate::sort_key(&status.sort));
            funnels.push(Funnel {
                id: FunnelId(category.id.0),
                name: category.name.0,
                stages: statuses.into_iter().map(stage).collect(),
            });
        }
        Ok(funnels)
    }

    async fn own_companies(&self, call: &Call<'_>) -> Result<Vec<OwnCompany>, ConnectorError> {
        let mut gathering = Gathering::new(&self.density);
        gathering.want_own_companies();
        gathering.read(&self.client, call).await?;
        self.remember_gathered(&gathering);
        let all = requisites(&gathering);
        Ok(own_companies(&gathering, &all))
    }

    async fn clock(&self, call: &Call<'_>) -> Result<PortalClock, ConnectorError> {
        let commands = ["profile", "server.time"].map(|method| Command::new(method, Value::Null));
        let answers = self.client.batch(call, &commands, Effect::Read).await;
        let mut clock = PortalClock::default();
        for (command, answer) in commands.iter().zip(answers) {
            let unread = |shape: wire::OtherShape| unreadable(command.method, &shape);
            if command.method == "profile" {
                let user = wire::read::<wire::Profile>(answer?, "profile").map_err(unread)?;
                clock.zone = Some(user.time_zone.0).filter(|zone| !zone.is_empty());
            } else {
                let time = wire::read::<wire::Text>(answer?, "server time").map_err(unread)?;
                let time = Pieces::parse(&time.0).ok();
                clock.server = time.and_then(|time| time.to_numeric_offset());
            }
        }
        Ok(clock)
    }

    async fn own_invoices(&self, call: &Call<'_>) -> Result<OwnInvoices, ConnectorError> {
        self.has_smart_invoices(call).await
    }

    async fn staff(
        &self,
        call: &Call<'_>,
        users: &[UserId],
        with_heads: bool,
    ) -> Result<Staff, ConnectorError> {
        self.read_staff(call, users, with_heads).await
    }

    async fn probe(&self, call: &Call<'_>) -> Vec<Finding> {
        self.findings(call).await
    }
}

fn stages_command(funnel: u64) -> Command {
    let entity = if funnel == 0 {
        "DEAL_STAGE".to_owned()
    } else {
        format!("DEAL_STAGE_{funnel}")
    };
    Command::new(
        "crm.status.list",
        json!({"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}}),
    )
}

fn stage(status: wire::Status) -> Stage {
    Stage {
        id: StageId::new(status.status_id.0),
        name: status.name.0,
        semantics: match status.semantics.0.as_str() {
            "S" => StageSemantics::Won,
            "F" => StageSemantics::Lost,
            _ => StageSemantics::Process,
        },
    }
}

fn unreadable(method: &str, shape: &wire::OtherShape) -> ConnectorError {
    other_shape(Effect::Read, method, shape.to_string())
}
