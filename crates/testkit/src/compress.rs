//! The compressions that layers come in, with the shapes that only some tools produce.

use crate::fixture::pattern;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// Not at all: a plain tar.
    #[default]
    None,
    /// One gzip member.
    Gzip,
    /// Several gzip members one after the other, as parallel compressors and eStargz write.
    GzipMembers,
    /// One zstd frame.
    Zstd,
    /// A skippable frame, then several zstd frames with a skippable one between, as zstd:chunked
    /// and pzstd write.
    ZstdFrames,
    /// One xz stream.
    Xz,
    /// Several xz streams one after the other.
    XzStreams,
    /// One bzip2 stream.
    Bzip2,
    /// Several bzip2 streams one after the other, as pbzip2 writes.
    Bzip2Streams,
}

impl Compression {
    /// All compressions, for tests that go through them.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Gzip,
        Self::GzipMembers,
        Self::Zstd,
        Self::ZstdFrames,
        Self::Xz,
        Self::XzStreams,
        Self::Bzip2,
        Self::Bzip2Streams,
    ];

    /// What follows `.tar` in the media type of an OCI layer.
    ///
    /// The image spec names gzip and zstd only; xz and bzip2 follow the same pattern.
    pub const fn media_suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip | Self::GzipMembers => "+gzip",
            Self::Zstd | Self::ZstdFrames => "+zstd",
            Self::Xz | Self::XzStreams => "+xz",
            Self::Bzip2 | Self::Bzip2Streams => "+bzip2",
        }
    }
}

/// Compresses `bytes`; the same input gives the same output.
///
/// # Panics
///
/// Never in practice: the encoders write to memory.
pub fn compress(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gzip(bytes),
        Compression::GzipMembers => joined(bytes, gzip),
        Compression::Zstd => zstd_frame(bytes),
        Compression::ZstdFrames => zstd_frames(bytes),
        Compression::Xz => xz(bytes),
        Compression::XzStreams => joined(bytes, xz),
        Compression::Bzip2 => bzip2_stream(bytes),
        Compression::Bzip2Streams => joined(bytes, bzip2_stream),
    }
}

/// Three pieces that do not end where tar blocks end, the middle one empty.
fn pieces(bytes: &[u8]) -> [&[u8]; 3] {
    let (left, right) = bytes.split_at(bytes.len() / 3);
    [left, &[], right]
}

fn joined(bytes: &[u8], one: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    pieces(bytes).map(one).concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory takes all")
}

/// RFC 8878, 3.1.2: a magic number, the length as four bytes, any content.
fn skippable_frame(len: u32) -> Vec<u8> {
    let mut frame = 0x184D_2A50_u32.to_le_bytes().to_vec();
    frame.extend(len.to_le_bytes());
    frame.extend(pattern(u64::from(len), 50));
    frame
}

fn zstd_frames(bytes: &[u8]) -> Vec<u8> {
    let [first, empty, last] = pieces(bytes);
    let mut out = skippable_frame(7);
    out.extend(zstd_frame(first));
    out.extend(skippable_frame(4096));
    out.extend(zstd_frame(empty));
    out.extend(zstd_frame(last));
    out
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn bzip2_stream(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
