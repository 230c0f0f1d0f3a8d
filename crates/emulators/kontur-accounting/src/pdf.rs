//! A PDF file written by hand: pages of text in one embedded monospaced font.
//!
//! The font is embedded because no viewer has Cyrillic letters in the fonts that PDF knows by
//! name. It is a part of Noto Sans Mono (`fonts/OFL.txt`); `fonts/letters.txt` lists its letters
//! in the order of their glyphs.

use std::collections::BTreeMap;

const FONT_FILE: &[u8] = include_bytes!("../fonts/mono.ttf");
const LETTERS: &str = include_str!("../fonts/letters.txt");

/// Stands in the list for a glyph that is no letter by itself.
const NO_LETTER: char = '\u{fffd}';

/// The glyphs of the embedded font by letter.
pub(crate) struct Font {
    glyphs: BTreeMap<char, u16>,
}

impl Font {
    pub(crate) fn new() -> Self {
        let numbered = LETTERS.chars().zip(0..);
        let mut glyphs: BTreeMap<char, u16> = numbered
            .filter(|(letter, _)| *letter != NO_LETTER)
            .collect();
        if let Some(space) = glyphs.get(&' ').copied() {
            glyphs.insert('\u{a0}', space);
        }
        Self { glyphs }
    }

    /// The glyph of a letter; one that the font lacks is shown as a question mark.
    pub(crate) fn glyph(&self, letter: char) -> u16 {
        let found = self.glyphs.get(&letter).or_else(|| self.glyphs.get(&'?'));
        found.copied().unwrap_or(0)
    }

    /// What makes the text selectable and searchable.
    fn to_unicode(&self) -> String {
        let letters = self
            .glyphs
            .iter()
            .filter(|(letter, _)| **letter != '\u{a0}');
        let entries: Vec<String> = letters
            .map(|(letter, glyph)| format!("<{glyph:04X}> <{:04X}>", u32::from(*letter)))
            .collect();
        let blocks: String = entries
            .chunks(100)
            .map(|chunk| {
                format!(
                    "{} beginbfchar\n{}\nendbfchar\n",
                    chunk.len(),
                    chunk.join("\n")
                )
            })
            .collect();
        format!(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{blocks}\
             endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        )
    }
}

/// Objects before the pages.
const FIXED_OBJECTS: usize = 7;

const FONT: &str = "<< /Type /Font /Subtype /Type0 /BaseFont /EMULAT+NotoSansMono \
    /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 7 0 R >>";

const CID_FONT: &str = "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /EMULAT+NotoSansMono \
    /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> \
    /FontDescriptor 5 0 R /DW 600 /CIDToGIDMap /Identity >>";

const FONT_DESCRIPTOR: &str = "<< /Type /FontDescriptor /FontName /EMULAT+NotoSansMono /Flags 5 \
    /FontBBox [-169 -245 600 918] /ItalicAngle 0 /Ascent 1069 /Descent -293 /CapHeight 714 \
    /StemV 80 /FontFile2 6 0 R >>";

/// A file whose pages have the given contents.
pub(crate) fn file(pages: &[String], font: &Font) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.bytes
        .extend_from_slice(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
    let numbers = (0..pages.len()).map(|at| FIXED_OBJECTS + 1 + 2 * at);
    let kids: String = numbers.map(|number| format!("{number} 0 R ")).collect();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.object(&format!(
        "<< /Type /Pages /Kids [{kids}] /Count {} >>",
        pages.len()
    ));
    pdf.object(FONT);
    pdf.object(CID_FONT);
    pdf.object(FONT_DESCRIPTOR);
    pdf.stream(FONT_FILE, &format!("/Length1 {}", FONT_FILE.len()));
    pdf.stream(font.to_unicode().as_bytes(), "");
    for content in pages {
        let content_number = pdf.offsets.len() + 2;
        pdf.object(&format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] \
             /Resources << /Font << /F1 3 0 R >> >> /Contents {content_number} 0 R >>"
        ));
        pdf.stream(content.as_bytes(), "");
    }
    pdf.finish()
}

/// A file that is being written: its bytes and where each object begins.
#[derive(Default)]
struct Pdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Pdf {
    fn object(&mut self, body: &str) {
        self.begin();
        self.bytes.extend_from_slice(body.as_bytes());
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    fn stream(&mut self, content: &[u8], more: &str) {
        self.begin();
        let head = format!("<< /Length {} {more} >>\nstream\n", content.len());
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn begin(&mut self) {
        self.offsets.push(self.bytes.len());
        let head = format!("{} 0 obj\n", self.offsets.len());
        self.bytes.extend_from_slice(head.as_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        let table_at = self.bytes.len();
        let size = self.offsets.len() + 1;
        let entries: String = self
            .offsets
            .iter()
            .map(|offset| format!("{offset:010} 00000 n \n"))
            .collect();
        let tail = format!(
            "xref\n0 {size}\n0000000000 65535 f \n{entries}\
             trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table_at}\n%%EOF\n"
        );
        self.bytes.extend_from_slice(tail.as_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_stands_where_the_table_says() {
        let bytes = file(&["BT ET".to_owned(), "BT ET".to_owned()], &Font::new());
        let tail = String::from_utf8_lossy(&bytes[bytes.len() - 600..]).into_owned();
        let at = tail.rsplit("startxref\n").next().unwrap();
        let at: usize = at.lines().next().unwrap().parse().unwrap();
        let table = std::str::from_utf8(&bytes[at..]).unwrap();
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("xref"));
        assert_eq!(
            lines.next(),
            Some("0 12"),
            "7 objects, 2 for each page, and the free one"
        );
        for (number, entry) in lines.skip(1).take(11).enumerate() {
            let offset: usize = entry[..10].parse().unwrap();
            let head = format!("{} 0 obj\n", number + 1);
            assert!(bytes[offset..].starts_with(head.as_bytes()), "{head}");
        }
    }

    /// The list of letters and the font file belong together: the file counts as many glyphs.
    #[test]
    fn letters_are_as_many_as_glyphs() {
        let glyphs = FONT_FILE.windows(4).position(|tag| tag == b"maxp").unwrap();
        let offset = FONT_FILE[glyphs + 8..glyphs + 12].try_into().unwrap();
        let maxp = usize::try_from(u32::from_be_bytes(offset)).unwrap();
        let count = u16::from_be_bytes(FONT_FILE[maxp + 4..maxp + 6].try_into().unwrap());
        assert_eq!(LETTERS.chars().count(), usize::from(count));
    }

    #[test]
    fn glyphs_lead_back_to_their_letters() {
        let font = Font::new();
        let map = font.to_unicode();
        for letter in "Счёт№×₽ aZ".chars() {
            let entry = format!("<{:04X}> <{:04X}>", font.glyph(letter), u32::from(letter));
            assert!(map.contains(&entry), "{letter}");
        }
        assert_eq!(font.glyph('漢'), font.glyph('?'));
        assert_eq!(font.glyph('\u{a0}'), font.glyph(' '));
    }
}
