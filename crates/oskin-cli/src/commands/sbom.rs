//! `oskin sbom`: the software of an image as a bill of materials.

use super::workspace;
use crate::args::{AskedSbom, Global};
use crate::error::CliError;
use crate::output::{Format, Outputs};
use oskin::report::BillOfMaterials;
use std::process::ExitCode;

/// Writes the bill of materials of an image.
pub(super) fn run(global: &Global, asked: AskedSbom) -> Result<ExitCode, CliError> {
    let outputs = Outputs::new(global, &[Format::Cyclonedx, Format::Spdx])?;
    let AskedSbom { image, base, reading } = asked;
    let mut workspace = workspace(global, reading)?;
    let found = workspace.find_any(&image)?;
    let installed = workspace.must_be_installed(&found)?;
    let base = workspace.base_of(&found, base.as_deref())?;
    let layers = workspace.layer_keys(&found)?.all;
    let layers: Vec<String> = layers.iter().map(|(key, _)| key.to_string()).collect();
    let record = found.record();
    let created = made_at(
        record.declared().created.as_deref(),
        std::env::var("SOURCE_DATE_EPOCH").ok().as_deref(),
    );
    let bill = BillOfMaterials {
        name: &record.name,
        image_id: record.config_digest.as_deref(),
        system: record.os.as_ref(),
        layers: &layers,
        installed: &installed,
        base: base.as_ref().map(|base| (base.name.as_str(), &base.purls)),
        created: created.as_deref(),
        tool_version: env!("CARGO_PKG_VERSION"),
    };
    outputs.write(|format| {
        let document = if format == Format::Spdx { bill.spdx() } else { bill.cyclonedx() };
        let mut bytes = serde_json::to_vec_pretty(&document)
            .map_err(|error| CliError::new(format!("cannot write the document: {error}")))?;
        bytes.push(b'\n');
        Ok(bytes)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// When the image was made, to the second and in UTC, else what `SOURCE_DATE_EPOCH` says
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn made_at(created: Option<&str>, epoch: Option<&str>) -> Option<String> {
    let seconds = |text: &str| -> Option<String> {
        let (date, zone) = (text.get(..19)?, text.get(19..)?);
        let fraction = zone.strip_suffix('Z')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_fraction = fraction.is_empty() || fraction.strip_prefix('.').is_some_and(digits);
        let shape = date.bytes().zip("dddd-dd-ddTdd:dd:dd".bytes());
        let is_date = shape.into_iter().all(|(byte, like)| match like {
            b'd' => byte.is_ascii_digit(),
            _ => byte == like,
        });
        (is_fraction && is_date).then(|| format!("{date}Z"))
    };
    let of_epoch = || epoch?.parse().ok().map(date_of);
    created.and_then(seconds).or_else(of_epoch)
}

/// The date of seconds since 1970 (Hinnant 2013, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date_of(seconds: u32) -> String {
    let (days, rest) = (u64::from(seconds) / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_image_or_of_the_build() {
        let made = |created, epoch| made_at(created, epoch).unwrap_or_default();
        assert_eq!(made(Some("2023-05-18T22:34:17.051Z"), Some("1")), "2023-05-18T22:34:17Z");
        assert_eq!(made(Some("2023-05-18T22:34:17+02:00"), Some("0")), "1970-01-01T00:00:00Z");
        assert_eq!(made(None, Some("1709210096")), "2024-02-29T12:34:56Z");
        assert_eq!(made(Some("yesterday"), Some("-5")), "");
        assert_eq!(made(Some("é"), None), "");
    }
}
