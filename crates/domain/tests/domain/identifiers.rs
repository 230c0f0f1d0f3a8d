//! INN, KPP, OGRN and BIK against tables. Companies' numbers are public, the others are synthetic.

use domain::{
    Bik, BikError, CounterpartyKey, CounterpartyKeyError, Inn, InnError, InnKind, Kpp, KppError,
    Ogrn, OgrnError, OgrnKind,
};

fn check_inn(input: &str, expected: Result<InnKind, InnError>) {
    assert_eq!(Inn::parse(input).map(|inn| inn.kind()), expected, "{input}");
}

#[test]
fn inn_of_an_organisation_is_read() {
    for input in [
        "7707083893",
        "7702070139",
        "7736050003",
        "7708503727",
        "6663003127",
        "7736207543",
        "1234567894",
        "0207043410",
    ] {
        check_inn(input, Ok(InnKind::Organisation));
    }
}

#[test]
fn inn_of_a_person_is_read() {
    for input in [
        "123456789047",
        "237890469200",
        "169074833710",
        "592096654214",
        "637072297126",
        "072822512352",
        "633704505200",
        "635596654237",
    ] {
        check_inn(input, Ok(InnKind::Person));
    }
}

#[test]
fn wrong_inn_is_refused_with_its_reason() {
    for (input, expected) in [
        ("7707083894", InnError::CheckDigit { position: 10 }),
        ("7707803893", InnError::CheckDigit { position: 10 }),
        ("770708389", InnError::Length { found: 9 }),
        ("77070838930", InnError::Length { found: 11 }),
        ("123456789037", InnError::CheckDigit { position: 11 }),
        ("123456789048", InnError::CheckDigit { position: 12 }),
        ("770708389O", InnError::NotDigit { position: 10 }),
        ("0000000000", InnError::AllZero),
        ("７７０７０８３８９３", InnError::NotDigit { position: 1 }),
        ("", InnError::Empty),
        ("12345678904", InnError::Length { found: 11 }),
        ("1234567890470", InnError::Length { found: 13 }),
        ("213456789047", InnError::CheckDigit { position: 11 }),
        ("12345678904O", InnError::NotDigit { position: 12 }),
        ("000000000000", InnError::AllZero),
        (
            "１２３４５６７８９０４７",
            InnError::NotDigit { position: 1 },
        ),
        ("637072297162", InnError::CheckDigit { position: 11 }),
        ("0", InnError::Length { found: 1 }),
        (" 7707083893", InnError::NotDigit { position: 1 }),
        ("7707083893 ", InnError::NotDigit { position: 11 }),
    ] {
        check_inn(input, Err(expected));
    }
}

#[test]
fn inn_of_a_person_is_masked_where_it_could_be_logged() {
    let person = Inn::parse("123456789047").unwrap();
    assert_eq!(person.masked(), "1234******47");
    assert_eq!(format!("{person:?}"), "Inn(1234******47)");
    assert_eq!(person.to_string(), "123456789047");
    assert_eq!(
        format!("{:?}", Inn::parse("7707083893").unwrap()),
        "Inn(7707083893)"
    );
    let error = Inn::parse("123456789048").unwrap_err().to_string();
    assert_eq!(error, "check digit 12 is wrong");
}

#[test]
fn kpp_is_read() {
    for input in [
        "770801001",
        "667101001",
        "997250001",
        "770543002",
        "500143001",
        "780201001",
        "7701AB001",
        "540545002",
    ] {
        assert_eq!(
            Kpp::parse(input).map(|kpp| kpp.to_string()),
            Ok(input.to_owned())
        );
    }
}

#[test]
fn wrong_kpp_is_refused_with_its_reason() {
    for (input, expected) in [
        ("77080100", KppError::Length { found: 8 }),
        ("7708010010", KppError::Length { found: 10 }),
        ("770801ОО1", KppError::Character { position: 7 }),
        ("7708a1001", KppError::Character { position: 5 }),
        ("", KppError::Empty),
        ("0", KppError::Length { found: 1 }),
        ("77O801001", KppError::Character { position: 3 }),
        ("770801 01", KppError::Character { position: 7 }),
        ("ABCD01001", KppError::Character { position: 1 }),
        ("000000000", KppError::AllZero),
        ("7708Ё1001", KppError::Character { position: 5 }),
    ] {
        assert_eq!(Kpp::parse(input), Err(expected), "{input}");
    }
}

fn check_ogrn(input: &str, expected: Result<OgrnKind, OgrnError>) {
    assert_eq!(
        Ogrn::parse(input).map(|ogrn| ogrn.kind()),
        expected,
        "{input}"
    );
}

#[test]
fn ogrn_of_an_organisation_is_read() {
    for input in [
        "1027700132195",
        "1027739609391",
        "1027700070518",
        "1037739877295",
        "1026605606620",
        "1022200525819",
        "1245005608650",
        "1035459874713",
    ] {
        check_ogrn(input, Ok(OgrnKind::Organisation));
    }
}

#[test]
fn ogrnip_is_read_also_where_the_remainder_has_two_digits() {
    for input in [
        "385768585948949",
        "321160679037740",
        "321238778932871",
        "321239380927522",
        "323384292474111",
        "323386773731970",
        "314636335386144",
        "305633160086996",
    ] {
        check_ogrn(input, Ok(OgrnKind::Entrepreneur));
    }
}

#[test]
fn wrong_ogrn_is_refused_with_its_reason() {
    let check_digit = |position| OgrnError::CheckDigit { position };
    for (input, expected) in [
        ("1027700132196", check_digit(13)),
        ("1027700123195", check_digit(13)),
        ("102770013219", OgrnError::Length { found: 12 }),
        ("10277001321950", OgrnError::Length { found: 14 }),
        ("1022500001328", check_digit(13)),
        ("1O27700132195", OgrnError::NotDigit { position: 2 }),
        ("1027700132195 ", OgrnError::NotDigit { position: 14 }),
        ("2027700132195", OgrnError::OtherRecord),
        ("1027700132190", check_digit(13)),
        ("385768585948948", check_digit(15)),
        ("38576858594894", OgrnError::Length { found: 14 }),
        ("3857685859489490", OgrnError::Length { found: 16 }),
        ("387568585948949", check_digit(15)),
        ("38576858594894O", OgrnError::NotDigit { position: 15 }),
        ("000000000000000", OgrnError::AllZero),
        ("0000000000000", OgrnError::AllZero),
        ("305633160086999", check_digit(15)),
        ("415768585948949", OgrnError::OtherRecord),
        ("", OgrnError::Empty),
    ] {
        check_ogrn(input, Err(expected));
    }
}

#[test]
fn bik_is_read_also_where_it_does_not_begin_with_04() {
    for input in [
        "044525225",
        "044525187",
        "044525974",
        "046577674",
        "044030653",
        "049805746",
        "044525000",
        "017003983",
    ] {
        assert_eq!(
            Bik::parse(input).map(|bik| bik.to_string()),
            Ok(input.to_owned())
        );
    }
}

#[test]
fn wrong_bik_is_refused_with_its_reason() {
    let not_digit = |position| BikError::NotDigit { position };
    for (input, expected) in [
        ("44525225", BikError::Length { found: 8 }),
        ("0445252250", BikError::Length { found: 10 }),
        ("04452522O", not_digit(9)),
        ("044 525225", not_digit(4)),
        ("", BikError::Empty),
        ("SABRRUMM", not_digit(1)),
        ("０44525225", not_digit(1)),
        ("044525-225", not_digit(7)),
        ("44525225.0", not_digit(9)),
        ("000000000", BikError::AllZero),
    ] {
        assert_eq!(Bik::parse(input), Err(expected), "{input}");
    }
}

#[test]
fn key_of_a_counterparty_is_inn_and_kpp() {
    let organisation: CounterpartyKey = "7707083893/770801001".parse().unwrap();
    assert_eq!(organisation.to_string(), "7707083893/770801001");
    assert!(!organisation.lacks_kpp());
    assert!("7707083893".parse::<CounterpartyKey>().unwrap().lacks_kpp());
    let person: CounterpartyKey = "123456789047".parse().unwrap();
    assert!(!person.lacks_kpp());
    assert_eq!(person.masked(), "1234******47");
    assert_eq!(
        "7707083893/".parse::<CounterpartyKey>(),
        Err(CounterpartyKeyError::Kpp(KppError::Empty))
    );
    assert_eq!(
        "770708389/770801001".parse::<CounterpartyKey>(),
        Err(CounterpartyKeyError::Inn(InnError::Length { found: 9 }))
    );
}

#[test]
fn who_has_no_inn_is_a_record_of_the_portal_and_stands_in_its_place() {
    for (text, masked) in [("contact-9", "contact-9"), ("company-7", "company-7")] {
        let key: CounterpartyKey = text.parse().unwrap();
        assert_eq!(
            (key.to_string(), key.masked()),
            (text.to_owned(), masked.to_owned())
        );
        assert_eq!(key.who.inn(), None);
        assert!(!key.lacks_kpp());
        let json = serde_json::to_value(&key).unwrap();
        assert_eq!(json, serde_json::json!({"inn": text, "kpp": null}));
        assert_eq!(
            serde_json::from_value::<CounterpartyKey>(json).unwrap(),
            key
        );
    }
    // What was stored before is read as it was.
    let before = serde_json::json!({"inn": "7707083893", "kpp": "770801001"});
    let key: CounterpartyKey = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(key.to_string(), "7707083893/770801001");
    assert_eq!(serde_json::to_value(&key).unwrap(), before);
    for text in ["contact-", "contact9", "deal-9", "contact--9", "contact-+9"] {
        assert!(text.parse::<CounterpartyKey>().is_err(), "{text}");
    }
}

#[test]
fn identifiers_in_json_are_checked_again() {
    assert_eq!(
        serde_json::to_string(&Inn::parse("0207043410").unwrap()).unwrap(),
        "\"0207043410\""
    );
    assert!(serde_json::from_str::<Inn>("\"0207043410\"").is_ok());
    assert!(serde_json::from_str::<Inn>("\"0207043411\"").is_err());
    assert!(
        serde_json::from_str::<Inn>("207043410").is_err(),
        "a number has lost its leading zero"
    );
    assert!(serde_json::from_str::<Kpp>("\"0\"").is_err());
}
