//! Records of one kind with all their versions: the newest is what reading by id shows, an older
//! one is what a lagging list still shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::id::Id;
use crate::records::Record;

#[derive(Debug)]
pub(crate) struct Shelf<T> {
    versions: BTreeMap<Id, Vec<Arc<T>>>,
    /// The greatest plain number ever given in each year.
    greatest: BTreeMap<i16, u64>,
}

/// A page of a list by change and the pair that the next one begins after.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) records: Vec<Arc<T>>,
    pub(crate) next: Option<(Timestamp, Id)>,
}

/// What a list by change is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageWanted {
    pub(crate) since: Option<Timestamp>,
    pub(crate) after: Option<Id>,
    pub(crate) limit: usize,
    /// Changes later than this moment are not seen yet.
    pub(crate) seen_until: Timestamp,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            versions: BTreeMap::new(),
            greatest: BTreeMap::new(),
        }
    }
}

impl<T: Record> Shelf<T> {
    pub(crate) fn get(&self, id: Id) -> Option<&Arc<T>> {
        self.versions.get(&id)?.last()
    }

    /// The newest version of every record, by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<T>> {
        self.versions
            .values()
            .filter_map(|versions| versions.last())
    }

    /// The newest version of every record that is not deleted, by id.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Arc<T>> {
        self.all().filter(|record| !record.is_deleted())
    }

    /// Every version of every record, oldest first.
    pub(crate) fn histories(&self) -> impl Iterator<Item = &[Arc<T>]> {
        self.versions.values().map(Vec::as_slice)
    }

    /// The next number of a year: one above the greatest plain number ever given in it.
    pub(crate) fn next_number(&self, year: i16) -> String {
        let greatest = self.greatest.get(&year).copied().unwrap_or(0);
        greatest.saturating_add(1).to_string()
    }

    pub(crate) fn put(&mut self, record: Arc<T>) {
        if let Some((year, number)) = record.number_of_year()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = number.parse::<u64>()
        {
            let greatest = self.greatest.entry(year).or_default();
            *greatest = number.max(*greatest);
        }
        let versions = self.versions.entry(record.meta().id).or_default();
        versions.push(record);
    }

    /// By (time of change, id), as far as the list has caught up.
    pub(crate) fn page(&self, wanted: PageWanted, keep: impl Fn(&T) -> bool) -> Page<T> {
        let seen = self.versions.values().filter_map(|versions| {
            let mut newest_first = versions.iter().rev();
            newest_first.find(|version| version.meta().changed_at <= wanted.seen_until)
        });
        let mut records: Vec<Arc<T>> = seen
            .filter(|record| is_after(record.meta().changed_at, record.meta().id, wanted))
            .filter(|record| keep(record))
            .cloned()
            .collect();
        records.sort_by_key(|record| (record.meta().changed_at, record.meta().id));
        let more = records.len() > wanted.limit;
        records.truncate(wanted.limit);
        let last = records.last().filter(|_| more);
        let next = last.map(|record| (record.meta().changed_at, record.meta().id));
        Page { records, next }
    }
}

fn is_after(changed_at: Timestamp, id: Id, wanted: PageWanted) -> bool {
    match (wanted.since, wanted.after) {
        (None, _) => true,
        (Some(since), None) => changed_at >= since,
        (Some(since), Some(after)) => (changed_at, id) > (since, after),
    }
}
