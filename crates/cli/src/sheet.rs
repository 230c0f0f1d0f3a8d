//! Tables that people open in a spreadsheet program.

mod cells;
mod xlsx;

pub(crate) use cells::{Cell, is_like_formula};
pub(crate) use xlsx::workbook;

/// One table of a workbook.
pub(crate) struct Sheet<'a> {
    /// On its tab.
    pub(crate) name: &'a str,
    /// The columns with their widths in letters.
    pub(crate) headings: &'a [(&'a str, u16)],
    /// A cell for each heading.
    pub(crate) rows: Vec<&'a [Cell]>,
}
