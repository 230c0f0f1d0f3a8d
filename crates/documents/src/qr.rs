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

/// A drawn code.
pub(crate) struct Drawn {
    /// An SVG whose unit is one module, quiet zone included.
    pub(crate) svg: String,
    /// The side in modules, so that a layout can align the dark part with its other edges.
    pub(crate) side: usize,
}

/// Draws `payload`.
pub(crate) fn draw(payload: &str) -> Result<Drawn, QrError> {
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
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         width=\"{side}\" height=\"{side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    );
    Ok(Drawn { svg, side })
}

fn write_run(path: &mut String, x: usize, y: usize, length: usize) {
    let written = write!(path, "M{x} {y}h{length}v1h-{length}z");
    debug_assert!(written.is_ok(), "a string takes whatever is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = "ST00012|Name=ООО «Пример»|PersonalAcc=40702810200000012345|\
        BankName=ПАО Сбербанк|BIC=044525225|CorrespAcc=30101810400000000225|Sum=15000000|\
        Purpose=Оплата по счету № 123 от 01.02.2026. В т.ч. НДС 22% 27049.18|PayeeINN=1234567894";

    /// Paints the rectangles of the drawn path, `scale` pixels for a module, and reads the picture
    /// with a decoder that shares nothing with our encoder.
    fn read(svg: &str, side: usize, scale: usize) -> String {
        let mut dark = vec![false; side * side];
        for run in svg
            .split(" d=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .split_terminator('z')
        {
            let numbers: Vec<usize> = run
                .split(|char: char| !char.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [x, y, length, height, back] = numbers[..] else {
                panic!("run `{run}`")
            };
            assert_eq!((height, back), (1, length));
            dark[y * side + x..][..length].fill(true);
        }
        let pixels = side * scale;
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, |x, y| {
            if dark[y / scale * side + x / scale] {
                0
            } else {
                255
            }
        });
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn the_drawn_code_reads_as_the_payload() {
        let longest = format!("{PAYLOAD}|Note={}", "Я".repeat(300));
        for payload in [PAYLOAD, "ST00012|short", longest.as_str()] {
            let drawn = draw(payload).unwrap();
            assert_eq!(read(&drawn.svg, drawn.side, 4), payload);
        }
    }

    #[test]
    fn four_light_modules_stand_around_the_code() {
        let drawn = draw(PAYLOAD).unwrap();
        assert!(drawn.svg.contains("d=\"M4 4h7v1h-7z"));
        assert_eq!(
            (drawn.side - 2 * QUIET_ZONE - 17) % 4,
            0,
            "a side of a QR code"
        );
    }
}
