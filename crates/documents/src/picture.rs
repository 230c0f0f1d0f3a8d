//! Pictures that a seller gives us: a stamp, a signature.
//!
//! They come from a person's file, so they are looked at before a layout gets them; a layout that
//! meets a broken picture would otherwise fail for every invoice.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use typst::foundations::Bytes;
use typst::visualize::{ExchangeFormat, RasterImage};

/// The largest picture taken, in bytes: it is embedded into each PDF.
pub(crate) const LARGEST_BYTES: usize = 2 * 1024 * 1024;

/// The longest side of one, in dots: a small file may unfold to gigabytes. A stamp of 38 mm at 600 dots an inch has 900.
const LONGEST_SIDE: u32 = 4_000;

/// A PNG or JPEG file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    bytes: Arc<[u8]>,
}

/// Why a file cannot be printed on a paper.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PictureError {
    /// Neither PNG nor JPEG by its first bytes.
    #[error("picture is neither PNG nor JPEG")]
    UnknownFormat,
    /// It begins as a PNG or JPEG and cannot be read to its end.
    #[error("picture cannot be read: {0}")]
    Broken(String),
    /// It would make every PDF heavy.
    #[error("picture has `{size_bytes}` bytes, more than {LARGEST_BYTES}")]
    TooLarge {
        /// The size of the file.
        size_bytes: usize,
    },
    /// It would take much memory to draw.
    #[error("picture has `{width}` by `{height}` dots, more than {LONGEST_SIDE} a side")]
    TooManyDots {
        /// Dots in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl Picture {
    /// Reads a file, and no more of it than a picture may have.
    ///
    /// # Errors
    /// What keeps the file from being read; within, what is the matter with the picture.
    pub fn from_file(path: &Path) -> io::Result<Result<Self, PictureError>> {
        let bytes = bounded(path, LARGEST_BYTES)?;
        if bytes.len() > LARGEST_BYTES {
            let size = std::fs::metadata(path)?.len();
            let size_bytes = usize::try_from(size).unwrap_or(usize::MAX);
            return Ok(Err(PictureError::TooLarge { size_bytes }));
        }
        Ok(Self::new(bytes))
    }

    /// Takes the bytes of a file after reading it as a layout will read it.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Result<Self, PictureError> {
        let bytes = bytes.into();
        if bytes.len() > LARGEST_BYTES {
            return Err(PictureError::TooLarge {
                size_bytes: bytes.len(),
            });
        }
        let format = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            ExchangeFormat::Png
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            ExchangeFormat::Jpg
        } else {
            return Err(PictureError::UnknownFormat);
        };
        if let Some((width, height)) = sides(&bytes).filter(|sides| is_long(*sides)) {
            return Err(PictureError::TooManyDots { width, height });
        }
        RasterImage::plain(Bytes::new(Arc::clone(&bytes)), format)
            .map_err(|broken| PictureError::Broken(broken.to_string()))?;
        Ok(Self { bytes })
    }

    pub(crate) fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }
}

fn is_long((width, height): (u32, u32)) -> bool {
    width > LONGEST_SIDE || height > LONGEST_SIDE
}

/// Width and height as the file's head tells them, before anything is unfolded.
fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    if let Some(head) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        // The first part is IHDR: its length and name, then the sides.
        return Some((number(head.get(8..12)?), number(head.get(12..16)?)));
    }
    let mut rest = bytes.get(2..)?;
    loop {
        let (mark, length) = (
            rest.get(..2)?,
            usize::try_from(number(rest.get(2..4)?)).ok()?,
        );
        // The frame's head (SOF); C4, C8 and CC are tables.
        if matches!(mark, [0xff, 0xc0..=0xcf]) && !matches!(mark, [_, 0xc4 | 0xc8 | 0xcc]) {
            return Some((number(rest.get(7..9)?), number(rest.get(5..7)?)));
        }
        rest = rest.get(length.checked_add(2)?..)?;
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}

/// The bytes of a file, one past the limit at most. Nothing else is opened: a pipe would never end.
pub(crate) fn bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        let why = "it is no regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let file = std::fs::File::open(path)?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_readable_png_and_jpeg_of_a_bearable_size_are_taken() {
        let whole = include_bytes!("../tests/samples/ring.png").as_slice();
        assert!(Picture::new(whole).is_ok());
        for broken in [&whole[..whole.len() / 2], b"\xff\xd8\xff\xe0...."] {
            let refused = Picture::new(broken);
            assert!(
                matches!(refused, Err(PictureError::Broken(_))),
                "{refused:?}"
            );
        }
        let mut wide = whole.to_vec();
        wide[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
        assert!(
            matches!(
                Picture::new(wide),
                Err(PictureError::TooManyDots { width: 40_000, .. })
            ),
            "what it says is believed before it is unfolded"
        );
        let frame = [0xff, 0xc0, 0, 11, 8, 0x10, 0, 0x20, 0];
        let photo = [&[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2][..], &frame].concat();
        assert_eq!(
            Picture::new(photo),
            Err(PictureError::TooManyDots {
                width: 0x2000,
                height: 0x1000
            })
        );
        assert_eq!(
            Picture::new(b"<svg/>".as_slice()),
            Err(PictureError::UnknownFormat)
        );
        assert_eq!(
            Picture::new(vec![0xff; LARGEST_BYTES + 1]),
            Err(PictureError::TooLarge {
                size_bytes: LARGEST_BYTES + 1
            })
        );
    }
}
