//! `provodka explain CODE`: the page of a code that a person met.
//!
//! Not here: the pages (`desk::codes`).

use std::io::Write;

use desk::codes::{PAGES, page, title};

use crate::fault::Told;

/// Prints a page, or the list of codes.
///
/// # Errors
/// When there is no such code.
pub fn run(code: Option<&str>, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(code) = code else {
        for (code, page) in PAGES {
            writeln!(out, "{code:<28}{}", title(page))?;
        }
        return Ok(());
    };
    let page = page(code).ok_or_else(|| {
        Told::mistake(format!("there is no code `{code}`")).hint("`provodka explain` lists them")
    })?;
    out.write_all(page.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use desk::codes::{PAGES, page, title};

    use super::run;

    #[test]
    fn every_code_of_the_planner_and_the_engine_has_its_page() {
        let mut codes: Vec<&str> = planner::CaseCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect();
        codes.push(planner::flood::INVOICE_FLOOD);
        codes.push(engine::set_aside::SUBJECT_SET_ASIDE);
        codes.push(crate::config::CONFIG_REFUSED);
        for code in codes {
            assert!(page(code).is_some(), "{code}");
        }
    }

    #[test]
    fn every_page_is_listed_and_says_what_is_asked_of_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
        let listed: BTreeSet<String> = PAGES.iter().map(|(code, _)| format!("{code}.md")).collect();
        assert_eq!(on_disk, listed);
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(!title(page).is_empty(), "{code}");
            for part in [
                "## Что случилось",
                "## Что программа делает сама",
                "## Что сделать",
            ] {
                assert!(page.contains(part), "{code} lacks {part}");
            }
        }
    }

    #[test]
    fn a_code_is_found_in_any_letters_and_an_unknown_one_is_a_mistake() {
        assert_eq!(page("bitrix24-scope"), page("BITRIX24-SCOPE"));
        let error = run(Some("NO-SUCH"), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "there is no code `NO-SUCH`");
    }
}
