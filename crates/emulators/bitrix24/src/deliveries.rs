//! Deliveries of a deal: a person makes them on its card, methods read them. At the portal an order stands behind them;
//! here there is none.
//! <https://apidocs.bitrix24.com/api-reference/crm/universal/delivery/index.html>

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::call::{Answer, Call, Refusal};
use crate::items::rows_changed;
use crate::schema::{DEAL, EntityType, entity_type};
use crate::state::{Origin, State, Table};
use crate::value::{Map, int_of, members};

#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) deal: i64,
    pub(crate) service: String,
    pub(crate) price: Decimal,
}

#[derive(Debug, Default)]
pub(crate) struct DeliveryBook {
    deliveries: BTreeMap<i64, Delivery>,
    last_id: i64,
}

impl DeliveryBook {
    pub(crate) fn of_deal(&self, deal: i64) -> impl Iterator<Item = (i64, &Delivery)> {
        let own = self.deliveries.iter();
        own.filter(move |(_, delivery)| delivery.deal == deal)
            .map(|(id, delivery)| (*id, delivery))
    }

    /// What they cost together.
    pub(crate) fn price_of_deal(&self, deal: i64) -> Decimal {
        self.of_deal(deal)
            .fold(Decimal::ZERO, |sum, (_, delivery)| {
                sum.saturating_add(delivery.price)
            })
    }
}

/// As a person puts it on the card: the deal's one delivery, none where it costs nothing.
pub(crate) fn put(
    state: &mut State,
    entity: &EntityType,
    deal: i64,
    service: &str,
    price: Decimal,
    origin: &Origin,
) -> Result<(), Refusal> {
    if state.get(Table::Item(DEAL), deal).is_none() {
        return Err(Refusal::not_found("Element not found"));
    }
    let book = &mut state.deliveries;
    book.deliveries.retain(|_, delivery| delivery.deal != deal);
    if price > Decimal::ZERO {
        book.last_id = book.last_id.saturating_add(1);
        let delivery = Delivery {
            deal,
            service: service.to_owned(),
            price,
        };
        book.deliveries.insert(book.last_id, delivery);
    }
    let record =
        json!({"ORDER_OF": deal, "PRICE_DELIVERY": price.to_string(), "DELIVERY_NAME": service});
    let record: Map = record.as_object().cloned().unwrap_or_default();
    let id = book.last_id;
    state.note_write(origin, "delivery", id, None, Some(&record));
    rows_changed(state, entity, deal, origin);
    Ok(())
}

fn described(id: i64, delivery: &Delivery) -> Value {
    let price = delivery.price.to_string().parse::<f64>().unwrap_or(0.0);
    json!({
        "id": id, "accountNumber": format!("{}/{id}", delivery.deal), "deducted": "N", "dateDeducted": null,
        "deliveryId": 1, "priceDelivery": price, "currency": "RUB", "deliveryName": delivery.service,
    })
}

fn may_read(call: &Call<'_>, deal: i64) -> bool {
    let record = call.state.get(Table::Item(DEAL), deal);
    let entity = entity_type(DEAL);
    record.zip(entity).is_some_and(|(record, entity)| {
        let user = call.caller.user;
        call.state.may_read(user, entity, record)
    })
}

/// Of another kind of record, or where there are none, the list is empty. Of the filter `id` is understood.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let (of, id) = (call.int("entityTypeId"), call.int("entityId"));
    let (Some(of), Some(id)) = (of, id) else {
        let missing = if of.is_none() {
            "entityTypeId"
        } else {
            "entityId"
        };
        let text = format!("Could not find value for parameter {{{missing}}}");
        return Err(Refusal::new(400, "100", text));
    };
    if of != DEAL {
        return Ok(json!([]).into());
    }
    if !may_read(call, id) {
        return Err(Refusal::new(400, "0", "Insufficient permissions"));
    }
    let filter = call.param("filter").clone();
    let asked = ["@id", "=id", "id"]
        .into_iter()
        .find_map(|name| filter.get(name))
        .map(|ids| members(ids).into_iter().filter_map(int_of).collect());
    let asked: Option<Vec<i64>> = asked;
    let own = call.state.deliveries.of_deal(id);
    let own = own.filter(|(id, _)| asked.as_ref().is_none_or(|ids| ids.contains(id)));
    let own: Vec<Value> = own.map(|(id, one)| described(id, one)).collect();
    Ok(Value::Array(own).into())
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    let Some(id) = call.int("id") else {
        let text = "Could not find value for parameter {id}";
        return Err(Refusal::new(400, "100", text));
    };
    let found = call.state.deliveries.deliveries.get(&id);
    match found.filter(|delivery| may_read(call, delivery.deal)) {
        Some(delivery) => Ok(described(id, delivery).into()),
        None => Err(Refusal::new(400, "0", "Delivery is not found")),
    }
}
