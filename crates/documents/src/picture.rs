//! Pictures that a seller gives us: a stamp, a signature.
//!
//! They come from a person's file, so they are looked at before a layout gets them; a layout that
//! meets a broken picture would otherwise fail for every invoice.

use std::sync::Arc;

use thiserror::Error;
use typst::foundations::Bytes;
use typst::visualize::{ExchangeFormat, RasterImage};

/// The largest picture taken, in bytes: it is embedded into each PDF.
const LARGEST_BYTES: usize = 2 * 1024 * 1024;

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
}

impl Picture {
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
        RasterImage::plain(Bytes::new(Arc::clone(&bytes)), format)
            .map_err(|broken| PictureError::Broken(broken.to_string()))?;
        Ok(Self { bytes })
    }

    pub(crate) fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }
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
