//! What an emulator is started with: organisations, keys, behaviour.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::Id;

/// Everything an emulator starts with. Without organisations it has one, the contract's example.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub organizations: Vec<Organization>,
    /// Empty: one key for all organisations is made from the seed.
    pub api_keys: Vec<ApiKey>,
    pub settings: Settings,
}

/// An own organisation of the account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    pub id: Id,
    pub name: String,
    #[serde(default)]
    pub short_name: Option<String>,
    pub inn: String,
    #[serde(default)]
    pub kpp: Option<String>,
    #[serde(default)]
    pub ogrn: Option<String>,
    #[serde(default)]
    pub address: Option<String>,
    /// IANA name.
    #[serde(default = "moscow")]
    pub time_zone: String,
    /// Last day of the closed period.
    #[serde(default)]
    pub closed_through: Option<Date>,
    /// Whether the tariff is paid; else everything of this organisation answers 402.
    #[serde(default = "yes")]
    pub tariff_paid: bool,
    #[serde(default)]
    pub bank_accounts: Vec<BankAccount>,
}

/// An own bank account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankAccount {
    pub id: Id,
    pub account_number: String,
    pub bik: String,
    #[serde(default)]
    pub bank_name: Option<String>,
    #[serde(default)]
    pub corr_account: Option<String>,
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub is_main: bool,
    #[serde(default)]
    pub closed: bool,
}

/// A key and what it opens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    pub key: String,
    /// `None`: all organisations.
    #[serde(default)]
    pub organizations: Option<Vec<Id>>,
}

/// How the service behaves; may be changed while it runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether `Idempotency-Key` is honoured and declared.
    pub idempotency_key: bool,
    /// Requests of one key within any 60 seconds; 0: no limit, declared as 60,000.
    pub requests_per_minute: u32,
    /// Before every API request is looked at.
    pub latency_ms: u64,
    /// How long a change stays unseen by lists and the change feed.
    pub list_lag_ms: u64,
    /// What the capabilities say of the lag, in seconds.
    pub declared_list_lag_s: u32,
    /// What the capabilities say of late effects, in seconds.
    pub effect_within_s: u32,
    /// How long after its last change a document has no print form yet.
    pub print_form_delay_ms: u64,
    /// What is called after a person changed something; empty: nothing.
    pub webhook_url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            organizations: vec![Organization::example()],
            api_keys: Vec::new(),
            settings: Settings::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idempotency_key: false,
            requests_per_minute: 300,
            latency_ms: 0,
            list_lag_ms: 0,
            declared_list_lag_s: 60,
            effect_within_s: 600,
            print_form_delay_ms: 0,
            webhook_url: String::new(),
        }
    }
}

impl Organization {
    /// The organisation of the contract's examples.
    pub fn example() -> Self {
        Self {
            id: Id::from_bits(0x9722_52c5_6551_4ec4_90ad_cb5b_2964_90cb),
            name: "Общество с ограниченной ответственностью «Северный свет»".to_owned(),
            short_name: Some("ООО «Северный свет»".to_owned()),
            inn: "7805124561".to_owned(),
            kpp: Some("780501001".to_owned()),
            ogrn: Some("1037805012343".to_owned()),
            address: Some("190020, г. Санкт-Петербург, ул. Заводская, д. 7".to_owned()),
            time_zone: moscow(),
            closed_through: Some(jiff::civil::date(2025, 12, 31)),
            tariff_paid: true,
            bank_accounts: vec![BankAccount {
                id: Id::from_bits(0xc019_99df_7dc3_4f5a_b815_f7cd_3557_3012),
                account_number: "40702810200000012345".to_owned(),
                bik: "044525225".to_owned(),
                bank_name: Some("ПАО «Сбербанк»".to_owned()),
                corr_account: Some("30101810400000000225".to_owned()),
                city: Some("г. Москва".to_owned()),
                is_main: true,
                closed: false,
            }],
        }
    }
}

fn moscow() -> String {
    "Europe/Moscow".to_owned()
}

fn yes() -> bool {
    true
}
