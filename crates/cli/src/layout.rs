//! `provodka layout`: the built-in layout as a start for one's own, the data that it gets, and a try without any deal.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use documents::{InvoicePaper, Layout, Picture, Renderer};

use crate::args::{LayoutCommand, LayoutTryArgs};
use crate::fault::Told;

/// Runs a command.
///
/// # Errors
/// When a file cannot be used, or the layout refuses a paper.
pub fn run(command: &LayoutCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        LayoutCommand::Export => out.write_all(Layout::default().text().as_bytes())?,
        LayoutCommand::Data => {
            serde_json::to_writer_pretty(&mut *out, &InvoicePaper::sample())?;
            writeln!(out)?;
        }
        LayoutCommand::Try(args) => attempt(args, out)?,
    }
    Ok(())
}

fn attempt(args: &LayoutTryArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let layout = match &args.file {
        Some(file) => Layout::from_file(file).with_context(|| refused(file))?,
        None => Layout::default(),
    };
    let named = || match &args.file {
        Some(file) => refused(file),
        None => Told::failure("the built-in layout fails"),
    };
    let mut paper = InvoicePaper::sample();
    paper.stamp = picture(args.stamp.as_ref())?;
    let signatures = [&args.head_signature, &args.accountant_signature];
    for (signatory, file) in paper.signatories.iter_mut().zip(signatures) {
        signatory.signature = picture(file.as_ref())?;
    }
    layout.prove().with_context(named)?;
    let drawn = Renderer::new(layout).render_invoice(&paper);
    if let Some(pdf) = &args.pdf {
        std::fs::write(pdf, drawn.with_context(named)?)
            .with_context(|| Told::mistake(format!("cannot write `{}`", pdf.display())))?;
        writeln!(out, "Макет годится; образец: {}", pdf.display())?;
    } else {
        drawn.with_context(named)?;
        writeln!(out, "Макет годится.")?;
    }
    Ok(())
}

fn refused(file: &Path) -> Told {
    Told::mistake(format!("`{}` is no layout", file.display())).hint(
        "`provodka layout export` prints the built-in one, `provodka layout data` what a layout gets",
    )
}

fn picture(file: Option<&PathBuf>) -> anyhow::Result<Option<Picture>> {
    let Some(file) = file else {
        return Ok(None);
    };
    let told = || {
        Told::mistake(format!("cannot use `{}`", file.display()))
            .hint("a PNG or JPEG of at most 2 MB and 4000 dots a side")
    };
    let bytes = std::fs::read(file).with_context(told)?;
    Ok(Some(Picture::new(bytes).with_context(told)?))
}
