//! The life of an effect, by a table and over random lives.

use std::time::Duration;

use domain::Verdict;
use engine::clock::later;
use engine::settings::EffectSettings;
use engine::{Failure, LookUp, Outcome, Settlement, transition};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use store::{Effect, EffectChange, EffectState};
use testkit::builders::sent_effect;
use testkit::seed::seeded;
use testkit::time::at;

fn settled(effect: &Effect, outcome: Outcome, seconds: u64) -> Settlement {
    transition(
        effect,
        outcome,
        &EffectSettings::default(),
        at(seconds),
        &mut seeded(1),
    )
}

fn absent() -> Outcome {
    Outcome::LookedUp(LookUp::Absent)
}

fn limit(after: Option<u64>) -> Outcome {
    let verdict = Verdict::Retry {
        after: after.map(Duration::from_secs),
    };
    Outcome::Failed(Failure {
        verdict,
        limit: true,
        error: "limit".to_owned(),
    })
}

#[test]
fn an_unknown_effect_is_looked_up_at_once_then_until_and_after_its_quiet_time() {
    let mut effect = sent_effect(EffectState::Sent, 1, at(0));
    let doubt = settled(&effect, Outcome::failed(Verdict::Verify, "timed out"), 30);
    assert_eq!(
        doubt.change,
        Some(EffectChange::Unknown {
            error: "timed out".to_owned()
        })
    );
    assert_eq!(doubt.again_at, Some(at(30)), "at once");

    effect.state = EffectState::Unknown;
    // Second of the look, the next look, whether something is recorded.
    for (second, again, recorded) in [
        (30, 45, false),
        (45, 60, false),
        (80, 90, false),
        (90, 120, true),
    ] {
        let seen = settled(&effect, absent(), second);
        assert_eq!(
            (seen.again_at, seen.change.is_some()),
            (Some(at(again)), recorded),
            "{second}"
        );
    }
    effect.absent_looks = 1;
    effect.first_absent_at = Some(at(90));
    assert_eq!(
        settled(&effect, absent(), 119),
        Settlement {
            change: None,
            again_at: Some(at(120)),
            needs_person: false
        }
    );
    let proved = settled(&effect, absent(), 120);
    let Some(EffectChange::BackToIntended {
        not_before, counts, ..
    }) = proved.change
    else {
        panic!("{proved:?}")
    };
    assert_eq!((not_before, counts), (Some(at(120)), true));
}

#[test]
fn being_found_is_adopted_at_any_moment() {
    for state in [
        EffectState::Intended,
        EffectState::Sent,
        EffectState::Unknown,
    ] {
        for second in [0, 30, 500] {
            let found = settled(
                &sent_effect(state, 1, at(0)),
                Outcome::LookedUp(LookUp::Found(json!("id"))),
                second,
            );
            assert_eq!(
                found.change,
                Some(EffectChange::Done {
                    outcome: json!("id")
                })
            );
        }
    }
}

#[test]
fn a_settled_effect_is_never_touched_again() {
    for state in [
        EffectState::Done,
        EffectState::Refused,
        EffectState::Superseded,
    ] {
        for outcome in [
            Outcome::Answered(json!(1)),
            Outcome::failed(Verdict::Reject, "no"),
            absent(),
        ] {
            let late = settled(&sent_effect(state, 1, at(0)), outcome, 500);
            assert_eq!(
                late,
                Settlement {
                    change: None,
                    again_at: None,
                    needs_person: false
                }
            );
        }
    }
}

#[test]
fn limits_are_not_counted_and_a_remotes_wish_is_honoured() {
    // Asked for, age of the effect, and the bounds of the pause, in seconds.
    let rows = [
        (None, 1, 2..=3),
        (None, 40, 10..=15),
        (None, 86_400, 300..=450),
        (Some(30), 1, 30..=30),
        (Some(0), 1, 2..=3),
        (Some(1_000_000_000), 1, 2..=3),
    ];
    for (asked, age, expected) in rows {
        let held = settled(&sent_effect(EffectState::Sent, 8, at(0)), limit(asked), age);
        let Some(EffectChange::BackToIntended {
            not_before, counts, ..
        }) = held.change
        else {
            panic!("{held:?}")
        };
        let pause = not_before.unwrap().duration_since(at(age)).as_secs();
        assert!(expected.contains(&pause), "{asked:?} {age}: {pause}");
        assert!(!counts && !held.needs_person);
    }
}

#[test]
fn the_eighth_counted_failure_asks_a_person() {
    for (attempt, asks) in [(1, false), (7, false), (8, true)] {
        let again = Outcome::failed(Verdict::Retry { after: None }, "refused connection");
        let failed = settled(&sent_effect(EffectState::Sent, attempt, at(0)), again, 1);
        assert_eq!(failed.needs_person, asks, "{attempt}");
        assert_eq!(failed.again_at.is_none(), asks, "{attempt}");
    }
}

#[test]
fn a_repetition_that_is_refused_for_now_leaves_its_first_sending_unknown() {
    let refused = Outcome::failed(Verdict::Retry { after: None }, "refused connection");
    let closed = Outcome::failed(Verdict::Reauthorize, "401");
    for (outcome, counted) in [(refused, true), (closed, false), (limit(Some(30)), false)] {
        let repetition = Effect {
            repeats: true,
            ..sent_effect(EffectState::Sent, 2, at(0))
        };
        let settled = settled(&repetition, outcome, 1);
        let Some(EffectChange::StillUnknown {
            not_before, counts, ..
        }) = settled.change
        else {
            panic!("{settled:?}")
        };
        assert_eq!(counts, counted);
        assert!(not_before > at(1));
        assert_eq!(settled.again_at, Some(not_before));
    }
}

#[test]
fn a_repetition_that_is_refused_is_looked_for_and_not_repeated_before_its_absence_can_be_proved() {
    let repetition = Effect {
        repeats: true,
        ..sent_effect(EffectState::Sent, 2, at(0))
    };
    let refused = settled(&repetition, Outcome::failed(Verdict::Reject, "no"), 1);
    let Some(EffectChange::StillUnknown {
        not_before, counts, ..
    }) = refused.change
    else {
        panic!("{refused:?}")
    };
    assert!(counts && not_before > at(90 + 30), "{not_before}");
    assert_eq!(refused.again_at, Some(at(16)));
}

#[test]
fn a_write_that_is_safe_to_repeat_is_repeated_at_once_and_then_slower() {
    let first = settled(
        &sent_effect(EffectState::Unknown, 1, at(0)),
        Outcome::LookedUp(LookUp::SafeToRepeat),
        3,
    );
    assert_eq!(first.again_at, Some(at(3)));
    let fourth = settled(
        &sent_effect(EffectState::Unknown, 4, at(0)),
        Outcome::LookedUp(LookUp::SafeToRepeat),
        3,
    );
    assert!(fourth.again_at >= Some(at(3 + 16)), "{fourth:?}");
}

// Random lives, on a model of what the store does with each change.

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Try(Outcome),
    LookUp(LookUp),
    /// The process dies and another finds the effect.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        3 => Just(Outcome::failed(Verdict::Verify, "timed out")),
        2 => Just(Outcome::failed(Verdict::Retry { after: None }, "refused connection")),
        1 => Just(Outcome::failed(Verdict::Defect, "html")),
        1 => Just(Outcome::failed(Verdict::Reauthorize, "401")),
        1 => Just(Outcome::failed(Verdict::Reject, "no")),
        2 => prop::option::of(0_u64..5_000).prop_map(limit),
    ];
    let step = prop_oneof![
        4 => (1_u64..200).prop_map(Step::Wait),
        3 => outcome.prop_map(Step::Try),
        5 => Just(Step::LookUp(LookUp::Absent)),
        1 => Just(Step::LookUp(LookUp::CannotTell)),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..200)
}

struct Life {
    /// The remote tells a repetition by its key.
    by_key: bool,
    effect: Effect,
    now: Timestamp,
    sends: Vec<Timestamp>,
    uncounted: u32,
}

impl Life {
    fn begin(by_key: bool) -> Self {
        let mut effect = sent_effect(EffectState::Intended, 0, at(0));
        (effect.sent_at, effect.quiet_until, effect.not_after) = (None, None, None);
        Self {
            by_key,
            effect,
            now: at(0),
            sends: Vec::new(),
            uncounted: 0,
        }
    }

    /// As `Store::effects_send` does.
    fn send_if_allowed(&mut self) -> bool {
        let effect = &mut self.effect;
        let repeats = self.by_key && effect.state == EffectState::Unknown;
        let may = (effect.state == EffectState::Intended || repeats)
            && effect
                .not_before
                .is_none_or(|not_before| self.now >= not_before)
            && effect.attempt < store::MAX_ATTEMPTS;
        if may {
            effect.state = EffectState::Sent;
            effect.repeats = repeats;
            effect.attempt += 1;
            effect.sent_at = Some(self.now);
            effect.quiet_until = Some(later(self.now, Duration::from_secs(90)));
            (effect.absent_looks, effect.first_absent_at) = (0, None);
            self.sends.push(self.now);
        }
        may
    }

    fn apply(&mut self, outcome: Outcome, seed: u64) {
        let settlement = transition(
            &self.effect,
            outcome,
            &EffectSettings::default(),
            self.now,
            &mut seeded(seed),
        );
        let effect = &mut self.effect;
        match settlement.change {
            None => {}
            Some(EffectChange::Done { .. }) => effect.state = EffectState::Done,
            Some(EffectChange::Refused { .. }) => effect.state = EffectState::Refused,
            Some(EffectChange::Superseded { .. }) => effect.state = EffectState::Superseded,
            Some(EffectChange::Reopened { .. }) => panic!("only a person orders that"),
            Some(EffectChange::Unknown { .. }) => effect.state = EffectState::Unknown,
            Some(EffectChange::StillUnknown {
                not_before, counts, ..
            }) => {
                effect.state = EffectState::Unknown;
                effect.not_before = Some(not_before);
                if !counts {
                    effect.attempt -= 1;
                    self.uncounted += 1;
                }
            }
            Some(EffectChange::LookedUpAbsent) => {
                effect.state = EffectState::Unknown;
                effect.absent_looks += 1;
                effect.first_absent_at.get_or_insert(self.now);
            }
            Some(EffectChange::BackToIntended {
                not_before, counts, ..
            }) => {
                effect.state = EffectState::Intended;
                effect.not_before = not_before;
                if !counts {
                    effect.attempt -= 1;
                    self.uncounted += 1;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_doubtful_is_sent_twice_before_its_absence_is_proved(steps in steps(), seed: u64) {
        let mut life = Life::begin(false);
        let mut doubtful_until: Option<Timestamp> = None;
        let mut absences_after: Vec<Timestamp> = Vec::new();
        for step in steps {
            let sent_before = life.sends.len();
            match step {
                Step::Wait(seconds) => life.now = later(life.now, Duration::from_secs(seconds)),
                Step::Try(outcome) => {
                    if life.send_if_allowed() {
                        prop_assert!(doubtful_until.is_none_or(|until| life.now >= later(until, Duration::from_secs(30))),
                            "sent again at {} though doubtful until {doubtful_until:?}", life.now);
                        prop_assert!(doubtful_until.is_none() || absences_after.len() >= 2);
                        absences_after.clear();
                        let doubt = matches!(&outcome, Outcome::Failed(failure)
                            if matches!(failure.verdict, Verdict::Verify | Verdict::Defect));
                        doubtful_until = doubt.then(|| life.effect.quiet_until.unwrap());
                        life.apply(outcome, seed);
                    }
                }
                Step::LookUp(seen) => {
                    if life.effect.state == EffectState::Unknown {
                        if seen == LookUp::Absent && doubtful_until.is_some_and(|until| life.now >= until) {
                            absences_after.push(life.now);
                        }
                        life.apply(Outcome::LookedUp(seen), seed);
                    }
                }
                Step::Crash => {
                    if life.send_if_allowed() {
                        prop_assert!(doubtful_until.is_none_or(|until| life.now >= later(until, Duration::from_secs(30))));
                        absences_after.clear();
                        doubtful_until = life.effect.quiet_until;
                        life.effect.state = EffectState::Unknown;
                    }
                }
            }
            prop_assert!(life.sends.len() <= sent_before + 1);
        }
        let counted = u32::try_from(life.sends.len()).unwrap() - life.uncounted;
        prop_assert!(counted <= store::MAX_ATTEMPTS);
        prop_assert_eq!(counted, life.effect.attempt);
    }

    #[test]
    fn what_may_have_happened_is_forgotten_by_no_repetition(steps in steps(), seed: u64) {
        let mut life = Life::begin(true);
        // Until when something that was sent may land, and the looks since then that did not find it.
        let mut doubtful_until: Option<Timestamp> = None;
        let mut absences = 0;
        for step in steps {
            match step {
                Step::Wait(seconds) => life.now = later(life.now, Duration::from_secs(seconds)),
                Step::Try(outcome) => {
                    if life.send_if_allowed() {
                        let doubt = matches!(&outcome, Outcome::Failed(failure)
                            if matches!(failure.verdict, Verdict::Verify | Verdict::Defect));
                        if doubt || doubtful_until.is_some() {
                            (doubtful_until, absences) = (life.effect.quiet_until, 0);
                        }
                        life.apply(outcome, seed);
                    }
                }
                Step::LookUp(seen) => {
                    if life.effect.state == EffectState::Unknown {
                        let counts = doubtful_until.is_some_and(|until| life.now >= until);
                        absences += u32::from(counts && seen == LookUp::Absent);
                        life.apply(Outcome::LookedUp(seen), seed);
                    }
                }
                Step::Crash => {
                    if life.send_if_allowed() {
                        (doubtful_until, absences) = (life.effect.quiet_until, 0);
                        life.effect.state = EffectState::Unknown;
                    }
                }
            }
            let given_up = [EffectState::Intended, EffectState::Refused];
            if given_up.contains(&life.effect.state) && doubtful_until.is_some() {
                prop_assert!(absences >= 2, "forgotten at {}", life.now);
                doubtful_until = None;
            }
        }
        let counted = u32::try_from(life.sends.len()).unwrap() - life.uncounted;
        prop_assert!(counted <= store::MAX_ATTEMPTS);
        prop_assert_eq!(counted, life.effect.attempt);
    }
}
