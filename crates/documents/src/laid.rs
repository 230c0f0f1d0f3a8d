//! What stands where on a laid out paper, read back from the layout engine.
//!
//! Tests and snapshots look at this instead of at PDF bytes: text in reading order, with positions,
//! so that they can also say that nothing overlaps and nothing leaves the page.

use typst::layout::{Frame, FrameItem, Point};
use typst_layout::{Page, PagedDocument};

/// Pieces of text whose baselines are nearer than this, in points, are one printed row.
const SAME_ROW_PT: f64 = 1.5;

/// Runs nearer than this, in points, continue one another.
const TOUCHING_PT: f64 = 0.3;

/// One page: its size and every run of text on it, in points from the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct LaidPage {
    /// Width of the page.
    pub width_pt: f64,
    /// Height of the page.
    pub height_pt: f64,
    /// Runs of text, from top to bottom and from left to right.
    pub texts: Vec<LaidText>,
}

/// A run of text set in one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct LaidText {
    /// The characters.
    pub text: String,
    /// The left edge.
    pub x_pt: f64,
    /// The baseline.
    pub y_pt: f64,
    /// The width of the run.
    pub width_pt: f64,
    /// The size of the font.
    pub size_pt: f64,
}

impl LaidPage {
    /// The page as rows of text; a bar parts what does not touch.
    pub fn rows(&self) -> String {
        self.texts
            .chunk_by(|left, right| (left.y_pt - right.y_pt).abs() < SAME_ROW_PT)
            .map(row_of)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// A change of script or font begins a new run in the middle of a word; such runs touch.
fn row_of(texts: &[LaidText]) -> String {
    let mut row = String::new();
    let mut end_pt = f64::NEG_INFINITY;
    for text in texts {
        if !row.is_empty() && text.x_pt - end_pt > TOUCHING_PT {
            row.push_str(" | ");
        }
        row.push_str(&text.text);
        end_pt = text.x_pt + text.width_pt;
    }
    row
}

pub(crate) fn read_back(document: &PagedDocument) -> Vec<LaidPage> {
    document.pages().iter().map(read_page).collect()
}

fn read_page(page: &Page) -> LaidPage {
    let mut texts = Vec::new();
    collect(&page.frame, Point::zero(), &mut texts);
    texts.sort_by(|left, right| {
        let (a, b) = (left.y_pt, right.y_pt);
        a.total_cmp(&b).then(left.x_pt.total_cmp(&right.x_pt))
    });
    for row in texts.chunk_by_mut(|left, right| (left.y_pt - right.y_pt).abs() < SAME_ROW_PT) {
        row.sort_by(|left, right| left.x_pt.total_cmp(&right.x_pt));
    }
    LaidPage {
        width_pt: page.frame.width().to_pt(),
        height_pt: page.frame.height().to_pt(),
        texts,
    }
}

fn collect(frame: &Frame, origin: Point, texts: &mut Vec<LaidText>) {
    for (offset, item) in frame.items() {
        let at = origin + *offset;
        match item {
            // Groups of this product's layouts are moved, never turned or scaled.
            FrameItem::Group(group) => collect(&group.frame, at, texts),
            FrameItem::Text(run) => texts.push(LaidText {
                text: run.text.to_string(),
                x_pt: at.x.to_pt(),
                y_pt: at.y.to_pt(),
                width_pt: run.width().to_pt(),
                size_pt: run.size.to_pt(),
            }),
            _ => {}
        }
    }
}
