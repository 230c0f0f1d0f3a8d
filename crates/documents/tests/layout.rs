//! How invoices look: what stands where, how pages break, what user text cannot do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod samples;

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use documents::{InvoicePaper, LaidPage, LaidText, Layout, RenderError, Renderer};
use samples::Sample;

/// Margins of the layout in points (20, 14 and 14 mm), and a hair for rounding.
const LEFT_PT: f64 = 56.69;
const RIGHT_PT: f64 = 39.69;
const TOP_PT: f64 = 39.69;
const HAIR_PT: f64 = 0.5;

fn lay_out(paper: &InvoicePaper) -> Vec<LaidPage> {
    Renderer::default().lay_out_invoice(paper).unwrap()
}

/// Every sample as it is laid out, by its name: once for all tests that look at them.
static LAID: LazyLock<Vec<(&str, Sample, Vec<LaidPage>)>> = LazyLock::new(|| {
    let laid = samples::all().into_iter().map(|(name, sample)| {
        let pages = lay_out(&sample.paper());
        (name, sample, pages)
    });
    laid.collect()
});

fn pages_of(name: &str) -> &'static [LaidPage] {
    let (_, _, pages) = LAID.iter().find(|(one, ..)| *one == name).unwrap();
    pages
}

fn page_with<'a>(pages: &'a [LaidPage], text: &str) -> &'a LaidPage {
    let found: Vec<&LaidPage> = pages
        .iter()
        .filter(|page| page.rows().contains(text))
        .collect();
    assert_eq!(found.len(), 1, "`{text}` stands on {} pages", found.len());
    found[0]
}

#[test]
fn papers_read_as_people_expect() {
    for (name, sample, pages) in LAID.iter() {
        if sample.lines.len() > 50 {
            continue;
        }
        let pages: Vec<String> = pages.iter().map(LaidPage::rows).collect();
        // A name broken anywhere is shown whole, so that the snapshot stays readable.
        let text = pages.join("\n======== page\n").replace('\u{200b}', "");
        insta::assert_snapshot!(*name, text.replace('\u{a0}', " "));
    }
}

#[test]
fn nothing_leaves_the_margins_and_nothing_is_printed_over_another() {
    for (name, _, pages) in LAID.iter() {
        for page in pages {
            for text in &page.texts {
                let right = text.x_pt + text.width_pt;
                let inside = text.x_pt > LEFT_PT - HAIR_PT
                    && right < page.width_pt - RIGHT_PT + HAIR_PT
                    && text.y_pt - 0.6 * text.size_pt > TOP_PT - HAIR_PT
                    && text.y_pt < page.height_pt - 20.0;
                assert!(inside, "{name}: {text:?} leaves the page");
            }
            let pair = overlapping(&page.texts);
            assert!(pair.is_none(), "{name}: {pair:?} overlap");
        }
    }
}

/// Two runs whose bodies (half the size of the font above the baseline) cover one place.
fn overlapping(texts: &[LaidText]) -> Option<(&LaidText, &LaidText)> {
    texts.iter().enumerate().find_map(|(index, text)| {
        let rest = texts[index + 1..].iter();
        rest.take_while(|other| other.y_pt - 0.5 * other.size_pt < text.y_pt)
            .find(|other| {
                other.x_pt + HAIR_PT < text.x_pt + text.width_pt
                    && text.x_pt + HAIR_PT < other.x_pt + other.width_pt
            })
            .map(|other| (text, other))
    })
}

#[test]
fn sums_never_wrap() {
    for (name, sample, pages) in LAID.iter() {
        let paper = sample.paper();
        let whole = |figure: &str| {
            let mut texts = pages.iter().flat_map(|page| &page.texts);
            texts.any(|text| text.text == figure)
        };
        let lines = paper.lines.iter();
        let of_lines = lines.flat_map(|line| [&line.quantity, &line.price, &line.sum]);
        let of_totals = paper
            .totals
            .iter()
            .chain([&paper.grand])
            .map(|total| &total.sum);
        for figure in of_lines.chain(of_totals) {
            assert!(whole(figure), "{name}: `{figure}` is broken");
        }
    }
}

#[test]
fn three_hundred_lines_repeat_the_heading_and_count_the_pages() {
    let pages = pages_of("lines-300");
    assert_eq!(pages.len(), 8);
    for (index, page) in pages.iter().enumerate() {
        let rows = page.rows();
        assert!(
            rows.contains("Товары (работы, услуги)"),
            "page {}: {rows}",
            index + 1
        );
        assert!(
            rows.contains(&format!("стр.\u{a0}{}\u{a0}из\u{a0}8", index + 1)),
            "{rows}"
        );
        assert!(
            rows.contains("Счёт на оплату №\u{a0}123 от\u{a0}01.02.2026"),
            "{rows}"
        );
    }
    let positions: Vec<String> = pages
        .iter()
        .flat_map(|page| &page.texts)
        .filter(|text| text.x_pt < LEFT_PT + 20.0 && text.text.parse::<usize>().is_ok())
        .map(|text| text.text.clone())
        .collect();
    let expected: Vec<String> = (1..=300).map(|position| position.to_string()).collect();
    assert_eq!(positions, expected);
}

#[test]
fn one_page_carries_no_page_number() {
    let rows = pages_of("usual")[0].rows();
    assert!(!rows.contains("из\u{a0}1"), "{rows}");
}

// Two tests of about the same weight: together they take longer than all others, and one thread would be left to it.
#[test]
fn totals_stay_with_the_last_line_and_signatures_with_text_up_to_fifty_lines() {
    nothing_is_torn_off(12..=50);
}

#[test]
fn totals_stay_with_the_last_line_and_signatures_with_text_beyond_fifty_lines() {
    nothing_is_torn_off(51..=75);
}

fn nothing_is_torn_off(counts: RangeInclusive<usize>) {
    for count in counts {
        let paper = samples::many_lines(count).paper();
        let pages = lay_out(&paper);
        let last_line = &paper.lines.last().unwrap().sum;
        let grand = page_with(&pages, "Всего к оплате");
        assert!(
            grand.rows().contains(last_line.as_str()),
            "{count}: totals are torn off"
        );
        let signed = page_with(&pages, "Главный бухгалтер");
        assert!(
            signed.rows().contains("Оплата счёта означает"),
            "{count}: signatures stand alone"
        );
    }
}

#[test]
fn without_conditions_signatures_stay_with_the_sum_in_words() {
    for count in 18..=30 {
        let mut sample = samples::many_lines(count);
        sample.seller.conditions.clear();
        sample.valid_until = None;
        let pages = lay_out(&sample.paper());
        let signed = page_with(&pages, "Главный бухгалтер");
        assert!(signed.rows().contains("Всего наименований"), "{count}");
    }
}

#[test]
fn a_last_line_longer_than_a_page_does_not_lose_the_totals() {
    let mut sample = samples::several_rates_on_top();
    sample.lines.last_mut().unwrap().name = "слово ".repeat(2_000);
    let pages = lay_out(&sample.paper());
    assert!(pages.len() > 2);
    page_with(&pages, "Всего к оплате");
}

#[test]
fn what_people_type_is_printed_and_never_obeyed() {
    let paper = samples::hostile().paper();
    let all: String = pages_of("hostile")
        .iter()
        .map(LaidPage::rows)
        .collect::<Vec<_>>()
        .join("\n");
    let whole = all.replace('\u{200b}', "");
    for printed in [
        "#import \"x\": * *bold* _x_ $x^2$ @ref <label>",
        "#eval(\"1+1\")",
        "= #include",
    ] {
        assert!(whole.contains(printed), "{printed} is not in {whole}");
    }
    assert_eq!(whole.matches('Ж').count(), 2_000);
    for turning in ['\u{202e}', '\u{202c}', '\u{200f}', '\t'] {
        assert!(!whole.contains(turning), "{turning:?} reached the paper");
    }
    assert!(
        Renderer::default()
            .render_invoice(&paper)
            .unwrap()
            .starts_with(b"%PDF")
    );
}

#[test]
fn equal_papers_have_equal_bytes_whatever_was_made_before() {
    let paper = samples::stamped().paper();
    let first = Renderer::default().render_invoice(&paper).unwrap();
    for number in 0..6 {
        let other = Sample {
            number: number.to_string(),
            ..samples::several_rates()
        };
        assert_ne!(
            Renderer::default().render_invoice(&other.paper()).unwrap(),
            first
        );
    }
    assert_eq!(Renderer::default().render_invoice(&paper).unwrap(), first);
    let elsewhere = std::thread::spawn(move || Renderer::default().render_invoice(&paper).unwrap());
    assert_eq!(elsewhere.join().unwrap(), first);
}

#[test]
fn the_date_of_the_file_is_the_date_of_the_invoice() {
    let pdf = Renderer::default()
        .render_invoice(&samples::usual().paper())
        .unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.contains("20260201"), "no date of the invoice");
    assert!(text.contains("pdfaid:part"), "no archive's mark");
}

#[test]
fn a_changed_layout_is_taken_from_a_file_and_told_where_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.typ");
    let paper = samples::usual().paper();

    std::fs::write(
        &file,
        "#let paper = json(\"/invoice.json\")\nСвой: #paper.title",
    )
    .unwrap();
    let own = Renderer::new(Layout::from_file(&file).unwrap());
    let rows = own.lay_out_invoice(&paper).unwrap()[0].rows();
    assert!(
        rows.contains("Свой: ") && rows.contains("Счёт на оплату"),
        "{rows}"
    );

    std::fs::write(
        &file,
        "#let paper = json(\"/invoice.json\")\n\n#paper.nosuch",
    )
    .unwrap();
    let wrong = Renderer::new(Layout::from_file(&file).unwrap()).render_invoice(&paper);
    let told = wrong.unwrap_err().to_string();
    assert!(
        told.contains("row 3: ") && told.contains("nosuch"),
        "{told}"
    );

    let missing = Layout::from_file(&folder.path().join("none.typ"));
    assert!(matches!(missing, Err(RenderError::ReadLayout { .. })));
}

#[test]
fn a_layout_shows_the_pictures_beside_it_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.typ");
    let text = "#image(\"/logo.png\")\n#json(\"/invoice.json\").replaced_by";
    std::fs::write(&file, text).unwrap();
    let logo = folder.path().join("logo.png");
    std::fs::write(&logo, include_bytes!("samples/ring.png")).unwrap();
    let layout = Layout::from_file(&file).unwrap();
    let paper = samples::usual().paper();
    let pdf = Renderer::new(layout.clone())
        .render_invoice(&paper)
        .unwrap();
    assert!(pdf.len() > 2_000);
    layout.prove().unwrap();

    std::fs::write(&logo, "no picture").unwrap();
    let refused = Layout::from_file(&file).unwrap_err().to_string();
    assert!(refused.contains("logo.png"), "{refused}");
    // What it does not name is not even looked at, also where the end of a name is another's.
    for text in ["без картинок", "#image(\"/my-logo.png\")"] {
        std::fs::write(&file, text).unwrap();
        assert!(Layout::from_file(&file).is_ok(), "{text}");
    }
}

#[test]
fn a_layout_that_is_no_file_or_endless_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let none = Layout::from_file(folder.path()).unwrap_err();
    assert!(matches!(none, RenderError::ReadLayout { .. }), "{none}");
    let file = folder.path().join("own.typ");
    std::fs::write(&file, " ".repeat((256 << 10) + 1)).unwrap();
    let large = Layout::from_file(&file).unwrap_err().to_string();
    assert!(large.contains("more than 262144 bytes"), "{large}");
    // A folder that is called like a picture is no picture.
    std::fs::write(&file, "#image(\"logo.png\")").unwrap();
    std::fs::create_dir(folder.path().join("logo.png")).unwrap();
    let refused = Layout::from_file(&file).unwrap_err();
    assert!(
        matches!(&refused, RenderError::ReadLayout { source, .. } if source.to_string().contains("regular")),
        "{refused}"
    );
}

#[test]
fn a_layout_that_lets_people_pay_what_was_replaced_is_refused() {
    let built_in = Layout::default();
    let silent = built_in
        .text()
        .replace("#if paper.replaced_by != none {", "#if false {");
    assert_ne!(silent, built_in.text());
    let refused = Layout::from_text(silent).prove();
    assert!(matches!(refused, Err(RenderError::Silent)), "{refused:?}");
    let loud = built_in
        .text()
        .replace("soft(paper.replaced_by)", "upper(soft(paper.replaced_by))");
    assert_ne!(loud, built_in.text());
    Layout::from_text(loud).prove().unwrap();
}

#[test]
fn a_layout_is_proved_on_papers_that_have_and_lack_everything() {
    Layout::default().prove().unwrap();
    let told = |text: &str| {
        let layout = format!("#let paper = json(\"/invoice.json\")\n{text}");
        Layout::from_text(layout).prove().unwrap_err().to_string()
    };
    for (text, cause) in [
        ("#paper.basis.len()", "none"),
        ("#paper.seller.kpp.len()", "none"),
        ("#paper.buyer.inn.len()", "none"),
        ("#image(\"/qr.svg\")", "qr.svg"),
        ("#image(\"/stamp\")", "stamp"),
        ("#paper.signatories.at(1)", "index"),
    ] {
        let told = told(text);
        assert!(
            told.contains("row 2: ") && told.contains(cause),
            "{text}: {told}"
        );
    }
}

/// `docs/reference/layout.md` is what an integrator has: it names everything that a layout gets.
#[test]
fn the_page_names_everything_that_a_layout_gets() {
    let page = include_str!("../../../docs/reference/layout.md");
    let data = serde_json::to_value(InvoicePaper::sample()).unwrap();
    let mut names = vec!["qr_side".to_owned()];
    collect(&data, &mut names);
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

fn collect(value: &serde_json::Value, names: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                collect(value, names);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

#[test]
fn a_layout_sees_neither_files_nor_packages() {
    let paper = samples::usual().paper();
    for text in [
        "#read(\"/etc/passwd\")",
        "#read(\"../Cargo.toml\")",
        "#include \"/other.typ\"",
        "#import \"@preview/cetz:0.1.0\"",
    ] {
        let refused = Renderer::new(Layout::from_text(text)).render_invoice(&paper);
        assert!(
            matches!(refused, Err(RenderError::Layout(_))),
            "{text}: {refused:?}"
        );
    }
}

/// The text as a person's program copies it out of the file. Needs `pdftotext` (poppler-utils).
#[test]
fn the_text_of_the_file_can_be_selected() {
    let Some(text) = pdf_to_text(&samples::usual().paper()) else {
        eprintln!("pdftotext is not on this machine: the text of the file was not read back");
        return;
    };
    for expected in [
        "Счёт на оплату № 123 от 1 февраля 2026 г.",
        "40702810200000012345",
        "Фильтр карманный G4 592×592×600",
        "В том числе НДС 22 %",
        "150 000,00 ₽",
        "Сто пятьдесят тысяч рублей 00 копеек",
    ] {
        assert!(
            text.replace('\u{a0}', " ").contains(expected),
            "no `{expected}` in {text}"
        );
    }
}

fn pdf_to_text(paper: &InvoicePaper) -> Option<String> {
    let mut reader = Command::new("pdftotext")
        .args(["-layout", "-enc", "UTF-8", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let pdf = Renderer::default().render_invoice(paper).unwrap();
    reader.stdin.take().unwrap().write_all(&pdf).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}
