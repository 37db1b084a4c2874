//! Which image of many another declares as its base, by the annotations of the OCI image spec.

use oskin::dockerfile::Reference;
use oskin::image::ImageRecord;
use std::collections::BTreeMap;

/// The reference of the base.
const NAME: &str = "org.opencontainers.image.base.name";
/// The digest of the manifest of the base.
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// For each image the one that it declares as its base, if it is among them and no other could be
/// meant.
///
/// The digest of a manifest comes first, as it names one image for ever. A name is compared in its normal
/// form, with the names under which the images came and those that they have here.
pub(crate) fn bases(records: &[ImageRecord]) -> Vec<Option<u32>> {
    let mut by_name: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut by_digest: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (image, record) in (0..).zip(records) {
        let mut names: Vec<String> = [record.reference.as_deref(), Some(record.name.as_str())]
            .into_iter()
            .flatten()
            .filter_map(normal)
            .collect();
        names.dedup();
        for name in names {
            by_name.entry(name).or_default().push(image);
        }
        if let Some(digest) = &record.manifest_digest {
            by_digest.entry(digest).or_default().push(image);
        }
    }
    let base = |record: &ImageRecord| {
        let labels = record.declared().labels;
        let digest = labels.get(DIGEST).and_then(|digest| by_digest.get(digest.as_str()));
        let named = || by_name.get(&normal(labels.get(NAME)?)?);
        match digest.or_else(named).map(Vec::as_slice) {
            Some(&[one]) => Some(one),
            _ => None,
        }
    };
    records.iter().map(base).collect()
}

/// A reference in its normal form, with the tag that is meant where none is stated; without a digest
/// beside the tag, since that may be of a list of images.
fn normal(text: &str) -> Option<String> {
    let reference = Reference::parse(text).ok()?;
    Some(format!("{}:{}", reference.name(), reference.tag().unwrap_or("latest")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, reference: Option<&str>, base: &[(&str, &str)]) -> ImageRecord {
        let labels: BTreeMap<&str, &str> = base.iter().copied().collect();
        let config = serde_json::json!({ "config": { "Labels": labels } });
        ImageRecord {
            name: name.to_owned(),
            reference: reference.map(str::to_owned),
            config: Some(config.to_string().into_bytes()),
            manifest_digest: Some(format!("sha256:{name}")),
            ..ImageRecord::default()
        }
    }

    #[test]
    fn declared_bases_are_found_by_digest_and_by_name() {
        let official = concat!("docker", ".io/library/debian:12");
        let records = [
            record("debian", Some("debian:12"), &[]),
            record("a", None, &[(NAME, official)]),
            record("b", None, &[(NAME, "debian:12@sha256:ab"), (DIGEST, "sha256:a")]),
            record("c", None, &[(NAME, "debian:11")]),
            record("d", None, &[(NAME, "debian"), (DIGEST, "sha256:none")]),
            record("e", None, &[(NAME, "not a name")]),
        ];
        assert_eq!(bases(&records), [None, Some(0), Some(1), None, Some(0), None]);
        // Two of one name: neither can be told.
        let twice = [&records[..2], &[record("x", Some("debian:12"), &[])]].concat();
        assert_eq!(bases(&twice), [None, None, None]);
    }
}
