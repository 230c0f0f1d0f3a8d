//! Types exactly as the portal spells them.
//!
//! Only fields that we use are named; everything else of an answer is dropped unread. Errors name a
//! type, never a value: values are personal. Not here: how one scalar is spelt (`scalar.rs`) and
//! what a value means (`translate.rs`).

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub(crate) use crate::scalar::{Flag, Id, Link, Moment, Rows, Text, Token};

/// A row of `crm.item.list` with `entityTypeId` 2.
/// <https://apidocs.bitrix24.com/api-reference/crm/universal/object-fields.html>
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DealItem {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) title: Text,
    /// The default funnel is 0, so this is no [`Id`] of a record that must exist.
    pub(crate) category_id: Id,
    pub(crate) stage_id: Text,
    #[serde(default)]
    pub(crate) stage_semantic_id: Text,
    #[serde(default)]
    pub(crate) closed: Flag,
    /// Templates of recurring deals are listed among the deals.
    #[serde(default)]
    pub(crate) is_recurring: Flag,
    #[serde(default)]
    pub(crate) opportunity: Token,
    #[serde(default)]
    pub(crate) is_manual_opportunity: Flag,
    #[serde(default)]
    pub(crate) currency_id: Text,
    #[serde(default)]
    pub(crate) company_id: Link,
    #[serde(default)]
    pub(crate) contact_id: Link,
    #[serde(default)]
    pub(crate) assigned_by_id: Link,
    pub(crate) created_time: Moment,
    pub(crate) updated_time: Moment,
    #[serde(default)]
    pub(crate) updated_by: Link,
    /// Custom fields under their raw names, because we ask with `useOriginalUfNames`.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// A row of `crm.item.list` of which we want no more than this.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BriefItem {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) title: Text,
    #[serde(default)]
    pub(crate) updated_time: Moment,
}

/// A deal of a sweep: what the sweep cannot do without, and the whole row where it can be read. One that cannot keeps
/// no other back.
#[derive(Clone, Debug)]
pub(crate) struct ChangedDeal {
    pub(crate) brief: BriefItem,
    pub(crate) whole: Option<DealItem>,
}

impl<'de> Deserialize<'de> for ChangedDeal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Value::deserialize(deserializer)?;
        Ok(Self {
            brief: BriefItem::deserialize(&row).map_err(D::Error::custom)?,
            whole: serde_json::from_value(row).ok(),
        })
    }
}

/// A contact of `crm.item.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactItem {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) last_name: Text,
    #[serde(default)]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) second_name: Text,
}

/// A row of `crm.item.list` of which we want one field, whichever it is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldItem {
    pub(crate) id: Id,
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

/// `result` of `crm.item.list` and `crm.stagehistory.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
pub(crate) struct Items<T> {
    pub(crate) items: Rows<T>,
}

/// `result` of `crm.item.update` and `crm.item.get`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OneItem {
    pub(crate) item: BriefItem,
}

/// `result` of `crm.item.productrow.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductRows {
    pub(crate) product_rows: Rows<ProductRow>,
}

/// A product row. `priceNetto`, `priceBrutto` and `discountSum` are rounded step by step by the
/// portal and drift by a kopeck, so they are not even read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductRow {
    pub(crate) id: Id,
    pub(crate) owner_id: Id,
    /// 0 for a row that was typed and is no product of the catalogue.
    #[serde(default)]
    pub(crate) product_id: Link,
    #[serde(default)]
    pub(crate) product_name: Text,
    pub(crate) price: Token,
    #[serde(default)]
    pub(crate) price_exclusive: Token,
    pub(crate) quantity: Token,
    /// Null is "without VAT", 0 is the rate of 0 %.
    #[serde(default)]
    pub(crate) tax_rate: Token,
    #[serde(default)]
    pub(crate) tax_included: Flag,
    #[serde(default)]
    pub(crate) measure_code: Text,
    #[serde(default)]
    pub(crate) measure_name: Text,
    #[serde(default)]
    pub(crate) sort: Token,
}

/// A row of `crm.stagehistory.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct StageEntry {
    pub(crate) id: Id,
    pub(crate) owner_id: Id,
    pub(crate) created_time: Moment,
    #[serde(default)]
    pub(crate) category_id: Link,
    #[serde(default)]
    pub(crate) stage_id: Text,
}

/// A row of `crm.requisite.link.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct RequisiteLink {
    pub(crate) entity_id: Id,
    #[serde(default)]
    pub(crate) requisite_id: Link,
    #[serde(default)]
    pub(crate) mc_requisite_id: Link,
    #[serde(default)]
    pub(crate) mc_bank_detail_id: Link,
}

/// A row of `crm.requisite.list`; ids come as text here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Requisite {
    #[serde(default)]
    pub(crate) id: Link,
    #[serde(default)]
    pub(crate) entity_type_id: Link,
    #[serde(default)]
    pub(crate) entity_id: Link,
    #[serde(default)]
    pub(crate) sort: Token,
    #[serde(default)]
    pub(crate) address_only: Flag,
    #[serde(default)]
    pub(crate) rq_company_name: Text,
    #[serde(default)]
    pub(crate) rq_company_full_name: Text,
    #[serde(default)]
    pub(crate) rq_name: Text,
    #[serde(default)]
    pub(crate) rq_last_name: Text,
    #[serde(default)]
    pub(crate) rq_first_name: Text,
    #[serde(default)]
    pub(crate) rq_second_name: Text,
    #[serde(default)]
    pub(crate) rq_inn: Text,
    #[serde(default)]
    pub(crate) rq_kpp: Text,
    #[serde(default)]
    pub(crate) rq_ogrn: Text,
    #[serde(default)]
    pub(crate) rq_ogrnip: Text,
    #[serde(default)]
    pub(crate) rq_director: Text,
    #[serde(default)]
    pub(crate) rq_ceo_name: Text,
    #[serde(default)]
    pub(crate) rq_accountant: Text,
    /// Empty until somebody changes the record for the first time.
    #[serde(default)]
    pub(crate) date_modify: Moment,
    #[serde(default)]
    pub(crate) date_create: Moment,
}

/// A row of `crm.requisite.bankdetail.list`; `ENTITY_ID` is the requisite's id.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct BankDetail {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) entity_id: Link,
    #[serde(default)]
    pub(crate) sort: Token,
    #[serde(default)]
    pub(crate) rq_bank_name: Text,
    #[serde(default)]
    pub(crate) rq_bik: Text,
    #[serde(default)]
    pub(crate) rq_acc_num: Text,
    #[serde(default)]
    pub(crate) rq_cor_acc_num: Text,
}

/// A row of `crm.address.list`; it has no id of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Address {
    pub(crate) type_id: Id,
    pub(crate) entity_id: Id,
    #[serde(default, rename = "ADDRESS_1")]
    pub(crate) street: Text,
    #[serde(default, rename = "ADDRESS_2")]
    pub(crate) flat: Text,
    #[serde(default)]
    pub(crate) city: Text,
    #[serde(default)]
    pub(crate) postal_code: Text,
    #[serde(default)]
    pub(crate) region: Text,
    #[serde(default)]
    pub(crate) province: Text,
    #[serde(default)]
    pub(crate) country: Text,
}

/// `result` of `crm.category.list`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Categories {
    pub(crate) categories: Rows<Category>,
}

/// A funnel.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Category {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) sort: Token,
}

/// A row of `crm.status.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Status {
    pub(crate) status_id: Text,
    #[serde(default)]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) sort: Token,
    #[serde(default)]
    pub(crate) semantics: Text,
}

/// A row of `crm.timeline.comment.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Comment {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) comment: Text,
}

/// `result` of `im.dialog.messages.get`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Messages {
    #[serde(default)]
    pub(crate) messages: Rows<Message>,
}

/// A chat message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) text: Text,
}

/// A row of `crm.deal.userfield.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct UserField {
    #[serde(default)]
    pub(crate) id: Text,
    pub(crate) field_name: Text,
    /// A code for programs, which people do not see.
    #[serde(default)]
    pub(crate) xml_id: Text,
    /// The items of a list; absent in other kinds of fields.
    #[serde(default)]
    pub(crate) list: Rows<ListItem>,
}

impl UserField {
    /// Whether it bears this name, which is written in capitals.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.field_name.0.to_uppercase() == name
    }
}

/// An item of a list field.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct ListItem {
    #[serde(default)]
    pub(crate) value: Text,
}

/// `result` of `event.offline.get`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OfflinePacket {
    #[serde(default)]
    pub(crate) process_id: Text,
    #[serde(default)]
    pub(crate) events: Rows<OfflineEvent>,
}

/// A change in the offline queue. `EVENT_DATA` is `false` where the portal has nothing to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct OfflineEvent {
    #[serde(default)]
    pub(crate) event_name: Text,
    #[serde(default)]
    pub(crate) event_data: Value,
    #[serde(default)]
    pub(crate) message_id: Text,
    #[serde(default)]
    pub(crate) process_id: Text,
    /// Set aside by `event.offline.error`, which we do not call.
    #[serde(default)]
    pub(crate) error: Flag,
}

/// A row of `event.get`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BoundEvent {
    #[serde(default)]
    pub(crate) event: Text,
    #[serde(default)]
    pub(crate) handler: Text,
    #[serde(default)]
    pub(crate) offline: Flag,
}

/// `result` of `profile`; names are not read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Profile {
    #[serde(default)]
    pub(crate) id: Link,
    #[serde(default)]
    pub(crate) admin: Flag,
    /// Empty where he set none.
    #[serde(default)]
    pub(crate) time_zone: Text,
}

/// `result` of `im.dialog.get`; groups of settings may come as PHP's `[]`.
/// <https://apidocs.bitrix24.com/api-reference/chats/im-dialog-get.html>
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dialog {
    /// Ours: `owner`, `manager`, `member`, …
    #[serde(default)]
    pub(crate) role: Text,
    #[serde(default)]
    pub(crate) restrictions: Value,
    #[serde(default)]
    pub(crate) permissions: Value,
}

/// `result` of `im.user.get`; names are not read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Recipient {
    pub(crate) active: Flag,
}

/// A row of `crm.item.list` with `entityTypeId` 31.
/// <https://apidocs.bitrix24.com/api-reference/crm/universal/invoice.html>
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SmartInvoice {
    pub(crate) id: Id,
    /// The deal.
    #[serde(default)]
    pub(crate) parent_id2: Link,
    #[serde(default)]
    pub(crate) updated_time: Moment,
    #[serde(default)]
    pub(crate) account_number: Text,
    /// `DT31_1:N`: the type, its funnel, the stage.
    #[serde(default)]
    pub(crate) stage_id: Text,
    #[serde(default)]
    pub(crate) opportunity: Token,
    #[serde(default)]
    pub(crate) currency_id: Text,
    /// Spelt so by the portal: one word.
    #[serde(default)]
    pub(crate) mycompany_id: Link,
    #[serde(default)]
    pub(crate) company_id: Link,
    #[serde(default)]
    pub(crate) contact_id: Link,
}

/// A row of `user.get`; names are not read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Employee {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) active: Option<Flag>,
    /// `false` where there are none.
    #[serde(
        default,
        rename = "UF_DEPARTMENT",
        deserialize_with = "rows_or_nothing"
    )]
    pub(crate) departments: Rows<Link>,
}

/// A row of `department.get`; names are not read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Department {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) parent: Link,
    #[serde(default, rename = "UF_HEAD")]
    pub(crate) head: Link,
}

fn rows_or_nothing<'de, D, T>(deserializer: D) -> Result<Rows<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    if value.is_array() || value.is_object() {
        return serde_json::from_value(value).map_err(serde::de::Error::custom);
    }
    Ok(Rows::default())
}

/// A row of `crm.vat.list`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Vat {
    #[serde(default)]
    pub(crate) active: Flag,
    /// None is "without VAT", which is not 0 %.
    #[serde(default)]
    pub(crate) rate: Token,
}

/// `result` of `app.info`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct AppInfo {
    #[serde(default)]
    pub(crate) installed: Flag,
    #[serde(default)]
    pub(crate) payment_expired: Flag,
}

/// `result` of `feature.get`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Feature {
    #[serde(default)]
    pub(crate) value: Flag,
}

/// What the token server answers.
/// <https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html>
#[derive(Clone, Deserialize)]
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    #[serde(default)]
    pub(crate) client_endpoint: String,
    pub(crate) member_id: String,
}

/// The shape is not the one we know. Says which, never what stood there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer has another shape than `{0}`")]
pub(crate) struct OtherShape(pub(crate) &'static str);

/// Reads a `result` as the type that its method promises.
pub(crate) fn read<T: DeserializeOwned>(value: Value, name: &'static str) -> Result<T, OtherShape> {
    serde_json::from_value(value).map_err(|_| OtherShape(name))
}
