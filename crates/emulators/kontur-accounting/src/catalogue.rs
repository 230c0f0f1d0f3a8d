//! Contractors and products: what a request may hold and what the book says to it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::amount::NdsRate;
use crate::book::{Book, Stamp};
use crate::id::Id;
use crate::identifiers::{inn_fault, kpp_fault, ogrn_fault};
use crate::problem::Problem;
use crate::reader::{Faults, Fields};
use crate::records::{Contractor, Meta, Product, ProductKind, RecordState};

pub(crate) const PRODUCT_KINDS: [(&str, ProductKind); 2] = [
    ("product", ProductKind::Product),
    ("service", ProductKind::Service),
];

impl Book {
    pub(crate) fn create_contractor(
        &mut self,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Contractor>, Problem> {
        let (contractor, _) = read_contractor(request, false)?;
        self.demand_unique_contractor(&contractor, None)?;
        Ok(self.insert(contractor, stamp))
    }

    pub(crate) fn update_contractor(
        &mut self,
        id: Id,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Contractor>, Problem> {
        let former = self.contractor(id)?;
        let (contractor, revision) = read_contractor(request, true)?;
        demand_present(former.state, "Контрагент удалён")?;
        demand_revision(revision, former.meta.revision)?;
        self.demand_unique_contractor(&contractor, Some(id))?;
        let meta = former.meta.clone();
        Ok(self.replace(Contractor { meta, ..contractor }, stamp))
    }

    pub(crate) fn contractor(&self, id: Id) -> Result<Arc<Contractor>, Problem> {
        let found = self.contractors.get(id).cloned();
        found.ok_or_else(|| Problem::not_found("Контрагент", "contractorId"))
    }

    pub(crate) fn search_contractors(
        &self,
        request: &Value,
    ) -> Result<Vec<Arc<Contractor>>, Problem> {
        let search = Search::read(request, &["inn", "kpp", "name"])?;
        let (inn, kpp, name) = (
            search.wanted("inn"),
            search.wanted("kpp"),
            search.wanted("name"),
        );
        let found = self.contractors.present().filter(|contractor| {
            let names = [
                Some(contractor.name.as_str()),
                contractor.short_name.as_deref(),
            ];
            inn.is_none_or(|inn| contractor.inn.as_deref() == Some(inn))
                && kpp.is_none_or(|kpp| contractor.kpp.as_deref() == Some(kpp))
                && name.is_none_or(|name| holds(names.into_iter().flatten(), name))
        });
        Ok(search.page(found))
    }

    pub(crate) fn create_product(
        &mut self,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Product>, Problem> {
        let (product, _) = read_product(request, false)?;
        self.demand_unique_product(&product, None)?;
        Ok(self.insert(product, stamp))
    }

    pub(crate) fn update_product(
        &mut self,
        id: Id,
        request: &Value,
        stamp: Stamp,
    ) -> Result<Arc<Product>, Problem> {
        let former = self.product(id)?;
        let (product, revision) = read_product(request, true)?;
        demand_present(former.state, "Товар удалён")?;
        demand_revision(revision, former.meta.revision)?;
        self.demand_unique_product(&product, Some(id))?;
        let meta = former.meta.clone();
        Ok(self.replace(Product { meta, ..product }, stamp))
    }

    pub(crate) fn product(&self, id: Id) -> Result<Arc<Product>, Problem> {
        let found = self.products.get(id).cloned();
        found.ok_or_else(|| Problem::not_found("Товар", "productId"))
    }

    pub(crate) fn search_products(&self, request: &Value) -> Result<Vec<Arc<Product>>, Problem> {
        let search = Search::read(request, &["article", "name"])?;
        let (article, name) = (search.wanted("article"), search.wanted("name"));
        let found = self.products.present().filter(|product| {
            article.is_none_or(|article| product.article.as_deref() == Some(article))
                && name.is_none_or(|name| holds([product.name.as_str()].into_iter(), name))
        });
        Ok(search.page(found))
    }

    fn demand_unique_contractor(
        &self,
        contractor: &Contractor,
        but: Option<Id>,
    ) -> Result<(), Problem> {
        let Some(inn) = &contractor.inn else {
            return Ok(());
        };
        let twin = self.contractors.present().find(|other| {
            Some(other.meta.id) != but
                && other.inn.as_ref() == Some(inn)
                && other.kpp == contractor.kpp
        });
        let Some(twin) = twin else {
            return Ok(());
        };
        let key = match &contractor.kpp {
            Some(kpp) => format!("ИНН {inn} и КПП {kpp}"),
            None => format!("ИНН {inn} без КПП"),
        };
        let message = format!("Контрагент с {key} уже есть");
        Err(Problem::new(409, "contractorExists", message)
            .at("inn")
            .with(json!({"existingId": twin.meta.id})))
    }

    fn demand_unique_product(&self, product: &Product, but: Option<Id>) -> Result<(), Problem> {
        let name = product.name.to_lowercase();
        let mut others = self.products.present();
        let twin =
            others.find(|other| Some(other.meta.id) != but && other.name.to_lowercase() == name);
        let Some(twin) = twin else {
            return Ok(());
        };
        let message = "Товар или услуга с таким названием уже есть";
        Err(Problem::new(409, "productExists", message)
            .at("name")
            .with(json!({"existingId": twin.meta.id})))
    }
}

pub(crate) fn nds_rate(fields: &Fields<'_>, name: &'static str) -> Option<NdsRate> {
    fields.choice(name, &NdsRate::ALL.map(|rate| (rate.name(), rate)))
}

pub(crate) fn unit_code(fields: &Fields<'_>) -> Option<String> {
    let code = fields.text("unitCode", 4)?;
    let well_formed = (3..=4).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        fields.fault("outOfRange", "unitCode", "Код ОКЕИ состоит из 3 или 4 цифр");
    }
    Some(code)
}

/// Refuses a change that was meant for another version; no revision given: any version.
pub(crate) fn demand_revision(wanted: Option<u64>, present: u64) -> Result<(), Problem> {
    match wanted {
        Some(wanted) if wanted != present => {
            let message = "Запись изменилась после того, как вы её прочитали";
            Err(Problem::new(409, "revisionMismatch", message)
                .at("revision")
                .with(json!({"revision": present})))
        }
        _ => Ok(()),
    }
}

pub(crate) fn demand_present(state: RecordState, message: &str) -> Result<(), Problem> {
    match state {
        RecordState::Active => Ok(()),
        RecordState::Deleted => Err(Problem::new(409, "documentDeleted", message)),
    }
}

fn read_contractor(request: &Value, update: bool) -> Result<(Contractor, Option<u64>), Problem> {
    let faults = Faults::default();
    let read = Fields::of(request, "", &faults).map(|fields| {
        let contractor = contractor_of(&fields);
        let revision = if update {
            fields.integer("revision")
        } else {
            None
        };
        fields.finish();
        (contractor, revision)
    });
    faults.settle()?;
    read.ok_or_else(|| Problem::invalid(Vec::new()))
}

fn contractor_of(fields: &Fields<'_>) -> Contractor {
    let contractor = Contractor {
        meta: Meta::unsaved(),
        state: RecordState::Active,
        name: fields.required_text("name", 400),
        short_name: fields.text("shortName", 400),
        inn: fields.text("inn", 100),
        kpp: fields.text("kpp", 100),
        ogrn: fields.text("ogrn", 100),
        address: fields.text("address", 1000),
        post_address: fields.text("postAddress", 1000),
        email: fields.text("email", 400),
        phone: fields.text("phone", 400),
        comment: fields.text("comment", 1000),
    };
    let inn = contractor.inn.as_deref();
    if let Some((inn, reason)) = inn.and_then(|inn| Some((inn, inn_fault(inn)?))) {
        fields.fault(
            "invalidInn",
            "inn",
            format!("Неверный ИНН «{inn}»: {reason}"),
        );
    }
    let kpp = contractor.kpp.as_deref();
    if let Some((kpp, reason)) = kpp.and_then(|kpp| Some((kpp, kpp_fault(kpp)?))) {
        fields.fault(
            "invalidKpp",
            "kpp",
            format!("Неверный КПП «{kpp}»: {reason}"),
        );
    }
    if kpp.is_some() && inn.is_some_and(|inn| inn.len() == 12) {
        let message = "У предпринимателя и физического лица нет КПП";
        fields.fault("kppForSoleProprietor", "kpp", message);
    }
    let ogrn = contractor.ogrn.as_deref();
    if let Some((ogrn, reason)) = ogrn.and_then(|ogrn| Some((ogrn, ogrn_fault(ogrn)?))) {
        fields.fault(
            "invalidOgrn",
            "ogrn",
            format!("Неверный ОГРН «{ogrn}»: {reason}"),
        );
    }
    contractor
}

fn read_product(request: &Value, update: bool) -> Result<(Product, Option<u64>), Problem> {
    let faults = Faults::default();
    let read = Fields::of(request, "", &faults).map(|fields| {
        fields.need("type");
        let product = Product {
            meta: Meta::unsaved(),
            state: RecordState::Active,
            name: fields.required_text("name", 2000),
            kind: fields
                .choice("type", &PRODUCT_KINDS)
                .unwrap_or(ProductKind::Service),
            unit_name: fields.required_text("unitName", 50),
            unit_code: unit_code(&fields),
            article: fields.text("article", 900),
            price: fields.quantity("price"),
            nds_rate: nds_rate(&fields, "ndsRate"),
        };
        let revision = if update {
            fields.integer("revision")
        } else {
            None
        };
        fields.finish();
        (product, revision)
    });
    faults.settle()?;
    read.ok_or_else(|| Problem::invalid(Vec::new()))
}

/// A search: exact texts or a part of a name, and a page.
struct Search {
    wanted: Vec<(&'static str, String)>,
    offset: usize,
    limit: usize,
}

impl Search {
    fn read(request: &Value, names: &[&'static str]) -> Result<Self, Problem> {
        let faults = Faults::default();
        let mut search = Self {
            wanted: Vec::new(),
            offset: 0,
            limit: 100,
        };
        if let Some(fields) = Fields::of(request, "", &faults) {
            search.offset = page_number(&fields, "offset", 0, u64::MAX).unwrap_or(0);
            search.limit = page_number(&fields, "limit", 1, 100).unwrap_or(100);
            fields.need("filter");
            if let Some(filter) = fields.object("filter") {
                let given = names.iter().map(|name| (*name, filter.text(name, 400)));
                search.wanted = given
                    .filter_map(|(name, text)| Some((name, text?)))
                    .collect();
                filter.finish();
                if search.wanted.is_empty() {
                    fields.fault(
                        "emptyFilter",
                        "filter",
                        "Заполните хотя бы одно поле фильтра",
                    );
                }
            }
            fields.finish();
        }
        faults.settle()?;
        Ok(search)
    }

    fn wanted(&self, name: &str) -> Option<&str> {
        let mut wanted = self.wanted.iter();
        let found = wanted.find(|(known, _)| *known == name)?;
        Some(found.1.as_str())
    }

    fn page<'r, T: 'r>(&self, found: impl Iterator<Item = &'r Arc<T>>) -> Vec<Arc<T>> {
        found.skip(self.offset).take(self.limit).cloned().collect()
    }
}

fn page_number(fields: &Fields<'_>, name: &'static str, min: u64, max: u64) -> Option<usize> {
    let number = fields.integer(name)?;
    if !(min..=max).contains(&number) {
        fields.fault("outOfRange", name, format!("Нужно число от {min} до {max}"));
    }
    usize::try_from(number).ok()
}

fn holds<'n>(mut names: impl Iterator<Item = &'n str>, part: &str) -> bool {
    let part = part.to_lowercase();
    names.any(|name| name.to_lowercase().contains(&part))
}
