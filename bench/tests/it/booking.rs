//! A statement is booked in constant memory, in few commits, by few statements.

use bench::booking::measure;

use crate::alone;

#[test]
fn a_statement_is_booked_by_the_thousand() {
    alone("booking::a_statement_is_booked_by_the_thousand", || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(booked());
    });
}

async fn booked() {
    let folder = tempfile::tempdir().unwrap();
    let took = measure(folder.path(), 5_000, |_| {}).await.unwrap();
    assert_eq!((took.booked, took.asked, took.aside), (4_300, 700, 0));
    assert_eq!(took.told, 5);
    // Two for each thousand, and the days that are known.
    assert!(took.ran.commits <= 2 * 5 + 2, "{took:?}");
    // Everything goes by the thousand; at the end days are noted, what is not shown is asked, and a line tells of it.
    assert!(took.ran.statements <= 32 * 5 + 4, "{took:?}");
    let (before, most) = took.memory_mb;
    assert!(most - before < 48.0, "{took:?}");
}
