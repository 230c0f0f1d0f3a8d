//! SQLite in production: one thread writes and commits in groups, a few threads read.
//!
//! An fsync costs milliseconds whatever it carries, so all that waits is committed together: events first, as
//! somebody outside waits for the answer. Each call runs in its own savepoint and fails alone; only a failed
//! COMMIT fails the whole group, and nobody is answered before it. Not here: what is written.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc as blocking},
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
            let mut group: VecDeque<Box<dyn Job>> =
                urgent.drain(..urgent.len().min(URGENT_IN_GROUP)).collect();
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
        let answer = match (self.done, failure) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(failure)) => Err(repeat(failure)),
            (Some(done), None) => done,
            (None, None) => Err(closed()),
        };
        // The caller may have gone; what it wrote stays.
        drop(self.caller.send(answer));
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
