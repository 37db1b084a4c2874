//! `sbom:`, bills of materials: CycloneDX and SPDX as JSON. They tell packages and no paths.

mod document;

use super::archive::{open_content, place_of};
use super::decompress::Content;
use super::listing::read_bounded;
use super::stored::Stored;
use super::{
    ImageSource, NoProgress, ReadOptions, SourceError, SourceSpec, Transport, Warnings, name,
};
use crate::image::{Declared, Digest, Fact, OsIdentity, Package, Packages};
use crate::path::shorten;
use document::{Component, Document, MAX_COMPONENTS};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The largest document that is read, uncompressed.
const MAX_BYTES: u64 = 96 * 1024 * 1024;

/// The longest name or version that is taken; longer ones are no names.
const MAX_TEXT_BYTES: usize = 4096;

/// The most qualifiers of all packages of a document: they take more memory than they are long.
const MAX_QUALIFIERS: usize = 600_000;

/// The longest name that an image gets from its document.
const MAX_NAME_BYTES: usize = 255;

/// What names the formats, as they stand in documents, with the quotes.
const MARKS: [&[u8]; 2] = [b"\"bomFormat\"", b"\"spdxVersion\""];

/// Kinds of components that are no packages.
const NO_PACKAGES: [&str; 6] =
    ["file", "data", "device", "operating-system", "operating_system", "cryptographic-asset"];

const FORMATS: &str = "write it as CycloneDX JSON (1.2 to 1.7) or SPDX JSON (2.2 or 2.3); generators and converters can";

/// Reads the document.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let place = place_of(&spec.location);
    let io = |error| SourceError::io(&place, error);
    let content = open_content(spec, options)?;
    let Some(bytes) = read_bounded(content, MAX_BYTES).map_err(io)? else {
        let what = "a bill of materials";
        return Err(SourceError::TooLarge { place, what, limit_bytes: MAX_BYTES });
    };
    let document = parse(&bytes, &place)?;
    drop(bytes);
    Ok(vec![image(document, spec, &place)?])
}

/// Whether a JSON file begins as such a document, or, where its beginning does not tell, is one.
pub(super) fn is_sbom(head: &[u8], location: &Path) -> bool {
    let has = |mark: &[u8]| head.windows(mark.len()).any(|window| window == mark);
    if MARKS.into_iter().any(has) {
        return true;
    }
    let content = || Content::new(Stored::new(File::open(location)?, &NoProgress));
    content().is_ok_and(|content| document::is_document(content.take(MAX_BYTES)))
}

/// What a beginning that is no JSON object seems to be, and the way around.
pub(super) fn other_form(head: &[u8]) -> Option<&'static str> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let has = |mark: &[u8]| head.windows(mark.len()).any(|window| window == mark);
    if head.starts_with(b"SPDXVersion:") {
        return Some("a bill of materials as SPDX tag-value text");
    }
    if head.starts_with(b"<") && has(b"cyclonedx.org/schema/bom") {
        return Some("a bill of materials as CycloneDX XML");
    }
    let is_linked = head.starts_with(b"{") && has(b"\"@context\"") && has(b"spdx.org/rdf/3");
    is_linked.then_some("a bill of materials as SPDX 3")
}

/// The error for such a form.
pub(super) fn refused(place: &str, what: &str) -> SourceError {
    let what = format!("{what}, which is not read");
    SourceError::Unrecognized { place: place.to_owned(), what, hint: Some(FORMATS.to_owned()) }
}

fn parse(bytes: &[u8], place: &str) -> Result<Document, SourceError> {
    if let Some(what) = other_form(&bytes[..bytes.len().min(4096)]) {
        return Err(refused(place, what));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let (what, hint) = ("is UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8 FILE");
        return Err(unrecognized(place, what, hint));
    }
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(unrecognized(place, "is no bill of materials: it is no JSON object", FORMATS));
    }
    let (document, result) = document::read(json);
    if document.is_too_long {
        let (place, limit) = (place.to_owned(), MAX_COMPONENTS as u64);
        return Err(SourceError::Limit { place, what: "components", limit });
    }
    result.map_err(|error| SourceError::damaged(place, error.to_string()))?;
    match (&document.bom_format, &document.spdx_version) {
        (Some(format), _) if format == "CycloneDX" => Ok(document),
        (None, Some(version)) if version.starts_with("SPDX-2") => Ok(document),
        (Some(format), _) => {
            let format = shorten(format.as_bytes());
            Err(unrecognized(place, &format!("its bomFormat is {format:?}"), FORMATS))
        }
        (None, Some(version)) => {
            let version = shorten(version.as_bytes());
            Err(unrecognized(place, &format!("its spdxVersion is {version:?}"), FORMATS))
        }
        (None, None) if document.is_linked => Err(refused(place, "JSON-LD, perhaps SPDX 3")),
        (None, None) => {
            let what = "is no bill of materials: it has neither bomFormat nor spdxVersion";
            Err(unrecognized(place, what, FORMATS))
        }
    }
}

fn unrecognized(place: &str, what: &str, hint: &str) -> SourceError {
    let (place, what, hint) = (place.to_owned(), what.to_owned(), Some(hint.to_owned()));
    SourceError::Unrecognized { place, what, hint }
}

fn image(
    mut document: Document,
    spec: &SourceSpec,
    place: &str,
) -> Result<ImageSource, SourceError> {
    let mut warnings = Warnings::new(place);
    let format = format_of(&document, &mut warnings);
    let subject = subject(&mut document).unwrap_or_default();
    let is_system = |it: &&Component| it.kind.replace('_', "-") == "operating-system";
    let system = document.components.iter().find(is_system).or(Some(&subject).filter(is_system));
    let system = system.filter(|it| !it.name.is_empty()).cloned();
    let listed = document.components.len();
    let (mut found, mut qualifiers) = (Vec::new(), 0);
    for component in document.components {
        let Some(package) = package(component, &mut warnings) else { continue };
        qualifiers += package.qualifiers.len();
        found.push(package);
        if qualifiers > MAX_QUALIFIERS {
            let (place, limit) = (place.to_owned(), MAX_QUALIFIERS as u64);
            return Err(SourceError::Limit { place, what: "qualifiers of packages", limit });
        }
    }
    let packages = Packages::new(found, true);
    if packages.list().is_empty() {
        let what = match listed {
            0 => "the document lists no component".to_owned(),
            listed => format!("none of the {listed} components is a package"),
        };
        warnings.push(None, what);
    }
    let system = system_of(system.as_ref(), packages.told_system());
    let Called { name, reference, digest } = Called::of(&subject);
    Ok(ImageSource {
        name: name.unwrap_or_else(|| name::suggested(&spec.location)),
        reference,
        transport: Transport::Sbom,
        location: place.to_owned(),
        config: None,
        declared: Declared::default(),
        config_digest: None,
        manifest_digest: digest,
        facts: vec![Fact { kind: "sbom.format".to_owned(), text: format }],
        packages: Some(packages.with_system(system)),
        layers: Vec::new(),
        warnings: warnings.into_list(),
    })
}

/// The format with its version; versions that nobody knew when this was written are told.
fn format_of(document: &Document, warnings: &mut Warnings) -> String {
    if let Some(version) = &document.spdx_version {
        return version.replacen('-', " ", 1);
    }
    let version = document.spec_version.as_deref().unwrap_or_default();
    if !matches!(version, "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7") {
        let version = shorten(version.as_bytes());
        warnings.push(None, format!("CycloneDX {version:?} is not known here; read as 1.7"));
    }
    format!("CycloneDX {version}").chars().take(100).collect()
}

/// What the document is about, taken out of the list of components.
fn subject(document: &mut Document) -> Option<Component> {
    if document.subject.is_some() {
        return document.subject.take();
    }
    // One that describes several is about none of them: it is a list.
    let [described] = &*document.described.iter().collect::<Vec<_>>() else { return None };
    let at = document.components.iter().position(|it| it.id == **described)?;
    // A document about nothing but one package lists it.
    (document.components.len() > 1).then(|| document.components.remove(at))
}

/// The operating system by its component and by what the packages say. A name that is not of the form
/// of an `ID` of os-release is one for people.
fn system_of(component: Option<&Component>, told: Option<OsIdentity>) -> Option<OsIdentity> {
    let Some(component) = component.filter(|it| it.name.len() <= MAX_NAME_BYTES) else {
        return told;
    };
    let text =
        |text: &str| (!text.is_empty() && text.len() <= MAX_NAME_BYTES).then(|| text.to_owned());
    let id = component.name.to_lowercase();
    let is_id = id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let told = told.unwrap_or_default();
    Some(OsIdentity {
        id: if is_id { Some(id) } else { told.id },
        version_id: text(&component.version).or(told.version_id),
        pretty_name: text(&component.description).or_else(|| {
            let named = format!("{} {}", component.name, component.version);
            (!is_id).then(|| named.trim_end().to_owned()).and_then(|named| text(&named))
        }),
    })
}

/// The package that a component is, by its purl if it has one that can be read.
fn package(component: Component, warnings: &mut Warnings) -> Option<Package> {
    let Component { kind, group, name, version, purl, .. } = component;
    if NO_PACKAGES.contains(&kind.as_str()) {
        return None;
    }
    if !purl.is_empty() {
        match Package::from_purl(&purl) {
            Ok(mut package) => {
                if package.version.is_empty() && version.len() <= MAX_TEXT_BYTES {
                    package.version = version;
                }
                return Some(package);
            }
            Err(error) => {
                let what = format!("{error}; taken by its name: {}", shorten(purl.as_bytes()));
                warnings.push(Some(&shorten(name.as_bytes())), what);
            }
        }
    }
    if name.is_empty() {
        warnings.push(None, "a component without a name is left out");
        return None;
    }
    if [&group, &name, &version].iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        let what = format!("left out: a name or version is longer than {MAX_TEXT_BYTES} bytes");
        warnings.push(Some(&shorten(name.as_bytes())), what);
        return None;
    }
    Some(Package::generic(&group, &name, &version))
}

/// What an image is called by its document.
#[derive(Debug, Default, PartialEq)]
struct Called {
    name: Option<String>,
    reference: Option<String>,
    digest: Option<Digest>,
}

impl Called {
    fn of(subject: &Component) -> Self {
        let Component { kind, group, name, version, purl, .. } = subject;
        let digest_of =
            |text: &str| text.starts_with("sha256:").then(|| text.parse::<Digest>().ok()).flatten();
        let told = Package::from_purl(purl).ok();
        let (group, name) = match &told {
            // Some tools name a package by the directory that it lies in.
            Some(purl) if kind != "container" => (&purl.namespace, &purl.name),
            _ => (group, name),
        };
        let purl = told.as_ref().filter(|it| it.kind == "oci" || it.kind == "docker");
        let is_image = kind == "container" || purl.is_some();
        let digest = purl.iter().map(|it| it.version.as_str()).chain([version.as_str()]);
        let digest = digest.filter(|_| is_image).find_map(digest_of);
        let tagged = purl.and_then(|purl| {
            let of = |key: &str| purl.qualifiers.get(key);
            let repository = of("repository_url").map_or(purl.name.as_str(), String::as_str);
            let tag = of("tag")?;
            Some(format!("{}:{tag}", repository.trim_end_matches('/')))
        });
        // A path is where something was looked at, not what it is called.
        let is_path = name.is_empty() || name.starts_with(['.', '/']);
        let joined = (!is_path).then(|| {
            let name = if group.is_empty() { name.clone() } else { format!("{group}/{name}") };
            let has_tag = name.rsplit('/').next().is_some_and(|it| it.contains([':', '@']));
            let is_plain = version.is_empty() || version.contains(':') || is_image && has_tag;
            if is_plain { name } else { format!("{name}:{version}") }
        });
        let called = tagged.or(joined).filter(|name| name.len() <= MAX_NAME_BYTES);
        Self { reference: called.clone().filter(|_| is_image), name: called, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_components_and_packages() {
        let component = |name: &str, version: &str| Component {
            name: name.to_owned(),
            version: version.to_owned(),
            ..Component::default()
        };
        let told = || {
            let (id, version_id) = (Some("debian".to_owned()), Some("12".to_owned()));
            Some(OsIdentity { id, version_id, pretty_name: None })
        };
        let of = |component: Option<Component>, told| {
            let system = system_of(component.as_ref(), told).unwrap_or_default();
            [system.id, system.version_id, system.pretty_name].map(Option::unwrap_or_default)
        };
        assert_eq!(of(None, None), ["", "", ""]);
        assert_eq!(of(None, told()), ["debian", "12", ""]);
        assert_eq!(of(Some(component("Alpine", "3.20")), told()), ["alpine", "3.20", ""]);
        let people = component("Debian GNU/Linux", "");
        assert_eq!(of(Some(people.clone()), told()), ["debian", "12", "Debian GNU/Linux"]);
        assert_eq!(of(Some(people), None), ["", "", "Debian GNU/Linux"]);
        assert_eq!(of(Some(component(&"x".repeat(999), "")), told()), ["debian", "12", ""]);
    }

    #[test]
    fn images_are_called_by_what_the_document_is_about() {
        let subject = |kind: &str, name: &str, version: &str, purl: &str| Component {
            kind: kind.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            purl: purl.to_owned(),
            ..Component::default()
        };
        let digest = format!("sha256:{}", "a".repeat(64));
        let oci =
            format!("pkg:oci/alpine@{digest}?repository_url=host.example/library/alpine&tag=3.20");
        for (subject, name, is_image, has_digest) in [
            (subject("container", "alpine:3.20", &digest, ""), "alpine:3.20", true, true),
            (subject("container", "alpine", "3.20", ""), "alpine:3.20", true, false),
            (subject("container", "x", "", &oci), "host.example/library/alpine:3.20", true, true),
            (subject("application", "tool", "1.0", "pkg:npm/tool@1.0"), "tool:1.0", false, false),
            (subject("library", "dir", "1.0", "pkg:npm/%40a/b@1.0"), "@a/b:1.0", false, false),
            (subject("application", "tool", "", ""), "tool", false, false),
        ] {
            let called = Called::of(&subject);
            assert_eq!(called.name.as_deref(), Some(name));
            assert_eq!(
                (called.reference.is_some(), called.digest.is_some()),
                (is_image, has_digest)
            );
        }
        for name in ["", ".", "/srv/x", &"x".repeat(300)] {
            assert_eq!(Called::of(&subject("file", name, "", "")), Called::default());
        }
    }
}
