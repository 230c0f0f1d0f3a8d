//! A workbook that a person asked for by `--xlsx`: never written over another file, and never left half written.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::fault::Told;

/// Before anything is read: whether the file may be written at all.
///
/// # Errors
/// When there is one already.
pub(crate) fn refuse_taken(out: Option<&Path>) -> anyhow::Result<()> {
    if let Some(out) = out.filter(|out| out.exists()) {
        let told = Told::mistake(format!("`{}` is there already", out.display()));
        return Err(told.hint("name another file by --xlsx, or move it").into());
    }
    Ok(())
}

/// Writes it.
///
/// # Errors
/// When it is there by now, or cannot be written.
pub(crate) fn write_new(out: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || {
        Told::failure(format!("`{}` cannot be written", out.display()))
            .hint("name another place by --xlsx")
    };
    let mut file = std::fs::File::create_new(out).with_context(failed)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        // Half a workbook would only stand in the way of the next try.
        let _removed = std::fs::remove_file(out).is_ok();
    }
    written.with_context(failed)
}
