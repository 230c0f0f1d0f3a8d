//! A local Bitrix24: a portal with state, limits, faults, events and a page for people.
//!
//! It is built from the vendor's documentation alone and shares nothing with our connector, so
//! that a misreading on one side shows on the other. A call travels `server` → `auth`, `limits` →
//! `batch` → `methods` → the subject (`items`, `rows`, `requisites`, `timeline`…) → `events` and
//! `robots`; whatever really happened is in [`Truth`].
//!
//! What is not imitated stands in this crate's README.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod auth;
mod batch;
mod by_hand;
mod call;
mod cards;
mod chat;
mod config;
mod deliver;
mod deliveries;
mod directory;
mod emulator;
mod event_methods;
mod events;
mod fields;
mod files;
mod filter;
mod item_methods;
mod items;
mod limits;
mod methods;
mod multifields;
mod offline;
mod page;
mod params;
mod people;
mod required;
mod requisite_links;
mod requisites;
mod robots;
mod rows;
mod sample;
mod schema;
mod seed;
mod server;
mod settings;
mod state;
mod system;
mod timeline;
mod truth;
mod userfields;
mod value;

pub use call::Actor;
pub use config::{
    ApplicationSeed, CompanySeed, ContactSeed, CustomFieldSeed, DealSeed, DepartmentSeed,
    EventSettings, FunnelSeed, Latency, Limits, LineSeed, MeasureSeed, OutgoingWebhookSeed,
    PortalConfig, ProductSeed, Reach, RequisiteSeed, RobotAction, RobotSeed, StageSeed, UserSeed,
    VatSeed, WebhookSeed, texts,
};
pub use deliver::{Deliver, Delivered, HttpDeliver, NoDelivery};
pub use emulator::{Credentials, Emulator};
pub use events::EventFate;
pub use people::{Declined, Person};
pub use required::RequiredSeed;
pub use truth::{Entry, Outcome, Told, Truth, What};
