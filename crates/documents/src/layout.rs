//! The text by which papers are laid out: the built-in one, or a customer's own with the pictures that it names.
//!
//! A customer's layout is a file; pictures such as a logo lie beside it. Both are read and proved once, when the program
//! starts or a policy is put in force, so that no invoice is the first to meet a fault.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::laid::LaidPage;
use crate::paper::InvoicePaper;
use crate::picture::{LARGEST_BYTES, Picture, PictureError, bounded};
use crate::renderer::{RenderError, Renderer};

/// A larger text is no layout.
const LARGEST_TEXT_BYTES: usize = 256 << 10;

/// The text of a layout, and the pictures it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    text: Cow<'static, str>,
    pictures: Vec<(String, Arc<[u8]>)>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            text: Cow::Borrowed(include_str!("../layouts/invoice.typ")),
            pictures: Vec::new(),
        }
    }
}

impl Layout {
    /// A layout from its text, without pictures of its own.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self {
            text: Cow::Owned(text.into()),
            pictures: Vec::new(),
        }
    }

    /// A layout from a file, with the pictures beside it whose names stand in it. Reads at once and blocks: for the start
    /// of the program.
    ///
    /// # Errors
    /// When a file cannot be read or is too large, or a picture is none.
    pub fn from_file(path: &Path) -> Result<Self, RenderError> {
        let unreadable = |source| RenderError::ReadLayout {
            path: path.to_owned(),
            source,
        };
        let bytes = bounded(path, LARGEST_TEXT_BYTES).map_err(unreadable)?;
        if bytes.len() > LARGEST_TEXT_BYTES {
            return Err(RenderError::Layout(format!(
                "it has more than {LARGEST_TEXT_BYTES} bytes"
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|source| unreadable(io::Error::new(io::ErrorKind::InvalidData, source)))?;
        let mut pictures = Vec::new();
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        for entry in std::fs::read_dir(folder.unwrap_or(Path::new("."))).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if !is_picture(&name) || !names(&text, &name) {
                continue;
            }
            let read = bounded(&entry.path(), LARGEST_BYTES);
            let bytes = read.map_err(|source| RenderError::ReadLayout {
                path: entry.path(),
                source,
            })?;
            let bytes = proved(&name, bytes).map_err(|source| RenderError::Picture {
                path: entry.path(),
                source,
            })?;
            pictures.push((name, bytes));
        }
        pictures.sort();
        Ok(Self {
            text: Cow::Owned(text),
            pictures,
        })
    }

    /// The text of the layout: a start for a customer's own.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Pictures that the layout may show, by their names.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = (&str, Arc<[u8]>)> {
        let pictures = self.pictures.iter();
        pictures.map(|(name, bytes)| (name.as_str(), Arc::clone(bytes)))
    }

    /// Draws papers that together have everything which a paper may have or lack.
    ///
    /// # Errors
    /// What the layout refuses, each with its row; or that it keeps silent about what must not be paid.
    pub fn prove(&self) -> Result<(), RenderError> {
        let renderer = Renderer::new(self.clone());
        for paper in InvoicePaper::samples() {
            renderer.render_invoice(&paper)?;
            if let Some(sentence) = &paper.replaced_by {
                let pages = renderer.lay_out_invoice(&paper)?;
                if !says(&pages, sentence) {
                    return Err(RenderError::Silent);
                }
            }
        }
        Ok(())
    }
}

/// Whether every word of a sentence is printed, however it is set and broken.
fn says(pages: &[LaidPage], sentence: &str) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let texts = pages.iter().flat_map(|page| &page.texts);
    let printed: String = texts.map(|text| letters(&text.text)).collect();
    let mut words = sentence.split_whitespace().map(letters);
    words.all(|word| printed.contains(&word))
}

/// Whether a layout shows a picture: its name stands there in quotes, with or without the folder's slash.
fn names(text: &str, picture: &str) -> bool {
    ["\"", "/"]
        .iter()
        .any(|before| text.contains(&format!("{before}{picture}\"")))
}

fn is_picture(name: &str) -> bool {
    let lower = name.to_lowercase();
    [".png", ".jpg", ".jpeg", ".svg"]
        .iter()
        .any(|ending| lower.ends_with(ending))
}

/// Drawings are read by the layout engine alone; a layout that shows a broken one is refused when it is proved.
fn proved(name: &str, bytes: Vec<u8>) -> Result<Arc<[u8]>, PictureError> {
    if !name.to_lowercase().ends_with(".svg") {
        return Picture::new(bytes).map(|picture| picture.bytes());
    }
    if bytes.len() > LARGEST_BYTES {
        return Err(PictureError::TooLarge {
            size_bytes: bytes.len(),
        });
    }
    Ok(bytes.into())
}
