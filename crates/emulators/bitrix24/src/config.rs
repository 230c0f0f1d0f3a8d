//! What an imitated portal starts with: people, funnels, companies, deals, limits and lateness.
//!
//! Every part has a default, so an empty file is a working portal with one funnel and one seller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::required::RequiredSeed;

/// The settings and the seed of one portal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortalConfig {
    /// Stays the same when the portal is renamed.
    pub member_id: String,
    /// IANA name; dates are printed in it.
    pub time_zone: String,
    pub users: Vec<UserSeed>,
    pub departments: Vec<DepartmentSeed>,
    pub webhooks: Vec<WebhookSeed>,
    pub applications: Vec<ApplicationSeed>,
    pub outgoing_webhooks: Vec<OutgoingWebhookSeed>,
    pub funnels: Vec<FunnelSeed>,
    pub custom_fields: Vec<CustomFieldSeed>,
    pub companies: Vec<CompanySeed>,
    pub contacts: Vec<ContactSeed>,
    pub products: Vec<ProductSeed>,
    pub deals: Vec<DealSeed>,
    pub vat_rates: Vec<VatSeed>,
    pub measures: Vec<MeasureSeed>,
    pub limits: Limits,
    pub latency: Latency,
    pub events: EventSettings,
    /// How long an access token lives; an hour at the real portal.
    pub access_token_seconds: i64,
    /// `feature.get` answers.
    pub features: BTreeMap<String, bool>,
    /// The plan without REST: everything answers 403.
    pub rest_is_off: bool,
    /// A change of product rows that leaves the deal's sum alone fires an update as well.
    pub row_edit_always_fires: bool,
    /// What a delivery costs is part of a deal's automatic sum.
    pub automatic_sum_has_delivery: bool,
    /// How long a message may be edited by its author.
    pub messages_editable_seconds: i64,
    pub robots: Vec<RobotSeed>,
    /// Fields of deals that must be filled from a stage on.
    pub required_fields: Vec<RequiredSeed>,
}

impl Default for PortalConfig {
    fn default() -> Self {
        PortalConfig {
            member_id: "a223c6b3710f85df22e9377d6c4f7553".into(),
            time_zone: "Europe/Moscow".into(),
            users: vec![
                UserSeed {
                    id: 1,
                    name: "Анна".into(),
                    last_name: "Белова".into(),
                    email: "anna@portal.example".into(),
                    position: "Администратор".into(),
                    admin: true,
                    ..UserSeed::default()
                },
                UserSeed {
                    id: 6,
                    name: "Пётр".into(),
                    last_name: "Громов".into(),
                    email: "petr@portal.example".into(),
                    position: "Менеджер по продажам".into(),
                    ..UserSeed::default()
                },
                UserSeed {
                    id: 7,
                    name: "Интеграция".into(),
                    last_name: "с бухгалтерией".into(),
                    email: "robot@portal.example".into(),
                    position: "Технический пользователь".into(),
                    admin: true,
                    ..UserSeed::default()
                },
            ],
            departments: vec![DepartmentSeed {
                id: 1,
                name: "Компания".into(),
                parent: None,
                head: Some(1),
            }],
            webhooks: vec![WebhookSeed {
                user: 7,
                secret: "k3v8s1d5m2n7q4x9".into(),
                scopes: default_scopes(),
            }],
            applications: vec![ApplicationSeed::default()],
            outgoing_webhooks: Vec::new(),
            funnels: vec![FunnelSeed::common()],
            custom_fields: Vec::new(),
            companies: vec![CompanySeed::our_own()],
            contacts: Vec::new(),
            products: Vec::new(),
            deals: Vec::new(),
            vat_rates: VatSeed::russian(),
            measures: MeasureSeed::usual(),
            limits: Limits::default(),
            latency: Latency::default(),
            events: EventSettings::default(),
            features: BTreeMap::from([
                ("rest_offline_extended".into(), true),
                ("rest_auth_connector".into(), true),
            ]),
            access_token_seconds: 3600,
            rest_is_off: false,
            row_edit_always_fires: false,
            automatic_sum_has_delivery: true,
            messages_editable_seconds: 3 * 86_400,
            robots: Vec::new(),
            required_fields: Vec::new(),
        }
    }
}

pub(crate) fn default_scopes() -> Vec<String> {
    [
        "crm",
        "catalog",
        "im",
        "imbot",
        "disk",
        "user",
        "user_basic",
        "user_brief",
        "department",
        "placement",
        "bizproc",
        "userfieldconfig",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What a user may do with CRM records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    #[default]
    All,
    /// Those he is responsible for.
    Own,
    None,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserSeed {
    pub id: i64,
    pub name: String,
    pub last_name: String,
    pub email: String,
    pub position: String,
    pub active: bool,
    /// Administrator of the portal and of its CRM.
    pub admin: bool,
    /// By entity (`deal`, `contact`, `company`, `smart_invoice`); everything where not named.
    pub may_read: BTreeMap<String, Reach>,
    pub may_write: BTreeMap<String, Reach>,
    /// Deal funnels that he does not see.
    pub hidden_funnels: Vec<i64>,
    /// An extranet user is refused by the CRM altogether.
    pub extranet: bool,
    /// By their ids.
    pub departments: Vec<i64>,
    /// As he set it in his profile; empty: the portal's.
    pub time_zone: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepartmentSeed {
    pub id: i64,
    pub name: String,
    #[serde(default)]
    pub parent: Option<i64>,
    /// A user's id.
    #[serde(default)]
    pub head: Option<i64>,
}

impl Default for UserSeed {
    fn default() -> Self {
        UserSeed {
            id: 1,
            name: String::new(),
            last_name: String::new(),
            email: String::new(),
            position: String::new(),
            active: true,
            admin: false,
            may_read: BTreeMap::new(),
            may_write: BTreeMap::new(),
            hidden_funnels: Vec::new(),
            extranet: false,
            departments: vec![1],
            time_zone: String::new(),
        }
    }
}

/// An incoming webhook: `/rest/{user}/{secret}/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSeed {
    pub user: i64,
    pub secret: String,
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
}

/// A local application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApplicationSeed {
    pub client_id: String,
    pub client_secret: String,
    pub application_token: String,
    pub scopes: Vec<String>,
    /// Until it is, events are not sent and widgets are hidden.
    pub installed: bool,
    /// Whose tokens `credentials` gives.
    pub user: i64,
    /// Where the code flow returns to.
    pub redirect_uri: String,
    /// Where `ONAPPINSTALL` with tokens goes when the portal starts, as after «Переустановить»: once, so the handler
    /// must be listening by then. Empty: nobody is told.
    pub install_handler: String,
}

impl Default for ApplicationSeed {
    fn default() -> Self {
        ApplicationSeed {
            client_id: "local.66a1b2c3d4e5f6.01234567".into(),
            client_secret: "LJSl0lNB76B5YY6u0YVQ3AW0DrVADcRTwVr4y99PXU1BWQybWK".into(),
            application_token: "51856fefc120afa4b628cc82d3935cce".into(),
            scopes: default_scopes(),
            installed: true,
            user: 7,
            redirect_uri: String::new(),
            install_handler: String::new(),
        }
    }
}

/// An outgoing webhook made by hand: several events, one address, no tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingWebhookSeed {
    pub url: String,
    pub events: Vec<String>,
    pub application_token: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunnelSeed {
    /// 0 is the common funnel, whose stages have no prefix.
    pub id: i64,
    pub name: String,
    /// The usual stages where empty.
    pub stages: Vec<StageSeed>,
}

impl FunnelSeed {
    pub(crate) fn common() -> Self {
        FunnelSeed {
            id: 0,
            name: "Общая".into(),
            stages: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSeed {
    /// Without the funnel's prefix: `NEW`, `INVOICE`.
    pub id: String,
    pub name: String,
    /// `P` in progress, `S` won, `F` lost.
    #[serde(default = "in_progress")]
    pub semantics: String,
    #[serde(default)]
    pub color: String,
}

fn in_progress() -> String {
    "P".into()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldSeed {
    /// `CRM_DEAL`, `CRM_COMPANY`…
    pub entity: String,
    /// With the prefix: `UF_CRM_CONTRACT`.
    pub name: String,
    /// `string`, `date`, `file`, `money`…
    pub kind: String,
    pub label: String,
    #[serde(default)]
    pub multiple: bool,
    #[serde(default)]
    pub items: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompanySeed {
    pub title: String,
    pub is_my_company: bool,
    pub phone: String,
    pub email: String,
    pub requisites: Vec<RequisiteSeed>,
    /// Further fields by their upper-case names.
    pub fields: BTreeMap<String, Value>,
}

impl CompanySeed {
    pub(crate) fn our_own() -> Self {
        CompanySeed {
            title: "ООО «Северный ветер»".into(),
            is_my_company: true,
            phone: "+7 495 000-00-01".into(),
            email: "office@severveter.example".into(),
            requisites: vec![RequisiteSeed {
                name: "Основные реквизиты".into(),
                preset: 1,
                fields: texts(&[
                    ("RQ_INN", "7707083893"),
                    ("RQ_KPP", "770701001"),
                    ("RQ_OGRN", "1027700132195"),
                    ("RQ_COMPANY_NAME", "ООО «Северный ветер»"),
                    (
                        "RQ_COMPANY_FULL_NAME",
                        "Общество с ограниченной ответственностью «Северный ветер»",
                    ),
                    ("RQ_DIRECTOR", "Белова Анна Сергеевна"),
                    ("RQ_ACCOUNTANT", "Орлова Мария Ивановна"),
                ]),
                banks: vec![texts(&[
                    ("NAME", "Расчётный счёт"),
                    ("RQ_BANK_NAME", "ПАО СБЕРБАНК"),
                    ("RQ_BIK", "044525225"),
                    ("RQ_ACC_NUM", "40702810438000060473"),
                    ("RQ_COR_ACC_NUM", "30101810400000000225"),
                ])],
                addresses: BTreeMap::from([(
                    "6".to_owned(),
                    texts(&[
                        ("ADDRESS_1", "ул. Вавилова, 19"),
                        ("CITY", "Москва"),
                        ("POSTAL_CODE", "117312"),
                        ("COUNTRY", "Россия"),
                    ]),
                )]),
            }],
            fields: BTreeMap::new(),
        }
    }
}

/// A map of texts from pairs.
pub fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequisiteSeed {
    pub name: String,
    /// 1 organisation, 2 sole proprietor, 3 person.
    pub preset: i64,
    /// `RQ_INN` and so on.
    pub fields: BTreeMap<String, String>,
    pub banks: Vec<BTreeMap<String, String>>,
    /// By address type: `6` legal, `1` actual.
    pub addresses: BTreeMap<String, BTreeMap<String, String>>,
}

impl Default for RequisiteSeed {
    fn default() -> Self {
        RequisiteSeed {
            name: "Реквизиты".into(),
            preset: 1,
            fields: BTreeMap::new(),
            banks: Vec::new(),
            addresses: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactSeed {
    pub name: String,
    pub last_name: String,
    pub phone: String,
    pub email: String,
    /// By title.
    pub company: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSeed {
    pub name: String,
    /// A decimal number.
    pub price: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DealSeed {
    pub title: String,
    pub funnel: i64,
    /// As the portal spells it: `NEW`, `C1:NEW`. The funnel's first where empty.
    pub stage: String,
    /// By title; none where empty.
    pub company: String,
    pub responsible: i64,
    pub lines: Vec<LineSeed>,
    /// Further fields by their upper-case names.
    pub fields: BTreeMap<String, Value>,
    /// How long before the start it was made.
    pub age_hours: i64,
    /// So many of them, numbered.
    pub copies: u32,
}

impl Default for DealSeed {
    fn default() -> Self {
        DealSeed {
            title: "Сделка".into(),
            funnel: 0,
            stage: String::new(),
            company: String::new(),
            responsible: 6,
            lines: Vec::new(),
            fields: BTreeMap::new(),
            age_hours: 0,
            copies: 1,
        }
    }
}

/// A product line; numbers are decimals in text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineSeed {
    pub name: String,
    pub price: String,
    pub quantity: String,
    /// Percent; without VAT where empty.
    pub vat: String,
    pub vat_included: bool,
    /// Percent.
    pub discount: String,
    /// Roubles off each unit, without VAT; it goes before the percentage.
    pub discount_sum: String,
    /// OKEI.
    pub measure: i64,
    /// Of the catalogue; 0: a row that was typed.
    pub product: i64,
}

impl Default for LineSeed {
    fn default() -> Self {
        LineSeed {
            name: "Товар".into(),
            price: "0".into(),
            quantity: "1".into(),
            vat: String::new(),
            vat_included: true,
            discount: String::new(),
            discount_sum: String::new(),
            measure: 796,
            product: 0,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatSeed {
    pub name: String,
    /// Percent; `None` is "without VAT".
    #[serde(default)]
    pub rate: Option<String>,
}

impl VatSeed {
    fn russian() -> Vec<Self> {
        let rate = |name: &str, rate: Option<&str>| VatSeed {
            name: name.to_owned(),
            rate: rate.map(str::to_owned),
        };
        vec![
            rate("Без НДС", None),
            rate("НДС 0%", Some("0")),
            rate("НДС 5%", Some("5")),
            rate("НДС 7%", Some("7")),
            rate("НДС 10%", Some("10")),
            rate("НДС 20%", Some("20")),
            rate("НДС 22%", Some("22")),
        ]
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureSeed {
    /// OKEI.
    pub code: i64,
    pub title: String,
    pub symbol: String,
}

impl MeasureSeed {
    fn usual() -> Vec<Self> {
        [
            (6, "Метр", "м"),
            (112, "Литр", "л"),
            (163, "Грамм", "г"),
            (166, "Килограмм", "кг"),
            (356, "Час", "ч"),
            (796, "Штука", "шт"),
            (876, "Условная единица", "усл. ед"),
        ]
        .map(|(code, title, symbol)| MeasureSeed {
            code,
            title: title.into(),
            symbol: symbol.into(),
        })
        .to_vec()
    }
}

/// The portal's two limits. <https://apidocs.bitrix24.com/limits.html>
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub enabled: bool,
    /// Requests that may come at once: 50, Enterprise 250.
    pub burst: u32,
    /// Requests forgotten each second: 2, Enterprise 5.
    pub drain_per_second: u32,
    /// Summed execution time of one method of one application within ten minutes.
    pub operating_limit_ms: u64,
    /// Commands that a batch may have: 50.
    pub batch_commands: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            enabled: true,
            burst: 50,
            drain_per_second: 2,
            operating_limit_ms: 480_000,
            batch_commands: 50,
        }
    }
}

/// How long things take.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Each HTTP request.
    pub request_ms: u64,
    /// Each reading command, alone or in a batch; booked on `operating`.
    pub read_ms: u64,
    /// Each writing command.
    pub write_ms: u64,
}

/// How events reach their handlers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    pub delay_ms: u64,
    /// Up to so much more, at random: events overtake one another.
    pub jitter_ms: u64,
    pub drop_permille: u16,
    pub double_permille: u16,
    /// Held back for `shuffle_ms` more.
    pub shuffle_permille: u16,
    pub shuffle_ms: u64,
    /// A handler that does not answer within it has not got the event.
    pub handler_timeout_ms: u64,
}

impl Default for EventSettings {
    fn default() -> Self {
        EventSettings {
            delay_ms: 50,
            jitter_ms: 0,
            drop_permille: 0,
            double_permille: 0,
            shuffle_permille: 0,
            shuffle_ms: 2_000,
            handler_timeout_ms: 10_000,
        }
    }
}

/// A robot of a funnel: acts on its own a while after something happened to a deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobotSeed {
    /// When a deal enters this stage…
    #[serde(default)]
    pub on_stage: Option<String>,
    /// …or somebody other than a robot changes this field (upper-case name).
    #[serde(default)]
    pub on_field: Option<String>,
    #[serde(default)]
    pub after_ms: u64,
    pub then: RobotAction,
    /// At most so often in all.
    #[serde(default)]
    pub times: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RobotAction {
    MoveTo {
        stage: String,
    },
    SetField {
        field: String,
        value: Value,
    },
    /// Calls the handler of an application's robot (`bizproc.robot.add`).
    CallRobot {
        code: String,
        properties: BTreeMap<String, String>,
    },
    /// Posts the document to an address: the robot «Исходящий вебхук», which needs no application.
    CallAddress {
        url: String,
    },
}

#[cfg(test)]
mod tests {
    use super::PortalConfig;

    #[test]
    fn what_a_file_does_not_name_is_as_in_the_sample() {
        let sample = PortalConfig::sample();
        let hook = "[[outgoing_webhooks]]\nurl = \"http://office.test/\"\nevents = [\"ONCRMDEALUPDATE\"]\napplication_token = \"t\"\n";
        let over = PortalConfig::parse_over_sample(hook).unwrap();
        assert_eq!(over.outgoing_webhooks.len(), 1);
        assert_eq!(
            (over.funnels.len(), over.deals.len()),
            (sample.funnels.len(), sample.deals.len())
        );
        assert_eq!(over.vat_rates.len(), sample.vat_rates.len());
        let bare = PortalConfig::parse_over_sample("deals = []\n[limits]\nburst = 7\n").unwrap();
        assert!(bare.deals.is_empty());
        assert_eq!((bare.limits.burst, bare.limits.drain_per_second), (7, 2));
        let misspelt = PortalConfig::parse_over_sample("[limits]\nbrust = 7\n").unwrap_err();
        assert!(misspelt.contains("line 2"), "{misspelt}");
    }
}
