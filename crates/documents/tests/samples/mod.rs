//! Invoices that together show every regime, length and oddity. Used by the tests and by
//! `examples/render.rs`, so that what is tested can also be looked at. All parties are synthetic.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each user of this module takes a part of it; the values are known to be valid"
)]

use documents::{Exemption, InvoiceFacts, InvoicePaper, Picture, Seller, Signer, Void};
use domain::{
    BankDetails, Bik, CorrespondentAccount, Decimal, Discount, Line, Money, Ogrn, Party, Price,
    Quantity, SettlementAccount, Unit, VatMode, VatRate, totals,
};
use jiff::civil::{Date, date};

/// Owned facts of one invoice.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) number: String,
    pub(crate) date: Date,
    pub(crate) due: Option<Date>,
    pub(crate) valid_until: Option<Date>,
    pub(crate) seller: Seller,
    pub(crate) buyer: Party,
    pub(crate) basis: Option<String>,
    pub(crate) mode: VatMode,
    pub(crate) lines: Vec<Line>,
    pub(crate) void: Option<Void>,
}

impl Sample {
    pub(crate) fn facts(&self) -> InvoiceFacts<'_> {
        InvoiceFacts {
            number: &self.number,
            date: self.date,
            due: self.due,
            valid_until: self.valid_until,
            seller: &self.seller,
            buyer: &self.buyer,
            basis: self.basis.as_deref(),
            mode: self.mode,
            lines: &self.lines,
            currency: "RUB",
            issued: totals(self.mode, &self.lines)
                .ok()
                .map(|sums| sums.amounts()),
            void: self.void.clone(),
        }
    }

    pub(crate) fn paper(&self) -> InvoicePaper {
        InvoicePaper::new(&self.facts()).unwrap()
    }
}

/// Every sample by its name.
pub(crate) fn all() -> Vec<(&'static str, Sample)> {
    vec![
        ("usual", usual()),
        ("on-top", on_top()),
        ("several-rates", several_rates()),
        ("several-rates-on-top", several_rates_on_top()),
        ("sole-trader-usn", sole_trader()),
        ("usn-5", one_rate(VatRate::Percent5)),
        ("usn-7", one_rate(VatRate::Percent7)),
        ("export-0", one_rate(VatRate::Zero)),
        ("rate-10", one_rate(VatRate::Percent10)),
        ("rate-20", old_rate()),
        ("exempt-operation", exempt_operation()),
        ("long-names", long_names()),
        ("stamped", stamped()),
        ("replaced", replaced()),
        ("cancelled", cancelled()),
        ("hostile", hostile()),
        ("lines-300", many_lines(300)),
        ("lines-20", many_lines(20)),
    ]
}

/// Three lines, VAT included, everything filled in.
pub(crate) fn usual() -> Sample {
    Sample {
        number: "123".to_owned(),
        date: date(2026, 2, 1),
        due: Some(date(2026, 2, 15)),
        valid_until: Some(date(2026, 2, 15)),
        seller: company(),
        buyer: party(
            "1234567894/770801001",
            "АО «Северный завод металлоконструкций»",
            None,
            "107140, г. Москва, ул. Краснопрудная, д. 7-9, стр. 1, помещ. 12",
        ),
        basis: Some("Договор поставки № 7 от 10.01.2026".to_owned()),
        mode: VatMode::Included,
        lines: vec![
            line(
                "Монтаж системы вентиляции в производственном корпусе, включая пусконаладочные \
                 работы и обучение персонала заказчика",
                ("1", "усл. ед."),
                "100000",
                VatRate::Percent22,
            ),
            line(
                "Фильтр карманный G4 592×592×600",
                ("12", "шт"),
                "2500",
                VatRate::Percent22,
            ),
            line("Выезд инженера", ("4", "ч"), "5000", VatRate::Percent22),
        ],
        void: None,
    }
}

pub(crate) fn on_top() -> Sample {
    let mut sample = usual();
    sample.mode = VatMode::OnTop;
    sample.lines[1].discount = Some(Discount::Percent(Decimal::from(5)));
    sample
}

pub(crate) fn several_rates() -> Sample {
    let mut sample = usual();
    sample.lines[1].vat = VatRate::Percent10;
    sample.lines[1].discount = Some(Discount::Money(Money::parse("100,50").unwrap()));
    sample.lines[2].vat = VatRate::Without;
    sample.lines.push(line(
        "Доставка за рубеж",
        ("1", "рейс"),
        "44000.40",
        VatRate::Zero,
    ));
    sample.seller.exemption = Some(Exemption::Operation("пп. 26 п. 2 ст. 149".to_owned()));
    sample
}

pub(crate) fn several_rates_on_top() -> Sample {
    Sample {
        mode: VatMode::OnTop,
        ..several_rates()
    }
}

pub(crate) fn sole_trader() -> Sample {
    let bik = Bik::parse("044525974").unwrap();
    let mut sample = usual();
    sample.seller = Seller {
        party: party(
            "592096654214",
            "ИП Соколова Вера Николаевна",
            Some("323384292474111"),
            "614000, Пермский край, г. Пермь, ул. Ленина, д. 50, кв. 7",
        ),
        phone: None,
        bank: BankDetails {
            account: SettlementAccount::parse(&bik, "40802810000000054321").unwrap(),
            correspondent: CorrespondentAccount::parse(&bik, "30101810145250000974").ok(),
            bank_name: "АО «ТБанк»".to_owned(),
            bik,
        },
        head: signer("Соколова В. Н."),
        accountant: Signer::default(),
        stamp: None,
        exemption: Some(Exemption::SimplifiedSystem),
        conditions: vec![],
    };
    sample.lines = vec![line(
        "Разработка логотипа",
        ("1", "шт"),
        "45000",
        VatRate::Without,
    )];
    sample.basis = None;
    sample.due = None;
    sample.valid_until = Some(date(2026, 2, 6));
    sample
}

pub(crate) fn one_rate(rate: VatRate) -> Sample {
    let mut sample = usual();
    sample.lines.iter_mut().for_each(|line| line.vat = rate);
    sample
}

/// An invoice of 2025 that is printed again later.
pub(crate) fn old_rate() -> Sample {
    let mut sample = one_rate(VatRate::Percent20);
    sample.date = date(2025, 12, 28);
    sample.due = None;
    sample
}

pub(crate) fn exempt_operation() -> Sample {
    let mut sample = one_rate(VatRate::Without);
    sample.seller.exemption = Some(Exemption::Operation("пп. 26 п. 2 ст. 149".to_owned()));
    sample
}

pub(crate) fn long_names() -> Sample {
    let mut sample = several_rates_on_top();
    sample.number = "ПТ-0000123/2026-УФА".to_owned();
    sample.seller.party.name = "Общество с ограниченной ответственностью «Научно-производственное \
        объединение высокотехнологичного приборостроения и электрооборудования имени академика \
        Константинопольского»"
        .to_owned();
    sample.seller.bank.bank_name =
        "ФИЛИАЛ «ЦЕНТРАЛЬНЫЙ» ПУБЛИЧНОГО АКЦИОНЕРНОГО ОБЩЕСТВА «СБЕРБАНК РОССИИ», Г. МОСКВА"
            .to_owned();
    sample.buyer.name = "Федеральное государственное бюджетное образовательное учреждение высшего \
        образования «Уфимский государственный нефтяной технический университет»"
        .to_owned();
    sample.lines[0].unit.name = "условная единица".to_owned();
    sample.lines[0].price = Price::parse("1234567890.125").unwrap();
    sample.lines[0].quantity = Quantity::parse("1234.567").unwrap();
    sample.seller.head.role = Some("Исполняющий обязанности генерального директора".to_owned());
    sample.seller.accountant.name = "Константинопольская-Заславская М. С.".to_owned();
    sample.seller.conditions.push(
        "Отгрузка со склада поставщика по адресу: Республика Башкортостан, Уфимский район, \
         с. Нижегородка, ул. Чапаева, д. 24, при наличии доверенности и документа, \
         удостоверяющего личность. Хранение оплаченного товара свыше десяти календарных дней \
         оплачивается отдельно."
            .to_owned(),
    );
    sample
}

/// With pictures of a stamp and a signature.
pub(crate) fn stamped() -> Sample {
    let picture = Picture::new(include_bytes!("ring.png").as_slice()).unwrap();
    let mut sample = usual();
    sample.seller.stamp = Some(picture.clone());
    sample.seller.head.signature = Some(picture);
    sample
}

pub(crate) fn replaced() -> Sample {
    Sample {
        void: Some(Void::Replaced {
            number: "124".to_owned(),
            date: date(2026, 2, 3),
        }),
        ..usual()
    }
}

pub(crate) fn cancelled() -> Sample {
    Sample {
        void: Some(Void::Cancelled),
        ..usual()
    }
}

/// What people and programs type into a CRM.
pub(crate) fn hostile() -> Sample {
    let mut sample = usual();
    sample.lines[0].name =
        "#import \"x\": * *bold* _x_ $x^2$ @ref <label> \\ // /* `raw` #panic() = heading - item \
         \u{202e}abc\u{202c}\u{200f}\ttab\nnew line"
            .to_owned();
    sample.lines[1].name = "Ж".repeat(2_000);
    sample.lines[2].name = "商品 שלום 🎁 e\u{301}".to_owned();
    sample.lines[2].unit.name = "Ц".repeat(40);
    sample.buyer.name = "*#strong[Ю]*".repeat(40);
    sample.buyer.address = Some("/".repeat(500));
    sample.basis = Some("#eval(\"1+1\")".to_owned());
    sample.number = "7\"#]*".to_owned();
    sample.seller.conditions = vec!["= #include \"/etc/passwd\"".to_owned()];
    sample
}

pub(crate) fn many_lines(count: usize) -> Sample {
    let mut sample = usual();
    sample.lines = (1..=count)
        .map(|number| {
            let name = if number % 7 == 0 {
                "Кабель силовой ВВГнг(А)-LS 3×2,5 ок (N, PE)-0,66 однопроволочный чёрный, бухта \
                 100 м, ГОСТ 31996-2012"
                    .to_owned()
            } else {
                format!("Болт М12×{number} оцинкованный")
            };
            let price = (number * 137 + 12).to_string();
            line(&name, ("100.5", "м пог."), &price, VatRate::Percent22)
        })
        .collect();
    sample
}

fn company() -> Seller {
    let bik = Bik::parse("044525225").unwrap();
    Seller {
        party: party(
            "0207043410/020701001",
            "ООО «Ромашка и партнёры»",
            Some("1035459874713"),
            "450000, Республика Башкортостан, г. Уфа, ул. Ленина, д. 10, офис 205",
        ),
        phone: Some("+7\u{a0}347\u{a0}200-00-00".to_owned()),
        bank: BankDetails {
            account: SettlementAccount::parse(&bik, "40702810200000012345").unwrap(),
            correspondent: CorrespondentAccount::parse(&bik, "30101810400000000225").ok(),
            bank_name: "ПАО Сбербанк, г. Москва".to_owned(),
            bik,
        },
        head: Signer {
            role: Some("Генеральный директор".to_owned()),
            ..signer("Петрова А. В.")
        },
        accountant: signer("Константинова М. С."),
        stamp: None,
        exemption: None,
        conditions: vec![
            "Оплата счёта означает согласие с условиями поставки. Товар отпускается по факту \
             поступления денег на расчётный счёт поставщика."
                .to_owned(),
        ],
    }
}

fn signer(name: &str) -> Signer {
    Signer {
        role: None,
        name: name.to_owned(),
        signature: None,
    }
}

fn party(key: &str, name: &str, ogrn: Option<&str>, address: &str) -> Party {
    Party {
        key: key.parse().unwrap(),
        name: name.to_owned(),
        ogrn: ogrn.map(|ogrn| Ogrn::parse(ogrn).unwrap()),
        address: Some(address.to_owned()),
    }
}

fn line(name: &str, (quantity, unit): (&str, &str), price: &str, vat: VatRate) -> Line {
    Line {
        name: name.to_owned(),
        unit: Unit {
            okei: None,
            name: unit.to_owned(),
        },
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse(price).unwrap(),
        discount: None,
        vat,
    }
}
