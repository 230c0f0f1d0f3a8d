//! `provodka adopt`: links deals to invoices that exist already. A dry run first; with `--apply` what fits is linked, and
//! nothing is created on either side.
//!
//! Read from a file ([`file`]) or from a field of the deals, also while the server runs. Not here: which invoice fits
//! (`planner::adopting`), how it is linked (`reconciler`).

mod file;

use std::io::{IsTerminal as _, Write};

use domain::{SlotKind, display};
use engine::{Halted, LeaseContext};
use planner::adopting::{Claim, Judged};
use planner::{Mode, Policy};
use reconciler::{Claimed, Claims, Connected};
use serde_json::{Value, json};
use store::{Lane, Lease};
use tokio::sync::watch;

use crate::args::AdoptArgs;
use crate::fault::{Told, Unwell};
use crate::plan;
use crate::product::Product;
use crate::words::harmless;

/// Deals that are read at one time, and a step of the progress.
const PORTION: usize = 200;

/// What became of the claims.
pub struct Report {
    claimed: Vec<Claimed>,
    applied: bool,
}

/// Judges the claims; links what fits if it is told to.
///
/// # Errors
/// When the file or field cannot be read, a remote does not answer, or the portal is not free. What was linked before
/// stands.
pub async fn run(product: &Product, args: &AdoptArgs) -> anyhow::Result<Report> {
    product.connector.register().await?;
    let portal = product.portal();
    let connected = product.connector.of_though_paused(portal).await;
    let connected = connected.map_err(plan::refused)?;
    let nobodys = Lease {
        portal: portal.clone(),
        owner: "adopt".to_owned(),
        fence: 0,
        expires_at: product.clock.now(),
    };
    let (_keeper, shown) = watch::channel(nobodys);
    let ctx = LeaseContext::new(product.means(), Lane::Click, shown);
    let wanted = match (&args.file, &args.field) {
        (Some(path), _) => file::read(path, &connected.policy)?,
        (None, Some(field)) => of_field(&ctx, &connected, field).await?,
        (None, None) => Vec::new(),
    };
    let mut claims = Claims::default();
    let all = wanted.len();
    for (step, portion) in wanted.chunks(PORTION).enumerate() {
        progress(step * PORTION, all);
        let observed = claims.observe(&ctx, &connected, portion.to_vec());
        observed.await.map_err(plan::unread)?;
    }
    clear_progress(all);
    let claimed = if args.apply {
        let taken = claims.take(&ctx, &connected, &args.by).await;
        taken.map_err(not_linked)?
    } else {
        claims
            .judged(&ctx, &connected)
            .await
            .map_err(plan::unread)?
    };
    Ok(Report {
        claimed,
        applied: args.apply,
    })
}

fn not_linked(halted: Halted) -> anyhow::Error {
    let told = Told::failure("not all that fits was linked");
    anyhow::Error::new(halted)
        .context(told.hint("the same command again links the rest, and nothing twice"))
}

/// What stands in a field of the deals of followed funnels.
async fn of_field(
    ctx: &LeaseContext,
    connected: &Connected,
    field: &str,
) -> anyhow::Result<Vec<Claim>> {
    if !field.starts_with("UF_") {
        let told = Told::mistake(format!("`{field}` is no custom field of the portal"));
        return Err(told.hint("its name begins with `UF_CRM_`").into());
    }
    let followed = followed(&connected.policy);
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let (mut claims, mut after) = (Vec::new(), None);
    loop {
        let deals = &connected.portal.deals;
        let page = ctx
            .reading(|| deals.with_field(&call, field, &followed, after))
            .await
            .map_err(|error| {
                let told = Told::failure(format!("the portal does not tell field `{field}`"));
                anyhow::Error::new(error)
                    .context(told.hint("compare its name with the portal's settings"))
            })?;
        let said = |(deal, said): (_, String)| {
            let (number, date) = file::number_and_date(&said);
            (!number.is_empty()).then_some(Claim {
                deal,
                organisation: None,
                number,
                date,
                total: None,
                bills: SlotKind::Whole,
            })
        };
        claims.extend(page.values.into_iter().filter_map(said));
        match page.next {
            Some(next) if Some(next) > after => after = Some(next),
            Some(_) | None => return Ok(claims),
        }
    }
}

fn followed(policy: &Policy) -> Vec<domain::FunnelId> {
    let funnels = policy.funnels.iter();
    let followed = funnels.filter(|funnel| funnel.mode != Mode::Off);
    followed.map(|funnel| funnel.id).collect()
}

/// On a terminal people see how far it is.
fn progress(done: usize, all: usize) {
    if all > PORTION && std::io::stderr().is_terminal() {
        eprint!("\r{done} of {all} deals");
    }
}

fn clear_progress(all: usize) {
    if all > PORTION && std::io::stderr().is_terminal() {
        eprint!("\r\u{1b}[K");
    }
}

impl Report {
    /// Prints what became of each claim, or one JSON object a line.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn print(&self, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
        if as_json {
            for one in &self.claimed {
                writeln!(out, "{}", json_of(one, self.applied))?;
            }
            return Ok(());
        }
        for one in &self.claimed {
            writeln!(out, "{}", harmless(&line(one, self.applied)))?;
        }
        let count = |is: fn(&Judged) -> bool| {
            let judged = self.claimed.iter().filter(|one| is(&one.judged));
            judged.count()
        };
        let fits = count(|judged| matches!(judged, Judged::Adopt(_)));
        let already = count(|judged| matches!(judged, Judged::Already));
        let refused = count(|judged| matches!(judged, Judged::Refused(_)));
        let done = if self.applied {
            "привязано"
        } else {
            "будет привязано"
        };
        writeln!(
            out,
            "Итого: {done} {fits}, привязано раньше {already}, не подходит {refused}."
        )?;
        if !self.applied && fits > 0 {
            writeln!(
                out,
                "Ничего не записано; привязывает та же команда с --apply."
            )?;
        }
        Ok(())
    }

    /// The exit status: whoever calls it should hear of what was not linked.
    ///
    /// # Errors
    /// [`Unwell`] if a claim does not fit.
    pub fn judged(&self) -> anyhow::Result<()> {
        let is_refused = |one: &Claimed| matches!(one.judged, Judged::Refused(_));
        if self.claimed.iter().any(is_refused) {
            return Err(Unwell.into());
        }
        Ok(())
    }
}

fn line(one: &Claimed, applied: bool) -> String {
    let deal = match &one.deal {
        Some(deal) => format!("Сделка {} «{}»", deal.id, deal.title),
        None => format!("Сделка {}", one.claim.deal),
    };
    match &one.judged {
        Judged::Adopt(invoice) => {
            let (number, date) = (&invoice.number, display::date(invoice.date));
            let sum = display::money(invoice.total);
            let word = if applied {
                "привязан"
            } else {
                "подходит"
            };
            let what = match one.claim.bills {
                SlotKind::Whole => "",
                SlotKind::Advance => "аванс ",
                SlotKind::Rest => "остаток ",
                SlotKind::Additional => "добавленное ",
            };
            format!("{deal}: {word} счёт № {number} от {date} на {what}{sum}")
        }
        Judged::Already => format!("{deal}: счёт № {} привязан раньше", one.claim.number),
        Judged::Refused(why) => format!("{deal}: не привязан — {why}"),
    }
}

fn json_of(one: &Claimed, applied: bool) -> Value {
    let deal = one.claim.deal;
    match &one.judged {
        Judged::Adopt(invoice) => json!({
            "deal": deal, "result": if applied { "linked" } else { "fits" }, "number": invoice.number,
            "organisation": invoice.organisation, "invoice": invoice.id, "date": invoice.date,
            "total": invoice.total, "slot": invoice.slot.to_string(),
        }),
        Judged::Already => json!({"deal": deal, "result": "already", "number": one.claim.number}),
        Judged::Refused(why) => {
            json!({"deal": deal, "result": "refused", "number": one.claim.number, "why": why})
        }
    }
}
