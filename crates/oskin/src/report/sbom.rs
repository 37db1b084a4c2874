//! Bills of materials of images, as CycloneDX 1.6 and SPDX 2.3 in JSON: what `sbom:` reads back.
//!
//! What is not known is not told, and nothing is made up: the serial number follows from the content, the time stamp is
//! handed in. Packages that the base has as well are marked.

use crate::image::{OsIdentity, Package};
use crate::path::escape;
use crate::software::Installed;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What a bill of materials is made of.
#[derive(Clone, Copy, Debug)]
pub struct BillOfMaterials<'a> {
    /// The image.
    pub name: &'a str,
    /// The digest of its configuration, as `sha256:...`.
    pub image_id: Option<&'a str>,
    /// Its operating system.
    pub system: Option<&'a OsIdentity>,
    /// The digests of its layers, base first.
    pub layers: &'a [String],
    /// What is installed.
    pub installed: &'a [Installed],
    /// The name and the purls of what it stands on.
    pub base: Option<(&'a str, &'a BTreeSet<String>)>,
    /// When it was made, as `YYYY-MM-DDThh:mm:ssZ`.
    pub created: Option<&'a str>,
    /// The version of oskin.
    pub tool_version: &'a str,
}

/// How many packages of one name, or that provide it, a need leads to.
const MAX_PROVIDERS: usize = 16;

/// The longest version that `CycloneDX` 1.6 allows, in characters.
const MAX_VERSION: usize = 1024;

/// The time that stands where none is known and one has to: SPDX wants one.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// A package with all the places that record it.
struct Component<'a> {
    package: &'a Package,
    purl: String,
    installed: Vec<&'a Installed>,
}

impl<'a> BillOfMaterials<'a> {
    /// The bill as CycloneDX 1.6.
    pub fn cyclonedx(&self) -> Value {
        let components = self.components();
        let needs = needs(&components);
        let mut listed: Vec<Value> =
            components.iter().map(|it| self.cyclonedx_component(it)).collect();
        listed.extend(self.system.and_then(|os| {
            let name = os.id.as_deref().or(os.pretty_name.as_deref())?;
            let mut system =
                json!({"type": "operating-system", "bom-ref": "operating-system", "name": name});
            put(&mut system, "version", os.version_id.as_deref().filter(fits_as_version));
            put(&mut system, "description", os.pretty_name.as_deref());
            Some(system)
        }));
        let dependencies: Vec<Value> = components
            .iter()
            .zip(&needs)
            .map(|(it, needs)| {
                let on: Vec<&str> = needs.iter().map(|at| components[*at].purl.as_str()).collect();
                json!({"ref": it.purl, "dependsOn": on})
            })
            .collect();
        let mut properties = Vec::new();
        properties.extend(self.image_id.map(|id| property("oskin:image-id", id)));
        properties.extend(self.layers.iter().map(|it| property("oskin:layer", it)));
        properties.extend(self.base.map(|(name, _)| property("oskin:base", name)));
        let mut metadata = json!({
            "tools": {"components": [
                {"type": "application", "name": "oskin", "version": self.tool_version},
            ]},
            "component": {
                "type": "container", "bom-ref": "image", "name": self.name, "properties": properties,
            },
        });
        put(&mut metadata, "timestamp", self.created);
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": format!("urn:uuid:{}", self.uuid(&components)),
            "version": 1,
            "metadata": metadata,
            "components": listed,
            "dependencies": dependencies,
        })
    }

    fn cyclonedx_component(&self, component: &Component<'_>) -> Value {
        let Component { package, purl, installed } = component;
        // A program that nobody packed is one, all else may be anything.
        let kind = if package.kind == "generic" { "application" } else { "library" };
        let mut value = json!({"type": kind, "bom-ref": purl, "name": package.name, "purl": purl});
        let (_, namespace, _) = package.full_name();
        put(&mut value, "group", Some(namespace));
        let version = Some(package.version.as_str()).filter(fits_as_version);
        put(&mut value, "version", version);
        let licenses: Vec<Value> =
            licenses(installed).map(|it| json!({"license": {"name": it}})).collect();
        if !licenses.is_empty() {
            value["licenses"] = licenses.into();
        }
        let places: Vec<Value> = places(installed).map(|it| json!({"location": it})).collect();
        if !places.is_empty() {
            value["evidence"] = json!({"occurrences": places});
        }
        let properties: Vec<Value> =
            self.marks(component).iter().map(|(name, text)| property(name, text)).collect();
        value["properties"] = properties.into();
        value
    }

    /// The bill as SPDX 2.3.
    pub fn spdx(&self) -> Value {
        let components = self.components();
        let id = |at: usize| format!("SPDXRef-Package-{at}");
        let mut texts: BTreeMap<String, usize> = BTreeMap::new();
        for license in components.iter().flat_map(|it| licenses(&it.installed)) {
            let next = texts.len();
            texts.entry(license).or_insert(next);
        }
        let mut packages = vec![json!({
            "SPDXID": "SPDXRef-Image", "name": self.name, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER",
        })];
        let mut relationships = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
        // A package of its own would count as one that is installed.
        let base = self.base.map(|(name, _)| format!("oskin:base={name}"));
        put(&mut packages[0], "comment", base.as_deref());
        let system =
            self.system.and_then(|os| Some((os, os.id.as_deref().or(os.pretty_name.as_deref())?)));
        if let Some((os, name)) = system {
            let mut package = json!({
                "SPDXID": "SPDXRef-OperatingSystem", "name": name, "downloadLocation": "NOASSERTION",
                "filesAnalyzed": false, "primaryPackagePurpose": "OPERATING-SYSTEM",
            });
            put(&mut package, "versionInfo", os.version_id.as_deref());
            packages.push(package);
            relationships.push(relation("SPDXRef-Image", "CONTAINS", "SPDXRef-OperatingSystem"));
        }
        for (at, component) in components.iter().enumerate() {
            packages.push(self.spdx_package(component, &id(at), &texts));
            relationships.push(relation("SPDXRef-Image", "CONTAINS", &id(at)));
        }
        for (at, needs) in needs(&components).iter().enumerate() {
            relationships
                .extend(needs.iter().map(|need| relation(&id(at), "DEPENDS_ON", &id(*need))));
        }
        let extracted: Vec<Value> = texts
            .iter()
            .map(|(text, at)| json!({"licenseId": license_ref(*at), "extractedText": text, "name": text}))
            .collect();
        let mut document = json!({
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": self.name,
            "documentNamespace":
                format!("https://spdx.org/spdxdocs/oskin-{}", self.uuid(&components)),
            "creationInfo": {
                "created": self.created.unwrap_or(NO_TIME),
                "creators": [format!("Tool: oskin-{}", self.tool_version)],
            },
            "packages": packages,
            "relationships": relationships,
        });
        if !extracted.is_empty() {
            document["hasExtractedLicensingInfos"] = extracted.into();
        }
        document
    }

    fn spdx_package(
        &self,
        component: &Component<'_>,
        id: &str,
        texts: &BTreeMap<String, usize>,
    ) -> Value {
        let Component { package, purl, installed } = component;
        let declared: Vec<String> = licenses(installed)
            .filter_map(|it| texts.get(&it).map(|at| license_ref(*at)))
            .collect();
        let declared =
            if declared.is_empty() { "NOASSERTION".to_owned() } else { declared.join(" AND ") };
        let mut value = json!({
            "SPDXID": id,
            "name": package.shown_name(),
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": declared,
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl,
            }],
        });
        put(&mut value, "versionInfo", Some(&package.version));
        let marks: Vec<String> =
            self.marks(component).iter().map(|(name, text)| format!("{name}={text}")).collect();
        put(&mut value, "comment", Some(&marks.join("\n")));
        let places: Vec<String> = places(installed).collect();
        if !places.is_empty() {
            value["sourceInfo"] = format!("recorded in {}", places.join(", ")).into();
        }
        value
    }

    /// What oskin tells of a package beyond what the formats have words for.
    fn marks(&self, component: &Component<'_>) -> Vec<(&'static str, String)> {
        let mut marks = Vec::new();
        let recorded = component.installed.iter().filter(|it| !it.record.is_empty());
        if let Some(layer) = recorded.map(|it| it.layer).min() {
            let digest = self.layers.get(layer as usize).map_or("", String::as_str);
            marks.push(("oskin:layer", format!("{layer} {digest}").trim_end().to_owned()));
        }
        if let Some((_, purls)) = self.base {
            marks.push(("oskin:from-base", purls.contains(&component.purl).to_string()));
        }
        marks
    }

    /// The packages, each purl once.
    fn components(&self) -> Vec<Component<'a>> {
        let mut by_purl: BTreeMap<String, Component<'a>> = BTreeMap::new();
        for it in self.installed {
            let (package, purl) = (&it.found.package, it.found.package.to_string());
            let entry = by_purl.entry(purl.clone());
            entry.or_insert(Component { package, purl, installed: Vec::new() }).installed.push(it);
        }
        by_purl.into_values().collect()
    }

    /// A UUID of version 8 (RFC 9562) from the content, so that the same image gives the same bill.
    fn uuid(&self, components: &[Component<'_>]) -> String {
        let mut hasher = Sha256::new();
        let mut text = |text: &str| hasher.update([text.as_bytes(), b"\0"].concat());
        text(self.name);
        text(self.image_id.unwrap_or_default());
        text(self.base.map_or("", |(name, _)| name));
        for it in components {
            text(&it.purl);
        }
        let mut bytes: [u8; 32] = hasher.finalize().into();
        bytes[6] = bytes[6] & 0x0F | 0x80;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let id: [u8; 16] = std::array::from_fn(|at| bytes[at]);
        let hex = format!("{:032x}", u128::from_be_bytes(id));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

/// Whether `CycloneDX` takes a version; its purl tells one that is longer.
fn fits_as_version(version: &&str) -> bool {
    version.chars().count() <= MAX_VERSION
}

/// What each package needs, as places of packages of its kind that have the name or provide it.
fn needs(components: &[Component<'_>]) -> Vec<BTreeSet<usize>> {
    let mut known: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, it) in components.iter().enumerate() {
        let kind = it.package.kind.as_str();
        let provided = it.installed.iter().flat_map(|it| &it.found.provides).map(String::as_str);
        for name in provided.chain([it.package.name.as_str()]) {
            known.entry((kind, name)).or_default().push(at);
        }
    }
    let of = |(own, it): (usize, &Component<'_>)| {
        let needed = it.installed.iter().flat_map(|it| &it.found.depends);
        let found = needed.filter_map(|name| known.get(&(it.package.kind.as_str(), name.as_str())));
        // Of many that have the name, as in a damaged database, the first ones will do.
        let some = found.flat_map(|all| all.iter().take(MAX_PROVIDERS));
        some.copied().filter(|at| *at != own).collect()
    };
    components.iter().enumerate().map(of).collect()
}

/// The licences of a package as its records write them, each once.
fn licenses(installed: &[&Installed]) -> impl Iterator<Item = String> + use<> {
    let told = installed.iter().map(|it| it.found.license.trim());
    let told: BTreeSet<String> = told.filter(|it| !it.is_empty()).map(str::to_owned).collect();
    told.into_iter()
}

/// The files that record a package.
fn places(installed: &[&Installed]) -> impl Iterator<Item = String> + use<> {
    let places = installed.iter().filter(|it| !it.record.is_empty()).map(|it| escape(&it.record));
    places.map(|path| format!("/{path}")).collect::<BTreeSet<String>>().into_iter()
}

fn license_ref(at: usize) -> String {
    format!("LicenseRef-{at}")
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// Puts a text that is not empty.
fn put(value: &mut Value, key: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        value[key] = text.into();
    }
}
