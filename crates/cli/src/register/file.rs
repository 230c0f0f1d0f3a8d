//! The file of an export: beside its place first, then safe on disk, then under its name; never over another.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::csv;
use super::rows::{HEADINGS, Row};
use crate::args::{ExportArgs, ExportFormat};
use crate::fault::Told;
use desk::sheet::{self, Sheet};

/// The format that was asked for, or that the file's name says; else a workbook.
pub(super) fn format(args: &ExportArgs) -> ExportFormat {
    let by_name = || {
        let extension = args.out.as_ref()?.extension()?;
        extension
            .eq_ignore_ascii_case("csv")
            .then_some(ExportFormat::Csv)
    };
    args.format.or_else(by_name).unwrap_or(ExportFormat::Xlsx)
}

/// Where a file will stand.
pub(super) struct Place {
    folder: PathBuf,
    /// None: named by what it holds.
    named: Option<PathBuf>,
    beside: NamedTempFile,
}

impl Place {
    /// Opens a file beside the place.
    ///
    /// # Errors
    /// When there is a file of this name, or nothing can be written there.
    pub(super) fn prepare(out: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(out) = out.filter(|out| out.exists()) {
            return Err(exists(out));
        }
        let folder = out.and_then(Path::parent).unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let beside = NamedTempFile::new_in(folder).with_context(|| {
            Told::failure(format!("no file can be made in `{}`", folder.display()))
                .hint("nothing was exported; name another place by --out")
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            named: out.map(Path::to_owned),
            beside,
        })
    }

    /// Writes the rows and gives the file its name.
    ///
    /// # Errors
    /// When the disk does not take it, or somebody made a file of this name meanwhile. What was begun is given again
    /// by the next export.
    pub(super) fn write(
        mut self,
        name: &str,
        format: ExportFormat,
        rows: &[Row],
        now: Timestamp,
    ) -> anyhow::Result<PathBuf> {
        let (bytes, extension) = match format {
            ExportFormat::Csv => (csv::bytes(rows), "csv"),
            ExportFormat::Xlsx => (workbook(rows, now)?, "xlsx"),
        };
        let path = self
            .named
            .unwrap_or_else(|| PathBuf::from(format!("{name}.{extension}")));
        let failed = || format!("`{}` cannot be written", path.display());
        self.beside.write_all(&bytes).with_context(failed)?;
        self.beside.as_file().sync_all().with_context(failed)?;
        self.beside
            .persist_noclobber(&path)
            .map_err(|error| match error.error.kind() {
                std::io::ErrorKind::AlreadyExists => exists(&path),
                _ => anyhow::Error::new(error.error).context(failed()),
            })?;
        // The name is a line of the folder, and as safe as that.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .with_context(failed)?;
        Ok(path)
    }
}

/// The register as a workbook with one sheet.
pub(super) fn workbook(rows: &[Row], now: Timestamp) -> anyhow::Result<Vec<u8>> {
    let sheet = Sheet {
        name: "Счета",
        headings: &HEADINGS,
        rows: rows.iter().map(Row::as_slice).collect(),
    };
    Ok(sheet::workbook(&[sheet], now)?)
}

fn exists(path: &Path) -> anyhow::Error {
    let told = Told::mistake(format!("`{}` is there already", path.display()));
    told.hint("the accountant may not have it yet: name another file by --out, or move it")
        .into()
}
