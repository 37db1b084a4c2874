//! Compression, known by the first bytes and never by a name: gzip, zstd, xz and bzip2, each of
//! any number of members.

use super::stored::{Stored, StoredEnd};
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use std::io::{self, BufRead as _, Read};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation as _};

/// How many bytes at the beginning tell the compression.
pub(super) const MAGIC_BYTES: usize = 6;

/// The largest window of a zstd frame that is accepted, as a power of two: what `zstd --long`
/// writes. Larger ones (`--long=31`) would take 2 GiB of memory a layer.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The most memory that an xz decoder may take; `xz -9` needs 65 MiB.
const XZ_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Compression {
    /// The compression that the first bytes tell.
    pub(super) fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one of the sixteen kinds of skippable frames.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }
}

/// Reads the content of stored bytes, whatever they are compressed with.
pub(super) struct Content<'a> {
    state: State<'a>,
    compression: Compression,
}

enum State<'a> {
    Plain(Stored<'a>),
    Gzip(Box<GzDecoder<Stored<'a>>>),
    Zstd(Box<Zstd<'a>>),
    Xz(Box<XzDecoder<Stored<'a>>>),
    Bzip2(Box<bzip2::bufread::BzDecoder<Stored<'a>>>),
    // The last member ended.
    End(Stored<'a>),
    // Only while one state makes place for the next.
    Between,
}

struct Zstd<'a> {
    stored: Stored<'a>,
    decoder: ZstdDecoder<'static>,
    between_frames: bool,
}

impl<'a> Content<'a> {
    /// Looks at the first bytes and begins.
    pub(super) fn new(mut stored: Stored<'a>) -> io::Result<Self> {
        let compression = Compression::of(stored.peek(MAGIC_BYTES)?);
        Ok(Self { state: State::member(compression, stored)?, compression })
    }

    /// Gives up the digest of the stored bytes if they are the content itself.
    ///
    /// Returns whether it did, so that the caller takes the digest of the content for it. To be
    /// called before anything is read.
    pub(super) fn share_digest(&mut self) -> bool {
        match &mut self.state {
            State::Plain(stored) if stored.is_hashing() => {
                stored.stop_hashing();
                true
            }
            _ => false,
        }
    }

    /// Reads the stored bytes to their end; to be called when the content was read to its end.
    pub(super) fn finish(self) -> io::Result<StoredEnd> {
        match self.state {
            State::Plain(stored) | State::End(stored) => stored.finish(),
            State::Gzip(decoder) => decoder.into_inner().finish(),
            State::Zstd(zstd) => zstd.stored.finish(),
            State::Xz(decoder) => decoder.into_inner().finish(),
            State::Bzip2(decoder) => decoder.into_inner().finish(),
            State::Between => Err(io::Error::other("read on after a failure")),
        }
    }

    /// Goes from the end of a member to the next member or the end.
    fn next_member(&mut self) -> io::Result<()> {
        let mut stored = match std::mem::replace(&mut self.state, State::Between) {
            State::Gzip(decoder) => decoder.into_inner(),
            State::Xz(decoder) => decoder.into_inner(),
            State::Bzip2(decoder) => decoder.into_inner(),
            other => {
                self.state = other;
                return Ok(());
            }
        };
        if self.compression == Compression::Xz {
            // Between streams there may be zeros, four at a time.
            while stored.peek(4)? == [0; 4] {
                stored.consume(4);
            }
        }
        self.state = if Compression::of(stored.peek(MAGIC_BYTES)?) == self.compression {
            State::member(self.compression, stored)?
        } else {
            State::End(stored)
        };
        Ok(())
    }
}

impl<'a> State<'a> {
    fn member(compression: Compression, stored: Stored<'a>) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(stored),
            Compression::Gzip => Self::Gzip(Box::new(GzDecoder::new(stored))),
            Compression::Zstd => {
                let mut decoder = ZstdDecoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                Self::Zstd(Box::new(Zstd { stored, decoder, between_frames: true }))
            }
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, 0)?;
                Self::Xz(Box::new(XzDecoder::new_stream(stored, stream)))
            }
            Compression::Bzip2 => Self::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(stored))),
        })
    }
}

impl Zstd<'_> {
    /// Like [`Read::read`], but 0 also when something else than a frame follows.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.between_frames {
                if Compression::of(self.stored.peek(MAGIC_BYTES)?) != Compression::Zstd {
                    return Ok(0);
                }
                self.decoder.reinit()?;
                self.between_frames = false;
            }
            let input = self.stored.fill_buf()?;
            let at_end = input.is_empty();
            let status = self.decoder.run_on_buffers(input, into)?;
            self.stored.consume(status.bytes_read);
            self.between_frames = status.remaining == 0;
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if !self.between_frames && status.bytes_read == 0 {
                let kind =
                    if at_end { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
                return Err(io::Error::new(kind, "zstd frame is cut off"));
            }
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match &mut self.state {
                State::Plain(stored) => return stored.read(into),
                State::Zstd(zstd) => return zstd.read(into).map_err(damage),
                State::Gzip(decoder) => decoder.read(into),
                State::Xz(decoder) => decoder.read(into),
                State::Bzip2(decoder) => decoder.read(into),
                State::End(_) => return Ok(0),
                State::Between => return Err(io::Error::other("read on after a failure")),
            }
            .map_err(damage)?;
            if count > 0 {
                return Ok(count);
            }
            self.next_member()?;
        }
    }
}

/// Makes what a decoder reports recognizable as damage: some report it as kind `Other`.
fn damage(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Other && error.raw_os_error().is_none() {
        return io::Error::new(io::ErrorKind::InvalidData, error);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::super::NoProgress;
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let level = ::bzip2::Compression::fast();
        let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn read(stored: &[u8]) -> io::Result<(Vec<u8>, u64)> {
        let mut content = Content::new(Stored::new(stored, &NoProgress))?;
        let mut all = Vec::new();
        content.read_to_end(&mut all)?;
        Ok((all, content.finish()?.rest_bytes))
    }

    #[test]
    fn members_follow_each_other_and_padding_is_no_damage() {
        let encoders: [fn(&[u8]) -> Vec<u8>; 4] = [gzip, zstd, xz, bzip2];
        for encode in encoders {
            let two = [encode(b"one "), encode(b"two")].concat();
            assert_eq!(read(&two).unwrap(), (b"one two".to_vec(), 0));
            let padded = [&two[..], b"junk"].concat();
            assert_eq!(read(&padded).unwrap(), (b"one two".to_vec(), 4));
            let zeros = [&two[..], &[0; 3]].concat();
            assert_eq!(read(&zeros).unwrap(), (b"one two".to_vec(), 3));
            assert_eq!(read(&encode(b"")).unwrap(), (Vec::new(), 0));
        }
    }

    #[test]
    fn cut_off_data_is_damage_at_every_length() {
        let encoders: [fn(&[u8]) -> Vec<u8>; 4] = [gzip, zstd, xz, bzip2];
        for encode in encoders {
            let whole = encode(&[7; 1000]);
            for length in MAGIC_BYTES..whole.len() {
                assert!(read(&whole[..length]).is_err(), "{length} of {}", whole.len());
            }
        }
    }

    #[test]
    fn skippable_frames_are_skipped_wherever_they_stand() {
        let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let all = [&skippable[..], &zstd(b"one "), &skippable, &zstd(b"two"), &skippable].concat();
        assert_eq!(read(&all).unwrap(), (b"one two".to_vec(), 0));
    }

    #[test]
    fn xz_padding_between_streams_is_part_of_the_format() {
        let all = [&xz(b"one ")[..], &[0; 8], &xz(b"two"), &[0; 4]].concat();
        assert_eq!(read(&all).unwrap(), (b"one two".to_vec(), 0));
    }
}
