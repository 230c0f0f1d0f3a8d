//! `provodka plan`: what would be done about deals, and why. The same observing and the same planner as a look,
//! and nothing is written anywhere.
//!
//! One deal is told in full (`words`); all of a time (`span`) are grouped (`summary`), as text, JSON or a workbook.

mod span;
mod summary;
mod words;
mod workbook;

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use anyhow::Context as _;
use domain::DealId;
use engine::{Halted, LeaseContext};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use planner::Policy;
use reconciler::{Asked, Connected, NotConnected, PlannedDeal};
use serde_json::Value;
use store::{Lane, Lease};
use tokio::sync::watch;

use self::span::Span;
use self::summary::Summary;
use crate::args::PlanArgs;
use crate::fault::Told;
use crate::product::Product;
use crate::words::harmless;
use crate::{out, zone};

/// What would be done.
pub enum Plans {
    /// About single deals, in the order asked for.
    Deals {
        /// With their plans.
        deals: Vec<PlannedDeal>,
        /// Moments are told in it.
        zone: TimeZone,
    },
    /// About all that entered an invoice stage within a time.
    All(Box<Summary>),
}

/// Deals that are read at one time: a few requests of the portal, and a step of the progress.
const PORTION: usize = 200;

/// Plans the deals.
///
/// # Errors
/// When the portal is not prepared or cannot be read, or the workbook cannot be written.
pub async fn run(product: &Product, args: &PlanArgs) -> anyhow::Result<Plans> {
    out::refuse_taken(args.xlsx.as_deref())?;
    product.connector.register().await?;
    let portal = product.portal();
    let connected = product.connector.of_though_paused(portal).await;
    let connected = connected.map_err(refused)?;
    // Nothing is written under it: a plan needs no lease, and whoever works on the portal keeps theirs.
    let (_keeper, lease) = watch::channel(Lease {
        portal: portal.clone(),
        owner: "plan".to_owned(),
        fence: 0,
        expires_at: product.clock.now(),
    });
    let ctx = LeaseContext::new(product.means(), Lane::Click, lease);
    let zone = zone::of(Some(&connected.policy));
    if !args.deals.is_empty() {
        let ids: Vec<DealId> = args.deals.iter().map(|id| DealId(*id)).collect();
        let deals = planned(&ctx, &connected, &ids, Asked::Before).await?;
        return Ok(Plans::Deals { deals, zone });
    }
    let span = Span::of(args.since, &connected.policy, product.clock.now(), &zone);
    let connected = match span {
        Span::Work(_) => connected,
        Span::Named(since) | Span::Lately(since) => Arc::new(since_then(&connected, since, &zone)?),
    };
    let from = connected.policy.start_at;
    let ids = reconciler::deals_entered_since(&ctx, &connected, from).await;
    let deals = planned(&ctx, &connected, &ids.map_err(unread)?, Asked::Nothing).await?;
    let summary = Summary::of(
        span,
        deals,
        &connected.policy,
        &product.config.portal_origin(),
    );
    if let Some(out) = &args.xlsx {
        let bytes = workbook::bytes(&summary, product.clock.now())?;
        out::write_new(out, &bytes)?;
    }
    Ok(Plans::All(Box::new(summary)))
}

/// The same connection with a policy that holds since that day: what would be done had it been in force then.
fn since_then(connected: &Connected, since: Date, zone: &TimeZone) -> anyhow::Result<Connected> {
    let start = since.to_zoned(zone.clone());
    let start_at = start.context("no such day")?.timestamp();
    let mut policy = Policy {
        start_at,
        ..connected.policy.clone()
    };
    for funnel in &mut policy.funnels {
        funnel.start_at = None;
    }
    Ok(Connected {
        portal: connected.portal.clone(),
        accounting: connected.accounting.clone(),
        papers: connected.papers.clone(),
        own_invoices: connected.own_invoices.clone(),
        flood_answers: connected.flood_answers.clone(),
        policy,
        version: connected.version,
    })
}

async fn planned(
    ctx: &LeaseContext,
    connected: &Connected,
    ids: &[DealId],
    asked: Asked,
) -> anyhow::Result<Vec<PlannedDeal>> {
    let tells_progress = ids.len() > PORTION && std::io::stderr().is_terminal();
    let mut planned = Vec::with_capacity(ids.len());
    for portion in ids.chunks(PORTION) {
        let plans = reconciler::plan_deals(ctx, connected, portion, asked).await;
        planned.extend(plans.map_err(unread)?);
        if tells_progress {
            eprint!("\r{} of {} deals", planned.len(), ids.len());
        }
    }
    if tells_progress {
        eprintln!();
    }
    Ok(planned)
}

/// Why the portal cannot be worked with.
pub(crate) fn refused(refused: NotConnected) -> Told {
    match refused {
        NotConnected::Paused => {
            Told::mistake("the portal is switched off").hint("`provodka check` says more")
        }
        NotConnected::Broken { code, reason } => Told::failure(reason).hint(format!(
            "`provodka explain {code}` tells what happened, `provodka check` what to do"
        )),
    }
}

pub(crate) fn unread(halted: Halted) -> anyhow::Error {
    anyhow::Error::new(halted).context(
        Told::failure("the deals cannot be observed").hint("`provodka check` says what to do"),
    )
}

/// Prints the plans in words or as JSON.
///
/// # Errors
/// When the output is closed.
pub fn print(plans: &Plans, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    match plans {
        Plans::Deals { deals, .. } if as_json => {
            let plans: Vec<Value> = deals.iter().map(words::json_of).collect();
            writeln!(out, "{}", Value::Array(plans))?;
        }
        Plans::Deals { deals, zone } => {
            if deals.iter().any(|one| one.plan.look_again.is_some()) {
                writeln!(out, "{}", zone::named(zone))?;
            }
            for (index, planned) in deals.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                out.write_all(harmless(&words::in_words(planned, zone)).as_bytes())?;
            }
        }
        Plans::All(summary) if as_json => writeln!(out, "{}", serde_json::to_string(summary)?)?,
        Plans::All(summary) => out.write_all(harmless(&summary.in_words()).as_bytes())?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Plans, print};
    use domain::DealId;
    use jiff::tz::TimeZone;
    use planner::{Action, Plan};
    use reconciler::PlannedDeal;

    fn of_plan(id: u64, plan: Plan) -> PlannedDeal {
        PlannedDeal {
            id: DealId(id),
            deal: None,
            buyer: None,
            invoice: None,
            plan,
        }
    }

    #[test]
    fn a_plan_says_what_and_why() {
        let plan = Plan {
            actions: vec![Action::AddTimelineEntry {
                about: "issued/whole/1".to_owned(),
                text: "Счёт № 7 выставлен".to_owned(),
                called: None,
            }],
            because: vec!["счёт выставлен, запись в ленте ещё не сделана".to_owned()],
            ..Plan::default()
        };
        let deals = vec![
            of_plan(4711, plan),
            of_plan(
                4712,
                Plan {
                    because: vec!["сделка только что перенесена".to_owned()],
                    look_again: Some((
                        "2026-11-22T17:32:23Z".parse().unwrap(),
                        "сделка только что перенесена".to_owned(),
                    )),
                    ..Plan::default()
                },
            ),
        ];
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let plans = Plans::Deals { deals, zone };
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
