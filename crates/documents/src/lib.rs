//! Papers: data in, PDF bytes out.
//!
//! On an event's way this comes late: when the accounting side has given an invoice its number and
//! the policy wants our own print form, the reconciler builds an [`InvoicePaper`] and hands the
//! bytes to the trailing lane, which attaches the file to the deal.
//!
//! The figures on a paper are made before the layout sees them: [`InvoicePaper::new`] turns domain
//! values into Russian strings, the layout only places them. What is not here: arithmetic (the
//! domain's), storage, and the decision whether a paper is wanted.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod exemption;
mod facts;
mod laid;
mod layout;
mod paper;
mod picture;
mod qr;
mod renderer;
mod sample;
mod spacing;
mod world;

pub use exemption::Exemption;
pub use facts::{InvoiceFacts, PaperError, Seller, Signer, Void};
pub use laid::{LaidPage, LaidText};
pub use layout::Layout;
pub use paper::{
    InvoicePaper, PaperBank, PaperColumns, PaperLine, PaperParty, PaperTotal, Signatory,
};
pub use picture::{Picture, PictureError};
pub use renderer::{RenderError, Renderer};
