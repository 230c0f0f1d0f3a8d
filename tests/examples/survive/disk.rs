//! A file system that is small enough to fill. Mounting one needs root; without it the size of files is bounded.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Room for a database after some hundred cycles.
const SIZE: &str = "size=96m,mode=0700";

/// The small file system.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `folder`; says why where it cannot.
    pub(crate) fn mount(folder: &Path) -> Result<Self, String> {
        std::fs::create_dir(folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "provodka-survive"])
            .arg(folder)
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| error.to_string())?;
        if mounted.status.success() {
            Ok(Self {
                folder: folder.to_owned(),
            })
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
        }
    }

    /// Takes all space but `spare` bytes.
    pub(crate) fn fill(&self, spare: u64) {
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        let portion = vec![0x5a; 64 << 10];
        while ballast.write_all(&portion).is_ok() {}
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(spare)).unwrap();
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        drop(std::fs::remove_file(self.ballast()));
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.folder).status());
    }
}
