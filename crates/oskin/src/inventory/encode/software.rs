//! What the files of a layer say of software, as bytes.

use super::told::{put_package, take_package};
use super::{Damaged, Decoder, put_bytes, put_number, put_paths, take_paths};
use crate::inventory::Layer;
use crate::software::{FoundPackage, Owned, Record};
use std::sync::Arc;

/// The version of the encoding.
const SOFTWARE_VERSION: u64 = 1;

/// The most lists and texts of one record: far above what real ones have.
const MAX_ITEMS: u64 = 50_000_000;

const NO_ENTRY: Damaged = Damaged("software of an entry that is not there");

/// Puts the version of this encoding, the number of records, then for each by how much its index is more than the one
/// before, and its packages, lists of files, names that were asked for and that came with others.
pub fn put_software(bytes: &mut Vec<u8>, layer: &Layer) {
    put_number(bytes, SOFTWARE_VERSION);
    put_number(bytes, layer.software().len() as u64);
    let mut before = 0;
    for (index, record) in layer.software() {
        put_number(bytes, u64::from(index - before));
        before = *index;
        put_number(bytes, record.packages.len() as u64);
        for found in &record.packages {
            put_found(bytes, found);
        }
        put_number(bytes, record.owned.len() as u64);
        for Owned { kind, name, architecture, files } in &record.owned {
            for text in [kind, name, architecture] {
                put_bytes(bytes, text.as_bytes());
            }
            put_files(bytes, files);
        }
        put_texts(bytes, &record.asked_for);
        put_texts(bytes, &record.automatic);
    }
}

/// Takes back what [`put_software`] put, and notes it in a layer that has its entries, which is
/// [searched](Layer::is_searched) then.
///
/// # Errors
///
/// If it is cut short, no text, of another version, or speaks of entries that are not there.
pub fn take_software(decoder: &mut Decoder<'_>, layer: &mut Layer) -> Result<(), Damaged> {
    for (index, record) in take_records(decoder)? {
        if index as usize >= layer.len() {
            return Err(NO_ENTRY);
        }
        layer.tell(index, Arc::new(record));
    }
    layer.set_searched(true);
    Ok(())
}

/// The same without a layer: the records by the index of their entry, ascending.
///
/// # Errors
///
/// If it is cut short, no text, or of another version.
pub fn take_records(decoder: &mut Decoder<'_>) -> Result<Vec<(u32, Record)>, Damaged> {
    if decoder.number()? != SOFTWARE_VERSION {
        return Err(Damaged("software in an encoding that this oskin does not know"));
    }
    let mut index = 0_u64;
    let mut records = Vec::new();
    for number in 0..decoder.number()? {
        let step = decoder.number()?;
        if step == 0 && number > 0 {
            return Err(Damaged("two records of software of one entry"));
        }
        index = index.saturating_add(step);
        let record = take_record(decoder)?;
        records.push((u32::try_from(index).map_err(|_| NO_ENTRY)?, record));
    }
    decoder.is_done().then_some(records).ok_or(Damaged("software is too long"))
}

fn take_record(decoder: &mut Decoder<'_>) -> Result<Record, Damaged> {
    let packages = take_list(decoder, take_found)?;
    let owned = take_list(decoder, |decoder| {
        let mut text = || decoder.text().map(str::to_owned);
        let (kind, name, architecture) = (text()?, text()?, text()?);
        Ok(Owned { kind, name, architecture, files: take_files(decoder)? })
    })?;
    let (asked_for, automatic) = (take_texts(decoder)?, take_texts(decoder)?);
    Ok(Record { packages, owned, asked_for, automatic, warnings: Vec::new() })
}

fn put_found(bytes: &mut Vec<u8>, found: &FoundPackage) {
    put_package(bytes, &found.package);
    put_bytes(bytes, found.license.as_bytes());
    put_files(bytes, &found.files);
    put_bytes(bytes, &found.directory);
    put_texts(bytes, &found.depends);
    put_texts(bytes, &found.provides);
    let asked_for = match found.asked_for {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    };
    bytes.push(asked_for | u8::from(found.essential) << 2);
}

fn take_found(decoder: &mut Decoder<'_>) -> Result<FoundPackage, Damaged> {
    let package = take_package(decoder)?;
    let license = decoder.text()?.to_owned();
    let files = take_files(decoder)?;
    let directory = decoder.bytes()?.to_vec();
    let (depends, provides) = (take_texts(decoder)?, take_texts(decoder)?);
    let flags = decoder.byte()?;
    let asked_for = match flags & 3 {
        0 => None,
        1 => Some(false),
        2 => Some(true),
        _ => return Err(Damaged("unknown flags of a package")),
    };
    let essential = flags & 4 != 0;
    Ok(FoundPackage { package, license, files, directory, depends, provides, asked_for, essential })
}

fn put_files(bytes: &mut Vec<u8>, files: &[Vec<u8>]) {
    put_number(bytes, files.len() as u64);
    put_paths(bytes, files.iter().map(Vec::as_slice));
}

fn take_files(decoder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>, Damaged> {
    let count = usize::try_from(decoder.number()?.min(MAX_ITEMS)).unwrap_or_default();
    Ok(take_paths(decoder, count)?.iter().map(<[u8]>::to_vec).collect())
}

fn put_texts(bytes: &mut Vec<u8>, texts: &[String]) {
    put_number(bytes, texts.len() as u64);
    for text in texts {
        put_bytes(bytes, text.as_bytes());
    }
}

fn take_texts(decoder: &mut Decoder<'_>) -> Result<Vec<String>, Damaged> {
    take_list(decoder, |decoder| decoder.text().map(str::to_owned))
}

/// Takes a stated number of items; nothing is made room for before it is there.
fn take_list<T>(
    decoder: &mut Decoder<'_>,
    mut take: impl FnMut(&mut Decoder<'_>) -> Result<T, Damaged>,
) -> Result<Vec<T>, Damaged> {
    let mut list = Vec::new();
    for _ in 0..decoder.number()?.min(MAX_ITEMS) {
        list.push(take(decoder)?);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Package;
    use crate::inventory::{Entry, EntryKind};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn layer(len: usize) -> Layer {
        let mut layer = Layer::new();
        for at in 0..len {
            layer.push(&Entry::bare(format!("{at}").as_bytes(), EntryKind::File)).unwrap();
        }
        layer
    }

    prop_compose! {
        fn any_record()(
            names in vec(("[a-zé]{1,4}", "[0-9.]{0,3}"), 0..4),
            files in vec(vec(any::<u8>(), 1..9), 0..4),
            texts in vec("[a-z:]{0,5}", 0..4),
            asked_for in any::<Option<bool>>(),
            essential in any::<bool>(),
        ) -> Record {
            let found = |(name, version): &(String, String)| FoundPackage {
                package: Package::generic("", name, version),
                license: version.clone(),
                files: files.clone(),
                directory: files.first().cloned().unwrap_or_default(),
                depends: texts.clone(),
                provides: texts.clone(),
                asked_for,
                essential,
            };
            let owned = |(name, version): &(String, String)| Owned {
                kind: "deb".to_owned(),
                name: name.clone(),
                architecture: version.clone(),
                files: files.clone(),
            };
            Record {
                packages: names.iter().map(found).collect(),
                owned: names.iter().map(owned).collect(),
                asked_for: texts.clone(),
                automatic: texts.clone(),
                warnings: vec![],
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_taken_back(records in vec((0_u32..9, any_record()), 0..4)) {
            let mut told = layer(9);
            told.set_searched(true);
            for (index, record) in records {
                told.tell(index, Arc::new(record));
            }
            let mut bytes = Vec::new();
            put_software(&mut bytes, &told);
            let mut taken = layer(9);
            take_software(&mut Decoder::new(&bytes), &mut taken).unwrap();
            prop_assert_eq!(&taken, &told);
            for length in 0..bytes.len() {
                prop_assert!(take_software(&mut Decoder::new(&bytes[..length]), &mut layer(9)).is_err());
            }
            if let Some(last) = told.software().keys().last() {
                let mut short = layer(*last as usize);
                prop_assert!(take_software(&mut Decoder::new(&bytes), &mut short).is_err());
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in vec(any::<u8>(), 0..90)) {
            let bytes = [&[1], &bytes[..]].concat();
            let taken = take_software(&mut Decoder::new(&bytes), &mut layer(9));
            prop_assert!(taken.is_err() || !bytes.is_empty());
        }
    }
}
