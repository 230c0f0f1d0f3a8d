//! Settlement and correspondent accounts against tables, the worked examples of order № 515 among them.

use domain::{AccountError, BankDetails, Bik, CorrespondentAccount, KeptAt, SettlementAccount};

fn settlement(account: &str, bik: &str) -> Result<KeptAt, AccountError> {
    SettlementAccount::parse(&Bik::parse(bik).unwrap(), account).map(|account| account.kept_at())
}

fn correspondent(account: &str, bik: &str) -> Result<String, AccountError> {
    CorrespondentAccount::parse(&Bik::parse(bik).unwrap(), account)
        .map(|account| account.to_string())
}

#[test]
fn account_in_a_credit_institution_is_read() {
    for (account, bik) in [
        ("40602810700000000025", "049805746"),
        ("40702810200000012345", "044525225"),
        ("40802810000000054321", "044525974"),
        ("40702810700000012345", "044525187"),
        ("40702810334673653268", "044525974"),
        ("40703810908617937541", "046577674"),
        ("40802810988200208723", "044030653"),
        ("40702810835525137790", "044525999"),
    ] {
        assert_eq!(
            settlement(account, bik),
            Ok(KeptAt::CreditInstitution),
            "{account} @ {bik}"
        );
    }
}

#[test]
fn account_in_the_bank_of_russia_is_read() {
    for (account, bik) in [
        ("40501810800002000002", "044525000"),
        ("40503810944351292212", "044030001"),
        ("40601810219510724638", "045004001"),
        ("40501810923897627113", "049805000"),
    ] {
        assert_eq!(
            settlement(account, bik),
            Ok(KeptAt::BankOfRussia),
            "{account} @ {bik}"
        );
    }
}

#[test]
fn account_in_a_clearing_currency_has_a_letter() {
    // Order № 515, example 4: `30114В84К00000000501` at BIK 044541312 stands for 30114184…
    let keys =
        (0..10).filter(|key| settlement(&format!("30114B84{key}00000000501"), "044541312").is_ok());
    let same =
        (0..10).filter(|key| settlement(&format!("30114184{key}00000000501"), "044541312").is_ok());
    let keys: Vec<u32> = keys.collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys, same.collect::<Vec<u32>>());
    let letter_outside = AccountError::Character { position: 6 };
    assert_eq!(
        settlement("30114D84000000000501", "044541312"),
        Err(letter_outside)
    );
}

#[test]
fn account_in_the_treasury_passes_unchecked() {
    assert_eq!(
        settlement("03100643000000018500", "017003983"),
        Ok(KeptAt::Treasury)
    );
    assert_eq!(
        settlement("03100643000000018500", "044525225"),
        Err(AccountError::Key)
    );
}

#[test]
fn wrong_settlement_account_is_refused_with_its_reason() {
    for (account, bik, expected) in [
        ("40702810300000012345", "044525225", AccountError::Key),
        ("40702810200000012345", "044525187", AccountError::Key),
        (
            "4070281020000001234",
            "044525225",
            AccountError::Length { found: 19 },
        ),
        (
            "407028102000000123450",
            "044525225",
            AccountError::Length { found: 21 },
        ),
        ("40702810200000012346", "044525225", AccountError::Key),
        (
            "4070281020000001234О",
            "044525225",
            AccountError::Character { position: 20 },
        ),
        (
            "4O702810200000012345",
            "044525225",
            AccountError::Character { position: 2 },
        ),
        ("", "044525225", AccountError::Empty),
        ("00000000000000000000", "044525225", AccountError::AllZero),
        (
            "30101810400000000225",
            "044525225",
            AccountError::Correspondent,
        ),
        (
            "４0702810200000012345",
            "044525225",
            AccountError::Character { position: 1 },
        ),
    ] {
        assert_eq!(settlement(account, bik), Err(expected), "{account} @ {bik}");
    }
}

#[test]
fn correspondent_account_is_read() {
    for (account, bik) in [
        ("30101810800000000746", "049805746"),
        ("30101810400000000225", "044525225"),
        ("30101810700000000187", "044525187"),
        ("30101810145250000974", "044525974"),
        ("30101810845250000999", "044525999"),
        ("30101810600000000602", "046015602"),
        ("30101810900000000603", "042202603"),
        ("30101810300000000985", "044525985"),
        ("30101810145250000411", "044525411"),
        // The treasury's single account (ЕКС), as in the requisites of the single tax payment.
        ("40102810445370000059", "017003983"),
        ("40102810545370000003", "004525988"),
    ] {
        assert_eq!(
            correspondent(account, bik),
            Ok(account.to_owned()),
            "{account} @ {bik}"
        );
    }
}

#[test]
fn wrong_correspondent_account_is_refused_with_its_reason() {
    for (account, bik, expected) in [
        ("30101810400000000226", "044525225", AccountError::Tail),
        // The key alone would pass: banks of one region share its prefix.
        ("30101810400000000225", "044525187", AccountError::Tail),
        ("30101810500000000225", "044525225", AccountError::Key),
        (
            "3010181040000000022",
            "044525225",
            AccountError::Length { found: 19 },
        ),
        (
            "301018104000000002250",
            "044525225",
            AccountError::Length { found: 21 },
        ),
        (
            "40702810200000012345",
            "044525225",
            AccountError::NotCorrespondent,
        ),
        ("30101810145250000974", "046577674", AccountError::Tail),
        (
            "30101810O00000000225",
            "044525225",
            AccountError::Character { position: 9 },
        ),
        (
            "40102810445370000059",
            "044525225",
            AccountError::NotCorrespondent,
        ),
        ("40102810545370000059", "017003983", AccountError::Key),
    ] {
        assert_eq!(
            correspondent(account, bik),
            Err(expected),
            "{account} @ {bik}"
        );
    }
}

#[test]
fn accounts_are_masked_where_they_could_be_logged() {
    let bank = crate::build::bank();
    assert_eq!(format!("{:?}", bank.account), "SettlementAccount(…2345)");
    assert_eq!(bank.account.masked(), "…2345");
    assert!(bank.account.is_rouble());
}

#[test]
fn bank_details_in_json_are_checked_again() {
    let json = serde_json::to_string(&crate::build::bank()).unwrap();
    assert_eq!(
        serde_json::from_str::<BankDetails>(&json).unwrap(),
        crate::build::bank()
    );
    let other_bank = json.replace("044525225", "044525187");
    assert!(serde_json::from_str::<BankDetails>(&other_bank).is_err());
}
