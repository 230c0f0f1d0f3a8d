//! The policy's text: read whole, refused whole.

use insta::assert_snapshot;
use planner::{Booking, OwnPaper, Pictures, Policy, PolicyError, Seller};

use crate::build::deal;

#[test]
fn a_policy_survives_its_own_text() {
    let policy = deal().policy;
    let text = policy.to_text().unwrap();
    assert_eq!(Policy::parse(&text).unwrap(), policy);
}

#[test]
fn all_faults_are_told_at_once() {
    let mut policy = deal().policy;
    policy.fields.clear();
    policy.organisations[0].time_zone = "Europe/Moskau".to_owned();
    policy.funnels[0]
        .invoice_stages
        .push(domain::StageId::new("PAID"));
    policy.funnels[0].organisation = Some(domain::OrganisationId::new("org-9"));
    let error = Policy::parse(&policy.to_text().unwrap()).unwrap_err();
    assert_snapshot!(error, @"the policy has faults: `fields` lacks `number`; `fields` lacks `date`; `fields` lacks `status`; `fields` lacks `sum`; organisation `org`: no time zone `Europe/Moskau`; funnel 0: no stage `PAID`; funnel 0: no organisation `org-9`");
}

#[test]
fn a_wrong_drag_is_forgiven_for_ten_seconds_unless_the_policy_says_otherwise() {
    let text = deal().policy.to_text().unwrap();
    let kept = text.lines().filter(|line| !line.contains("settle_seconds"));
    let silent = kept.collect::<Vec<_>>().join("\n");
    assert_ne!(silent, text.trim_end());
    let policy = Policy::parse(&silent).unwrap();
    assert_eq!(policy.funnels[0].settle_seconds, 10);
}

#[test]
fn a_policy_whose_days_to_pay_were_taken_out_has_no_last_day_to_pay() {
    let text = deal().policy.to_text().unwrap();
    let kept = text.lines().filter(|line| !line.contains("due_days"));
    let silent = kept.collect::<Vec<_>>().join("\n");
    assert_ne!(silent, text.trim_end());
    let policy = Policy::parse(&silent).unwrap();
    assert_eq!(policy.invoice.due_days, None);
    let again = Policy::parse(&policy.to_text().unwrap()).unwrap();
    assert_eq!(again, policy);
}

#[test]
fn unknown_keys_are_refused() {
    let text = format!("nonsense = 1\n{}", deal().policy.to_text().unwrap());
    assert!(matches!(Policy::parse(&text), Err(PolicyError::Text(_))));
}

#[test]
fn what_is_too_large_is_not_read() {
    let large = format!("# {}", "x".repeat(256 << 10));
    let told = Policy::parse(&large).unwrap_err().to_string();
    assert!(told.contains("more than 256 KiB"), "{told}");
}

#[test]
fn files_of_papers_stay_within_their_folder() {
    let named = |stamp: &str| {
        let mut policy = deal().policy;
        policy.invoice.layout = Some("own/invoice.typ".to_owned());
        policy.organisations[0].paper = Some(OwnPaper {
            stamp: Some(stamp.to_owned()),
            ..OwnPaper::default()
        });
        Policy::parse(&policy.to_text().unwrap())
    };
    let files = named("north/stamp.png").unwrap().paper_files();
    let keys: Vec<&str> = files.iter().map(|file| file.key.as_str()).collect();
    assert_eq!(
        keys,
        ["invoice.layout", "organisations.paper.stamp of `org`"]
    );
    for outside in [
        "",
        "/etc/passwd",
        "../stamp.png",
        "a//b.png",
        "a\\b.png",
        "c:stamp.png",
    ] {
        let told = named(outside).unwrap_err().to_string();
        assert!(told.contains("is no file of the papers' folder"), "{told}");
    }
}

#[test]
fn a_sole_trader_signs_alone() {
    let paper = OwnPaper {
        stamp: Some("stamp.png".to_owned()),
        head_signature: Some("head.png".to_owned()),
        accountant_signature: Some("accountant.png".to_owned()),
    };
    let of = |key: &str| -> Seller {
        toml::from_str(&format!(
            r#"
            party = {{ key = {key}, name = "Мы" }}
            bank = {{ account = "40702810200000012345", bik = "044525225", bank_name = "Банк" }}
            "#
        ))
        .unwrap()
    };
    let organisation = of(r#"{ inn = "7707083893", kpp = "770701001" }"#);
    assert_eq!(
        paper.pictures(&organisation),
        Pictures {
            stamp: Some("stamp.png"),
            head: Some("head.png"),
            accountant: Some("accountant.png"),
        }
    );
    assert_eq!(
        paper
            .pictures(&of(r#"{ inn = "123456789047" }"#))
            .accountant,
        None
    );
    assert_eq!(
        OwnPaper::default().pictures(&organisation),
        Pictures::default()
    );
}

#[test]
fn who_decides_about_payments_follows_from_the_other_side_where_it_is_not_said() {
    let text = include_str!("../../../../config/policy.toml");
    let decided = |text: &str, accountant_gives| {
        let policy = Policy::parse(text).unwrap().decided_by(accountant_gives);
        policy.money.unwrap().booking.unwrap()
    };
    let said = "booking = \"provodka\"";
    assert_eq!(decided(text, true), Booking::Provodka, "what is said holds");
    let open = text.replace(said, "");
    assert_ne!(open, text);
    assert_eq!(decided(&open, true), Booking::Accounting);
    assert_eq!(decided(&open, false), Booking::Provodka);
    let without = Policy::parse(&open).unwrap();
    assert!(
        !without.money.unwrap().is_accountants(),
        "nobody has said it yet"
    );
}
