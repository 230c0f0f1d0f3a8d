//! Which installation works for the portal, as the commands deal with it.
//!
//! `setup` marks the portal and refuses one that another has marked; `serve` looks at the mark, and leaves the
//! portal alone while it is another's; `check` tells of it. Not here: what the mark is and when it is looked at
//! (`reconciler::installation`).

use async_trait::async_trait;
use capability::portal::{Finding, SetUpPortal};
use capability::{Call, Urgency};
use connector_bitrix24::{FieldNames, Offline, refused};
use domain::observed::OurField;
use engine::clock::later;
use rand::Rng as _;
use reconciler::installation::{self, FIRST_WITHIN, LooksAtMark, Mark, Owner, OwnerUnknown};
use store::Mode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::check::{fails, holds};
use crate::connect::PORTAL_TAKEN;
use crate::fault::Told;
use crate::policy;
use crate::product::Product;

const WHAT: &str = "Установка";

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
    if mark(product, call, portal, number).owner().await? == Owner::Another && !take_over {
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
    let chance = product.rng.clone().next_u64();
    Ok(
        match mark(product, call, portal, number).claim(chance).await {
            Ok(true) => {
                product.connector.taken().set(false);
                holds(WHAT, "портал отмечен как её портал")
            }
            Ok(false) => holds(
                WHAT,
                format!(
                    "отметить портал нельзя: у поля {number} свой внешний код; вторая установка на этом портале осталась бы незамеченной"
                ),
            ),
            Err(OwnerUnknown::Portal(error)) => refused(WHAT, &error),
            Err(OwnerUnknown::Store(error)) => return Err(error.into()),
        },
    )
}

/// What `check` says of the mark; nothing where the portal does not tell, as other findings say that then.
pub(crate) async fn finding(
    product: &Product,
    call: &Call<'_>,
    portal: &dyn SetUpPortal,
    number: &str,
) -> Option<Finding> {
    match mark(product, call, portal, number).owner().await {
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

/// Looks at the mark from now on. Returns once the first look has ended, so that nothing is done for a portal that
/// is another's; or after a while without it.
pub(crate) async fn begin(product: &Product) -> JoinHandle<()> {
    let (first, looked) = oneshot::channel();
    let latest = later(product.clock.now(), FIRST_WITHIN);
    let looks = product.clone();
    // The look goes on by itself: one that was cut off might lose renewed tokens.
    let watching = tokio::spawn(async move {
        let told = move || {
            // Whoever started may wait no more.
            let _sent = first.send(());
        };
        installation::watch(&looks, looks.connector.taken(), &*looks.clock, told).await;
    });
    tokio::select! {
        _ = looked => {}
        () = product.clock.sleep_until(latest) => {
            tracing::warn!("the portal has not told yet whose it is: the work begins");
        }
    }
    watching
}

#[async_trait]
impl LooksAtMark for Product {
    async fn look(&self) -> Result<Option<Owner>, String> {
        look(self).await.map_err(|error| error.to_string())
    }
}

/// Whose the portal is; none: nothing is to be asked, as the portal rests or has no policy yet.
///
/// # Errors
/// What the portal or the store says.
async fn look(product: &Product) -> anyhow::Result<Option<Owner>> {
    let portal = product.store.portal_get(product.portal()).await?;
    let rests = portal.is_none_or(|portal| portal.paused || portal.mode == Mode::Off);
    let stored = product.store.policy_current(product.portal()).await?;
    let Some(stored) = stored.filter(|_| !rests) else {
        return Ok(None);
    };
    let policy = policy::read(&stored)?;
    let Some(number) = policy.fields.get(&OurField::Number) else {
        return Ok(None);
    };
    let bitrix24 = product
        .connector
        .bitrix24(FieldNames::default(), Offline::Absent)?;
    let set_up = bitrix24.portal().set_up;
    let call = Call::new(product.portal(), Urgency::Due, &*product.gate);
    let owner = mark(product, &call, &*set_up, number).owner().await;
    product.keep(&call, "serve").await?;
    Ok(Some(owner?))
}

fn mark<'a>(
    product: &'a Product,
    call: &'a Call<'_>,
    portal: &'a dyn SetUpPortal,
    field: &'a str,
) -> Mark<'a> {
    Mark {
        store: &product.store,
        call,
        portal,
        field,
    }
}
