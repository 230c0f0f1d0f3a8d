//! Revisions, slots, effect keys, ids and the JSON of invoices.

use domain::{
    DealId, Discount, EffectKey, FunnelId, IdError, InvoiceDraft, InvoiceStatus, PortalId, Price,
    Revision, Slot, SlotKind, StageId, VatMode, VatRate, Verdict,
};
use jiff::civil::date;

use crate::build::draft;

#[test]
fn revision_does_not_change_with_what_an_invoice_does_not_depend_on() {
    let revision = draft().revision();
    let mut other = draft();
    other.date = date(2026, 3, 1);
    other.due = None;
    other.buyer.name = "ООО «Ромашка и партнёры»".to_owned();
    other.buyer.address = Some("Москва".to_owned());
    other.lines[0].price = Price::parse("100.500").unwrap();
    assert_eq!(other.revision(), revision);
}

#[test]
fn revision_is_stable_from_version_to_version() {
    // Stored revisions are compared with fresh ones: a change here reads as "every deal was edited".
    let expected = "cdf507a26c4118def8ff39a9011ad156bd697e9ac67473adb60628c3083cb411";
    assert_eq!(draft().revision().as_str(), expected);
    assert_eq!(draft().revision().short(), &expected[..12]);
}

#[test]
fn revision_changes_with_everything_an_invoice_depends_on() {
    let changes: [fn(&mut InvoiceDraft); 16] = [
        |draft| draft.buyer.key = "6663003127/770801001".parse().unwrap(),
        |draft| draft.buyer.key.kpp = None,
        |draft| draft.seller = "org-2".parse().unwrap(),
        |draft| draft.mode = VatMode::OnTop,
        |draft| draft.currency = "USD".to_owned(),
        |draft| draft.basis = None,
        |draft| drop(draft.lines.pop()),
        |draft| draft.lines.reverse(),
        |draft| draft.lines[0].name.push('!'),
        |draft| draft.lines[0].unit.okei = None,
        |draft| draft.lines[0].unit.name = "ч".to_owned(),
        |draft| draft.lines[0].quantity = "3".parse().unwrap(),
        |draft| draft.lines[0].price = "100.51".parse().unwrap(),
        |draft| draft.lines[0].vat = VatRate::Percent20,
        |draft| draft.lines[0].discount = Some(Discount::Percent("5".parse().unwrap())),
        |draft| draft.lines[0].discount = Some(Discount::Money("5".parse().unwrap())),
    ];
    let mut seen = vec![draft().revision()];
    for change in changes {
        let mut changed = draft();
        change(&mut changed);
        let revision = changed.revision();
        assert!(
            !seen.contains(&revision),
            "change {} is not seen",
            seen.len()
        );
        seen.push(revision);
    }
}

#[test]
fn text_cannot_pass_for_another_field() {
    let mut one = draft();
    one.lines[0].name = "а\nokei=3:796".to_owned();
    one.lines[0].unit.okei = None;
    let mut other = draft();
    other.lines[0].name = "а".to_owned();
    assert_ne!(one.revision(), other.revision());
}

#[test]
fn revision_is_read_back() {
    let revision = draft().revision();
    assert_eq!(Revision::parse(revision.as_str()), Ok(revision.clone()));
    assert!(Revision::parse(&revision.as_str().to_uppercase()).is_err());
    assert!(Revision::parse("").is_err());
}

#[test]
fn draft_survives_json() {
    let json = serde_json::to_string(&draft()).unwrap();
    assert_eq!(
        serde_json::from_str::<InvoiceDraft>(&json).unwrap(),
        draft()
    );
    assert_eq!(draft().totals().unwrap().gross.to_string(), "211.00");
}

#[test]
fn effect_key_reads_as_a_path() {
    let portal = PortalId::new("a1b2");
    let key = EffectKey::invoice(&portal, DealId(4711), Slot::first(SlotKind::Whole));
    assert_eq!(key.to_string(), "a1b2/deal/4711/invoice/whole/1");
    let second = Slot::first(SlotKind::Advance).next().unwrap();
    assert_eq!(
        EffectKey::invoice(&portal, DealId(4711), second).as_str(),
        "a1b2/deal/4711/invoice/advance/2"
    );
    assert_eq!(
        Slot {
            kind: SlotKind::Rest,
            generation: u32::MAX
        }
        .next(),
        None
    );
}

#[test]
fn an_effect_key_names_its_deal_and_its_slot() {
    let (portal, deal) = (PortalId::new("a/b"), DealId(4711));
    let second = Slot::first(SlotKind::Advance).next().unwrap();
    let key = EffectKey::invoice(&portal, deal, second);
    assert_eq!(key.deal_of_invoice(&portal), Some(deal));
    assert_eq!(key.slot_of_invoice(&portal, deal), Some(second));
    assert_eq!(key.slot_of_invoice(&portal, DealId(471)), None);
    assert_eq!(key.slot_of_invoice(&PortalId::new("b"), deal), None);
    for other in ["advance/02", "advance", "advance/2/print", "whole/x"] {
        let key = EffectKey::from_stored(format!("a%2Fb/deal/4711/invoice/{other}"));
        assert_eq!(key.slot_of_invoice(&portal, deal), None, "{other}");
    }
}

#[test]
fn segments_of_an_effect_key_never_run_together() {
    let key = |portal: &str, segments: &[&str]| {
        EffectKey::of(&PortalId::new(portal), segments.iter().copied()).to_string()
    };
    assert_eq!(key("p/deal", &["1"]), "p%2Fdeal/1");
    assert_ne!(key("p", &["a/b"]), key("p", &["a", "b"]));
    assert_ne!(key("p", &["a%2Fb"]), key("p", &["a/b"]));
}

#[test]
fn ids_are_read_as_remotes_write_them() {
    assert_eq!("4711".parse(), Ok(DealId(4711)));
    assert_eq!("0".parse(), Ok(FunnelId(0)));
    assert_eq!("C3:NEW".parse(), Ok(StageId::new("C3:NEW")));
    assert_eq!("".parse::<StageId>(), Err(IdError::Empty));
    assert_eq!("".parse::<DealId>(), Err(IdError::Empty));
    for wrong in ["+5", "-5", " 5", "5.0", "18446744073709551616"] {
        assert_eq!(wrong.parse::<DealId>(), Err(IdError::NotNumeric), "{wrong}");
    }
    assert_eq!(serde_json::to_string(&DealId(7)).unwrap(), "7");
    assert_eq!(serde_json::to_string(&PortalId::new("p")).unwrap(), "\"p\"");
}

#[test]
fn stable_texts_are_the_texts_of_json() {
    for status in InvoiceStatus::ALL {
        assert_eq!(
            serde_json::to_string(&status).unwrap(),
            format!("\"{}\"", status.as_str())
        );
    }
    for kind in SlotKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    let verdict = serde_json::to_string(&Verdict::Retry { after: None }).unwrap();
    assert_eq!(verdict, r#"{"retry":{"after":null}}"#);
}
