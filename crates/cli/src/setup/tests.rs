//! What `setup` chooses on a portal.

use super::{Wishes, begin, companies_of, followed, invoice_policy, next_steps, reordered};
use capability::accounting::OwnOrganisation;
use capability::portal::{Funnel as SeenFunnel, OwnInvoices, Stage, StageSemantics};
use domain::observed::{OwnCompany, Owner, Requisite};
use domain::{CompanyId, FunnelId, OrganisationId, RequisiteId, StageId};
use jiff::Timestamp;
use planner::{FormerOrder, Funnel, InvoicePolicy, Mode, Policy, SmartInvoices};
use std::collections::BTreeMap;

fn funnel(id: u64, stages: &[&str]) -> SeenFunnel {
    SeenFunnel {
        id: FunnelId(id),
        name: format!("Воронка {id}"),
        stages: stages
            .iter()
            .map(|stage| Stage {
                id: StageId::new(*stage),
                name: (*stage).to_owned(),
                semantics: StageSemantics::Process,
            })
            .collect(),
    }
}

fn portal() -> Vec<SeenFunnel> {
    vec![
        funnel(0, &["NEW", "FINAL_INVOICE", "PREPAYMENT_INVOICE", "WON"]),
        funnel(1, &["C1:NEW", "C1:INVOICE", "C1:WON"]),
        funnel(2, &["C2:NEW", "C2:WON"]),
    ]
}

fn policy(funnels: Vec<Funnel>) -> Policy {
    Policy {
        start_at: "2026-03-12T09:00:00Z".parse().unwrap(),
        administrator: None,
        accountant: None,
        fields: BTreeMap::new(),
        invoice: InvoicePolicy::default(),
        notices: planner::Notices::default(),
        pilot: None,
        money: None,
        organisations: Vec::new(),
        funnels,
    }
}

fn said(funnels: &[Funnel]) -> Vec<String> {
    funnels
        .iter()
        .map(|one| {
            let stages: Vec<&str> = one.invoice_stages.iter().map(StageId::as_str).collect();
            format!(
                "{} {:?} {} {}",
                one.id,
                one.mode,
                stages.join("+"),
                one.settle_seconds
            )
        })
        .collect()
}

#[test]
fn the_first_policy_takes_one_invoice_stage_of_each_funnel_and_only_watches() {
    let first = followed(&portal(), &Wishes::default(), &[], None).unwrap();
    assert_eq!(
        said(&first),
        [
            "0 WatchOnly PREPAYMENT_INVOICE 10",
            "1 WatchOnly C1:INVOICE 10"
        ]
    );
    let wishes = Wishes {
        funnels: vec![FunnelId(2)],
        stages: vec![StageId::new("C2:WON")],
        active: true,
        ..Wishes::default()
    };
    let one = followed(&portal(), &wishes, &[], None).unwrap();
    assert_eq!(said(&one), ["2 Active C2:WON 10"]);
}

#[test]
fn a_repeated_setup_changes_only_what_is_wished() {
    let mut first = followed(&portal(), &Wishes::default(), &[], None).unwrap();
    first[0].mode = Mode::Active;
    first[0].settle_seconds = 60;
    first[0].invoice_stages = vec![StageId::new("FINAL_INVOICE")];
    let former = policy(first);
    let again = followed(&portal(), &Wishes::default(), &[], Some(&former)).unwrap();
    assert_eq!(again, former.funnels);
    let wishes = Wishes {
        funnels: vec![FunnelId(1)],
        active: true,
        settle_seconds: Some(0),
        ..Wishes::default()
    };
    let changed = followed(&portal(), &wishes, &[], Some(&former)).unwrap();
    assert_eq!(
        said(&changed),
        ["0 Active FINAL_INVOICE 60", "1 Active C1:INVOICE 0"]
    );
}

#[test]
fn a_funnel_that_begins_beside_others_starts_then_and_theirs_goes_on() {
    let now: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
    let begun = |former: Option<&Policy>, funnel: Option<u64>, active: bool| {
        let wishes = Wishes {
            funnels: funnel.into_iter().map(FunnelId).collect(),
            active,
            ..Wishes::default()
        };
        let mut funnels = followed(&portal(), &wishes, &[], former).unwrap();
        let start_at = begin(&mut funnels, former, active, now);
        let starts: Vec<bool> = funnels
            .iter()
            .map(|one| one.start_at == Some(now))
            .collect();
        (start_at == now, starts)
    };
    // What only watched was promised nothing, and begins as one.
    let watched = policy(followed(&portal(), &Wishes::default(), &[], None).unwrap());
    assert_eq!(begun(None, None, true), (true, vec![false, false]));
    assert_eq!(
        begun(Some(&watched), None, true),
        (true, vec![false, false])
    );
    assert_eq!(
        begun(Some(&watched), None, false),
        (false, vec![false, false])
    );

    let mut at_work = watched;
    at_work.funnels[0].mode = Mode::Active;
    assert_eq!(
        begun(Some(&at_work), Some(1), true),
        (false, vec![false, true])
    );
    assert_eq!(
        begun(Some(&at_work), None, true),
        (false, vec![false, true])
    );
    assert_eq!(
        begun(Some(&at_work), Some(1), false),
        (false, vec![false, false])
    );
    // A funnel that nobody followed before.
    at_work.funnels.truncate(1);
    assert_eq!(
        begun(Some(&at_work), Some(1), true),
        (false, vec![false, true])
    );
    // What has begun goes on since then, however often `setup` is called.
    at_work = policy(followed(&portal(), &Wishes::default(), &[], None).unwrap());
    let since = "2026-05-04T06:00:00Z".parse().unwrap();
    for funnel in &mut at_work.funnels {
        (funnel.mode, funnel.start_at) = (Mode::Active, Some(since));
    }
    let mut again = followed(&portal(), &Wishes::default(), &[], Some(&at_work)).unwrap();
    assert_eq!(
        begin(&mut again, Some(&at_work), true, now),
        at_work.start_at
    );
    assert_eq!(again, at_work.funnels);
}

#[test]
fn an_order_in_which_a_stage_stood_on_the_other_side_of_the_invoice_stage_is_kept() {
    let now: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
    let set_up = |stages: &[&str], former: Option<&Policy>| {
        let seen = [funnel(0, stages)];
        let mut funnels = followed(&seen, &Wishes::default(), &[], former).unwrap();
        reordered(&mut funnels, former, now);
        policy(funnels)
    };
    let first = set_up(&["NEW", "FINAL_INVOICE", "EXECUTING", "WON"], None);
    let again = |stages: &[&str]| set_up(stages, Some(&first)).funnels.remove(0).former;
    for same in [
        ["NEW", "FINAL_INVOICE", "EXECUTING", "WON"].as_slice(),
        &["NEW", "ADDED", "FINAL_INVOICE", "EXECUTING", "WON"],
        &["NEW", "FINAL_INVOICE", "WON", "ADDED", "EXECUTING"],
    ] {
        assert!(again(same).is_empty(), "{same:?}");
    }
    let kept = [FormerOrder {
        until: now,
        stages: first.funnels[0].stages.clone(),
    }];
    for other in [
        ["NEW", "EXECUTING", "FINAL_INVOICE", "WON"].as_slice(),
        &["NEW", "FINAL_INVOICE", "WON"],
    ] {
        assert_eq!(again(other), kept, "{other:?}");
    }
    // It stays, and is kept once, however often `setup` is called.
    let second = set_up(&["NEW", "FINAL_INVOICE", "WON"], Some(&first));
    let third = set_up(&["NEW", "FINAL_INVOICE", "WON"], Some(&second));
    assert_eq!(third.funnels[0].former, kept);
}

#[test]
fn what_the_portal_does_not_have_is_a_mistake_that_lists_what_it_has() {
    for wishes in [
        Wishes {
            funnels: vec![FunnelId(9)],
            ..Wishes::default()
        },
        Wishes {
            stages: vec![StageId::new("NOWHERE")],
            ..Wishes::default()
        },
    ] {
        assert!(
            followed(&portal(), &wishes, &[], None).is_err(),
            "{wishes:?}"
        );
    }
    let none = followed(&portal()[2..], &Wishes::default(), &[], None);
    assert!(none.is_err(), "no stage is an invoice stage");
}

#[test]
fn an_own_company_is_found_by_inn_and_kpp() {
    let company = |id: u64, inn: &str, kpp: &str| OwnCompany {
        id: CompanyId(id),
        title: String::new(),
        requisites: vec![Requisite {
            id: RequisiteId(id),
            owner: Owner::Company(CompanyId(id)),
            name: String::new(),
            full_name: String::new(),
            inn: inn.to_owned(),
            kpp: kpp.to_owned(),
            ogrn: String::new(),
            director: String::new(),
            accountant: String::new(),
            address: String::new(),
            address_only: false,
            banks: Vec::new(),
        }],
    };
    let companies = [
        company(1, "7707083893", "770701001"),
        company(2, "7707083893", "770702002"),
        company(3, "500100732259", ""),
        company(4, "", ""),
    ];
    for (inn, kpp, expected) in [
        (Some("7707083893"), Some("770702002"), &[2][..]),
        (Some("7707083893"), Some("770703003"), &[]),
        (Some("7707083893"), None, &[1, 2]),
        (Some("500100732259"), None, &[3]),
        (None, None, &[]),
    ] {
        let own = OwnOrganisation {
            id: OrganisationId::new("o"),
            name: String::new(),
            inn: inn.map(str::to_owned),
            kpp: kpp.map(str::to_owned),
            test: false,
        };
        let found: Vec<u64> = companies_of(&own, &companies)
            .iter()
            .map(|company| company.id.get())
            .collect();
        assert_eq!(found, expected, "{inn:?} {kpp:?}");
    }
}

#[test]
fn what_the_portal_has_not_is_answered_with_what_it_has() {
    let told = |wishes: &Wishes| {
        let refused = followed(&portal(), wishes, &[], None).unwrap_err();
        crate::fault::told(&refused.into()).0
    };
    let funnel = Wishes {
        funnels: vec![FunnelId(77)],
        ..Wishes::default()
    };
    insta::assert_snapshot!(told(&funnel), @r"
    error: the portal has no funnel 77
    hint: name a funnel by --funnel; the technical user sees:
          0 Воронка 0
          1 Воронка 1
          2 Воронка 2
    ");
    let stage = Wishes {
        stages: vec![StageId::new("NONE")],
        ..Wishes::default()
    };
    assert!(told(&stage).contains("hint: name a stage by --stage"));
}

#[test]
fn what_becomes_of_the_portals_own_invoices_is_told_where_there_are_any() {
    let told = |rule: Option<SmartInvoices>, seen: OwnInvoices| {
        let mut policy = policy(Vec::new());
        policy.invoice.smart_invoices = rule;
        let finding = crate::check::own_invoices(&policy, &seen);
        finding.map(|finding| (finding.holds, finding.advice))
    };
    let hidden = || OwnInvoices::Hidden("ACCESS_DENIED".to_owned());
    let ignore = Some(SmartInvoices::Ignore);
    // A first policy says nothing of them.
    let first = invoice_policy(None, &Wishes::default()).smart_invoices;
    assert_eq!(told(first, OwnInvoices::None), None);
    let (holds, advice) = told(first, OwnInvoices::Some).unwrap();
    assert!(holds && advice.contains("спросим"), "{advice}");
    let (holds, advice) = told(first, hidden()).unwrap();
    assert!(!holds && advice.contains("ACCESS_DENIED"), "{advice}");
    assert_eq!(told(ignore, hidden()), None);
    let (holds, advice) = told(ignore, OwnInvoices::Some).unwrap();
    assert!(holds && advice.contains("не смотрим"), "{advice}");
}

#[test]
fn beside_a_funnel_at_work_the_next_step_begins_only_the_one_that_is_named() {
    let mut policy = policy(followed(&portal(), &Wishes::default(), &[], None).unwrap());
    let told = |policy: &Policy| -> Vec<String> {
        let steps = next_steps(policy).into_iter();
        let ways = steps.filter_map(|step| Some(step.split_once("повторите с ")?.1.to_owned()));
        ways.collect()
    };
    assert_eq!(told(&policy), ["--active"]);
    policy.funnels[0].mode = Mode::Active;
    let left = policy.funnels[1].id;
    assert_eq!(told(&policy), [format!("--active --funnel {left}")]);
    policy.funnels[1].mode = Mode::Active;
    assert_eq!(told(&policy), Vec::<String>::new());
}
