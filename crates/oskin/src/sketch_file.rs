//! Files of sketches: what one collection tells of its images, so that others can look for near ones.
//!
//! A file is the magic, a version byte and sections; each section is a tag, a length and a block with
//! a checksum, one section an image. An end section with the count tells a whole file from a cut
//! one. docs/catalog-format.md has the layout.

use crate::inventory::encode::{self, Damaged, Decoder};
use crate::measure::{MAX_HASHES, Sketch};
use crate::path_set::Selection;
use std::io::{self, Read, Write};

/// The first bytes of every file.
pub const MAGIC: &[u8; 5] = b"OSKS\0";

/// The version that this build writes and the newest that it reads.
const VERSION: u8 = 1;

/// The longest name of an image, in bytes; longer ones are refused when they are written.
pub const MAX_NAME_BYTES: usize = 65_536;

/// The most bytes of one section: a name, two numbers and the hashes.
const SECTION_LIMIT_BYTES: usize = MAX_NAME_BYTES + MAX_HASHES * 8 + 64;

const TAG_HEAD: u8 = b'H';
const TAG_SKETCH: u8 = b'S';
const TAG_END: u8 = b'E';

/// What all sketches of a file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SketchHead {
    /// Which entries of the images count.
    pub selection: Selection,
    /// How many hashes are kept of an image; those with no more paths are whole. `1..=65_536`.
    pub hashes: usize,
}

/// Why a file of sketches could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SketchFileError {
    /// The medium failed.
    #[error("cannot read at offset {offset}")]
    Io {
        /// Bytes read before.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The first bytes are others.
    #[error("not a file of sketches")]
    NotSketches,
    /// Written by a newer oskin.
    #[error("sketches of version {found}, this oskin reads versions up to {VERSION}")]
    TooNew {
        /// The version of the file.
        found: u8,
    },
    /// Bytes do not decode.
    #[error("section at offset {offset}")]
    Damaged {
        /// Where the section begins.
        offset: u64,
        /// What is wrong.
        source: Damaged,
    },
}

/// Writes sketches one after the other; a file without [`finish`](Self::finish) is refused later.
#[derive(Debug)]
pub struct SketchWriter<W: Write> {
    out: W,
    head: SketchHead,
    written: u64,
}

impl<W: Write> SketchWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// When `out` fails, or the number of hashes is out of its range.
    pub fn new(mut out: W, head: SketchHead) -> io::Result<Self> {
        if !(1..=MAX_HASHES).contains(&head.hashes) {
            return Err(io::Error::other("number of hashes out of range"));
        }
        out.write_all(MAGIC)?;
        out.write_all(&[VERSION])?;
        let mut plain = vec![code_of(head.selection)];
        encode::put_number(&mut plain, head.hashes as u64);
        section(&mut out, TAG_HEAD, &plain)?;
        Ok(Self { out, head, written: 0 })
    }

    /// Writes the sketch of an image, given the hash of each of its paths.
    ///
    /// # Errors
    ///
    /// When `out` fails, or the name is longer than [`MAX_NAME_BYTES`].
    pub fn write(&mut self, name: &str, hashes: Vec<u64>) -> io::Result<()> {
        if name.len() > MAX_NAME_BYTES {
            return Err(io::Error::other("the name of an image is too long"));
        }
        let sketch = Sketch::new(hashes, self.head.hashes);
        let mut plain = Vec::with_capacity(name.len() + sketch.hashes().len() * 8 + 16);
        encode::put_bytes(&mut plain, name.as_bytes());
        encode::put_number(&mut plain, sketch.paths());
        for hash in sketch.hashes() {
            plain.extend_from_slice(&hash.to_le_bytes());
        }
        self.written += 1;
        section(&mut self.out, TAG_SKETCH, &plain)
    }

    /// Ends the file and returns how many sketches it holds.
    ///
    /// # Errors
    ///
    /// When `out` fails.
    pub fn finish(mut self) -> io::Result<u64> {
        let mut plain = Vec::new();
        encode::put_number(&mut plain, self.written);
        section(&mut self.out, TAG_END, &plain)?;
        self.out.flush()?;
        Ok(self.written)
    }
}

fn section(out: &mut impl Write, tag: u8, plain: &[u8]) -> io::Result<()> {
    // Hashes are random: compressing them takes time and saves nothing.
    let sealed = encode::seal_plain(plain);
    let mut head = vec![tag];
    encode::put_number(&mut head, sealed.len() as u64);
    out.write_all(&head)?;
    out.write_all(&sealed)
}

const fn code_of(selection: Selection) -> u8 {
    match selection {
        Selection::Files => 0,
        Selection::Directories => 1,
        Selection::Both => 2,
    }
}

/// Reads a file one sketch at a time; memory is that of one section, half a megabyte at most.
#[derive(Debug)]
pub struct SketchReader<R: Read> {
    input: R,
    offset: u64,
    head: SketchHead,
    read: u64,
    done: bool,
    // The section that is being read, sealed; kept for its memory.
    sealed: Vec<u8>,
}

impl<R: Read> SketchReader<R> {
    /// Begins to read; `input` should be buffered.
    ///
    /// # Errors
    ///
    /// See [`SketchFileError`].
    pub fn new(input: R) -> Result<Self, SketchFileError> {
        let head = SketchHead { selection: Selection::Both, hashes: 1 };
        let mut reader = Self { input, offset: 0, head, read: 0, done: false, sealed: Vec::new() };
        reader.fill(MAGIC.len() as u64 + 1).map_err(|error| match error {
            SketchFileError::Damaged { .. } => SketchFileError::NotSketches,
            other => other,
        })?;
        match reader.sealed.split_last() {
            Some((&found, magic)) if magic == MAGIC && found > VERSION => {
                return Err(SketchFileError::TooNew { found });
            }
            Some((_, magic)) if magic == MAGIC => {}
            _ => return Err(SketchFileError::NotSketches),
        }
        let (offset, tag, plain) = reader.section()?;
        let head = match tag {
            TAG_HEAD => take_head(&plain),
            _ => Err(Damaged("the file does not begin with its head")),
        };
        reader.head = head.map_err(|source| SketchFileError::Damaged { offset, source })?;
        Ok(reader)
    }

    /// What all sketches have in common.
    pub const fn head(&self) -> SketchHead {
        self.head
    }

    /// How many bytes were read.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next image and its sketch, `None` behind the last.
    ///
    /// # Errors
    ///
    /// See [`SketchFileError`]; what was read before it is sound.
    pub fn next_sketch(&mut self) -> Result<Option<(String, Sketch)>, SketchFileError> {
        if self.done {
            return Ok(None);
        }
        let (offset, tag, plain) = self.section()?;
        let damaged = |source| SketchFileError::Damaged { offset, source };
        match tag {
            TAG_SKETCH => {
                self.read += 1;
                take_sketch(&plain, self.head.hashes).map(Some).map_err(damaged)
            }
            TAG_END => {
                self.done = true;
                take_end(&plain, self.read).map_err(damaged)?;
                let end = self.offset;
                match self.fill(1) {
                    Ok(()) => Err(SketchFileError::Damaged {
                        offset: end,
                        source: Damaged("bytes behind the end"),
                    }),
                    Err(SketchFileError::Damaged { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            _ => Err(damaged(Damaged("unknown section"))),
        }
    }

    /// Reads exactly so many bytes into `sealed`.
    fn fill(&mut self, length: u64) -> Result<(), SketchFileError> {
        let offset = self.offset;
        self.sealed.clear();
        // `take` rather than a buffer of the stated size: a lie costs what is there, not more.
        let read = (&mut self.input).take(length).read_to_end(&mut self.sealed);
        read.map_err(|source| SketchFileError::Io { offset, source })?;
        self.offset += self.sealed.len() as u64;
        if self.sealed.len() as u64 == length {
            return Ok(());
        }
        Err(SketchFileError::Damaged { offset, source: Damaged("file is cut short") })
    }

    /// The next section: where it begins, its tag and its bytes.
    fn section(&mut self) -> Result<(u64, u8, Vec<u8>), SketchFileError> {
        let offset = self.offset;
        let damaged = |source| SketchFileError::Damaged { offset, source };
        self.fill(1)?;
        let tag = self.sealed.first().copied().unwrap_or_default();
        let mut number = Vec::with_capacity(4);
        while number.last().is_none_or(|byte| byte & 0x80 != 0) && number.len() < 10 {
            self.fill(1)?;
            number.extend_from_slice(&self.sealed);
        }
        let length = Decoder::new(&number).number().map_err(damaged)?;
        if length > SECTION_LIMIT_BYTES as u64 {
            return Err(damaged(Damaged("section is too long")));
        }
        self.fill(length)?;
        let plain = encode::unseal(&self.sealed, SECTION_LIMIT_BYTES).map_err(damaged)?;
        Ok((offset, tag, plain.into_owned()))
    }
}

fn take_head(plain: &[u8]) -> Result<SketchHead, Damaged> {
    let mut decoder = Decoder::new(plain);
    let code = decoder.byte()?;
    let known = Selection::ALL.into_iter().find(|selection| code_of(*selection) == code);
    let selection = known.ok_or(Damaged("unknown selection"))?;
    let hashes = decoder.small()? as usize;
    if !(1..=MAX_HASHES).contains(&hashes) || !decoder.is_done() {
        return Err(Damaged("number of hashes out of range"));
    }
    Ok(SketchHead { selection, hashes })
}

fn take_sketch(plain: &[u8], k: usize) -> Result<(String, Sketch), Damaged> {
    let mut decoder = Decoder::new(plain);
    let name = decoder.text()?.to_owned();
    let paths = decoder.small()?;
    // How many hashes there are follows from the size of the set.
    let kept = k.min(paths as usize);
    let (words, rest) = decoder.take(kept * 8)?.as_chunks::<8>();
    if !rest.is_empty() || !decoder.is_done() {
        return Err(Damaged("bytes behind the last hash"));
    }
    let hashes = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let sketch = Sketch::from_parts(paths.into(), hashes);
    Ok((name, sketch.ok_or(Damaged("hashes are out of order"))?))
}

fn take_end(plain: &[u8], read: u64) -> Result<(), Damaged> {
    let mut decoder = Decoder::new(plain);
    if decoder.number()? == read && decoder.is_done() {
        Ok(())
    } else {
        Err(Damaged("another number of sketches than at the end stated"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Images = Vec<(String, Vec<u64>)>;

    fn written(head: SketchHead, images: &Images) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = SketchWriter::new(&mut bytes, head).unwrap();
        for (name, hashes) in images {
            writer.write(name, hashes.clone()).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), images.len() as u64);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(SketchHead, Vec<(String, Sketch)>), SketchFileError> {
        let mut reader = SketchReader::new(bytes)?;
        let mut images = Vec::new();
        while let Some(image) = reader.next_sketch()? {
            images.push(image);
        }
        // The end is the end, however often it is asked for.
        let at_end = reader.next_sketch()?.is_none() && reader.offset() == bytes.len() as u64;
        Ok((reader.head(), if at_end { images } else { Vec::new() }))
    }

    fn some_images() -> impl Strategy<Value = Images> {
        let hashes = proptest::collection::vec(any::<u64>(), 0..12);
        proptest::collection::vec(("[a-zä:/]{0,9}", hashes), 0..6)
    }

    proptest! {
        #[test]
        fn sketches_come_back_as_they_were(
            images in some_images(), k in 1_usize..9, selection in 0_usize..3,
        ) {
            let head = SketchHead { selection: Selection::ALL[selection], hashes: k };
            let bytes = written(head, &images);
            let (back, sketches) = read(&bytes).unwrap();
            prop_assert_eq!(back, head);
            let expected: Vec<(String, Sketch)> =
                images.into_iter().map(|(name, all)| (name, Sketch::new(all, k))).collect();
            prop_assert_eq!(sketches, expected);
        }

        #[test]
        fn any_bytes_decode_or_fail(
            body in proptest::collection::vec(any::<u8>(), 0..80),
            plain in proptest::collection::vec(any::<u8>(), 0..40),
            tag in prop_oneof![Just(TAG_HEAD), Just(TAG_SKETCH), Just(TAG_END), any::<u8>()],
        ) {
            drop(read(&body));
            // Behind a sound head, and with a sound checksum around whatever there is.
            let head = SketchHead { selection: Selection::Files, hashes: 3 };
            let end = written(head, &Images::new());
            let begun = &end[..end.len() - 20];
            drop(read(&[begun, &body].concat()));
            let mut sealed = begun.to_vec();
            section(&mut sealed, tag, &plain).unwrap();
            drop(read(&sealed));
        }
    }

    #[test]
    fn damaged_files_are_refused_at_their_place() {
        let head = SketchHead { selection: Selection::Both, hashes: 4 };
        let bytes = written(head, &vec![("a".into(), vec![7, 3, 5, 9, 1]), ("b".into(), vec![])]);
        assert!(matches!(read(b"nothing"), Err(SketchFileError::NotSketches)));
        assert!(matches!(read(b""), Err(SketchFileError::NotSketches)));
        let mut newer = bytes.clone();
        newer[5] = 9;
        assert!(matches!(read(&newer), Err(SketchFileError::TooNew { found: 9 })));
        for cut in 6..bytes.len() {
            assert!(matches!(read(&bytes[..cut]), Err(SketchFileError::Damaged { .. })), "{cut}");
        }
        for at in 6..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            assert!(read(&damaged).is_err(), "byte {at} may be changed unseen");
        }
        let more = [bytes.as_slice(), b"x"].concat();
        let offset = bytes.len() as u64;
        assert!(
            matches!(read(&more), Err(SketchFileError::Damaged { offset: at, .. }) if at == offset)
        );
    }

    #[test]
    fn what_a_file_cannot_hold_is_not_written() {
        let head = |hashes| SketchHead { selection: Selection::Both, hashes };
        assert!(SketchWriter::new(Vec::new(), head(0)).is_err());
        assert!(SketchWriter::new(Vec::new(), head(MAX_HASHES + 1)).is_err());
        let mut writer = SketchWriter::new(Vec::new(), head(1)).unwrap();
        assert!(writer.write(&"x".repeat(MAX_NAME_BYTES + 1), vec![]).is_err());
        writer.write(&"x".repeat(MAX_NAME_BYTES), vec![]).unwrap();
    }
}
