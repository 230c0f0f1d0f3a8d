//! Tables that people open in a spreadsheet program.

mod cells;
mod xlsx;

pub use cells::{Cell, is_like_formula};
pub use xlsx::{NoWorkbook, workbook};

/// One table of a workbook.
pub struct Sheet<'a> {
    /// On its tab.
    pub name: &'a str,
    /// The columns with their widths in letters.
    pub headings: &'a [(&'a str, u16)],
    /// A cell for each heading.
    pub rows: Vec<&'a [Cell]>,
}
