//! Statements that were brought and wait for a word: shown first, booked when told to.
//!
//! A file lies in a temporary folder of this process for an hour at most. Nothing of it is recorded before somebody says
//! so, and nothing is lost with it: the bank gives it again. Reading and booking go on beside the request that ordered
//! them; the page asks how far they are.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use desk::Desk;
use desk::policy::NoBooking;
use desk::statement::{self, Known, Mode, StatementError, Summary};
use jiff::{SignedDuration, Timestamp};

use super::questions::why_off;

/// So long a file waits for a word.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// Files at one time.
const MOST: usize = 8;

/// The files of this process.
#[derive(Default)]
pub(in crate::admin) struct Uploads(Mutex<Held>);

#[derive(Default)]
struct Held {
    files: BTreeMap<u64, Arc<Upload>>,
}

/// A file that was brought.
pub(super) struct Upload {
    pub(super) id: u64,
    /// By whom: nobody else sees it.
    pub(super) account: String,
    /// As the browser names it.
    pub(super) name: String,
    at: Timestamp,
    file: tempfile::NamedTempFile,
    stage: Mutex<Stage>,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub(super) enum Stage {
    /// It is looked through.
    #[default]
    Reading,
    /// It is compared with what is known, or booked.
    Going {
        mode: Mode,
        known: Arc<Known>,
        read: usize,
    },
    /// What would be new.
    Shown { known: Arc<Known>, summary: Summary },
    /// Done.
    Booked { known: Arc<Known>, summary: Summary },
    /// It cannot be taken, in words.
    Refused(String),
}

/// A file in the temporary folder, readable by this program alone.
pub(super) fn place() -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix("provodka-statement-")
        .tempfile()
}

impl Uploads {
    /// Takes a file in; none if there are too many. `id` is drawn by chance: another process, or this one before it was
    /// started again, has another file under every number that somebody may still hold.
    pub(super) fn take(
        &self,
        (account, name): (&str, String),
        file: tempfile::NamedTempFile,
        id: u64,
        now: Timestamp,
    ) -> Option<Arc<Upload>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.files
            .retain(|_, one| one.is_busy() || now.duration_since(one.at) < KEPT);
        if held.files.len() >= MOST {
            // Whoever is done with his file gives way.
            let done = held
                .files
                .values()
                .find(|one| one.is_done())
                .map(|one| one.id);
            held.files.remove(&done?);
        }
        let upload = Arc::new(Upload {
            id,
            account: account.to_owned(),
            name,
            at: now,
            file,
            stage: Mutex::default(),
        });
        held.files.insert(upload.id, Arc::clone(&upload));
        Some(upload)
    }

    /// A file of this account.
    pub(super) fn get(&self, id: u64, account: &str) -> Option<Arc<Upload>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held.files.get(&id);
        found.filter(|one| one.account == account).cloned()
    }

    /// Forgets a file of this account that nothing is done with now.
    pub(super) fn forget(&self, id: u64, account: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = held
            .files
            .get(&id)
            .is_some_and(|one| one.account == account && !one.is_busy());
        if is_free {
            held.files.remove(&id);
        }
    }
}

impl Upload {
    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        self.stage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn is_busy(&self) -> bool {
        matches!(self.stage(), Stage::Reading | Stage::Going { .. })
    }

    fn is_done(&self) -> bool {
        matches!(self.stage(), Stage::Booked { .. } | Stage::Refused(_))
    }

    /// Begins booking what was shown; false if somebody has begun already.
    fn begin_booking(&self) -> Option<Arc<Known>> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let Stage::Shown { known, .. } = &*stage else {
            return None;
        };
        let known = Arc::clone(known);
        *stage = Stage::Going {
            mode: Mode::Book,
            known: Arc::clone(&known),
            read: 0,
        };
        Some(known)
    }
}

/// Looks a file through and compares it with what is known, beside the request.
pub(super) fn look_through(desk: Desk, upload: Arc<Upload>) {
    tokio::spawn(async move {
        let path = upload.file.path().to_owned();
        let stage = match shown(&desk, path, &upload).await {
            Ok((known, summary)) => Stage::Shown { known, summary },
            Err(refused) => Stage::Refused(refused),
        };
        upload.set(stage);
    });
}

async fn shown(
    desk: &Desk,
    path: PathBuf,
    upload: &Upload,
) -> Result<(Arc<Known>, Summary), String> {
    let read = tokio::task::spawn_blocking(move || statement::know(&path)).await;
    let known = read
        .map_err(|_| broke_off())?
        .map_err(|error| in_words(&error))?;
    let known = Arc::new(known);
    let summary = import(desk, upload, &known, Mode::Preview).await?;
    Ok((known, summary))
}

/// Books what was shown, beside the request. Where it was begun already, nothing more is.
pub(super) fn book(desk: Desk, upload: Arc<Upload>) {
    let Some(known) = upload.begin_booking() else {
        return;
    };
    tokio::spawn(async move {
        let stage = match import(&desk, &upload, &known, Mode::Book).await {
            Ok(summary) => Stage::Booked { known, summary },
            Err(refused) => Stage::Refused(refused),
        };
        upload.set(stage);
    });
}

async fn import(
    desk: &Desk,
    upload: &Upload,
    known: &Arc<Known>,
    mode: Mode,
) -> Result<Summary, String> {
    let policy = desk
        .booking_policy()
        .await
        .map_err(|why: NoBooking| why_off(&why))?;
    let told = |summary: &Summary| {
        upload.set(Stage::Going {
            mode,
            known: Arc::clone(known),
            read: summary.read,
        });
    };
    let imported = desk
        .import(&policy, upload.file.path(), known, mode, &told)
        .await;
    imported.map_err(|error| in_words(&error))
}

/// Why a file is not taken, told to the log and to the person.
fn in_words(error: &StatementError) -> String {
    let told = error.in_words();
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, "a statement that was brought is not taken");
    told
}

fn broke_off() -> String {
    "Файл не удалось прочитать до конца. Принесите его ещё раз.".to_owned()
}
