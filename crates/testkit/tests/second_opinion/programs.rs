//! The programs whose opinion is asked.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether the program can be run; says so where it cannot.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {program} not installed");
    }
    found
}

/// Runs a program with bytes on its standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that stops reading early is no failure of the writer.
    let feeder = std::thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

pub(crate) fn assert_ran(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}: {said}", output.status);
}

pub(crate) fn gnu_tar_extract(tar: &[u8], dir: &Path) -> Output {
    let script = "umask 022; exec tar --extract --file=- --preserve-permissions --numeric-owner \
                  --exclude='.wh.*' --directory=\"$0\"";
    run_with(Command::new("sh").args(["-c", script]).arg(dir), tar)
}

/// Runs skopeo as if on linux/amd64, so that the choice of a platform is the same everywhere.
pub(crate) fn skopeo(arguments: &[&str]) -> Output {
    let fixed = ["--insecure-policy", "--override-os", "linux", "--override-arch", "amd64"];
    Command::new("skopeo").args(fixed).args(arguments).output().unwrap()
}
