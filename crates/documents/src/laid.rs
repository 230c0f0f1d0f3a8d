//! What stands where on a laid out paper, read back from the layout engine.
//!
//! Tests and snapshots look at this instead of at PDF bytes: text in reading order, with positions,
//! so that they can also say that nothing overlaps and nothing leaves the page.

use typst::layout::{Frame, FrameItem, Point};
use typst_layout::{Page, PagedDocument};

/// Pieces of text whose baselines are nearer than this, in points, are one printed row.
const SAME_ROW_PT: f64 = 1.5;

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
    /// The page as rows of text, runs of one row parted by a bar.
    pub fn rows(&self) -> String {
        self.texts
            .chunk_by(|left, right| (left.y_pt - right.y_pt).abs() < SAME_ROW_PT)
            .map(|row| {
                let runs: Vec<&str> = row.iter().map(|text| text.text.as_str()).collect();
                runs.join(" | ")
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
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
