//! INN, KPP and OGRN as the service verifies them before it takes a contractor.

/// Why an INN is refused, in the words of the service.
pub(crate) fn inn_fault(inn: &str) -> Option<&'static str> {
    let Some(digits) = digits(inn) else {
        return Some("нужны только цифры");
    };
    if digits.iter().all(|digit| *digit == 0) {
        return Some("одни нули");
    }
    let valid = match digits.len() {
        10 => inn_check(&digits, &[2, 4, 10, 3, 5, 9, 4, 6, 8]),
        12 => {
            inn_check(&digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
                && inn_check(&digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8])
        }
        _ => return Some("нужно 10 или 12 цифр"),
    };
    (!valid).then_some("не сходится контрольная цифра")
}

pub(crate) fn kpp_fault(kpp: &str) -> Option<&'static str> {
    if kpp.chars().count() != 9 {
        return Some("нужно 9 знаков");
    }
    let well_formed = kpp.bytes().enumerate().all(|(at, byte)| {
        byte.is_ascii_digit() || matches!(at, 4 | 5) && byte.is_ascii_uppercase()
    });
    (!well_formed).then_some("недопустимый знак")
}

pub(crate) fn ogrn_fault(ogrn: &str) -> Option<&'static str> {
    let Some(digits) = digits(ogrn) else {
        return Some("нужны только цифры");
    };
    let divisor = match digits.len() {
        13 => 11,
        15 => 13,
        _ => return Some("нужно 13 или 15 цифр"),
    };
    let Some((check, head)) = digits.split_last() else {
        return Some("нужно 13 или 15 цифр");
    };
    let remainder = head
        .iter()
        .fold(0, |rest, digit| (rest * 10 + digit) % divisor);
    (remainder % 10 != *check).then_some("не сходится контрольная цифра")
}

/// The digit right behind the weighted ones is the check digit.
fn inn_check(digits: &[u32], weights: &[u32]) -> bool {
    let sum: u32 = digits.iter().zip(weights).map(|(d, w)| d * w).sum();
    digits.get(weights.len()) == Some(&(sum % 11 % 10))
}

fn digits(text: &str) -> Option<Vec<u32>> {
    text.bytes()
        .map(|byte| byte.is_ascii_digit().then(|| u32::from(byte - b'0')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_hold() {
        for inn in [
            "7707083893",
            "6663003127",
            "0207043410",
            "123456789047",
            "237890469200",
        ] {
            assert_eq!(inn_fault(inn), None, "{inn}");
        }
        for inn in [
            "7707083894",
            "770708389",
            "123456789037",
            "123456789048",
            "0000000000",
            "",
            "770708389О",
        ] {
            assert!(inn_fault(inn).is_some(), "{inn}");
        }
        for ogrn in [
            "1027700132195",
            "1245005608650",
            "321160679037740",
            "321238778932871",
        ] {
            assert_eq!(ogrn_fault(ogrn), None, "{ogrn}");
        }
        for ogrn in [
            "1027700132196",
            "102770013219",
            "385768585948948",
            "1O27700132195",
        ] {
            assert!(ogrn_fault(ogrn).is_some(), "{ogrn}");
        }
        for kpp in ["770801001", "7701AB001"] {
            assert_eq!(kpp_fault(kpp), None, "{kpp}");
        }
        for kpp in [
            "77080100",
            "770801ОО1",
            "7708a1001",
            "77O801001",
            "ABCD01001",
            "",
        ] {
            assert!(kpp_fault(kpp).is_some(), "{kpp}");
        }
    }
}
