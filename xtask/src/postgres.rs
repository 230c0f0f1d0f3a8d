//! A PostgreSQL of our own for the time of the tests: made in a temporary folder, stopped whatever happens.
//!
//! The server is watched by a small shell that waits for the end of its input: when this program ends, even
//! by a signal, the pipe closes, and the shell stops the server and removes the folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context as _;

use crate::debian::{self, id_of};
use crate::workspace::Workspace;

/// A free port may be taken between asking for it and using it: then another is tried.
const TRIES: usize = 5;

const HINT: &str = "install it (Debian: `apt-get install postgresql`), or name a database in `PROVODKA_TEST_POSTGRES`";

/// Makes the cluster, starts it, crashes and starts it again at each line of input, stops it at the end of input.
/// Its commits are durable like a real one's: the store refuses a server that may lose them.
/// Signals are for our own process: the end of the pipe is what counts.
const WATCH: &str = r#"
trap '' INT TERM HUP
trap 'cd /; rm -rf "$FOLDER"' EXIT
cd "$FOLDER" || exit 1
"$BIN/initdb" -D "$FOLDER/data" -U provodka -A trust -E UTF8 --locale=C --no-sync >"$FOLDER/initdb.log" 2>&1 \
    || { cat "$FOLDER/initdb.log"; exit 1; }
stop() { "$BIN/pg_ctl" -D "$FOLDER/data" -m immediate -w stop >/dev/null 2>&1; }
start() {
    "$BIN/pg_ctl" -D "$FOLDER/data" -w -t 60 -l "$FOLDER/server.log" -o "-c listen_addresses=127.0.0.1 -p $PORT -k $FOLDER \
        -c max_connections=200" start >"$FOLDER/start.log" 2>&1 \
        || { cat "$FOLDER/start.log" "$FOLDER/server.log"; exit 1; }
    echo ready
}
start
while read -r _; do stop; start; done
stop
"#;

/// A running server; dropping it stops it.
pub struct Postgres {
    watch: Child,
    says: Option<BufReader<ChildStdout>>,
    folder: PathBuf,
    url: String,
}

impl Postgres {
    /// Starts one; as root it runs under another user, because the server refuses root.
    ///
    /// # Errors
    /// When there is no PostgreSQL and none can be installed, or it does not start.
    pub fn start(workspace: &Workspace) -> anyhow::Result<Self> {
        let programs = match programs() {
            Some(programs) => programs,
            None => {
                debian::install(workspace, "PostgreSQL", "postgresql", HINT)?;
                programs().context("PostgreSQL was installed, and `initdb` is still not found")?
            }
        };
        let mut last = None;
        for _ in 0..TRIES {
            match Self::start_once(&programs) {
                Ok(running) => return Ok(running),
                Err(error) => last = Some(error),
            }
        }
        let error = last.unwrap_or_else(|| anyhow::anyhow!("it was not tried"));
        Err(error.context("PostgreSQL for the tests does not start"))
    }

    /// For `PROVODKA_TEST_POSTGRES`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Crashes it (nothing is closed, nothing written out) and starts it again at the same address.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        let orders = self
            .watch
            .stdin
            .as_mut()
            .context("the shell has no input")?;
        orders.write_all(b"again\n")?;
        orders.flush()?;
        self.wait_until_ready()
    }

    fn start_once(programs: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder =
            std::env::temp_dir().join(format!("provodka-pg-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        let mut command = match other_user()? {
            None => Command::new("sh"),
            Some(user) => {
                chown(&folder, Some(user.id), None)?;
                let mut command = Command::new("runuser");
                command.args(["-u", &user.name, "--", "sh"]);
                command
            }
        };
        let mut watch = command
            .args(["-c", WATCH])
            .env("BIN", programs)
            .env("FOLDER", &folder)
            .env("PORT", port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a shell")?;
        let mut running = Self {
            says: watch.stdout.take().map(BufReader::new),
            watch,
            folder,
            url: format!("postgres://provodka@127.0.0.1:{port}/postgres"),
        };
        running.wait_until_ready()?;
        Ok(running)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let says = self.says.as_mut().context("the shell has no output")?;
        let mut said = String::new();
        for line in says.lines() {
            let line = line?;
            if line == "ready" {
                return Ok(());
            }
            said.push_str(&line);
            said.push('\n');
        }
        anyhow::bail!("{}", said.trim_end())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let stopped = self.watch.wait();
        if stopped.is_err() || self.folder.exists() {
            eprintln!(
                "PostgreSQL of the tests may still run in {}",
                self.folder.display()
            );
        }
    }
}

struct User {
    name: String,
    id: u32,
}

/// Under whom the server runs when we are root.
fn other_user() -> anyhow::Result<Option<User>> {
    if id_of(None)? != Some(0) {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(id) = id_of(Some(name))? {
            let name = name.to_owned();
            return Ok(Some(User { name, id }));
        }
    }
    anyhow::bail!("PostgreSQL refuses root, and there is no other user to run it")
}

/// The newest folder that holds the server's programs.
fn programs() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is how programs are found")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|found| {
            found
                .flatten()
                .map(|entry| entry.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    versions.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        let number = version.and_then(|version| version.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(number)
    });
    let whole = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    std::env::split_paths(&path).chain(versions).find(whole)
}
