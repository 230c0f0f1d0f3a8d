//! A world without people and troubles, in which somebody measures: remotes as slow as told, one process of the
//! product, and every request that left.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use documents::{Layout, Renderer};
use domain::PortalId;
use jiff::Timestamp;
use planner::Policy;
use serde_json::json;
use store::Store;

use crate::chance::weather::Weather;
use crate::days::world::{Scene, World};
use crate::machine::freeze::pause;
use crate::machine::network::{Remote, Told};
use crate::machine::process::Numbers;
use crate::offices::office;

/// What a still world begins with.
#[derive(Clone, Debug)]
pub struct Still {
    /// Companies that can buy, by the numbers of [`office::title_of`].
    pub buyers: u32,
    /// How long the portal takes.
    pub portal: emulator_bitrix24::Latency,
    /// How long the accounting side takes for each request.
    pub accounting_ms: u64,
    /// Requests that the accounting side takes within any minute; 0: as many as come.
    pub accounting_per_minute: u32,
    /// The numbers that the product goes by.
    pub numbers: Numbers,
}

/// One request that left, as its sender saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The first byte's moment.
    pub at: Timestamp,
    /// To the portal, or else to the accounting side.
    pub to_portal: bool,
    /// The portal's method, or `POST /v1/…`.
    pub what: String,
    /// The status that was told, where there was an answer.
    pub status: Option<u16>,
}

/// A still world at work.
pub struct StillWorld {
    world: World,
    portal: emulator_bitrix24::Emulator,
    accounting: emulator_kontur_accounting::Emulator,
    portal_id: PortalId,
}

impl Still {
    /// A world in which nothing takes time and the product goes by the program's own numbers.
    pub fn new(buyers: u32) -> Self {
        Self {
            buyers,
            portal: emulator_bitrix24::Latency::default(),
            accounting_ms: 0,
            accounting_per_minute: 0,
            numbers: Numbers {
                engine: engine::Settings::default(),
                reconciler: reconciler::Settings::default(),
            },
        }
    }

    /// Lives in the world on a paused clock of this thread.
    ///
    /// # Errors
    /// Where the world cannot begin, or as `life` says.
    pub fn live<T, F>(self, life: impl FnOnce(StillWorld) -> F) -> Result<T, String>
    where
        F: Future<Output = Result<T, String>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async move {
            let world = World::begin(0, self.scene(), renderer()).await?;
            life(StillWorld::of(world)?).await
        })
    }

    fn scene(self) -> Scene {
        let weather = Weather::still();
        let mut portal = office::portal(&weather, 0);
        portal.deals.clear();
        portal.companies.truncate(1);
        let buyers = (0..self.buyers).map(|number| office::buyer(0, number, true));
        portal.companies.extend(buyers);
        portal.latency = self.portal;
        let mut books = office::books(&weather, 0);
        if let Some(settings) = books.get_mut("settings") {
            settings["latency_ms"] = self.accounting_ms.into();
            settings["requests_per_minute"] = self.accounting_per_minute.into();
        }
        // Payments are told with the account that they came to.
        if let Some(accounts) = books.pointer_mut("/organizations/0/bank_accounts") {
            *accounts = json!([{
                "id": "c01999df-7dc3-4f5a-b815-f7cd35573012",
                "account_number": "40702810200000012345",
                "bik": "044525225",
                "is_main": true
            }]);
        }
        Scene {
            weather,
            sites: vec![(portal, books)],
            numbers: self.numbers,
            doom: None,
        }
    }
}

fn renderer() -> Arc<Renderer> {
    Arc::new(Renderer::new(Layout::default()))
}

impl StillWorld {
    fn of(world: World) -> Result<Self, String> {
        let tenant = world.tenants.first().ok_or("nobody is there")?;
        Ok(Self {
            portal: tenant.office.portal.clone(),
            accounting: tenant.office.accounting.clone(),
            portal_id: tenant.id.clone(),
            world,
        })
    }

    /// The imitated portal.
    pub fn portal(&self) -> &emulator_bitrix24::Emulator {
        &self.portal
    }

    /// The imitated accounting side.
    pub fn accounting(&self) -> &emulator_kontur_accounting::Emulator {
        &self.accounting
    }

    /// The product's records.
    pub fn store(&self) -> &Store {
        &self.world.store
    }

    /// Changes the policy as a person does.
    ///
    /// # Errors
    /// Where the changed policy is none.
    pub async fn change_policy(&self, change: impl FnOnce(&mut Policy)) -> Result<(), String> {
        self.world.change_policy(&self.portal_id, change).await
    }

    /// The tenant.
    pub fn portal_id(&self) -> &PortalId {
        &self.portal_id
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// The product's process is gone from one moment to the next.
    pub fn stop(&mut self) {
        let running: Vec<u64> = self
            .world
            .slots
            .iter()
            .flatten()
            .map(|one| one.number)
            .collect();
        for number in running {
            self.world.remove(number);
        }
    }

    /// A process of the product begins on what the former left.
    pub async fn start(&mut self) {
        self.world.start_process(0).await;
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        pause(time).await;
    }

    /// Every request that left so far, in order.
    pub fn left(&self) -> Vec<Left> {
        let seen = self.world.ground.network.seen();
        seen.iter()
            .map(|seen| Left {
                at: seen.at,
                to_portal: seen.remote == Remote::Portal,
                what: seen.what.clone(),
                status: match seen.told {
                    Told::Answer(status) | Told::Page(status) => Some(status),
                    Told::Nothing | Told::Spoilt(_) | Told::Cut | Told::Refused => None,
                },
            })
            .collect()
    }

    /// Requests that left, by remote and name.
    pub fn counts(&self) -> BTreeMap<(bool, String), usize> {
        let mut counts = BTreeMap::new();
        for left in self.left() {
            *counts.entry((left.to_portal, left.what)).or_default() += 1;
        }
        counts
    }
}
