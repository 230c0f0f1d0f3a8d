//! The policy's text: read whole, refused whole.

use insta::assert_snapshot;
use planner::{Policy, PolicyError};

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
