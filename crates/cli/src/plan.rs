//! `provodka plan`: what would be done about deals, and why. The same observing and the same planner as a look,
//! and nothing is written anywhere.

use std::io::Write;

use domain::{DealId, display};
use engine::LeaseContext;
use jiff::tz::TimeZone;
use planner::{Action, Plan, Whom};
use reconciler::{Connections as _, NotConnected, PlannedDeal};
use serde_json::{Value, json};
use store::{Lane, Lease};
use tokio::sync::watch;

use crate::fault::Told;
use crate::product::Product;
use crate::words::indented;
use crate::zone;

/// What would be done.
pub struct Plans {
    /// In the order asked for.
    pub deals: Vec<PlannedDeal>,
    /// Moments are told in it.
    pub zone: TimeZone,
}

/// Plans the deals.
///
/// # Errors
/// When the portal is not prepared or cannot be read.
pub async fn run(product: &Product, deals: &[u64]) -> anyhow::Result<Plans> {
    product.connector.register().await?;
    let portal = product.portal();
    let connected = product
        .connector
        .of(portal)
        .await
        .map_err(|refused| match refused {
            NotConnected::Paused => {
                Told::mistake("the portal is paused").hint("`provodka resume` lets it go on")
            }
            NotConnected::Broken { code, reason } => Told::failure(reason).hint(format!(
                "`provodka explain {code}` tells what happened, `provodka check` what to do"
            )),
        })?;
    // Nothing is written under it: a plan needs no lease, and whoever works on the portal keeps theirs.
    let (_keeper, lease) = watch::channel(Lease {
        portal: portal.clone(),
        owner: "plan".to_owned(),
        fence: 0,
        expires_at: product.clock.now(),
    });
    let ctx = LeaseContext::new(product.means(), Lane::Click, lease);
    let ids: Vec<DealId> = deals.iter().map(|id| DealId(*id)).collect();
    let mut planned = Vec::new();
    for fifty in ids.chunks(50) {
        let plans = reconciler::plan_deals(&ctx, &connected, fifty).await;
        planned.extend(plans.map_err(|error| {
            anyhow::Error::new(error).context(
                Told::failure("the deals cannot be observed")
                    .hint("`provodka check` says what to do"),
            )
        })?);
    }
    Ok(Plans {
        deals: planned,
        zone: zone::of(Some(&connected.policy)),
    })
}

/// Prints the plans in words or as JSON.
///
/// # Errors
/// When the output is closed.
pub fn print(plans: &Plans, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if as_json {
        let plans: Vec<Value> = plans.deals.iter().map(json_of).collect();
        writeln!(out, "{}", Value::Array(plans))?;
        return Ok(());
    }
    let tells_moments = plans.deals.iter().any(|one| one.plan.look_again.is_some());
    if tells_moments {
        writeln!(out, "{}", zone::named(&plans.zone))?;
    }
    for (index, planned) in plans.deals.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        out.write_all(in_words(planned, &plans.zone).as_bytes())?;
    }
    Ok(())
}

fn json_of(planned: &PlannedDeal) -> Value {
    let Plan {
        needs: _,
        actions,
        cases,
        withdrawn,
        given_up,
        replies,
        look_again,
        because,
    } = &planned.plan;
    json!({
        "deal": planned.id,
        "actions": actions,
        "cases": cases,
        "withdrawn": withdrawn,
        "given_up": given_up.map(|given_up| given_up.slot.to_string()),
        "answers": replies.iter().map(|reply| json!({"case": reply.key, "choice": reply.choice})).collect::<Vec<_>>(),
        "look_again": look_again.as_ref().map(|(at, why)| json!({"at": at, "reason": why})),
        "because": because,
    })
}

fn in_words(planned: &PlannedDeal, zone: &TimeZone) -> String {
    let plan = &planned.plan;
    let mut text = format!("Сделка {}\n", planned.id);
    if let Some(given_up) = &plan.given_up {
        text.push_str(&format!("  Счёт {} будет заменён другим.\n", given_up.slot));
    } else if plan.actions.is_empty() {
        text.push_str("  Делать нечего.\n");
    } else {
        text.push_str("  Будет сделано:\n");
        for action in &plan.actions {
            let told = indented(&action_in_words(action), 6);
            text.push_str(&format!("    • {told}\n"));
        }
    }
    for reason in &plan.because {
        text.push_str(&format!("  Почему: {}\n", indented(reason, 10)));
    }
    for case in &plan.cases {
        text.push_str(&format!(
            "  Вопрос [{}]: {}
",
            case.code.as_str(),
            indented(&case.text, 4)
        ));
    }
    if let Some((at, why)) = &plan.look_again {
        let at = at.to_zoned(zone.clone());
        let at = at.strftime("%d.%m.%Y %H:%M:%S");
        text.push_str(&format!("  Посмотреть снова: {at} ({why})\n"));
    }
    text
}

fn action_in_words(action: &Action) -> String {
    match action {
        Action::CreateCounterparty { counterparty, .. } => {
            format!(
                "создать контрагента в бухгалтерии: {} ({})",
                counterparty.name, counterparty.key
            )
        }
        Action::IssueInvoice { draft, .. } => {
            let sum = draft
                .totals()
                .map_or_else(|_| "—".to_owned(), |totals| display::money(totals.gross));
            format!("выставить счёт: {}, {sum}", draft.buyer.name)
        }
        Action::WriteFields { fields } => {
            let names: Vec<&str> = fields
                .iter()
                .map(|(field, _)| field_in_words(*field))
                .collect();
            format!("записать в сделку: {}", names.join(", "))
        }
        Action::AddTimelineEntry { text, .. } => format!("добавить в ленту сделки: {text}"),
        Action::AttachPdf { .. } => "приложить файл счёта".to_owned(),
        Action::Notify { whom, text, .. } => {
            let whom = match whom {
                Whom::User(id) => format!("пользователю {id}"),
                Whom::Administrator => "администратору".to_owned(),
            };
            format!("написать {whom}: {text}")
        }
    }
}

fn field_in_words(field: domain::observed::OurField) -> &'static str {
    use domain::observed::OurField;

    match field {
        OurField::Number => "номер счёта",
        OurField::Date => "дата",
        OurField::Status => "состояние",
        OurField::Link => "ссылка",
        OurField::Sum => "сумма",
        OurField::Command => "что сделать",
    }
}

#[cfg(test)]
mod tests {
    use super::{Plans, print};
    use domain::DealId;
    use jiff::tz::TimeZone;
    use planner::{Action, Plan};
    use reconciler::PlannedDeal;

    #[test]
    fn a_plan_says_what_and_why() {
        let plan = Plan {
            actions: vec![Action::AddTimelineEntry {
                about: "issued/whole/1".to_owned(),
                text: "Счёт № 7 выставлен".to_owned(),
            }],
            because: vec!["счёт выставлен, запись в ленте ещё не сделана".to_owned()],
            ..Plan::default()
        };
        let deals = vec![
            PlannedDeal {
                id: DealId(4711),
                plan,
            },
            PlannedDeal {
                id: DealId(4712),
                plan: Plan {
                    because: vec!["сделка только что перенесена".to_owned()],
                    look_again: Some((
                        "2026-11-22T17:32:23Z".parse().unwrap(),
                        "сделка только что перенесена".to_owned(),
                    )),
                    ..Plan::default()
                },
            },
        ];
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let plans = Plans { deals, zone };
        let mut out = Vec::new();
        print(&plans, false, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        время московское
        Сделка 4711
          Будет сделано:
            • добавить в ленту сделки: Счёт № 7 выставлен
          Почему: счёт выставлен, запись в ленте ещё не сделана

        Сделка 4712
          Делать нечего.
          Почему: сделка только что перенесена
          Посмотреть снова: 22.11.2026 20:32:23 (сделка только что перенесена)
        ");
        let mut out = Vec::new();
        print(&plans, true, &mut out).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read[1]["deal"], 4712);
        assert_eq!(read[0]["actions"][0]["action"], "add_timeline_entry");
    }
}
