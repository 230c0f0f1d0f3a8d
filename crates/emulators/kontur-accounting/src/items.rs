//! The lines of a document: reading, discounts, VAT rates, sums.

use jiff::civil::Date;
use serde_json::Value;

use crate::amount::{Discount, LineFault, NdsRate, Sums, line_sums};
use crate::book::Book;
use crate::catalogue::{PRODUCT_KINDS, nds_rate, unit_code};
use crate::reader::Fields;
use crate::records::Item;

const MAX_ITEMS: usize = 1000;

impl Book {
    pub(crate) fn read_items(
        &mut self,
        fields: &Fields<'_>,
        date: Option<Date>,
        with_nds: bool,
        sums_with_nds: bool,
        transfer: bool,
    ) -> (Vec<Item>, Sums) {
        fields.need("items");
        let objects = fields.objects("items", MAX_ITEMS);
        let empty = fields
            .value("items")
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty);
        if empty {
            fields.fault("required", "items", "Нужна хотя бы одна позиция");
        }
        let mut items = Vec::new();
        let mut total = Some(Sums::default());
        for item in objects {
            let Some(item) = self.read_item(&item, date, with_nds, sums_with_nds, transfer) else {
                continue;
            };
            let sums = Sums {
                without_nds: item.sum_without_nds,
                nds: item.sum_nds,
                total: item.sum,
            };
            total = total.and_then(|total| total.plus(sums));
            items.push(item);
        }
        if total.is_none() {
            fields.fault("outOfRange", "items", "Слишком большая сумма документа");
        }
        (items, total.unwrap_or_default())
    }

    fn read_item(
        &mut self,
        fields: &Fields<'_>,
        date: Option<Date>,
        with_nds: bool,
        sums_with_nds: bool,
        transfer: bool,
    ) -> Option<Item> {
        let product_id = fields.id("productId");
        if product_id.is_some_and(|id| self.products.get(id).is_none()) {
            fields.fault("productNotFound", "productId", "Указанный товар не найден");
        }
        let product_kind = if transfer {
            fields.need("productType");
            fields.choice("productType", &PRODUCT_KINDS)
        } else {
            None
        };
        let product_name = fields.required_text("productName", 2000);
        let unit_name = fields.required_text("unitName", 50);
        let unit_code = unit_code(fields);
        fields.need("quantity");
        let quantity = fields.quantity("quantity");
        if quantity.is_some_and(|quantity| quantity.0 == 0) {
            fields.fault(
                "outOfRange",
                "quantity",
                "Количество должно быть больше нуля",
            );
        }
        fields.need("price");
        let price = fields.quantity("price");
        let discount = read_discount(fields);
        let nds_rate = read_item_rate(fields, with_nds, date);
        fields.finish();
        let (quantity, price, nds_rate) = (quantity?, price?, nds_rate?);
        let sums = match line_sums(quantity, price, discount, nds_rate, sums_with_nds) {
            Ok(sums) => sums,
            Err(LineFault::TooLarge) => {
                fields.fault("outOfRange", "price", "Слишком большая сумма позиции");
                return None;
            }
            Err(LineFault::DiscountAboveAmount) => {
                fields.fault("outOfRange", "discountSum", "Скидка больше суммы позиции");
                return None;
            }
        };
        Some(Item {
            id: self.fresh_id(),
            product_id,
            product_kind,
            product_name,
            unit_name,
            unit_code,
            quantity,
            price,
            discount_percent: match discount {
                Discount::Percent(percent) => Some(percent),
                Discount::None | Discount::Sum(_) => None,
            },
            discount_sum: match discount {
                Discount::Sum(sum) => Some(sum),
                Discount::None | Discount::Percent(_) => None,
            },
            nds_rate,
            sum_without_nds: sums.without_nds,
            sum_nds: sums.nds,
            sum: sums.total,
        })
    }
}

/// The last year in which a bill or document may state the former main rate.
const LAST_YEAR_OF_20: i16 = 2025;

fn read_item_rate(fields: &Fields<'_>, with_nds: bool, date: Option<Date>) -> Option<NdsRate> {
    let rate = nds_rate(fields, "ndsRate");
    let stated = fields.value("ndsRate").is_some();
    if !with_nds {
        if stated && rate.is_some_and(|rate| rate != NdsRate::WithoutNds) {
            let message = "В документе без НДС у позиции не может быть ставки";
            fields.fault("ndsRateWithoutNds", "ndsRate", message);
        }
        return Some(NdsRate::WithoutNds);
    }
    if !stated {
        let message = "В счёте с НДС у каждой позиции нужна ставка";
        fields.fault("required", "ndsRate", message);
    }
    if rate == Some(NdsRate::Nds20) && date.is_some_and(|date| date.year() > LAST_YEAR_OF_20) {
        let message = "Ставка НДС 20 % не действует с 01.01.2026";
        fields.fault("ndsRateNotInForce", "ndsRate", message);
    }
    rate
}

fn read_discount(fields: &Fields<'_>) -> Discount {
    let percent = fields.percent("discountPercent");
    let sum = fields.money("discountSum");
    match (percent, sum) {
        (None, None) => Discount::None,
        (Some(percent), None) => Discount::Percent(percent),
        (None, Some(sum)) => Discount::Sum(sum),
        (Some(_), Some(_)) => {
            let message = "Скидка задаётся либо процентом, либо суммой";
            fields.fault("twoDiscounts", "discountSum", message);
            Discount::None
        }
    }
}
