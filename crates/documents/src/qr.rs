//! The payment QR as a picture.
//!
//! The text is the domain's (GOST R 56042-2014) and is taken as it is. Here it becomes modules: error
//! correction M, four light modules around (ISO/IEC 18004), drawn as vectors so that a printer
//! keeps the edges.

use std::fmt::Write as _;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules on each side, as the standard of the QR code demands.
const QUIET_ZONE: usize = 4;

/// Draws `payload` as an SVG whose unit is one module, quiet zone included.
pub(crate) fn svg(payload: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(payload.as_bytes(), EcLevel::M)?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        // One rectangle per run of dark modules: fewer shapes, and no hair lines between them.
        for run in modules.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                write_run(&mut path, column + QUIET_ZONE, row + QUIET_ZONE, run.len());
            }
            column += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         width=\"{side}\" height=\"{side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

fn write_run(path: &mut String, x: usize, y: usize, length: usize) {
    let written = write!(path, "M{x} {y}h{length}v1h-{length}z");
    debug_assert!(written.is_ok(), "a string takes whatever is written");
}
