//! From a paper's data to the bytes of a PDF.
//!
//! Laying out takes processor time in the order of tens of milliseconds, so in a running program it
//! happens off the asynchronous threads and two at a time. Equal data give equal bytes: no clock,
//! no randomness, no machine's fonts. A simulation has one thread and does the same in the same order
//! each time: there it happens where it is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;
use typst::WorldExt as _;
use typst::diag::SourceDiagnostic;
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::laid::{self, LaidPage};
use crate::layout::Layout;
use crate::paper::InvoicePaper;
use crate::picture::PictureError;
use crate::world::{PaperWorld, date_of};

/// How many papers are laid out at once: each takes a processor and some tens of megabytes.
const AT_ONCE: usize = 2;

/// For how many further papers the layout engine keeps what it remembers. The layout's own text is
/// worth keeping, the last invoices are not.
const REMEMBERED_PAPERS: usize = 3;

/// Up to so many lines a PDF is tagged for reading aloud. Tags take two kilobytes a line, so that a
/// paper of 300 lines would be seven times as heavy with them.
const TAGGED_LINES: usize = 50;

/// Turns papers into PDF. Cheap to clone; clones share the limit of papers at once.
#[derive(Clone, Debug)]
pub struct Renderer {
    layout: Arc<Layout>,
    /// None: where it is asked for.
    places: Option<Arc<Semaphore>>,
}

/// Why there is no PDF.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The file of a changed layout cannot be read.
    #[error("cannot read the layout `{path}`", path = path.display())]
    ReadLayout {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A picture beside a changed layout that the layout names.
    #[error("cannot use the picture `{path}`", path = path.display())]
    Picture {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        #[source]
        source: PictureError,
    },
    /// The layout does not fit the data, or is not a layout at all.
    #[error("the layout refuses the paper: {0}")]
    Layout(String),
    /// People would pay what was replaced or taken back.
    #[error(
        "the layout leaves out `replaced_by`, the sentence that says why an invoice must not be paid"
    )]
    Silent,
    /// The PDF could not be written from what was laid out.
    #[error("cannot write the PDF: {0}")]
    Pdf(String),
    /// The payment text is too long for any QR code.
    #[error("cannot draw the payment QR")]
    Qr(#[source] qrcode::types::QrError),
    /// The paper cannot be handed to the layout.
    #[error("cannot serialise the paper")]
    Data(#[source] serde_json::Error),
    /// A name of ours is no path.
    #[error("`{0}` is no path of a layout's file")]
    Path(String),
    /// Laying out broke off.
    #[error("laying out was broken off")]
    BrokenOff,
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new(Layout::default())
    }
}

impl Renderer {
    /// A renderer for one layout. Fonts are read at the first paper.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout: Arc::new(layout),
            places: Some(Arc::new(Semaphore::new(AT_ONCE))),
        }
    }

    /// The same on no other thread: papers are laid out where they are asked for.
    #[must_use]
    pub fn on_the_spot(self) -> Self {
        Self {
            places: None,
            ..self
        }
    }

    /// One with another layout that shares the limit of papers at once.
    #[must_use]
    pub fn with(&self, layout: Arc<Layout>) -> Self {
        Self {
            layout,
            places: self.places.clone(),
        }
    }

    /// Makes the PDF of an invoice. Takes processor time: from asynchronous code use
    /// [`render_invoice_aside`](Self::render_invoice_aside).
    pub fn render_invoice(&self, paper: &InvoicePaper) -> Result<Vec<u8>, RenderError> {
        let pdf = self
            .compile(paper)
            .and_then(|document| write_pdf(&document, paper));
        comemo::evict(REMEMBERED_PAPERS);
        pdf
    }

    /// Makes the PDF of an invoice on a thread for blocking work, at most two at a time; or
    /// [on the spot](Self::on_the_spot).
    pub async fn render_invoice_aside(&self, paper: InvoicePaper) -> Result<Vec<u8>, RenderError> {
        let Some(places) = &self.places else {
            return self.render_invoice(&paper);
        };
        let place = Arc::clone(places)
            .acquire_owned()
            .await
            .map_err(|_closed| RenderError::BrokenOff)?;
        let renderer = self.clone();
        let laid_out = tokio::task::spawn_blocking(move || {
            let pdf = renderer.render_invoice(&paper);
            drop(place); // held here, so that a caller who gave up does not free it too early
            pdf
        });
        match laid_out.await {
            Ok(pdf) => pdf,
            Err(error) if error.is_panic() => Err(RenderError::BrokenOff),
            // The program stops and no thread took it up. That says nothing of the paper, and whoever waits ends as well: told of
            // a failure, it might still write down that a person is needed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Lays an invoice out without writing a PDF and tells what stands where.
    pub fn lay_out_invoice(&self, paper: &InvoicePaper) -> Result<Vec<LaidPage>, RenderError> {
        let pages = self
            .compile(paper)
            .map(|document| laid::read_back(&document));
        comemo::evict(REMEMBERED_PAPERS);
        pages
    }

    fn compile(&self, paper: &InvoicePaper) -> Result<PagedDocument, RenderError> {
        let world = PaperWorld::new(&self.layout, paper)?;
        typst::compile::<PagedDocument>(&world)
            .output
            .map_err(|causes| RenderError::Layout(told_with_rows(&causes, &world)))
    }
}

/// An archive's PDF (PDF/A-2b) where the paper allows it. It does not where a name has a character
/// that our fonts lack; such a paper is still better than none.
fn write_pdf(document: &PagedDocument, paper: &InvoicePaper) -> Result<Vec<u8>, RenderError> {
    let mut options = PdfOptions {
        ident: Smart::Custom(paper.title.clone()),
        creator: Smart::Custom(Some("Provodka".to_owned())),
        timestamp: date_of(paper).map(Timestamp::new_utc),
        standards: PdfStandards::new(&[PdfStandard::A_2b])
            .map_err(|refused| RenderError::Pdf(refused.message().to_string()))?,
        tagged: paper.lines.len() <= TAGGED_LINES,
        ..PdfOptions::default()
    };
    if let Ok(archived) = typst_pdf::pdf(document, &options) {
        return Ok(archived);
    }
    options.standards = PdfStandards::default();
    typst_pdf::pdf(document, &options).map_err(|causes| RenderError::Pdf(told(&causes)))
}

/// What the engine says, each with the row of the layout where it can be told: a customer's own
/// layout is mended by this text.
fn told_with_rows(causes: &[SourceDiagnostic], world: &PaperWorld) -> String {
    let rows = causes.iter().map(|cause| {
        let row = world
            .range(cause.span)
            .and_then(|range| world.row_of(range.start));
        row.map_or_else(
            || cause.message.to_string(),
            |row| format!("row {row}: {}", cause.message),
        )
    });
    rows.collect::<Vec<_>>().join("; ")
}

fn told(causes: &[SourceDiagnostic]) -> String {
    let messages: Vec<&str> = causes.iter().map(|cause| cause.message.as_str()).collect();
    messages.join("; ")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn paper() -> InvoicePaper {
        InvoicePaper {
            title: "Счёт".to_owned(),
            footer: String::new(),
            issued_on: jiff::civil::date(2026, 2, 1),
            replaced_by: None,
            seller: Default::default(),
            bank: Default::default(),
            buyer: Default::default(),
            basis: None,
            due: None,
            columns: Default::default(),
            lines: vec![Default::default()],
            totals: vec![],
            grand: Default::default(),
            summary: String::new(),
            words: String::new(),
            conditions: vec![],
            signatories: vec![],
            place_for_stamp: true,
            stamp: None,
            qr: None,
            without_qr: None,
        }
    }

    #[tokio::test]
    async fn a_third_paper_waits_for_a_place() {
        let renderer = Renderer::default();
        let places = renderer.places.clone().unwrap();
        let _one = Arc::clone(&places).try_acquire_owned().unwrap();
        let two = Arc::clone(&places).try_acquire_owned().unwrap();
        let aside = renderer.clone();
        let mut third = pin!(aside.render_invoice_aside(paper()));
        let polled = third.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        assert_eq!(places.available_permits(), 0);
        drop(two);
        assert!(third.await.unwrap().starts_with(b"%PDF"));
        assert_eq!(places.available_permits(), 1);
    }

    #[test]
    fn a_program_that_stops_fails_no_paper() {
        let stops = tokio::runtime::Builder::new_current_thread().build();
        let stops = stops.unwrap();
        let there = stops.handle().clone();
        stops.shutdown_background();
        let renderer = Renderer::default();
        let mut asked = pin!(renderer.render_invoice_aside(paper()));
        let _asks_there = there.enter();
        for _ in 0..3 {
            let polled = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending));
        }
        // Nor does it keep a place.
        let places = renderer.places.clone().unwrap();
        assert_eq!(places.available_permits(), 2);
    }

    #[test]
    fn on_the_spot_a_paper_is_there_at_once_and_no_other() {
        let renderer = Renderer::default();
        let spot = renderer.clone().on_the_spot();
        let mut asked = pin!(spot.render_invoice_aside(paper()));
        let polled = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let drawn = match polled {
            Poll::Ready(drawn) => drawn.ok(),
            Poll::Pending => None,
        };
        assert_eq!(drawn, Some(renderer.render_invoice(&paper()).unwrap()));
    }
}
