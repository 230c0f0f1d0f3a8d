//! The files that our own papers are made of: a policy names them, here they are read and proved.
//!
//! They are read when the service starts and when a policy is put in force, all at once and before any invoice needs
//! them. What stands on a paper is not here but in `documents`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use documents::{Layout, Picture, PictureError, RenderError};
use planner::{PaperFile, Policy};
use reconciler::Papers;

use crate::config::Config;

/// The code of the page about files of papers.
pub(crate) const PAPER_UNUSABLE: &str = "PAPER-UNUSABLE";

/// Everything that is the matter with a policy's files.
#[derive(Debug)]
pub struct PaperFaults(Vec<PaperFault>);

#[derive(Debug)]
struct PaperFault {
    key: String,
    path: PathBuf,
    what: What,
}

#[derive(Debug)]
enum What {
    NoFolder,
    Unreadable(io::Error),
    Picture(PictureError),
    Layout(RenderError),
}

/// Reads and proves what a policy names; for a policy that names nothing the disk is not touched.
///
/// # Errors
/// Names every fault.
pub async fn load(config: &Config, policy: &Policy) -> Result<Papers, PaperFaults> {
    let files = policy.paper_files();
    if files.is_empty() {
        return Ok(Papers::default());
    }
    let folder = config.papers.clone();
    // Proving a layout takes processor time.
    let read = tokio::task::spawn_blocking(move || read(folder.as_deref(), &files));
    match read.await {
        Ok(read) => read,
        Err(error) if error.is_panic() => Err(PaperFaults(vec![PaperFault {
            key: "papers".to_owned(),
            path: PathBuf::new(),
            what: What::Layout(RenderError::BrokenOff),
        }])),
        // The program stops and no thread took it up, which says nothing of the files: whoever waits ends as well.
        Err(_) => std::future::pending().await,
    }
}

fn read(folder: Option<&Path>, files: &[PaperFile]) -> Result<Papers, PaperFaults> {
    let mut papers = Papers::default();
    let mut faults = Vec::new();
    for file in files {
        let path = folder.map_or_else(PathBuf::new, |folder| folder.join(&file.name));
        let done = match folder {
            None => Err(What::NoFolder),
            Some(_) if file.is_layout => layout(&path).map(|layout| {
                papers.layout = Some(Arc::new(layout));
            }),
            Some(_) => picture(&path).map(|picture| {
                papers.pictures.insert(file.name.clone(), picture);
            }),
        };
        if let Err(what) = done {
            faults.push(PaperFault {
                key: file.key.clone(),
                path,
                what,
            });
        }
    }
    if faults.is_empty() {
        Ok(papers)
    } else {
        Err(PaperFaults(faults))
    }
}

fn layout(path: &Path) -> Result<Layout, What> {
    let layout = Layout::from_file(path).map_err(|error| match error {
        RenderError::ReadLayout { source, .. } => What::Unreadable(source),
        other => What::Layout(other),
    })?;
    layout.prove().map_err(What::Layout)?;
    Ok(layout)
}

fn picture(path: &Path) -> Result<Picture, What> {
    let read = Picture::from_file(path).map_err(What::Unreadable)?;
    read.map_err(What::Picture)
}

impl What {
    fn remedy(&self) -> &'static str {
        match self {
            Self::NoFolder => {
                "set `papers.folder` in the configuration to the folder that holds the file"
            }
            Self::Unreadable(_) => {
                "put the file there, readable for the user that the program runs as"
            }
            Self::Picture(PictureError::UnknownFormat | PictureError::Broken(_)) => {
                "save the picture anew as PNG or JPEG"
            }
            Self::Picture(PictureError::TooLarge { .. } | PictureError::TooManyDots { .. }) => {
                "make the picture smaller: 900 dots a side are plenty for a stamp"
            }
            Self::Layout(_) => {
                "mend the layout and try it by `provodka layout try FILE`; `provodka layout export` prints the built-in one"
            }
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (said, cause): (&dyn fmt::Display, Option<String>) = match self {
            Self::NoFolder => (&"`papers.folder` is not set", None),
            Self::Unreadable(error) => (&"cannot be read", Some(error.to_string())),
            Self::Picture(error) => (error, None),
            Self::Layout(error) => {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                (error, cause)
            }
        };
        write!(f, "{said}")?;
        cause.map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl fmt::Display for PaperFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        write!(f, "files of papers cannot be used ({PAPER_UNUSABLE})")?;
        for PaperFault { key, path, what } in faults {
            write!(f, "\n  {key}: {}: {what}", path.display())?;
            write!(f, "\n      to do: {}", what.remedy())?;
        }
        Ok(())
    }
}

impl std::error::Error for PaperFaults {}

impl PaperFaults {
    /// For people who look at `check`.
    pub(crate) fn in_russian(&self) -> String {
        let Self(faults) = self;
        let told = faults.iter().map(|fault| {
            format!(
                "`{}`, файл `{}`: {}",
                fault.key,
                fault.path.display(),
                fault.what.in_russian()
            )
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

impl What {
    fn in_russian(&self) -> String {
        match self {
            Self::NoFolder => {
                "не задана папка `papers.folder`: напишите её в `provodka.toml`".to_owned()
            }
            Self::Unreadable(error) => {
                format!(
                    "не читается ({error}): положите его в папку и дайте программе право читать"
                )
            }
            Self::Picture(PictureError::UnknownFormat) => {
                "не PNG и не JPEG: сохраните картинку в одном из них".to_owned()
            }
            Self::Picture(PictureError::Broken(why)) => {
                format!("картинка испорчена ({why}): сохраните её заново")
            }
            Self::Picture(PictureError::TooLarge { size_bytes }) => {
                format!("{size_bytes} байт, это больше 2 МБ: уменьшите картинку")
            }
            Self::Picture(PictureError::TooManyDots { width, height }) => {
                format!("{width}×{height} точек, это больше 4000 по стороне: уменьшите картинку")
            }
            Self::Layout(_) => {
                format!("{self}; исправьте и попробуйте: `provodka layout try ФАЙЛ`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[(&str, bool)]) -> Vec<PaperFile> {
        let file = |(name, is_layout): &(&str, bool)| PaperFile {
            key: format!("key of {name}"),
            name: (*name).to_owned(),
            is_layout: *is_layout,
        };
        names.iter().map(file).collect()
    }

    #[test]
    fn all_faults_are_told_with_file_cause_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        };
        write("stamp.png", b"GIF89a");
        write("head.jpg", b"\xff\xd8\xff\xe0");
        write(
            "own.typ",
            b"#let paper = json(\"/invoice.json\")\n\n#paper.nosuch",
        );
        let named = files(&[
            ("own.typ", true),
            ("stamp.png", false),
            ("head.jpg", false),
            ("none.png", false),
            ("endless.png", false),
            ("video.png", false),
        ]);
        // A disk of bytes takes no memory here: the file is all hole.
        let video = std::fs::File::create(folder.path().join("video.png")).unwrap();
        video.set_len(64 << 30).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.png")).unwrap();
        let faults = read(Some(folder.path()), &named).unwrap_err();
        let (told, shown) = (faults.to_string(), faults.in_russian());
        for part in [
            "own.typ: the layout refuses the paper: row 3: ",
            "provodka layout try",
            "stamp.png: picture is neither PNG nor JPEG",
            "head.jpg: picture cannot be read",
            "none.png: cannot be read: ",
            "endless.png: cannot be read: ",
            "video.png: picture has `68719476736` bytes",
        ] {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
        for part in ["row 3: ", "не PNG и не JPEG", "испорчена", "не читается"]
        {
            assert!(shown.contains(part), "no `{part}` in {shown}");
        }
        let nowhere = read(None, &named).unwrap_err().to_string();
        assert!(nowhere.contains("`papers.folder` is not set"), "{nowhere}");
    }

    #[test]
    fn what_is_sound_is_read_with_the_pictures_that_a_layout_names() {
        let folder = tempfile::tempdir().unwrap();
        let dot = include_bytes!("../../documents/layouts/dot.png");
        for name in ["stamp.png", "logo.png", "other.png"] {
            std::fs::write(folder.path().join(name), dot).unwrap();
        }
        let text = "#let paper = json(\"/invoice.json\")\n#image(\"/logo.png\")\n#paper.title #paper.replaced_by";
        std::fs::write(folder.path().join("own.typ"), text).unwrap();
        let named = files(&[("own.typ", true), ("stamp.png", false)]);
        let papers = read(Some(folder.path()), &named).unwrap();
        assert_eq!(papers.layout.unwrap().text(), text);
        assert_eq!(papers.pictures.keys().collect::<Vec<_>>(), ["stamp.png"]);

        std::fs::remove_file(folder.path().join("logo.png")).unwrap();
        let told = read(Some(folder.path()), &named).unwrap_err().to_string();
        assert!(
            told.contains("row 2: ") && told.contains("logo.png"),
            "{told}"
        );
    }
}
