//! `docs/reference/states.md` says what the code does: every drawn arrow is taken by it, and it takes no other.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::Verdict;
use engine::settings::EffectSettings;
use engine::{Failure, LookUp, Outcome, transition};
use serde_json::json;
use store::{
    CaseState, Effect, EffectChange, EffectState, Held, Lease, NewEffect, Record, SendDecision,
    Store,
};
use testkit::builders::{deal, invoice_effect, look, portal, sent_effect};
use testkit::seed::seeded;
use testkit::time::{at, paused};

use crate::support::{new_store, put_portal};

/// One arrow: from, to, label.
type Arrow = (String, String, String);

fn arrows_of(section: &str) -> BTreeSet<Arrow> {
    let page = include_str!("../../../../docs/reference/states.md");
    let drawn = page
        .split(&format!("## {section}"))
        .nth(1)
        .expect("the section")
        .split("```")
        .nth(1)
        .expect("a drawing");
    drawn
        .lines()
        .filter_map(|line| line.trim().split_once(" --> "))
        .filter_map(|(from, rest)| rest.split_once(": ").map(|(to, label)| (from, to, label)))
        .map(|(from, to, label)| arrow(from, to, label))
        .collect()
}

/// Everything that can come of a try, with the moment of it, in the words of the page.
fn outcomes() -> Vec<(&'static str, Outcome, u64)> {
    let limit = Failure {
        verdict: Verdict::Retry { after: None },
        limit: true,
        error: "503".to_owned(),
    };
    vec![
        ("answered yes", Outcome::Answered(json!(1)), 1),
        ("refused", Outcome::failed(Verdict::Reject, "no"), 1),
        (
            "surely without effect",
            Outcome::failed(Verdict::Retry { after: None }, "refused connection"),
            1,
        ),
        ("limit answered", Outcome::Failed(limit.clone()), 1),
        (
            "access to be renewed",
            Outcome::failed(Verdict::Reauthorize, "401"),
            1,
        ),
        (
            "outcome in doubt",
            Outcome::failed(Verdict::Verify, "timed out"),
            1,
        ),
        (
            "answer not understood",
            Outcome::failed(Verdict::Defect, "html"),
            1,
        ),
        ("found", Outcome::LookedUp(LookUp::Found(json!(1))), 1),
        (
            "look-up failed",
            Outcome::LookedUp(LookUp::Failed(limit)),
            1,
        ),
        ("safe to repeat", Outcome::LookedUp(LookUp::SafeToRepeat), 1),
        (
            "cannot be looked up",
            Outcome::LookedUp(LookUp::CannotTell),
            1,
        ),
        (
            "absent, but may still land",
            Outcome::LookedUp(LookUp::Absent),
            1,
        ),
        (
            "absent once after its quiet time",
            Outcome::LookedUp(LookUp::Absent),
            91,
        ),
        ("absence proved", Outcome::LookedUp(LookUp::Absent), 130),
    ]
}

fn state_after(effect: &Effect, outcome: Outcome, seconds: u64) -> Option<EffectState> {
    let settings = EffectSettings::default();
    let settlement = transition(effect, outcome, &settings, at(seconds), &mut seeded(1));
    let became = settlement.change.as_ref().map(|change| match change {
        EffectChange::Done { .. } => EffectState::Done,
        EffectChange::Refused { .. } => EffectState::Refused,
        EffectChange::BackToIntended { .. } | EffectChange::Reopened { .. } => {
            EffectState::Intended
        }
        EffectChange::Unknown { .. }
        | EffectChange::StillUnknown { .. }
        | EffectChange::LookedUpAbsent => EffectState::Unknown,
        EffectChange::Superseded { .. } => EffectState::Superseded,
    });
    let concerns = became.is_some() || settlement.again_at.is_some() || settlement.needs_person;
    concerns.then(|| became.unwrap_or(effect.state))
}

/// What the store does by itself or by the planner's or a person's word, in the words of the page.
const STORE_STEPS: [&str; 8] = [
    "may be sent",
    "asked for again under its key",
    "another request",
    "wanted again",
    "no longer wanted",
    "field write no longer wanted",
    "ordered anew by a person",
    "found by a new owner",
];

const MINUTE: Duration = Duration::from_secs(60);

/// A store with one effect in `state`, the lease under which it came there, and the effect as it was wanted.
async fn effect_in(state: EffectState, once: bool) -> (Store, Lease, NewEffect, i64) {
    let store = new_store().await;
    put_portal(&store, &portal()).await;
    store
        .look(&portal(), &[look(deal(4711), at(0))])
        .await
        .unwrap();
    let lease = store
        .lease_acquire("one", MINUTE, at(0))
        .await
        .unwrap()
        .unwrap();
    let wanted = NewEffect {
        once,
        ..invoice_effect(4711)
    };
    let later = NewEffect {
        not_before: Some(at(10)),
        ..wanted.clone()
    };
    let held = store
        .effects_send(&lease, &[later], 0, at(0))
        .await
        .unwrap();
    let SendDecision::Held {
        effect,
        why: Held::NotBefore,
    } = &held[0]
    else {
        panic!("{held:?}")
    };
    let id = effect.id;
    if matches!(state, EffectState::Sent | EffectState::Unknown) {
        store
            .effects_send(&lease, std::slice::from_ref(&wanted), 0, at(10))
            .await
            .unwrap();
    }
    let text = "as planted".to_owned();
    let change = match state {
        EffectState::Intended | EffectState::Sent => return (store, lease, wanted, id),
        EffectState::Unknown => EffectChange::Unknown { error: text },
        EffectState::Done => EffectChange::Done { outcome: json!(1) },
        EffectState::Refused => EffectChange::Refused { error: text },
        EffectState::Superseded => EffectChange::Superseded { reason: text },
    };
    let record = Record {
        effects: vec![(id, change)],
        ..Record::default()
    };
    store.record(&lease, record, at(11)).await.unwrap();
    (store, lease, wanted, id)
}

/// Where `step` takes an effect from `state`; none where the store refuses or nothing changes.
async fn after_step(step: &str, state: EffectState) -> Option<EffectState> {
    let (store, lease, wanted, id) = effect_in(state, step != "field write no longer wanted").await;
    let now = at(20);
    let other = NewEffect {
        request_hash: "revision-2".to_owned(),
        not_before: Some(at(99)),
        ..wanted.clone()
    };
    let reason = "by order".to_owned();
    let change = |change| Record {
        effects: vec![(id, change)],
        ..Record::default()
    };
    let done = match step {
        "may be sent" => store
            .effects_send(&lease, &[wanted], 0, now)
            .await
            .map(drop),
        "asked for again under its key" => {
            let again = NewEffect {
                repeatable: true,
                ..wanted
            };
            store.effects_send(&lease, &[again], 0, now).await.map(drop)
        }
        "another request" | "wanted again" => {
            store.effects_send(&lease, &[other], 0, now).await.map(drop)
        }
        "ordered anew by a person" => {
            return store
                .record(&lease, change(EffectChange::Reopened { reason }), now)
                .await
                .ok()
                .map(|()| EffectState::Intended);
        }
        "found by a new owner" => store.lease_acquire("two", MINUTE, at(100)).await.map(drop),
        _ => {
            store
                .record(&lease, change(EffectChange::Superseded { reason }), now)
                .await
        }
    };
    done.ok()?;
    let became = store
        .effect_get(&portal(), id)
        .await
        .unwrap()
        .unwrap()
        .state;
    (became != state).then_some(became)
}

/// The arrows that the store takes.
fn taken_by_the_store() -> BTreeSet<Arrow> {
    let mut taken = BTreeSet::from([arrow("[*]", "intended", "wanted")]);
    for (step, state) in STORE_STEPS
        .iter()
        .flat_map(|step| EffectState::ALL.map(|state| (*step, state)))
    {
        // One word for one way: dropped and refused effects come back by different orders, and are not "sent".
        let meant = match step {
            "may be sent" => state == EffectState::Intended,
            "asked for again under its key" => state == EffectState::Unknown,
            "another request" => state == EffectState::Refused,
            "wanted again" => state == EffectState::Superseded,
            "field write no longer wanted" => {
                matches!(state, EffectState::Sent | EffectState::Unknown)
            }
            _ => true,
        };
        if let Some(became) = paused(after_step(step, state)).filter(|_| meant) {
            taken.insert(arrow(state.as_str(), became.as_str(), step));
        }
    }
    taken
}

fn arrow(from: &str, to: &str, label: &str) -> Arrow {
    (from.to_owned(), to.to_owned(), label.to_owned())
}

#[test]
fn the_drawing_of_effects_is_what_the_code_does() {
    let mut taken = taken_by_the_store();
    for (state, (label, outcome, seconds)) in EffectState::ALL
        .into_iter()
        .flat_map(|state| outcomes().into_iter().map(move |row| (state, row)))
    {
        let mut effect = sent_effect(state, 1, at(0));
        if label == "absence proved" {
            (effect.absent_looks, effect.first_absent_at) = (1, Some(at(95)));
        }
        let label = match (state, &outcome) {
            // The page draws look-ups that settle nothing where they belong: `sent` is looked up as `unknown`.
            (EffectState::Sent, Outcome::LookedUp(LookUp::Absent | LookUp::Failed(_))) => continue,
            (EffectState::Unknown, Outcome::Failed(_)) => "look-up failed",
            (EffectState::Intended, Outcome::LookedUp(LookUp::Found(_))) => "found made already",
            _ => label,
        };
        let failed = matches!(outcome, Outcome::Failed(_));
        let again = state_after(&effect, outcome.clone(), seconds);
        if let Some(to) = again {
            taken.insert(arrow(state.as_str(), to.as_str(), label));
        }
        // A repetition under its key says of the former sending only that it happened, or that it never will.
        if state == EffectState::Sent && failed {
            let repetition = Effect {
                repeats: true,
                ..effect
            };
            let to = state_after(&repetition, outcome, seconds).unwrap();
            if again != Some(to) {
                let label = "repetition without effect";
                taken.insert(arrow(state.as_str(), to.as_str(), label));
            }
        }
    }
    assert_eq!(arrows_of("Effect"), taken);
}

#[test]
fn attempts_that_do_not_count_are_named_so() {
    for (label, outcome, seconds) in outcomes() {
        let effect = sent_effect(EffectState::Sent, 3, at(0));
        let settlement = transition(
            &effect,
            outcome,
            &EffectSettings::default(),
            at(seconds),
            &mut seeded(1),
        );
        if let Some(EffectChange::BackToIntended { counts, .. }) = settlement.change {
            assert_eq!(
                counts,
                !["limit answered", "access to be renewed"].contains(&label),
                "{label}"
            );
        }
    }
}

#[test]
fn the_drawing_of_cases_has_the_states_of_the_code() {
    let drawn: BTreeSet<String> = arrows_of("Case").into_iter().map(|(_, to, _)| to).collect();
    let known: BTreeSet<String> = [CaseState::Open, CaseState::Answered, CaseState::Withdrawn]
        .iter()
        .map(|state| state.as_str().to_owned())
        .collect();
    assert_eq!(drawn, known);
    assert_eq!(
        Duration::from_secs(30),
        EffectSettings::default().absent_looks_apart,
        "as the page says"
    );
    assert_eq!(8, store::MAX_ATTEMPTS, "as the page says");
}
