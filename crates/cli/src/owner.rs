//! Which installation works for the portal: a mark on the portal, by which a second one notices the first.
//!
//! Two installations would each issue a deal's invoice before either could see the other's. `setup` marks the portal and
//! refuses one that another has marked; `serve` looks at the mark, and leaves the portal alone while it is another's. Not
//! here: a copy of our own database, which knows itself by the same name.

use std::time::Duration;

use capability::portal::{Finding, SetUpPortal};
use capability::{Call, Urgency};
use connector_bitrix24::{FieldNames, Offline, refused};
use domain::observed::OurField;
use engine::clock::later;
use jiff::Timestamp;
use rand::Rng as _;
use store::Mode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::check::{fails, holds};
use crate::connect::PORTAL_TAKEN;
use crate::fault::Told;
use crate::policy;
use crate::product::Product;

const WHAT: &str = "Установка";
/// The name of the fact that keeps who we are.
const INSTALLATION: &str = "installation";
/// How often the mark is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(120);
/// So long the first look is waited for: a portal that is down must not keep `serve` from starting.
const FIRST_WITHIN: Duration = Duration::from_secs(20);
/// How often while the portal is another's or does not tell; and how often it is asked whether a look is due, as a pause may have
/// ended.
const AWAKE_EVERY: Duration = Duration::from_secs(30);

/// Whose the portal is, as its mark tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// It bears none.
    Nobody,
    Us,
    Another,
}

/// Refuses a portal that another installation has marked, unless it is to be taken over.
///
/// # Errors
/// That, or what the portal or the store says.
pub(crate) async fn admit(
    product: &Product,
    call: &Call<'_>,
    portal: &dyn SetUpPortal,
    number: &str,
    take_over: bool,
) -> anyhow::Result<()> {
    if of(product, call, portal, number).await? == Owner::Another && !take_over {
        let told = Told::mistake(
            "another installation of Provodka works for this portal: both together would issue its invoices twice",
        );
        return Err(told
            .hint("stop the other one for good, then repeat with --take-over; `provodka explain PORTAL-TAKEN`")
            .into());
    }
    Ok(())
}

/// Marks the portal as ours.
///
/// # Errors
/// The store's.
pub(crate) async fn claim(
    product: &Product,
    call: &Call<'_>,
    portal: &dyn SetUpPortal,
    number: &str,
) -> anyhow::Result<Finding> {
    let known = product
        .store
        .fact_get(product.portal(), INSTALLATION)
        .await?;
    let ours = match known {
        Some(ours) => ours,
        None => {
            let ours = format!("{:016x}", product.rng.clone().next_u64());
            let (store, id) = (&product.store, product.portal());
            store.fact_put(id, INSTALLATION, &ours).await?;
            ours
        }
    };
    Ok(match portal.set_owner(call, number, &ours).await {
        Ok(true) => {
            product.connector.set_taken(false);
            holds(WHAT, "портал отмечен как её портал")
        }
        Ok(false) => holds(
            WHAT,
            format!(
                "отметить портал нельзя: у поля {number} свой внешний код; вторая установка на этом портале осталась бы незамеченной"
            ),
        ),
        Err(error) => refused(WHAT, &error),
    })
}

/// What `check` says of the mark; nothing where the portal does not tell, as other findings say that then.
pub(crate) async fn finding(
    product: &Product,
    call: &Call<'_>,
    portal: &dyn SetUpPortal,
    number: &str,
) -> Option<Finding> {
    match of(product, call, portal, number).await {
        Ok(Owner::Us) => Some(holds(WHAT, "портал отмечен как её портал")),
        Ok(Owner::Nobody) => Some(holds(
            WHAT,
            "портал не отмечен, и вторая установка осталась бы незамеченной: отметку ставит `provodka setup`",
        )),
        Ok(Owner::Another) => Some(fails(
            WHAT,
            "портал отмечен другой установкой: эта его не трогает; остановите лишнюю, потом `provodka setup --take-over` на той, что остаётся",
            PORTAL_TAKEN,
        )),
        Err(error) => {
            tracing::warn!(%error, "the portal does not tell whose it is");
            None
        }
    }
}

/// Looks at the mark from now on. Returns once the first look has ended, so that nothing is done for a portal that is another's;
/// or after a while without it.
pub(crate) async fn begin(product: &Product) -> JoinHandle<()> {
    let (first, looked) = oneshot::channel();
    let latest = later(product.clock.now(), FIRST_WITHIN);
    // The look goes on by itself: one that was cut off might lose renewed tokens.
    let watching = tokio::spawn(watch(product.clone(), first));
    tokio::select! {
        _ = looked => {}
        () = product.clock.sleep_until(latest) => {
            tracing::warn!("the portal has not told yet whose it is: the work begins");
        }
    }
    watching
}

/// Looks at the mark at once and every two minutes; where the portal does not tell, again after half a minute.
async fn watch(product: Product, first: oneshot::Sender<()>) {
    let mut first = Some(first);
    let mut looked_at: Option<Timestamp> = None;
    loop {
        let now = product.clock.now();
        let every = if product.connector.is_taken() {
            AWAKE_EVERY
        } else {
            LOOKED_AT_EVERY
        };
        if looked_at.is_none_or(|at| now >= later(at, every)) {
            looked_at = match look(&product).await {
                Ok(looked) => looked.then_some(now),
                Err(error) => {
                    tracing::warn!(%error, "cannot tell whose the portal is");
                    None
                }
            };
        }
        if let Some(first) = first.take() {
            // Whoever started may wait no more.
            let _sent = first.send(());
        }
        let soon = later(product.clock.now(), AWAKE_EVERY);
        product.clock.sleep_until(soon).await;
    }
}

/// Looks at the mark, and leaves the portal alone from now on if it is another's. False: nothing is to be asked, as the
/// portal rests or has no policy yet.
///
/// # Errors
/// What the portal or the store says; then nothing changes.
async fn look(product: &Product) -> anyhow::Result<bool> {
    let portal = product.store.portal_get(product.portal()).await?;
    let rests = portal.is_none_or(|portal| portal.paused || portal.mode == Mode::Off);
    let stored = product.store.policy_current(product.portal()).await?;
    let Some(stored) = stored.filter(|_| !rests) else {
        return Ok(false);
    };
    let policy = policy::read(&stored)?;
    let Some(number) = policy.fields.get(&OurField::Number) else {
        return Ok(false);
    };
    let bitrix24 = product
        .connector
        .bitrix24(FieldNames::default(), Offline::Absent)?;
    let call = Call::new(product.portal(), Urgency::Due, &*product.gate);
    let owner = of(product, &call, &*bitrix24.portal().set_up, number).await;
    product.keep(&call, "serve").await?;
    let is_taken = owner? == Owner::Another;
    match (product.connector.set_taken(is_taken), is_taken) {
        (false, true) => {
            tracing::error!(
                "another installation has marked the portal: nothing more is written to it"
            );
        }
        (true, false) => tracing::info!("the portal is ours again"),
        (true, true) | (false, false) => {}
    }
    Ok(true)
}

async fn of(
    product: &Product,
    call: &Call<'_>,
    portal: &dyn SetUpPortal,
    number: &str,
) -> anyhow::Result<Owner> {
    let Some(mark) = portal.owner(call, number).await? else {
        return Ok(Owner::Nobody);
    };
    let ours = product
        .store
        .fact_get(product.portal(), INSTALLATION)
        .await?;
    Ok(if ours == Some(mark) {
        Owner::Us
    } else {
        Owner::Another
    })
}
