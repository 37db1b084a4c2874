//! `oskin export`: inventories as files.

use super::workspace;
use crate::args::{Global, Reading};
use crate::error::CliError;
use crate::output::{Format, Outputs, write_file};
use oskin::catalog::Catalog;
use oskin::oski::{self, OskiImage, OskiLayer};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes images, each into its own file or all into one.
pub(super) fn run(global: &Global, images: Vec<String>, all: bool) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Oski])?;
    let mut workspace = workspace(global, Reading::default())?;
    let images: Vec<OskiImage> = workspace.catalog()?.at_one_moment(|catalog| {
        let names =
            if all { catalog.names()?.into_iter().map(|(_, name)| name).collect() } else { images };
        names.iter().map(|name| load(catalog, name)).collect::<Result<_, CliError>>()
    })?;
    if global.output.is_empty() {
        let mut written = BTreeSet::new();
        for image in &images {
            // Different names may come to the same file name.
            let mut file = file_name(&image.record.name, 1);
            let mut number = 2;
            while !written.insert(file.clone()) {
                file = file_name(&image.record.name, number);
                number += 1;
            }
            if file.exists() {
                let message = format!("{} exists", file.display());
                return Err(CliError::new(message).hint("name a file with -o oski=FILE"));
            }
            write_file(&file, &bytes_of(std::slice::from_ref(image))?)?;
            // The name of the image need not be that of the file.
            if !global.quiet {
                let line = format!("wrote {}\n", file.display());
                anstream::stderr().write_all(line.as_bytes())?;
            }
        }
    } else {
        outputs.write(|_| bytes_of(&images))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn bytes_of(images: &[OskiImage]) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    oski::write(&mut bytes, images)?;
    Ok(bytes)
}

/// Loads an image with its layers.
fn load(catalog: &Catalog, name: &str) -> Result<OskiImage, CliError> {
    let record = catalog.image(name)?;
    let layer = |(key, stored): (_, oskin::catalog::StoredLayer)| OskiLayer {
        key,
        size_bytes: stored.size_bytes,
        layer: stored.layer,
    };
    let layers = catalog.layers_with_software(record.id)?.into_iter().map(layer).collect();
    let packages = catalog.packages(record.id)?;
    Ok(OskiImage { record, layers, packages })
}

/// A file name that any system takes: `alpine:3.20` becomes `alpine_3.20.oski`; from 2 on the number
/// is a part of it.
fn file_name(name: &str, number: u32) -> PathBuf {
    let keep = |c: char| if c.is_alphanumeric() || "-._".contains(c) { c } else { '_' };
    let mut file: String = name.trim_start_matches('.').chars().map(keep).collect();
    // Names of files end at 255 bytes.
    while file.len() > 230 {
        file.pop();
    }
    if number > 1 {
        file.push_str(&format!("-{number}"));
    }
    file.push_str(".oski");
    PathBuf::from(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_plain_file_names() {
        assert_eq!(file_name("host.example/a:1", 1), PathBuf::from("host.example_a_1.oski"));
        assert_eq!(file_name("../x", 1), PathBuf::from("_x.oski"));
        assert_eq!(file_name("a b\n", 2), PathBuf::from("a_b_-2.oski"));
        assert_eq!(file_name(&"日".repeat(200), 1).as_os_str().len(), 228 + 5);
    }
}
