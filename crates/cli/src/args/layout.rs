//! `provodka layout`: what may be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `layout …`
#[derive(Debug, Subcommand)]
pub enum LayoutCommand {
    /// Print the built-in layout (Typst)
    Export,
    /// Print what a layout gets as `/invoice.json`, of a made-up invoice
    Data,
    /// Draw made-up invoices by a layout, and say where it is wrong
    Try(LayoutTryArgs),
}

/// `layout try`
#[derive(Debug, Args)]
#[command(after_help = "\
Pictures beside the layout whose names stand in it (PNG, JPEG, SVG) may be shown: image(\"/logo.png\").
Examples:
  provodka layout export > invoice.typ
  provodka layout try invoice.typ --pdf sample.pdf
  provodka layout try --stamp stamp.png --head-signature head.png --pdf sample.pdf")]
pub struct LayoutTryArgs {
    /// The layout [default: the built-in one]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write the made-up invoice here
    #[arg(long, value_name = "PDF")]
    pub pdf: Option<PathBuf>,
    /// A picture of the stamp
    #[arg(long, value_name = "PICTURE")]
    pub stamp: Option<PathBuf>,
    /// A picture of the head's signature
    #[arg(long, value_name = "PICTURE")]
    pub head_signature: Option<PathBuf>,
    /// A picture of the chief accountant's signature
    #[arg(long, value_name = "PICTURE")]
    pub accountant_signature: Option<PathBuf>,
}
