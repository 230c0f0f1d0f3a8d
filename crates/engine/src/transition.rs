//! The life of an effect: from its state and what came of the last try to its next state.
//!
//! Pure. The store applies the change, the reconciler asks; nobody else decides about sending again.
//! The whole is drawn in `docs/reference/states.md`, which a test compares with this file.
//!
//! `sent` and `unknown` are one here: whoever finds an effect `sent` at the beginning of a look finds what a former
//! pass left behind, for no two passes look at one subject.

use std::time::Duration;

use jiff::Timestamp;
use planted::Bug;
use rand::Rng;
use store::{Effect, EffectChange, EffectState, MAX_ATTEMPTS};

use crate::backoff::Backoff;
use crate::clock::{later, until};
use crate::outcome::{Failure, LookUp, Outcome};
use crate::settings::EffectSettings;
use domain::Verdict;

/// What an outcome changes, and when the subject is worth another look because of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// To be recorded; none where nothing is learnt (a late outcome of a settled effect, an absence that proves
    /// nothing yet).
    pub change: Option<EffectChange>,
    /// The next look for this effect; none once it is settled.
    pub again_at: Option<Timestamp>,
    /// Only a person can decide: the effect may or may not have happened, or was tried as often as is allowed.
    pub needs_person: bool,
}

impl Settlement {
    fn to(change: EffectChange) -> Self {
        Self {
            change: Some(change),
            again_at: None,
            needs_person: false,
        }
    }

    fn nothing() -> Self {
        Self {
            change: None,
            again_at: None,
            needs_person: false,
        }
    }

    fn again(mut self, at: Timestamp) -> Self {
        self.again_at = Some(at);
        self
    }

    fn ask_person(mut self) -> Self {
        self.needs_person = true;
        self
    }
}

/// What becomes of `effect` after `outcome`.
///
/// - A yes, or being found, settles it for good; so does a refusal, but not of a repetition of what is unknown.
/// - Surely without effect: back to `intended` with a growing, jittered `not_before`; after
///   [`MAX_ATTEMPTS`] counted attempts a person is asked. A repetition of what is unknown leaves it unknown.
/// - Anything doubtful: `unknown`, looked up at once, and never sent again before its absence is proved:
///   [`EffectSettings::absent_looks_apart`] between two looks, both after the stored `quiet_until`.
pub fn transition(
    effect: &Effect,
    outcome: Outcome,
    settings: &EffectSettings,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Settlement {
    match effect.state {
        EffectState::Done | EffectState::Refused | EffectState::Superseded => Settlement::nothing(),
        EffectState::Intended => adopt_if_found(outcome),
        EffectState::Sent | EffectState::Unknown => match outcome {
            Outcome::Answered(outcome) => Settlement::to(EffectChange::Done { outcome }),
            // Nobody sends what is unknown, so it was the look-up that failed: that says nothing of the write.
            Outcome::Failed(failure) if effect.state == EffectState::Unknown => {
                look_up_failed(&failure, settings, now)
            }
            Outcome::Failed(failure) => after_failure(effect, failure, settings, now, rng),
            Outcome::LookedUp(seen) => after_look_up(effect, seen, settings, now, rng),
        },
    }
}

/// Whether an effect that is neither sent nor settled may be sent no more without a person.
pub fn is_exhausted(effect: &Effect) -> bool {
    effect.attempt >= MAX_ATTEMPTS
}

/// Somebody else's work, found before ours was sent, takes its place; nothing else concerns what was never sent.
fn adopt_if_found(outcome: Outcome) -> Settlement {
    match outcome {
        Outcome::LookedUp(LookUp::Found(outcome)) => Settlement::to(EffectChange::Done { outcome }),
        Outcome::LookedUp(
            LookUp::Absent | LookUp::CannotTell | LookUp::Failed(_) | LookUp::SafeToRepeat,
        )
        | Outcome::Answered(_)
        | Outcome::Failed(_) => Settlement::nothing(),
    }
}

fn after_failure(
    effect: &Effect,
    failure: Failure,
    settings: &EffectSettings,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Settlement {
    match failure.verdict {
        Verdict::Reject if effect.repeats => refused_again(effect, failure.error, settings, now),
        Verdict::Reject => Settlement::to(EffectChange::Refused {
            error: failure.error,
        }),
        // Unknown is a third result: it may have happened, so it is not sent again before it is looked for.
        Verdict::Verify | Verdict::Defect if planted::is(Bug::NaiveRetry) => {
            back_to_intended(effect, failure.error, now, true)
        }
        Verdict::Verify | Verdict::Defect => Settlement::to(EffectChange::Unknown {
            error: failure.error,
        })
        .again(now),
        Verdict::Reauthorize => without_effect(
            effect,
            failure.error,
            later(now, settings.after_reauthorize),
            false,
        ),
        Verdict::Retry { .. } if failure.limit => {
            let pause = failure
                .asked_pause()
                .unwrap_or_else(|| patience(effect, settings, now, rng));
            without_effect(effect, failure.error, later(now, pause), false)
        }
        Verdict::Retry { .. } => {
            let own = settings.again.delay(effect.attempt.saturating_sub(1), rng);
            let pause = failure.asked_pause().map_or(own, |asked| asked.max(own));
            without_effect(effect, failure.error, later(now, pause), true)
        }
    }
}

/// Tries that are not counted leave no number to grow by: the age of the effect is one. Half is added by chance.
fn patience(
    effect: &Effect,
    settings: &EffectSettings,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Duration {
    let Backoff { first, longest } = settings.after_limit;
    let grown = (until(effect.created_at, now) / 4).clamp(first, longest.max(first));
    Backoff::new(grown, grown).delay(0, rng)
}

fn after_look_up(
    effect: &Effect,
    seen: LookUp,
    settings: &EffectSettings,
    now: Timestamp,
    rng: &mut dyn Rng,
) -> Settlement {
    match seen {
        LookUp::Found(outcome) => Settlement::to(EffectChange::Done { outcome }),
        LookUp::Absent => after_absence(effect, settings, now),
        LookUp::Failed(failure) => look_up_failed(&failure, settings, now),
        LookUp::CannotTell => match effect.state {
            EffectState::Unknown => Settlement::nothing().ask_person(),
            _ => Settlement::to(EffectChange::Unknown {
                error: "its outcome cannot be looked up".to_owned(),
            })
            .ask_person(),
        },
        LookUp::SafeToRepeat => {
            let pause = settings.again.delay(effect.attempt.saturating_sub(1), rng);
            let error = "repeated: doing it twice is doing it once".to_owned();
            // The first repetition goes at once: whoever waits should not wait for a write that cannot do harm.
            let not_before = if effect.attempt <= 1 {
                now
            } else {
                later(now, pause)
            };
            back_to_intended(effect, error, not_before, true)
        }
    }
}

fn look_up_failed(failure: &Failure, settings: &EffectSettings, now: Timestamp) -> Settlement {
    let pause = failure.asked_pause().unwrap_or(settings.look_up_again);
    Settlement::nothing().again(later(now, pause))
}

/// An absence counts only once the effect can no longer land, and only when it was seen twice, apart from each
/// other: a list lags behind its records.
fn after_absence(effect: &Effect, settings: &EffectSettings, now: Timestamp) -> Settlement {
    let proved = || "absent in two looks after its quiet time".to_owned();
    let Some(quiet_until) = effect.quiet_until else {
        // Without a quiet time it never left: `sent` and `quiet_until` are written together.
        return back_to_intended(effect, "never sent".to_owned(), now, true);
    };
    if planted::is(Bug::AbsentAtFirstLook) {
        return back_to_intended(effect, proved(), now, true);
    }
    if now < quiet_until {
        let soon = quiet_until.min(later(now, settings.look_up_again));
        return not_found_yet(effect).again(soon);
    }
    match effect.first_absent_at {
        Some(first) if effect.absent_looks > 0 && first >= quiet_until => {
            let second_counts_from = later(first, settings.absent_looks_apart);
            if now < second_counts_from {
                Settlement::nothing().again(second_counts_from)
            } else {
                back_to_intended(effect, proved(), now, true)
            }
        }
        _ => Settlement::to(EffectChange::LookedUpAbsent)
            .again(later(now, settings.absent_looks_apart)),
    }
}

/// Whoever looks for it does not have it in the air any more.
fn not_found_yet(effect: &Effect) -> Settlement {
    match effect.state {
        EffectState::Sent => Settlement::to(EffectChange::Unknown {
            error: "not found yet".to_owned(),
        }),
        _ => Settlement::nothing(),
    }
}

/// That this sending had no effect says nothing of one that it repeated: such an effect is waited for as before.
fn without_effect(
    effect: &Effect,
    error: String,
    not_before: Timestamp,
    counts: bool,
) -> Settlement {
    if !effect.repeats {
        return back_to_intended(effect, error, not_before, counts);
    }
    Settlement::to(EffectChange::StillUnknown {
        error,
        not_before,
        counts,
    })
    .again(not_before)
}

/// A refusal is final only of what is not in the air any more: it is not repeated before its absence could be proved, and
/// looked for meanwhile.
fn refused_again(
    effect: &Effect,
    error: String,
    settings: &EffectSettings,
    now: Timestamp,
) -> Settlement {
    let quiet_until = effect.quiet_until.unwrap_or(now).max(now);
    let proof = settings.absent_looks_apart.saturating_mul(10);
    Settlement::to(EffectChange::StillUnknown {
        error,
        not_before: later(quiet_until, proof),
        counts: true,
    })
    .again(later(now, settings.look_up_again))
}

fn back_to_intended(
    effect: &Effect,
    error: String,
    not_before: Timestamp,
    counts: bool,
) -> Settlement {
    let back = Settlement::to(EffectChange::BackToIntended {
        error,
        not_before: Some(not_before),
        counts,
    });
    if counts && is_exhausted(effect) {
        back.ask_person()
    } else {
        back.again(not_before)
    }
}
