//! The folder of statements: a file is read once it is complete and once at all, and nothing is ever lost.

use std::path::Path;
use std::time::Duration;

use desk::folder::{Folder, FolderError, Handled, Outcome};

use crate::office::{ACCOUNT, Office, statement};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    let mut names: Vec<String> = files
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn look(office: &Office, folder: &mut Folder, seconds: u64) -> Vec<Handled> {
    folder.look(&office.desk, at(seconds)).await.unwrap()
}

#[tokio::test]
async fn a_file_is_read_once_it_is_complete_and_ends_among_the_done() {
    let office = Office::open().await;
    let path = office.folder.path();
    let mut folder = Folder::new(path.to_owned(), "a".to_owned());
    let whole = statement(ACCOUNT, 3);
    let half: String = whole.chars().take(200).collect();
    std::fs::write(path.join("day.txt"), half).unwrap();
    for unfinished in ["day.txt.part", ".hidden", "~lock", "x.CRDOWNLOAD"] {
        std::fs::write(path.join(unfinished), &whole).unwrap();
    }
    assert!(
        look(&office, &mut folder, 0).await.is_empty(),
        "it may still grow"
    );
    std::fs::write(path.join("day.txt"), &whole).unwrap();
    assert!(
        look(&office, &mut folder, 5).await.is_empty(),
        "it has grown"
    );
    assert!(look(&office, &mut folder, 9).await.is_empty());
    let handled = look(&office, &mut folder, 10).await;
    let done = Outcome::Done {
        new: 3,
        lost: false,
    };
    assert_eq!(
        handled,
        [Handled {
            name: "day.txt".to_owned(),
            outcome: done
        }]
    );
    assert_eq!(office.payments().await, 3);
    assert_eq!(names(&path.join("done")), ["day.txt"]);
    assert_eq!(
        std::fs::read_to_string(path.join("done/day.txt")).unwrap(),
        whole
    );
    assert_eq!(names(path).len(), 4, "what others still write stays");
    // The same name once more writes nothing over.
    std::fs::write(path.join("day.txt"), statement(ACCOUNT, 4)).unwrap();
    look(&office, &mut folder, 20).await;
    let handled = look(&office, &mut folder, 30).await;
    assert_eq!(
        handled[0].outcome,
        Outcome::Done {
            new: 1,
            lost: false
        }
    );
    assert_eq!(names(&path.join("done")), ["2-day.txt", "day.txt"]);
    assert!(names(&path.join("taken")).is_empty());
}

#[tokio::test]
async fn what_is_no_statement_of_ours_is_refused_with_the_reason_beside_it() {
    let office = Office::open().await;
    let path = office.folder.path();
    let mut folder = Folder::new(path.to_owned(), "a".to_owned());
    std::fs::write(path.join("letter.txt"), "hello").unwrap();
    std::fs::write(
        path.join("theirs.txt"),
        statement("40702810900000099999", 1),
    )
    .unwrap();
    let broken = statement(ACCOUNT, 2).replacen("Сумма=10.00", "Сумма=сто", 1);
    std::fs::write(path.join("torn.txt"), broken).unwrap();
    look(&office, &mut folder, 0).await;
    let handled = look(&office, &mut folder, 5).await;
    assert_eq!(handled.len(), 3);
    assert_eq!(handled[2].outcome, Outcome::Done { new: 1, lost: true });
    let refused = path.join("refused");
    assert_eq!(
        names(&refused),
        [
            "letter.txt",
            "letter.txt.причина.txt",
            "theirs.txt",
            "theirs.txt.причина.txt"
        ]
    );
    let reason = std::fs::read_to_string(refused.join("theirs.txt.причина.txt")).unwrap();
    assert!(reason.contains("40702810900000099999"), "{reason}");
    let remarks = std::fs::read_to_string(path.join("done/torn.txt.причина.txt")).unwrap();
    assert!(remarks.contains("Часть файла не прочитана"), "{remarks}");
    assert_eq!(office.payments().await, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_name_that_is_no_utf_8_keeps_no_file_back() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let office = Office::open().await;
    let path = office.folder.path();
    let mut folder = Folder::new(path.to_owned(), "a".to_owned());
    // `вып.txt` in windows-1251.
    let name = OsStr::from_bytes(b"\xe2\xfb\xef.txt");
    if std::fs::write(path.join(name), statement(ACCOUNT, 3)).is_err() {
        // Some file systems take no such name, and then there is none.
        return;
    }
    look(&office, &mut folder, 0).await;
    let handled = look(&office, &mut folder, 5).await;
    assert_eq!(handled[0].name, "___.txt");
    assert_eq!(office.payments().await, 3);
    assert_eq!(names(&path.join("done")), ["___.txt"]);
    assert!(names(path).is_empty());
}

#[tokio::test]
async fn of_two_replicas_one_reads_it() {
    let office = Office::open().await;
    let path = office.folder.path();
    let mut one = Folder::new(path.to_owned(), "one".to_owned());
    let mut other = Folder::new(path.to_owned(), "other".to_owned());
    for number in 0..20 {
        std::fs::write(
            path.join(format!("{number}.txt")),
            statement(ACCOUNT, number + 1),
        )
        .unwrap();
    }
    look(&office, &mut one, 0).await;
    look(&office, &mut other, 0).await;
    let (one, other) = tokio::join!(
        one.look(&office.desk, at(5)),
        other.look(&office.desk, at(5))
    );
    let mut handled: Vec<String> = one
        .unwrap()
        .into_iter()
        .chain(other.unwrap())
        .map(|one| one.name)
        .collect();
    assert_eq!(handled.len(), 20);
    handled.sort();
    handled.dedup();
    assert_eq!(handled.len(), 20);
    // Beside some stands that another has more orders of their day.
    let done = names(&path.join("done")).into_iter();
    let files = done.filter(|name| !name.ends_with("причина.txt"));
    assert_eq!(files.count(), 20);
    assert_eq!(office.payments().await, 20, "they overlap");
}

#[tokio::test]
async fn what_cannot_be_recorded_now_comes_back_and_so_does_what_a_dead_one_took() {
    let office = Office::open().await;
    let path = office.folder.path();
    let mut folder = Folder::new(path.to_owned(), "a".to_owned());
    std::fs::write(path.join("day.txt"), statement(ACCOUNT, 2)).unwrap();
    look(&office, &mut folder, 0).await;
    office
        .desk
        .store
        .faults()
        .fail_nth(1, store::Fault::DiskFull);
    let failed = folder.look(&office.desk, at(5)).await;
    assert!(
        matches!(failed, Err(FolderError::Statement(_))),
        "{failed:?}"
    );
    assert_eq!(names(path), ["day.txt"]);
    std::fs::create_dir_all(path.join("taken")).unwrap();
    std::fs::write(path.join("taken/dead-old-day.txt"), statement(ACCOUNT, 3)).unwrap();
    look(&office, &mut folder, 10).await;
    let handled = look(&office, &mut folder, 20).await;
    assert_eq!(
        handled[0].outcome,
        Outcome::Done {
            new: 2,
            lost: false
        }
    );
    look(&office, &mut folder, 1_000).await;
    assert_eq!(
        names(&path.join("taken")),
        ["dead-old-day.txt"],
        "its owner may live"
    );
    look(&office, &mut folder, 1_900).await;
    let handled = look(&office, &mut folder, 1_910).await;
    assert_eq!(handled[0].name, "old-day.txt");
    assert_eq!(
        handled[0].outcome,
        Outcome::Done {
            new: 1,
            lost: false
        }
    );
}
