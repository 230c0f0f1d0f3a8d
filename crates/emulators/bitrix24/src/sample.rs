//! A portal for trying things out: two funnels, buyers of every kind, deals with lines.

use std::collections::BTreeMap;

use crate::config::{
    CompanySeed, ContactSeed, DealSeed, FunnelSeed, LineSeed, PortalConfig, ProductSeed,
    RequisiteSeed, StageSeed, texts,
};

pub(crate) fn portal() -> PortalConfig {
    PortalConfig {
        funnels: vec![
            FunnelSeed {
                id: 0,
                name: "Продажи".into(),
                stages: stages(),
            },
            FunnelSeed {
                id: 1,
                name: "Сервис".into(),
                stages: Vec::new(),
            },
        ],
        companies: vec![
            CompanySeed::our_own(),
            organisation("ООО «Ромашка»", "7728168971", "772801001", "1027700067328"),
            organisation("АО «Технопром»", "7736050003", "773601001", "1027700070518"),
            proprietor(
                "ИП Кузнецов Олег Павлович",
                "500100732259",
                "304500116000157",
            ),
            organisation("ООО «Без КПП»", "7702070139", "", "1027739609391"),
        ],
        contacts: vec![ContactSeed {
            name: "Ольга".into(),
            last_name: "Савина".into(),
            phone: "+7 900 000-00-05".into(),
            email: "olga@romashka.example".into(),
            company: "ООО «Ромашка»".into(),
        }],
        products: vec![
            ProductSeed {
                name: "Монтаж оборудования".into(),
                price: "18500".into(),
            },
            ProductSeed {
                name: "Кабель ВВГ 3х2,5".into(),
                price: "96.50".into(),
            },
        ],
        deals: vec![
            deal(
                "Поставка кабеля",
                "ООО «Ромашка»",
                vec![
                    line("Кабель ВВГ 3х2,5", "96.50", "120", "22", 6),
                    line("Доставка", "1500", "1", "22", 796),
                ],
            ),
            deal(
                "Монтаж щитовой",
                "АО «Технопром»",
                vec![line("Монтаж оборудования", "18500", "2", "22", 356)],
            ),
            deal(
                "Ремонт склада",
                "ИП Кузнецов Олег Павлович",
                vec![line("Ремонтные работы", "75000", "1", "", 876)],
            ),
            deal(
                "Пробная партия",
                "ООО «Без КПП»",
                vec![line("Светильник", "2390", "10", "22", 796)],
            ),
        ],
        ..PortalConfig::default()
    }
}

fn stages() -> Vec<StageSeed> {
    [
        ("NEW", "Новая", "P", "#39A8EF"),
        ("PREPARATION", "Согласование", "P", "#2FC6F6"),
        ("FINAL_INVOICE", "Выставить счёт", "P", "#FFA900"),
        ("EXECUTING", "В работе", "P", "#47E4C2"),
        ("WON", "Успешно", "S", "#7BD500"),
        ("LOSE", "Провалена", "F", "#FF5752"),
    ]
    .map(|(id, name, semantics, color)| StageSeed {
        id: id.into(),
        name: name.into(),
        semantics: semantics.into(),
        color: color.into(),
    })
    .to_vec()
}

fn organisation(title: &str, inn: &str, kpp: &str, ogrn: &str) -> CompanySeed {
    let mut fields = texts(&[
        ("RQ_INN", inn),
        ("RQ_OGRN", ogrn),
        ("RQ_COMPANY_NAME", title),
        ("RQ_COMPANY_FULL_NAME", title),
    ]);
    if !kpp.is_empty() {
        fields.insert("RQ_KPP".into(), kpp.into());
    }
    buyer(title, 1, fields)
}

fn proprietor(title: &str, inn: &str, ogrnip: &str) -> CompanySeed {
    let fields = texts(&[
        ("RQ_INN", inn),
        ("RQ_OGRNIP", ogrnip),
        ("RQ_NAME", title),
        ("RQ_LAST_NAME", "Кузнецов"),
        ("RQ_FIRST_NAME", "Олег"),
        ("RQ_SECOND_NAME", "Павлович"),
    ]);
    buyer(title, 2, fields)
}

fn buyer(title: &str, preset: i64, fields: BTreeMap<String, String>) -> CompanySeed {
    let address = texts(&[
        ("ADDRESS_1", "ул. Садовая, 12"),
        ("CITY", "Москва"),
        ("POSTAL_CODE", "119021"),
        ("COUNTRY", "Россия"),
    ]);
    CompanySeed {
        title: title.into(),
        requisites: vec![RequisiteSeed {
            name: "Реквизиты".into(),
            preset,
            fields,
            banks: Vec::new(),
            addresses: BTreeMap::from([("6".into(), address)]),
        }],
        ..CompanySeed::default()
    }
}

fn deal(title: &str, company: &str, lines: Vec<LineSeed>) -> DealSeed {
    DealSeed {
        title: title.into(),
        company: company.into(),
        lines,
        ..DealSeed::default()
    }
}

fn line(name: &str, price: &str, quantity: &str, vat: &str, measure: i64) -> LineSeed {
    LineSeed {
        name: name.into(),
        price: price.into(),
        quantity: quantity.into(),
        vat: vat.into(),
        measure,
        ..LineSeed::default()
    }
}
