//! Where other connectors speak HTTP, this one brings lines out of a file: cut at their ends, bounded, in readable letters.

use std::io::{self, BufRead};

use crate::code_page::CodePage;
use crate::error::ReadError;

/// A longer line is no line of this format: a purpose has 210 letters. The rest of it is read and thrown away, and said.
const MAX_LINE_BYTES: usize = 64 * 1024;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// What programs write in the place of a letter that they could not read, in UTF-8.
const LOST_LETTER: &[u8] = b"\xef\xbf\xbd";

/// The lines of a file, one at a time.
pub(crate) struct Lines<R> {
    input: R,
    bytes: Vec<u8>,
    text: String,
    /// The byte that ends every line, as soon as the first has told it.
    line_end: Option<u8>,
    page: Option<CodePage>,
    /// A line had letters, and no page made a key of it.
    strange: bool,
    number: u64,
}

/// A line and what is to be said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Without its end.
    pub(crate) text: &'a str,
    /// Its end was thrown away.
    pub(crate) cut: bool,
    /// It is in another code page than the file.
    pub(crate) foreign: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            text: String::new(),
            line_end: None,
            page: None,
            strange: false,
            number: 0,
        }
    }

    /// The code page, as soon as a line has told it.
    pub(crate) fn page(&self) -> Option<CodePage> {
        self.page
    }

    /// Whether there are letters, and in none of the pages.
    pub(crate) fn is_strange(&self) -> bool {
        self.strange && self.page.is_none()
    }

    /// How many lines were read.
    pub(crate) fn count(&self) -> u64 {
        self.number
    }

    /// The next line; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        let read = read_line(&mut self.input, &mut self.bytes, &mut self.line_end)?;
        let Some(Extent { cut, ended }) = read else {
            return Ok(None);
        };
        self.number = self.number.saturating_add(1);
        let mut bytes = self.bytes.as_slice();
        if self.number == 1 {
            if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
                return Err(ReadError::Utf16);
            }
            bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
        }
        if self.page.is_none() && !bytes.is_ascii() {
            self.page = CodePage::of_known_key(bytes);
            if self.page.is_none() && !ended && !self.strange {
                self.page = CodePage::of_cut_key(bytes);
            }
            let is_lost = bytes.starts_with(LOST_LETTER);
            if self.page.is_none() && is_lost {
                return Err(ReadError::LettersLost);
            }
            // A file that is cut within its first key has no whole key yet.
            self.strange |= ended;
        }
        let page = self.page.unwrap_or(CodePage::Utf8);
        if !ended {
            bytes = page.whole_letters(bytes);
        }
        let read = page.read(bytes);
        let foreign = read.is_none();
        let text = read.or_else(|| CodePage::Windows1251.read(bytes));
        self.text.clear();
        self.text.push_str(&text.unwrap_or_default());
        Ok(Some(Line {
            number: self.number,
            text: &self.text,
            cut,
            foreign,
        }))
    }
}

/// How much of a line there is.
struct Extent {
    /// It was longer than any value: the rest was thrown away.
    cut: bool,
    /// Its end was there; else the file ends within it.
    ended: bool,
}

/// Reads the next line without its end, at most [`MAX_LINE_BYTES`] of it. `None` at the end. The first line tells how lines
/// end: by a line feed, with or without a carriage return before it, or by a carriage return alone.
fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    line_end: &mut Option<u8>,
) -> io::Result<Option<Extent>> {
    line.clear();
    let mut read = None;
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            filled => filled?,
        };
        if buffer.is_empty() {
            break;
        }
        let place = match *line_end {
            Some(end) => buffer.iter().position(|byte| *byte == end),
            None => buffer.iter().position(|byte| b"\r\n".contains(byte)),
        };
        let found = place.and_then(|place| buffer.get(place).copied());
        let (part, _) = buffer.split_at(place.unwrap_or(buffer.len()));
        let room = MAX_LINE_BYTES.saturating_sub(line.len());
        let (kept, dropped) = part.split_at(part.len().min(room));
        line.extend_from_slice(kept);
        let extent = read.get_or_insert(Extent {
            cut: false,
            ended: false,
        });
        extent.cut |= !dropped.is_empty();
        let used = part.len().saturating_add(usize::from(place.is_some()));
        input.consume(used);
        let Some(found) = found else { continue };
        let end = match *line_end {
            Some(end) => end,
            None => *line_end.insert(end_of_lines(found, input)?),
        };
        if found == end {
            extent.ended = true;
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(read)
}

/// What ends the lines of a file whose first line is followed by this byte.
fn end_of_lines(found: u8, input: &mut impl BufRead) -> io::Result<u8> {
    if found == b'\n' {
        return Ok(found);
    }
    let next = loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            filled => break filled?.first().copied(),
        }
    };
    // `\r\r\n` is what a program made of `\r\n` that took it for a line feed.
    Ok(match next {
        Some(b'\n' | b'\r') => b'\n',
        Some(_) | None => b'\r',
    })
}
