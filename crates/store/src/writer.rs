//! SQLite in production: one thread writes and commits in groups, a few threads read.
//!
//! An fsync costs milliseconds whatever it carries, so all that waits is committed together: events first, as
//! somebody outside waits for the answer. Each call runs in its own savepoint and fails alone; only a failed
//! COMMIT fails the whole group, and nobody is answered before it. Calls of one kind that come by the thousand run by
//! portions, each portion as one call, and each call by itself only where that fails. Not here: what is written.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as blocking},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    error::StoreError,
    faults::Faults,
    lite::{
        begin, commit, open_for_reading, open_for_writing, read_on, roll_back, run_caught, run_text,
    },
    tx::Work,
};

/// Calls that may wait for the writer before a new one has to wait for its place.
const QUEUE: usize = 4096;
/// Event-accepting calls in one group.
const URGENT_IN_GROUP: usize = 256;
/// Other calls in one group: they are served too while events pour in.
const OTHERS_IN_GROUP: usize = 64;
/// Events of one portion, which a group has one of: whoever comes next waits for so many at most, and no transaction holds
/// more of them. An event is a few rows, so a full portion takes some milliseconds, about as long as the fsync that it
/// shares; larger ones would save nothing that is worth the waiting.
const MOST_EVENTS: usize = 512;
/// Bytes of them: so much is copied for the statements and kept in SQLite's pages and log until the commit.
const MOST_BYTES: usize = 4 * 1024 * 1024;
const READERS: usize = 2;

/// The threads of one database file.
pub(crate) struct Threads {
    writes: Option<mpsc::Sender<Box<dyn Job>>>,
    reads: Option<blocking::Sender<ReadJob>>,
    running: Vec<JoinHandle<()>>,
}

/// How a call is treated by the writer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Somebody outside waits for the answer.
    Event,
    Other,
}

/// One call on its way through the writer.
trait Job: Send {
    fn urgency(&self) -> Urgency;

    /// Whether many calls are in it: no other job like it belongs to the same transaction.
    fn is_portion(&self) -> bool;

    /// Runs the call in a savepoint of the open transaction. Gives the reason if the storage failed for good.
    fn run(&mut self, connection: &mut Connection, faults: &Faults) -> Option<String>;

    /// Tells the caller, once the fate of the group is known. `None`: committed.
    fn answer(self: Box<Self>, failure: Option<&StoreError>);
}

struct Call<A, T, W> {
    urgency: Urgency,
    args: A,
    work: W,
    done: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

/// How much a call brings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// A call that runs together with others of its kind.
pub(crate) trait Shared: Send + 'static {
    fn load(&self) -> Load;
}

/// Calls of one kind that wait for the writer, which runs each portion of them as one. Each has its own job in the queue.
pub(crate) struct Together<A> {
    waiting: Mutex<VecDeque<Portion<A>>>,
}

/// Calls that fit into one transaction. A call that alone brings more is a portion by itself: no call is divided.
struct Portion<A> {
    calls: Vec<Waiting<A>>,
    load: Load,
}

struct Waiting<A> {
    args: A,
    caller: oneshot::Sender<Result<(), StoreError>>,
}

/// The oldest portion of them, with what came until the writer got to it.
struct Joint<A, W> {
    together: Arc<Together<A>>,
    work: W,
    /// Whose calls they were; none before its turn has come.
    callers: Option<Vec<oneshot::Sender<Result<(), StoreError>>>>,
    done: Vec<Result<(), StoreError>>,
}

type ReadJob = Box<dyn FnOnce(&mut Connection, &Faults) + Send>;

impl Threads {
    pub(crate) fn start(
        path: &Path,
        faults: &Faults,
        halted: &watch::Sender<Option<String>>,
    ) -> Result<Threads, StoreError> {
        let connection = open_for_writing(path)?;
        let (writes, jobs) = mpsc::channel(QUEUE);
        let (reads, read_jobs) = blocking::channel();
        let read_jobs = Arc::new(Mutex::new(read_jobs));
        let mut running = Vec::new();
        let writer = Writer {
            connection,
            faults: faults.clone(),
            halted: halted.clone(),
        };
        running.push(spawn("store-writer", move || writer.run(jobs))?);
        for _ in 0..READERS {
            let connection = open_for_reading(path)?;
            let (jobs, faults) = (Arc::clone(&read_jobs), faults.clone());
            running.push(spawn("store-reader", move || {
                serve_reads(connection, &faults, &jobs)
            })?);
        }
        Ok(Threads {
            writes: Some(writes),
            reads: Some(reads),
            running,
        })
    }

    pub(crate) async fn write<A, T>(
        &self,
        urgency: Urgency,
        args: A,
        work: impl Work<A, T>,
    ) -> Result<T, StoreError>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let (caller, outcome) = oneshot::channel();
        let call = Call {
            urgency,
            args,
            work,
            done: None,
            caller,
        };
        let Some(writes) = &self.writes else {
            return Err(closed());
        };
        writes.send(Box::new(call)).await.map_err(|_| closed())?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// One of the calls that run together; `work` gets a portion of them.
    pub(crate) async fn write_together<A: Shared>(
        &self,
        together: &Arc<Together<A>>,
        args: A,
        work: impl Work<Vec<A>, ()>,
    ) -> Result<(), StoreError> {
        let Some(writes) = &self.writes else {
            return Err(closed());
        };
        let (caller, outcome) = oneshot::channel();
        if let Some(one) = together.join(Waiting { args, caller }) {
            // Whoever begins a portion has a place in the queue already: if it went away while it waited for one,
            // nobody would run the others of the portion.
            let place = writes.reserve().await.map_err(|_| closed())?;
            if together.join_or_begin(one) {
                place.send(Box::new(Joint {
                    together: Arc::clone(together),
                    work,
                    callers: None,
                    done: Vec::new(),
                }));
            }
        }
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(crate) async fn read<A, T>(&self, args: A, work: impl Work<A, T>) -> Result<T, StoreError>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let (sender, outcome) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection, faults| {
            drop(sender.send(read_on(connection, faults, &args, &work)));
        });
        let Some(reads) = &self.reads else {
            return Err(closed());
        };
        reads.send(job).map_err(|_| closed())?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Threads {
    /// What was asked for before is still written; then the threads end and the files are closed.
    fn drop(&mut self) {
        self.writes = None;
        self.reads = None;
        for thread in self.running.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a store thread had panicked");
            }
        }
    }
}

struct Writer {
    connection: Connection,
    faults: Faults,
    halted: watch::Sender<Option<String>>,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let (mut urgent, mut others) = (VecDeque::new(), VecDeque::new());
        loop {
            if urgent.is_empty() && others.is_empty() {
                let Some(job) = jobs.blocking_recv() else {
                    break;
                };
                sort(job, &mut urgent, &mut others);
            }
            while urgent.len() < URGENT_IN_GROUP
                && let Ok(job) = jobs.try_recv()
            {
                sort(job, &mut urgent, &mut others);
            }
            let mut group = urgent_group(&mut urgent);
            group.extend(others.drain(..others.len().min(OTHERS_IN_GROUP)));
            while !group.is_empty() {
                self.commit_group(&mut group);
            }
        }
    }

    /// Runs calls from the front of the group and commits them. What is left after it belongs to a new group.
    fn commit_group(&mut self, group: &mut VecDeque<Box<dyn Job>>) {
        let halted = self.halted.borrow().clone();
        if let Some(why) = halted {
            return self.refuse(group, &StoreError::Halted(why));
        }
        if let Err(error) = begin(&self.connection) {
            return self.refuse(group, &error);
        }
        let mut ran = Vec::with_capacity(group.len());
        let mut outcome = Ok(());
        while let Some(mut job) = group.pop_front() {
            let halted = job.run(&mut self.connection, &self.faults);
            ran.push(job);
            if let Some(why) = halted {
                outcome = Err(StoreError::Halted(why));
                break;
            }
            if self.connection.is_autocommit() {
                // SQLite gave the whole transaction up, and with it all calls before this one.
                outcome = Err(StoreError::DiskFull("the transaction was given up".into()));
                break;
            }
        }
        let outcome = outcome.and_then(|()| commit(&self.connection, &self.faults));
        if let Err(error) = &outcome {
            roll_back(&self.connection);
            self.faults.transaction_ended();
            self.halt_if_final(error);
        }
        for job in ran {
            job.answer(outcome.as_ref().err());
        }
    }

    fn refuse(&self, group: &mut VecDeque<Box<dyn Job>>, error: &StoreError) {
        self.halt_if_final(error);
        for job in group.drain(..) {
            job.answer(Some(error));
        }
    }

    fn halt_if_final(&self, error: &StoreError) {
        if let StoreError::Halted(why) = error {
            self.halted.send_replace(Some(why.clone()));
        }
    }
}

impl<A, T, W> Job for Call<A, T, W>
where
    A: Send + 'static,
    T: Send + 'static,
    W: Work<A, T>,
{
    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn is_portion(&self) -> bool {
        false
    }

    fn run(&mut self, connection: &mut Connection, faults: &Faults) -> Option<String> {
        let done = in_savepoint(connection, faults, &self.args, &self.work);
        let halted = match &done {
            Err(StoreError::Halted(why)) => Some(why.clone()),
            _ => None,
        };
        self.done = Some(done);
        halted
    }

    fn answer(self: Box<Self>, failure: Option<&StoreError>) {
        // The caller may have gone; what it wrote stays.
        drop(self.caller.send(outcome(self.done, failure)));
    }
}

impl<A> Default for Together<A> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }
}

impl<A> Together<A> {
    /// The oldest portion.
    fn take(&self) -> Vec<Waiting<A>> {
        let portion = self.waiting().pop_front();
        portion.map(|portion| portion.calls).unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Portion<A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Shared> Together<A> {
    /// One more of the newest portion; given back if there is no room for it. So nearly all come in that come while the
    /// writer is busy: that portion's job has its place in the queue, and they ask for none.
    fn join(&self, one: Waiting<A>) -> Option<Waiting<A>> {
        let load = one.args.load();
        join_last(&mut self.waiting(), one, load)
    }

    /// One more; true if it begins a portion, which needs a job.
    fn join_or_begin(&self, one: Waiting<A>) -> bool {
        let load = one.args.load();
        let mut waiting = self.waiting();
        let Some(one) = join_last(&mut waiting, one, load) else {
            return false;
        };
        let calls = vec![one];
        waiting.push_back(Portion { calls, load });
        true
    }
}

fn join_last<A>(
    waiting: &mut VecDeque<Portion<A>>,
    one: Waiting<A>,
    load: Load,
) -> Option<Waiting<A>> {
    match waiting.back_mut() {
        Some(last) if last.load.has_room_for(load) => {
            last.load = last.load.with(load);
            last.calls.push(one);
            None
        }
        Some(_) | None => Some(one),
    }
}

impl Load {
    fn with(self, other: Load) -> Load {
        Load {
            events: self.events.saturating_add(other.events),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn has_room_for(self, other: Load) -> bool {
        let both = self.with(other);
        both.events <= MOST_EVENTS && both.bytes <= MOST_BYTES
    }
}

impl<A, W> Job for Joint<A, W>
where
    A: Send + 'static,
    W: Work<Vec<A>, ()>,
{
    fn urgency(&self) -> Urgency {
        Urgency::Event
    }

    fn is_portion(&self) -> bool {
        true
    }

    fn run(&mut self, connection: &mut Connection, faults: &Faults) -> Option<String> {
        let waiting = self.together.take().into_iter();
        let (calls, callers): (Vec<A>, Vec<_>) = waiting.map(|one| (one.args, one.caller)).unzip();
        self.callers = Some(callers);
        let together = in_savepoint(connection, faults, &calls, &self.work);
        match together {
            Ok(()) => self.done.extend(calls.iter().map(|_| Ok(()))),
            Err(StoreError::Halted(why)) => {
                self.done.push(Err(StoreError::Halted(why.clone())));
                return Some(why);
            }
            // Of one call that is its own fate, and of all where the whole transaction was given up.
            Err(error) if calls.len() == 1 || connection.is_autocommit() => {
                self.done.push(Err(error));
            }
            Err(_) => {
                for call in calls {
                    let done = in_savepoint(connection, faults, &vec![call], &self.work);
                    let halted = match &done {
                        Err(StoreError::Halted(why)) => Some(why.clone()),
                        _ => None,
                    };
                    self.done.push(done);
                    if halted.is_some() {
                        return halted;
                    }
                    if connection.is_autocommit() {
                        break;
                    }
                }
            }
        }
        None
    }

    fn answer(mut self: Box<Self>, failure: Option<&StoreError>) {
        let callers = match self.callers.replace(Vec::new()) {
            Some(callers) => callers,
            None => {
                let waiting = self.together.take().into_iter();
                waiting.map(|one| one.caller).collect()
            }
        };
        let mut done = std::mem::take(&mut self.done).into_iter();
        for caller in callers {
            drop(caller.send(outcome(done.next(), failure)));
        }
    }
}

impl<A, W> Drop for Joint<A, W> {
    /// Nobody waits for a writer that is gone.
    fn drop(&mut self) {
        if self.callers.is_none() {
            drop(self.together.take());
        }
    }
}

/// What a caller is told: its own failure, else the group's.
fn outcome<T>(
    done: Option<Result<T, StoreError>>,
    failure: Option<&StoreError>,
) -> Result<T, StoreError> {
    match (done, failure) {
        (Some(Err(own)), _) => Err(own),
        (_, Some(failure)) => Err(repeat(failure)),
        (Some(done), None) => done,
        (None, None) => Err(closed()),
    }
}

fn sort(
    job: Box<dyn Job>,
    urgent: &mut VecDeque<Box<dyn Job>>,
    others: &mut VecDeque<Box<dyn Job>>,
) {
    match job.urgency() {
        Urgency::Event => urgent.push_back(job),
        Urgency::Other => others.push_back(job),
    }
}

/// The oldest of them, up to the first portion.
fn urgent_group(urgent: &mut VecDeque<Box<dyn Job>>) -> VecDeque<Box<dyn Job>> {
    let until_portion = urgent.iter().position(|job| job.is_portion());
    let most = until_portion.map_or(URGENT_IN_GROUP, |place| URGENT_IN_GROUP.min(place + 1));
    urgent.drain(..urgent.len().min(most)).collect()
}

fn in_savepoint<A, T>(
    connection: &mut Connection,
    faults: &Faults,
    args: &A,
    work: &impl Work<A, T>,
) -> Result<T, StoreError> {
    run_text(connection, "SAVEPOINT call")?;
    let done = run_caught(connection, faults, args, work);
    if done.is_err() && !connection.is_autocommit() {
        run_text(connection, "ROLLBACK TO call")?;
    }
    if !connection.is_autocommit() {
        run_text(connection, "RELEASE call")?;
    }
    done
}

fn serve_reads(
    mut connection: Connection,
    faults: &Faults,
    jobs: &Mutex<blocking::Receiver<ReadJob>>,
) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { break };
        job(&mut connection, faults);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StoreError::Misconfigured(format!("no thread for the store: {error}")))
}

fn closed() -> StoreError {
    StoreError::Halted(String::from("the store is closed"))
}

/// The failure of a group, told to each of its calls.
fn repeat(failure: &StoreError) -> StoreError {
    match failure {
        StoreError::Halted(why) => StoreError::Halted(why.clone()),
        StoreError::Busy(source) => StoreError::Busy(source.to_string().into()),
        StoreError::DiskFull(source) => StoreError::DiskFull(source.to_string().into()),
        StoreError::UnknownCommit(source) => StoreError::UnknownCommit(source.to_string().into()),
        other => StoreError::Statement {
            statement: "COMMIT",
            source: other.to_string().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, time::Duration};

    use futures_util::FutureExt as _;
    use tempfile::TempDir;

    use super::*;

    impl Shared for Load {
        fn load(&self) -> Load {
            *self
        }
    }

    const ONE: Load = Load {
        events: 1,
        bytes: 100,
    };

    /// A writer that is busy until it is let go.
    struct HeldUp {
        // Dropped before the threads: their end waits for the writer.
        go: blocking::Sender<()>,
        threads: Threads,
        together: Arc<Together<Load>>,
        _folder: TempDir,
    }

    impl HeldUp {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let (path, halted) = (folder.path().join("p.db"), watch::Sender::new(None));
            let threads = Threads::start(&path, &Faults::default(), &halted).unwrap();
            let (go, gone) = blocking::channel::<()>();
            let (begin, begun) = blocking::channel::<()>();
            let args = (begin, Mutex::new(gone));
            let call = threads.write(Urgency::Other, args, |_, (begin, gone)| {
                begin.send(()).unwrap();
                let _is_let_go = gone.lock().unwrap().recv().is_ok();
                Box::pin(async { Ok(()) })
            });
            assert!(call.now_or_never().is_none());
            begun.recv().unwrap();
            Self {
                go,
                threads,
                together: Arc::default(),
                _folder: folder,
            }
        }

        fn event(&self) -> Pin<Box<impl Future<Output = Result<(), StoreError>>>> {
            let (threads, together) = (&self.threads, &self.together);
            Box::pin(threads.write_together(together, ONE, |_, _| Box::pin(async { Ok(()) })))
        }
    }

    async fn served(call: impl Future<Output = Result<(), StoreError>>) {
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, call).await.unwrap().unwrap();
    }

    /// The portions of calls that bring so many events and bytes, as how many calls each has.
    fn portions(loads: &[(usize, usize)]) -> Vec<usize> {
        let together = Together::default();
        let mut jobs = 0;
        for &(events, bytes) in loads {
            let (caller, _) = oneshot::channel();
            let args = Load { events, bytes };
            jobs += usize::from(together.join_or_begin(Waiting { args, caller }));
        }
        let portions: Vec<usize> = (0..jobs).map(|_| together.take().len()).collect();
        assert!(together.take().is_empty(), "each portion has its job");
        portions
    }

    #[test]
    fn no_portion_has_more_events_or_bytes_than_one_transaction_may() {
        assert_eq!(portions(&[(1, 100); 3]), [3]);
        assert_eq!(portions(&[(1, 100); MOST_EVENTS + 1]), [MOST_EVENTS, 1]);
        let third = MOST_BYTES / 3;
        assert_eq!(portions(&[(1, third); 7]), [3, 3, 1]);
        // A call is never divided, and whoever comes after a full portion does not wait for it.
        let large = (MOST_EVENTS * 2, 100);
        assert_eq!(portions(&[(1, 1), large, (1, 1), (1, 1)]), [1, 1, 2]);
        assert_eq!(portions(&[(1, MOST_BYTES * 2), (1, 1)]), [1, 1]);
    }

    #[test]
    fn whoever_has_no_place_joins_a_portion_and_begins_none() {
        let together = Together::default();
        let one = || {
            let (caller, _) = oneshot::channel();
            Waiting { args: ONE, caller }
        };
        assert!(together.join(one()).is_some());
        assert!(together.join_or_begin(one()));
        assert!(together.join(one()).is_none());
        assert_eq!(together.take().len(), 2);
        assert!(together.join(one()).is_some());
    }

    #[tokio::test]
    async fn whoever_began_a_portion_and_goes_away_takes_nobody_along() {
        let held = HeldUp::new();
        let (mut leaves, mut stays) = (held.event(), held.event());
        assert!(leaves.as_mut().now_or_never().is_none());
        assert!(stays.as_mut().now_or_never().is_none());
        let portions: Vec<usize> = (held.together.waiting().iter())
            .map(|portion| portion.calls.len())
            .collect();
        assert_eq!(portions, [2]);
        drop(leaves);
        held.go.send(()).unwrap();
        served(stays).await;
    }

    #[tokio::test]
    async fn whoever_goes_away_before_it_has_a_place_takes_nobody_along() {
        let held = HeldUp::new();
        let writes = held.threads.writes.as_ref().unwrap();
        let all_places = writes.try_reserve_many(QUEUE).unwrap();
        let (mut leaves, mut stays) = (held.event(), held.event());
        assert!(leaves.as_mut().now_or_never().is_none());
        assert!(stays.as_mut().now_or_never().is_none());
        let is_begun = !held.together.waiting().is_empty();
        assert!(!is_begun, "a portion without a job");
        drop(leaves);
        drop(all_places);
        held.go.send(()).unwrap();
        served(stays).await;
    }
}
