//! The same random calls on two forms of the store give the same answers: no form has a meaning of its own.

use std::fmt::Write;

use serde_json::json;
use store::*;

use crate::support::*;

/// A small generator with a printed seed; the walk must be the same on every form.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn moment(&mut self, now: i64) -> jiff::Timestamp {
        at(now + i64::try_from(self.below(60)).unwrap() - 30)
    }
}

async fn walk(db: &Db, seed: u64, steps: u32) -> String {
    let (mut chance, mut told, mut now) = (Chance(seed), String::new(), 0);
    let mut lease = leased(db, 1).await;
    let mut taken: Vec<Work> = Vec::new();
    let mut effects: Vec<i64> = Vec::new();
    for step in 0..steps {
        now += i64::try_from(chance.below(20)).unwrap();
        let id = 1 + chance.below(6);
        let lane = Lane::ALL[usize::try_from(chance.below(3)).unwrap()];
        match chance.below(10) {
            0 => db
                .store
                .accept(
                    &[NewEvent {
                        lane,
                        ..event("a", deal(id))
                    }],
                    at(now),
                )
                .await
                .unwrap(),
            1 => {
                let due_at = chance.moment(now);
                db.store
                    .look(&portal("a"), &[look(deal(id), lane, due_at)])
                    .await
                    .unwrap();
            }
            2 | 3 => {
                taken = db
                    .store
                    .work_take(&lease, lane, 3, &[deal(id)], at(now))
                    .await
                    .unwrap();
                writeln!(told, "{step} take {taken:?}").unwrap();
            }
            4 => {
                let settled = taken.drain(..).map(|work| {
                    let again = chance.below(2) == 0;
                    let next = again.then(|| (chance.moment(now), lane, String::from("again")));
                    Settled { work, next }
                });
                let record = Record {
                    settled: settled.collect(),
                    ..Record::default()
                };
                db.store.record(&lease, record, at(now)).await.unwrap();
            }
            5 | 6 => {
                let hash = format!("r{}", chance.below(3));
                let generation = u32::try_from(1 + chance.below(2)).unwrap();
                let batch = [create(id, generation, &hash), field_write(id, &hash)];
                for decision in db
                    .store
                    .effects_send(&lease, &batch, 0, at(now))
                    .await
                    .unwrap()
                {
                    writeln!(told, "{step} send {decision:?}").unwrap();
                    if let SendDecision::Send(effect) = decision {
                        effects.push(effect.id);
                    }
                }
            }
            7 | 8 if !effects.is_empty() => {
                let effect = effects[usize::try_from(chance.below(effects.len() as u64)).unwrap()];
                let change = match chance.below(7) {
                    0 => EffectChange::Done {
                        outcome: json!({ "n": step }),
                    },
                    1 => EffectChange::Refused {
                        error: String::from("no"),
                    },
                    2 => EffectChange::Unknown {
                        error: String::from("cut"),
                    },
                    3 => EffectChange::LookedUpAbsent,
                    4 => EffectChange::Superseded {
                        reason: String::from("gone"),
                    },
                    5 => EffectChange::Reopened {
                        reason: String::from("person"),
                    },
                    _ => EffectChange::BackToIntended {
                        error: String::from("503"),
                        not_before: Some(chance.moment(now)),
                        counts: chance.below(2) == 0,
                    },
                };
                let line = JournalEntry {
                    at: at(now),
                    subject: Some(deal(id)),
                    kind: String::from("effect"),
                    body: json!(step),
                };
                let record = Record {
                    effects: vec![(effect, change)],
                    journal: vec![line],
                    ..Record::default()
                };
                writeln!(
                    told,
                    "{step} change {:?}",
                    db.store
                        .record(&lease, record, at(now))
                        .await
                        .map_err(|e| e.to_string())
                )
                .unwrap();
            }
            9 => {
                db.store.lease_release(&lease).await.unwrap();
                taken.clear();
                db.store
                    .look(&portal("a"), &[look(deal(id), lane, at(now))])
                    .await
                    .unwrap();
                lease = db
                    .store
                    .lease_acquire("walker", HOUR, at(now))
                    .await
                    .unwrap()
                    .unwrap();
                writeln!(told, "{step} fence {}", lease.fence).unwrap();
            }
            _ => {
                let subjects: Vec<Subject> = (1..=6).map(deal).collect();
                writeln!(
                    told,
                    "{step} known {:?}",
                    db.store.known(&portal("a"), &subjects).await.unwrap()
                )
                .unwrap();
            }
        }
    }
    writeln!(
        told,
        "{:?}",
        db.store.journal_verify(&portal("a")).await.unwrap()
    )
    .unwrap();
    writeln!(
        told,
        "{:?}",
        db.store.stats(&portal("a"), at(now)).await.unwrap()
    )
    .unwrap();
    told
}

#[tokio::test]
async fn all_forms_answer_alike() {
    for seed in 1..=6_u64 {
        let inline = walk(&Db::new(Form::Inline).await.unwrap(), seed * 7919, 300).await;
        let threads = walk(&Db::new(Form::Threads).await.unwrap(), seed * 7919, 300).await;
        assert!(
            inline == threads,
            "seed {seed}: {}",
            first_difference(&inline, &threads)
        );
        let Some(db) = Db::new(Form::Postgres).await else {
            println!("skipped: PROVODKA_TEST_POSTGRES is not set, PostgreSQL was not tried");
            continue;
        };
        let postgres = walk(&db, seed * 7919, 300).await;
        assert!(
            inline == postgres,
            "seed {seed}: {}",
            first_difference(&inline, &postgres)
        );
    }
}

fn first_difference(one: &str, other: &str) -> String {
    let pair = one
        .lines()
        .zip(other.lines())
        .find(|(one, other)| one != other);
    pair.map(|(one, other)| format!("\n{one}\n{other}"))
        .unwrap_or_default()
}
