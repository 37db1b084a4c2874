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
    let known = Known::of(records);
    records.iter().map(|record| known.base_of(record)).collect()
}

/// The same for one image, in these or not.
pub(crate) fn base_of(record: &ImageRecord, records: &[ImageRecord]) -> Option<u32> {
    Known::of(records).base_of(record)
}

/// Whether an image declares any base.
pub(crate) fn is_declaring(record: &ImageRecord) -> bool {
    let labels = record.declared().labels;
    [NAME, DIGEST].iter().any(|label| labels.contains_key(*label))
}

/// By what images are declared as bases.
struct Known<'r> {
    by_name: BTreeMap<String, Vec<u32>>,
    by_digest: BTreeMap<&'r str, Vec<u32>>,
}

impl<'r> Known<'r> {
    fn of(records: &'r [ImageRecord]) -> Self {
        let mut known = Self { by_name: BTreeMap::new(), by_digest: BTreeMap::new() };
        for (image, record) in (0..).zip(records) {
            let mut names: Vec<String> = [record.reference.as_deref(), Some(record.name.as_str())]
                .into_iter()
                .flatten()
                .filter_map(normal)
                .collect();
            names.dedup();
            for name in names {
                known.by_name.entry(name).or_default().push(image);
            }
            if let Some(digest) = &record.manifest_digest {
                known.by_digest.entry(digest).or_default().push(image);
            }
        }
        known
    }

    fn base_of(&self, record: &ImageRecord) -> Option<u32> {
        let labels = record.declared().labels;
        let digest = labels.get(DIGEST).and_then(|digest| self.by_digest.get(digest.as_str()));
        let named = || self.by_name.get(&normal(labels.get(NAME)?)?);
        match digest.or_else(named).map(Vec::as_slice) {
            Some(&[one]) => Some(one),
            _ => None,
        }
    }
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
    use oskin::image::Fact;

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
            ImageRecord {
                config: None,
                facts: vec![Fact {
                    kind: "manifest.annotations".to_owned(),
                    text: format!(r#"{{"{NAME}": "debian:12"}}"#),
                }],
                ..record("f", None, &[])
            },
        ];
        assert_eq!(bases(&records), [None, Some(0), Some(1), None, Some(0), None, Some(0)]);
        // Two of one name: neither can be told.
        let twice = [&records[..2], &[record("x", Some("debian:12"), &[])]].concat();
        assert_eq!(bases(&twice), [None, None, None]);
    }
}
