//! A hermetic place to run `oskin` in: its own home, catalog and environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A temporary home with a working directory.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

/// What a run came to.
#[must_use]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file into the place.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The command, ready to be run here.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oskin"));
        command.current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("OSKIN_")
                || text.starts_with("XDG_")
                || text.starts_with("CLICOLOR")
            {
                command.env_remove(&name);
            }
        }
        command.env("HOME", self.path()).env("NO_COLOR", "1").env("COLUMNS", "120");
        command
    }

    /// Runs `oskin` with arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_os(arguments)
    }

    /// Runs `oskin` with arguments that need not be text.
    pub(crate) fn run_os(&self, arguments: &[impl AsRef<OsStr>]) -> Ran {
        Ran::of(self.command().args(arguments).output().unwrap())
    }

    /// Runs `oskin`, which must succeed, and returns its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Runs `oskin --json` and returns the document, whatever the exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}{}", ran.stdout, ran.stderr))
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Where the samples are that come with the project.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").canonicalize().unwrap()
}

/// A place whose catalog holds the sample family, and the file of its true parents.
pub(crate) fn sample_family() -> (Place, String) {
    let place = Place::new();
    place.ok(&["import", "-q", &samples().join("images.oski").display().to_string()]);
    (place, samples().join("truth.tsv").display().to_string())
}
