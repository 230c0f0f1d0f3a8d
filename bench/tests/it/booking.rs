//! A statement is booked in constant memory, in few commits, by few statements.

use bench::booking::measure;

use crate::alone;

#[test]
fn a_statement_is_booked_by_the_thousand() {
    alone("booking::booked_in_a_process_of_its_own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "the test above runs it"]
async fn booked_in_a_process_of_its_own() {
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
