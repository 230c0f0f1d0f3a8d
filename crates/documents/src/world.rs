//! What a layout may see: itself, the paper's data and pictures, the fonts. Nothing else exists.
//!
//! A layout cannot read files, reach the network or learn the time; the only date it may ask for is
//! that of the paper. Packages are not resolved.

use std::sync::LazyLock;

use serde_json::Value;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

use crate::layout::Layout;
use crate::paper::InvoicePaper;
use crate::qr;
use crate::renderer::RenderError;

static REGULAR: &[u8] = include_bytes!("../fonts/PTSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/PTSans-Bold.ttf");

/// Fonts and the library are the same for every paper and are made once in a process.
static SHARED: LazyLock<Shared> = LazyLock::new(Shared::load);

struct Shared {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

impl Shared {
    fn load() -> Self {
        let fonts: Vec<Font> = [REGULAR, BOLD]
            .into_iter()
            .flat_map(|file| Font::iter(Bytes::new(file)))
            .collect();
        Self {
            library: LazyHash::new(<Library as LibraryExt>::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
        }
    }
}

/// The world of one paper.
pub(crate) struct PaperWorld {
    layout: Source,
    files: Vec<(FileId, Bytes)>,
    today: Option<Datetime>,
}

impl PaperWorld {
    pub(crate) fn new(layout: &Layout, paper: &InvoicePaper) -> Result<Self, RenderError> {
        let mut data = serde_json::to_value(paper).map_err(RenderError::Data)?;
        make_printable(&mut data);
        let mut files = Vec::new();
        if let Some(payload) = &paper.qr {
            let drawn = qr::draw(payload).map_err(RenderError::Qr)?;
            files.push((file_id("/qr.svg")?, Bytes::from_string(drawn.svg)));
            if let Value::Object(fields) = &mut data {
                fields.insert("qr_side".to_owned(), drawn.side.into());
            }
        }
        files.push((
            file_id("/invoice.json")?,
            Bytes::from_string(data.to_string()),
        ));
        if let Some(stamp) = &paper.stamp {
            files.push((file_id("/stamp")?, Bytes::new(stamp.bytes())));
        }
        for (index, signatory) in paper.signatories.iter().enumerate() {
            if let Some(signature) = &signatory.signature {
                let id = file_id(&format!("/signature-{index}"))?;
                files.push((id, Bytes::new(signature.bytes())));
            }
        }
        // Behind ours: a picture of the customer's that bears the name of one of them is not shown.
        for (name, bytes) in layout.pictures() {
            files.push((file_id(&format!("/{name}"))?, Bytes::new(bytes)));
        }
        Ok(Self {
            layout: Source::new(file_id("/layout.typ")?, layout.text().to_owned()),
            files,
            today: date_of(paper),
        })
    }
}

impl PaperWorld {
    /// The row of the layout, counted from 1, that holds a byte of it.
    pub(crate) fn row_of(&self, byte: usize) -> Option<usize> {
        let before = self.layout.text().get(..byte)?;
        Some(before.matches('\n').count() + 1)
    }
}

impl World for PaperWorld {
    fn library(&self) -> &LazyHash<Library> {
        &SHARED.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &SHARED.book
    }

    fn main(&self) -> FileId {
        self.layout.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.layout.id() {
            Ok(self.layout.clone())
        } else {
            Err(not_here(id))
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, bytes)| bytes.clone())
            .ok_or_else(|| not_here(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        SHARED.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        self.today
    }
}

/// The paper's own date in the layout engine's type.
pub(crate) fn date_of(paper: &InvoicePaper) -> Option<Datetime> {
    let date = paper.issued_on;
    Datetime::from_ymd(
        i32::from(date.year()),
        u8::try_from(date.month()).ok()?,
        u8::try_from(date.day()).ok()?,
    )
}

fn file_id(path: &str) -> Result<FileId, RenderError> {
    let path = VirtualPath::new(path).map_err(|_refused| RenderError::Path(path.to_owned()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn not_here(id: FileId) -> FileError {
    FileError::NotFound(id.get().vpath().get_with_slash().into())
}

/// Removes from every string what has no place on paper.
///
/// Control characters become spaces; marks that turn the direction of writing go, because with them
/// a name typed into the CRM could show figures in another order than they are stored in.
fn make_printable(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text
                .chars()
                .any(|char| char.is_control() || turns_writing(char))
            {
                *text = printable(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_printable),
        Value::Object(fields) => fields.values_mut().for_each(make_printable),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .filter(|char| !turns_writing(*char))
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

fn turns_writing(char: char) -> bool {
    matches!(
        char,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_turn_the_writing_and_control_characters_do_not_reach_the_paper() {
        let mut value = serde_json::json!({ "a": ["x\u{202e}00,1\u{202c}", "две\nстроки\u{0}"] });
        make_printable(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["x00,1", "две строки "] }));
    }
}
