//! What is told of images beside their layers, as bytes: facts and packages.

use super::{Damaged, Decoder, put_bytes, put_number};
use crate::image::{Fact, OsIdentity, Package, Packages};

/// The version of the encoding of packages.
const PACKAGES_VERSION: u64 = 1;

/// Puts facts: how many, then for each its kind and its text.
pub fn put_image_facts(bytes: &mut Vec<u8>, facts: &[Fact]) {
    put_number(bytes, facts.len() as u64);
    for text in facts.iter().flat_map(|fact| [&fact.kind, &fact.text]) {
        put_bytes(bytes, text.as_bytes());
    }
}

/// Takes back what [`put_image_facts`] put.
///
/// # Errors
///
/// If it is cut short or no text.
pub fn take_image_facts(decoder: &mut Decoder<'_>) -> Result<Vec<Fact>, Damaged> {
    let count = decoder.number()?;
    let fact = |_| Ok(Fact { kind: decoder.text()?.to_owned(), text: decoder.text()?.to_owned() });
    (0..count).map(fact).collect()
}

/// Puts packages: the version of this encoding, whether nothing else is known (1 byte), whether the
/// system is told (1 byte), then its id, version and name for people, each with a byte whether it is
/// there; how many packages, then for each kind, namespace, name, version, subpath, and how many
/// qualifiers, each by name and value.
pub fn put_packages(bytes: &mut Vec<u8>, packages: &Packages) {
    put_number(bytes, PACKAGES_VERSION);
    bytes.push(packages.only.into());
    bytes.push(packages.system.is_some().into());
    for text in packages.system.iter().flat_map(|os| [&os.id, &os.version_id, &os.pretty_name]) {
        bytes.push(text.is_some().into());
        put_bytes(bytes, text.as_deref().unwrap_or_default().as_bytes());
    }
    put_number(bytes, packages.list().len() as u64);
    packages.list().iter().for_each(|package| put_package(bytes, package));
}

/// Puts a package: kind, namespace, name, version, subpath, and how many qualifiers, each by name and value.
pub(super) fn put_package(bytes: &mut Vec<u8>, package: &Package) {
    let Package { kind, namespace, name, version, qualifiers, subpath } = package;
    for text in [kind, namespace, name, version, subpath] {
        put_bytes(bytes, text.as_bytes());
    }
    put_number(bytes, qualifiers.len() as u64);
    for text in qualifiers.iter().flat_map(|(key, value)| [key, value]) {
        put_bytes(bytes, text.as_bytes());
    }
}

/// Takes back what [`put_package`] put.
pub(super) fn take_package(decoder: &mut Decoder<'_>) -> Result<Package, Damaged> {
    let mut text = || decoder.text().map(str::to_owned);
    let (kind, namespace, name) = (text()?, text()?, text()?);
    let (version, subpath) = (text()?, text()?);
    let count = decoder.number()?;
    let qualifier = |_| Ok((decoder.text()?.to_owned(), decoder.text()?.to_owned()));
    let qualifiers = (0..count).map(qualifier).collect::<Result<_, Damaged>>()?;
    Ok(Package { kind, namespace, name, version, qualifiers, subpath })
}

/// Takes back what [`put_packages`] put.
///
/// # Errors
///
/// If it is cut short, no text, of another version, or not ascending.
pub fn take_packages(decoder: &mut Decoder<'_>) -> Result<Packages, Damaged> {
    if decoder.number()? != PACKAGES_VERSION {
        return Err(Damaged("packages in an encoding that this oskin does not know"));
    }
    let only = decoder.byte()? != 0;
    let has_system = decoder.byte()? != 0;
    let mut optional = || {
        let is_there = decoder.byte()? != 0;
        let text = decoder.text()?.to_owned();
        Ok::<_, Damaged>(is_there.then_some(text))
    };
    let system = match has_system {
        true => {
            Some(OsIdentity { id: optional()?, version_id: optional()?, pretty_name: optional()? })
        }
        false => None,
    };
    let count = decoder.number()?;
    let mut list: Vec<Package> = Vec::new();
    for _ in 0..count {
        let package = take_package(decoder)?;
        if list.last().is_some_and(|last| *last >= package) {
            return Err(Damaged("packages are not ascending"));
        }
        list.push(package);
    }
    Ok(Packages::new(list, only).with_system(system))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken_back(
            texts in proptest::collection::vec(("[a-c]{0,2}", "[a-cé]{0,3}"), 0..9),
            only in any::<bool>(),
        ) {
            let facts: Vec<Fact> =
                texts.iter().cloned().map(|(kind, text)| Fact { kind, text }).collect();
            let package = |(version, name): &(String, String)| Package {
                qualifiers: [("arch".to_owned(), version.clone())].into(),
                ..Package::generic("", name, version)
            };
            let id = texts.first().map(|(id, _)| id.clone());
            let system = only.then(|| OsIdentity { id, ..OsIdentity::default() });
            let packages = Packages::new(texts.iter().map(package).collect(), only);
            let packages = packages.with_system(system);
            let mut bytes = Vec::new();
            put_image_facts(&mut bytes, &facts);
            put_packages(&mut bytes, &packages);
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(take_image_facts(&mut decoder).unwrap(), facts);
            prop_assert_eq!(take_packages(&mut decoder).unwrap(), packages);
            prop_assert!(decoder.is_done());
            for length in 0..bytes.len() {
                let mut decoder = Decoder::new(&bytes[..length]);
                let facts = take_image_facts(&mut decoder);
                prop_assert!(facts.and_then(|_| take_packages(&mut decoder)).is_err());
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            drop(take_image_facts(&mut Decoder::new(&bytes)));
            drop(take_packages(&mut Decoder::new(&[&[1, 1, 0], &bytes[..]].concat())));
        }
    }
}
