//! A statement is booked in constant memory, in few commits, by few statements. Alone in its process, since it is the
//! process' memory that is looked at.
#![allow(clippy::unwrap_used, reason = "tests may")]

use bench::booking::measure;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_statement_is_booked_by_the_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let took = measure(folder.path(), 5_000, |_| {}).await.unwrap();
    assert_eq!((took.booked, took.asked, took.aside), (4_300, 700, 0));
    assert_eq!(took.told, 5);
    // Two for each thousand, and the days that are known.
    assert!(took.ran.commits <= 2 * 5 + 2, "{took:?}");
    // Everything goes by the thousand.
    assert!(took.ran.statements <= 40 * 5, "{took:?}");
    let (before, most) = took.memory_mb;
    assert!(most - before < 48.0, "{took:?}");
}
