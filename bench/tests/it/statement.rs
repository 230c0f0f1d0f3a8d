//! A statement is read in constant memory.

use bench::machine::most_memory_mb;
use bench::statement::{read, write};

use crate::alone;

#[test]
fn all_documents_of_a_large_file_are_read_in_constant_memory() {
    alone(
        "statement::all_documents_of_a_large_file_are_read_in_constant_memory",
        a_large_file,
    );
}

fn a_large_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("statement.txt");
    // Once for the program itself, whose own pages count as well.
    write(&file, 1_000).unwrap();
    read(&file).unwrap();
    let bytes = write(&file, 20_000).unwrap();
    assert!(bytes > 10_000_000, "{bytes}");
    let before = most_memory_mb(std::process::id()).unwrap();
    let took = read(&file).unwrap();
    assert_eq!((took.orders, took.invoices), (20_000, 20_000));
    let grown = most_memory_mb(std::process::id()).unwrap() - before;
    assert!(grown < 4.0, "{grown} MB more for a file of {bytes} bytes");
}
