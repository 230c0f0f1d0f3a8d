//! The portal's events on their way, over plain HTTP: which were answered with 200, and some of them once more.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use emulator_bitrix24::{Deliver, Delivered, HttpDeliver};

/// Bodies that may be sent again.
const KEPT: usize = 64;

/// An event as our inbox names it: its name, and `deal/ID`.
pub(crate) type EventOfDeal = (String, String);

/// Carries events and remembers what became of them. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Post(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    acknowledged: BTreeMap<EventOfDeal, u64>,
    counts: Counts,
    recent: VecDeque<String>,
}

/// What became of all events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Answered with 200.
    pub(crate) kept: u64,
    /// Those of them that are about a deal: they are looked for on disk.
    pub(crate) looked_for: u64,
    /// Answered with something else.
    pub(crate) refused: u64,
    /// Nobody answered.
    pub(crate) unheard: u64,
}

impl Post {
    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().unwrap().counts
    }

    /// How often each event of a deal was answered with 200 so far.
    pub(crate) fn acknowledged(&self) -> BTreeMap<EventOfDeal, u64> {
        self.0.lock().unwrap().acknowledged.clone()
    }

    /// Sends an event of the last time once more, as a portal does that got no answer.
    pub(crate) async fn repeat(&self, chance: u64, url: &str) {
        let form = {
            let seen = self.0.lock().unwrap();
            let count = u64::try_from(seen.recent.len()).unwrap();
            if count == 0 {
                return;
            }
            seen.recent[usize::try_from(chance % count).unwrap()].clone()
        };
        drop(self.post(url.to_owned(), form).await);
    }
}

impl Deliver for Post {
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        let seen = Arc::clone(&self.0);
        Box::pin(async move {
            let delivered = HttpDeliver.post(url, form.clone()).await;
            let mut seen = seen.lock().unwrap();
            match &delivered {
                Ok(200) => {
                    seen.counts.kept += 1;
                    if let Some(event) = of_a_deal(&form) {
                        seen.counts.looked_for += 1;
                        *seen.acknowledged.entry(event).or_default() += 1;
                    }
                }
                Ok(_) => seen.counts.refused += 1,
                Err(_) => seen.counts.unheard += 1,
            }
            seen.recent.push_back(form);
            if seen.recent.len() > KEPT {
                seen.recent.pop_front();
            }
            delivered
        })
    }
}

fn of_a_deal(form: &str) -> Option<EventOfDeal> {
    let field = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(form.as_bytes());
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    let event = field("event")?.to_uppercase();
    let id = field("data[FIELDS][ID]")?;
    event
        .starts_with("ONCRMDEAL")
        .then(|| (event, format!("deal/{id}")))
}
