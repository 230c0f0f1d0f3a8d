//! Connected as an installed application: the grant proves itself, its tokens lie sealed and are renewed once, a
//! renamed portal is followed, and the portal's own queue brings what events do not.

use connector_bitrix24::TokenVault as _;
use emulator_bitrix24::{Outcome, What};
use secrecy::ExposeSecret as _;

use crate::world::{Start, World};

async fn application() -> World {
    World::begin(Start {
        as_application: true,
        ..Start::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installed_application_invoices_and_goes_on_after_its_tokens_expired() {
    let world = application().await;
    assert!(issued(&world, "refresh_token") > 0, "the grant was tried");
    let first = world.invoiced_deal().await;
    world.assert_one_true_invoice(first);
    let before = issued(&world, "refresh_token");
    world.portal.expire_access_tokens();
    let deals = [world.new_deal(), world.new_deal(), world.new_deal()];
    for deal in deals {
        world.drag(deal);
    }
    for deal in deals {
        world.until_complete(deal).await;
        world.assert_one_true_invoice(deal);
    }
    assert_eq!(issued(&world, "refresh_token"), before + 1, "one renewal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_lie_sealed_in_the_database() {
    let world = application().await;
    world.invoiced_deal().await;
    let vault = world.product().connector.vault().unwrap();
    let (_, tokens) = vault.load().await.unwrap().unwrap();
    let stored = world.database_bytes();
    let holds = |text: &str| contains(&stored, text.as_bytes());
    assert!(holds("Выставлен счёт"), "the right files are read");
    assert!(!holds(tokens.access.expose_secret()), "access token");
    assert!(!holds(tokens.refresh.expose_secret()), "refresh token");
    assert!(!holds(&world.credentials.client_secret), "client secret");
    assert!(
        !holds(&world.credentials.application_token),
        "application token"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_portal_is_followed() {
    let world = application().await;
    world.invoiced_deal().await;
    let old = world.portal_url.strip_prefix("http://").unwrap().to_owned();
    let new = world.serve_portal_again().await;
    world.portal.rename_portal(&old, &new);
    let deal = world.invoiced_deal().await;
    world.assert_one_true_invoice(deal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portals_own_queue_brings_what_no_event_brought() {
    let world = World::begin(Start {
        as_application: true,
        timing: |timing| "1h".clone_into(&mut timing.sweep_every),
        ..Start::default()
    })
    .await;
    world
        .portal
        .configure(|portal| portal.events.drop_permille = 1000);
    let deal = world.invoiced_deal().await;
    world.assert_one_true_invoice(deal);
    // Had the reading itself cleared the queue, nothing would be left to clear after the commit.
    let truth = world.portal.truth();
    let cleared = truth.entries().filter(|entry| {
        matches!(&entry.what, What::Command { method, outcome: Outcome::Done, .. } if method == "event.offline.clear")
    });
    assert!(cleared.count() > 0, "the queue is cleared after the commit");
}

fn issued(world: &World, wanted: &str) -> usize {
    let truth = world.portal.truth();
    let issued = truth
        .entries()
        .filter(|entry| matches!(&entry.what, What::TokenIssued { grant, .. } if grant == wanted));
    issued.count()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
