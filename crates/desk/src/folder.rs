//! A folder that statements are dropped into: each is read once it is complete, and ends in `done` or in `refused` with the
//! reason beside it.
//!
//! A file is complete when it did not change between two looks. Whoever moves it to `taken` reads it: a move happens once,
//! so of two replicas one has it. A file that stays in `taken` belongs to somebody who died, and is put back: what of it
//! was booked is counted once. Nothing is ever deleted or written over. Not here: how often it is looked at (`cli`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::fs;

use crate::Desk;
use crate::statement::{self, Known, Mode, StatementError, Summary};

/// So long a file must not have changed.
const COMPLETE_AFTER: Duration = Duration::from_secs(5);
/// So long reading one may take; whoever needs longer died.
const ABANDONED_AFTER: Duration = Duration::from_secs(1_800);
/// Endings of files that another program still writes.
const UNFINISHED: [&str; 5] = [".part", ".tmp", ".crdownload", ".filepart", ".partial"];

/// The folder, with what was seen of it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Tells our files from another replica's.
    owner: String,
    waiting: Seen,
    taken: Seen,
}

/// Files with what they looked like, and since when.
type Seen = BTreeMap<OsString, (Look, Duration)>;
type Look = (u64, Option<SystemTime>);

/// A file that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Its name, as it is called since it was taken.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is booked.
    Done {
        /// Payments in it that were not known.
        new: usize,
        /// A part of it could not be read, and is named beside it.
        lost: bool,
    },
    /// It is none of ours, for this reason in Russian, which lies beside it.
    Refused(String),
}

/// The folder cannot be worked with now; its files stay where they are.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder itself.
    #[error("the folder of statements cannot be used")]
    Folder(#[from] io::Error),
    /// A statement could not be recorded now: it is back in the folder.
    #[error("a statement could not be recorded")]
    Statement(#[source] StatementError),
}

impl Folder {
    /// A folder, for a replica of this name.
    pub fn new(path: PathBuf, owner: String) -> Self {
        Self {
            path,
            owner,
            waiting: Seen::new(),
            taken: Seen::new(),
        }
    }

    /// Reads what is complete by now. `uptime` only grows.
    ///
    /// # Errors
    /// When the folder or the records cannot be used; nothing is lost.
    pub async fn look(
        &mut self,
        desk: &Desk,
        uptime: Duration,
    ) -> Result<Vec<Handled>, FolderError> {
        for place in ["taken", "done", "refused"] {
            fs::create_dir_all(self.path.join(place)).await?;
        }
        self.put_back(uptime).await?;
        let complete = unchanged(&self.path, &mut self.waiting, uptime, COMPLETE_AFTER).await?;
        let mut handled = Vec::new();
        for found in complete {
            let name = in_letters(&found);
            let taken = self.path.join("taken");
            let as_ours = |number| format!("{}.{number}-{name}", self.owner);
            let place = match move_to(&self.path.join(&found), &taken, as_ours, None).await {
                Ok(place) => place,
                // Another replica was faster, or the person took it back.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            self.waiting.remove(&found);
            let outcome = self.import(desk, &name, &place).await?;
            handled.push(Handled { name, outcome });
        }
        Ok(handled)
    }

    async fn import(&self, desk: &Desk, name: &str, place: &Path) -> Result<Outcome, FolderError> {
        match book(desk, place).await {
            Ok((known, summary)) => {
                let lost = known.lost;
                let remarks = remarks(&known, &summary);
                self.end("done", name, place, remarks.as_deref()).await?;
                Ok(Outcome::Done {
                    new: summary.new,
                    lost,
                })
            }
            Err(error @ (StatementError::Unreadable { .. } | StatementError::Nobodys { .. })) => {
                let reason = error.in_words();
                self.end("refused", name, place, Some(&reason)).await?;
                Ok(Outcome::Refused(reason))
            }
            Err(error) => {
                // It comes again: what of it was booked adds nothing.
                move_to(place, &self.path, numbered(name), None).await?;
                Err(FolderError::Statement(error))
            }
        }
    }

    async fn end(
        &self,
        place: &str,
        name: &str,
        from: &Path,
        remarks: Option<&str>,
    ) -> io::Result<PathBuf> {
        move_to(from, &self.path.join(place), numbered(name), remarks).await
    }

    /// What somebody took who died meanwhile.
    async fn put_back(&mut self, uptime: Duration) -> io::Result<()> {
        let folder = self.path.join("taken");
        for found in unchanged(&folder, &mut self.taken, uptime, ABANDONED_AFTER).await? {
            let name = in_letters(&found);
            // Before the first `-` stands who took it.
            let former = name
                .split_once('-')
                .map_or(name.as_str(), |(_, former)| former);
            match move_to(&folder.join(&found), &self.path, numbered(former), None).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

async fn book(desk: &Desk, place: &Path) -> Result<(Known, Summary), StatementError> {
    let path = place.to_owned();
    let broke_off = || StatementError::BrokeOff {
        path: place.to_owned(),
    };
    let known = tokio::task::spawn_blocking(move || statement::know(&path)).await;
    let known = known.map_err(|_| broke_off())??;
    // Without a policy that books nobody looks into the folder.
    let policy = desk.booking_policy().await.map_err(|_| broke_off())?;
    let summary = desk
        .import(&policy, place, &known, Mode::Book, &|_| {})
        .await?;
    Ok((known, summary))
}

/// The files of a folder that look as they did so long ago, in the order of their names.
async fn unchanged(
    folder: &Path,
    seen: &mut Seen,
    uptime: Duration,
    after: Duration,
) -> io::Result<Vec<OsString>> {
    let mut now = Seen::new();
    let mut files = fs::read_dir(folder).await?;
    while let Some(file) = files.next_entry().await? {
        let found = file.file_name();
        let name = in_letters(&found);
        let is_unfinished = UNFINISHED
            .iter()
            .any(|end| name.to_lowercase().ends_with(end));
        let about = match file.metadata().await {
            Ok(about) if about.is_file() => about,
            // Gone meanwhile, or no file.
            Ok(_) | Err(_) => continue,
        };
        if name.starts_with(['.', '~']) || is_unfinished {
            continue;
        }
        let look = (about.len(), about.modified().ok());
        let since = match seen.get(&found) {
            Some((former, since)) if *former == look => *since,
            Some(_) | None => uptime,
        };
        now.insert(found, (look, since));
    }
    *seen = now;
    let old = seen
        .iter()
        .filter(|(_, (_, since))| uptime.saturating_sub(*since) >= after);
    Ok(old.map(|(name, _)| name.clone()).collect())
}

/// A name in letters. What is none in UTF-8 (programs that put files here from elsewhere write it in windows-1251) must not
/// lie here unseen for that.
fn in_letters(name: &OsStr) -> String {
    name.to_string_lossy().replace('\u{fffd}', "_")
}

/// A file's own name, or the next one that is free.
fn numbered(name: &str) -> impl Fn(u32) -> String {
    move |number| match number {
        1 => name.to_owned(),
        _ => format!("{number}-{name}"),
    }
}

/// Moves a file under the first of these names that is free, with what is to be read beside it. The name is taken before
/// anything is moved, for a move writes over what is there.
async fn move_to(
    from: &Path,
    folder: &Path,
    name: impl Fn(u32) -> String,
    beside: Option<&str>,
) -> io::Result<PathBuf> {
    for number in 1_u32.. {
        let name = name(number);
        let place = folder.join(&name);
        if !is_taken_now(&place).await? {
            continue;
        }
        let moved = match beside {
            Some(text) => note(folder, &name, text).await,
            None => Ok(()),
        };
        let moved = match moved {
            Ok(()) => fs::rename(from, &place).await,
            Err(error) => Err(error),
        };
        if let Err(error) = moved {
            // What only kept the place.
            fs::remove_file(&place).await?;
            return Err(error);
        }
        return Ok(place);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Takes a name that nobody has by an empty file; false if somebody has it.
async fn is_taken_now(place: &Path) -> io::Result<bool> {
    let mut new = fs::OpenOptions::new();
    new.write(true).create_new(true);
    match new.open(place).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Before the file itself comes: a file without its reason would look whole.
async fn note(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut number = 1_u32;
    let place = loop {
        let place = folder.join(numbered(&format!("{name}.причина.txt"))(number));
        if is_taken_now(&place).await? {
            break place;
        }
        number = number.saturating_add(1);
    };
    fs::write(place, format!("{text}\n")).await
}

/// What is to be read beside the file, if anything is.
fn remarks(known: &Known, summary: &Summary) -> Option<String> {
    let mut told = known.faults.clone();
    if known.more_faults > 0 {
        told.push(format!("и ещё замечаний: {}", known.more_faults));
    }
    if known.lost {
        told.push("Часть файла не прочитана: запросите выписку у банка ещё раз.".to_owned());
    }
    told.extend(summary.not_shown_in_words());
    (!told.is_empty()).then(|| told.join("\n"))
}
