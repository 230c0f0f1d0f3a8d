//! Taking the portal's answers apart: one method, a batch by key, a refusal, booked run time; pure.

use capability::{ConnectorError, MethodTime};
use domain::Decimal;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Effect, Refusal, other_shape, unclear_answer};

/// Why a command of a batch has no result.
pub(crate) enum Part {
    Refused(Refusal),
    Unclear(ConnectorError),
}

/// The answer of a batch, taken apart by key.
pub(crate) struct Parts {
    results: Value,
    errors: Value,
    shape: Result<(), ConnectorError>,
}

impl Parts {
    pub(crate) fn of(mut whole: Value, effect: Effect) -> Self {
        let mut part = |name: &str| {
            let part = whole
                .get_mut("result")
                .and_then(|result| result.get_mut(name));
            part.map(Value::take)
        };
        let (results, errors) = (part("result"), part("result_error"));
        // An empty map of PHP is a list; a list with items would hide which command is which.
        let known = |part: &Option<Value>| match part {
            Some(Value::Object(_)) => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) | None => false,
        };
        let shape = if known(&results) && (errors.is_none() || known(&errors)) {
            Ok(())
        } else {
            Err(other_shape(
                effect,
                "batch",
                "the answer is not one of a batch",
            ))
        };
        Self {
            results: results.unwrap_or_default(),
            errors: errors.unwrap_or_default(),
            shape,
        }
    }

    pub(crate) fn take(&mut self, key: &str, method: &str, effect: Effect) -> Result<Value, Part> {
        self.shape.clone().map_err(Part::Unclear)?;
        if let Some(refused) = self.errors.get(key) {
            return Err(Part::Refused(refusal_of(None, refused)));
        }
        self.results.get_mut(key).map(Value::take).ok_or_else(|| {
            Part::Unclear(unclear_answer(
                effect,
                method,
                "missing-key",
                "the batch answered without this command",
            ))
        })
    }
}

/// The refusal in a body, unless it tells success. `error` may be `""` or `0`, so its presence counts,
/// but beside a `result` under a status of success only a word does.
pub(crate) fn refusal(status: u16, body: &Value) -> Option<Refusal> {
    let refusal = refusal_of(Some(status), body);
    let present = body.get("error").is_some_and(|error| !error.is_null());
    let told = if (200..300).contains(&status) && body.get("result").is_some() {
        present && !matches!(refusal.code.as_str(), "" | "0")
    } else {
        present
    };
    told.then_some(refusal)
}

pub(crate) fn refusal_of(status: Option<u16>, body: &Value) -> Refusal {
    let code = match body.get("error") {
        Some(Value::String(code)) => code.to_lowercase(),
        Some(Value::Number(code)) => code.to_string(),
        _ => String::new(),
    };
    let description = body
        .get("error_description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Refusal {
        status,
        code,
        description: description.to_owned(),
    }
}

/// Seconds with a fraction, as text, to whole milliseconds.
pub(crate) fn milliseconds(value: Option<&Value>) -> Option<u64> {
    let seconds: Decimal = match value? {
        Value::Number(number) => domain::Quantity::parse(&number.to_string()).ok()?.value(),
        _ => return None,
    };
    let ms = seconds.checked_mul(Decimal::ONE_THOUSAND)?.trunc();
    u64::try_from(ms).ok()
}

/// When the window of a method ends, by our clock: the portal names the moment by its own, and its clock may be minutes off.
pub(crate) fn reset_at(time: &Value, now: Timestamp) -> Option<Timestamp> {
    let reset_at = time.get("operating_reset_at").and_then(Value::as_i64)?;
    let reset_at = Timestamp::from_second(reset_at).ok()?;
    let finished = time.get("date_finish").and_then(Value::as_str);
    let finished = finished.and_then(|finished| finished.parse::<Timestamp>().ok());
    match finished {
        // Whole seconds, of which the begun one is not told: a little late rather than early.
        Some(finished) => now.checked_add(reset_at.duration_since(finished)).ok(),
        None => Some(reset_at),
    }
}

/// One entry per method, the last: run time only grows within a batch.
pub(crate) fn latest(times: Vec<MethodTime>) -> Vec<MethodTime> {
    let mut latest: Vec<MethodTime> = Vec::new();
    for time in times {
        match latest.iter_mut().find(|known| known.method == time.method) {
            Some(known) => *known = time,
            None => latest.push(time),
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reset_is_told_by_the_portals_clock_and_kept_by_ours() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        let in_ten_minutes: Timestamp = "2026-03-12T12:10:00Z".parse().unwrap();
        for finished in [
            "2026-03-12T14:51:00+03:00",
            "2026-03-12T15:00:00+03:00",
            "2026-03-12T15:09:00+03:00",
        ] {
            let by_theirs = finished.parse::<Timestamp>().unwrap().as_second() + 600;
            let time = json!({"date_finish": finished, "operating_reset_at": by_theirs});
            assert_eq!(reset_at(&time, now), Some(in_ten_minutes), "{finished}");
        }
        let untold = json!({"operating_reset_at": in_ten_minutes.as_second()});
        assert_eq!(reset_at(&untold, now), Some(in_ten_minutes));
    }
}
