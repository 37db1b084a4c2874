//! One block of a squashfs file system, decompressed into no more room than it may take.

use std::io;

/// The most memory that decoding one block may take where a block states it (xz): dictionaries are
/// no larger than a block, which is 1 MiB at most.
const XZ_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// What the blocks of one file system are compressed with.
pub(super) enum Decoder {
    Gzip(Box<flate2::Decompress>),
    Xz,
    Lz4,
    Zstd(Box<zstd::bulk::Decompressor<'static>>),
}

impl Decoder {
    /// The decoder for the number that a superblock states; what it is where there is none.
    pub(super) fn new(compressor: u16) -> Result<Self, &'static str> {
        Ok(match compressor {
            1 => Self::Gzip(Box::new(flate2::Decompress::new(true))),
            2 => return Err("a squashfs file system compressed with lzma, which is not supported"),
            3 => return Err("a squashfs file system compressed with lzo, which is not supported"),
            4 => Self::Xz,
            5 => Self::Lz4,
            6 => {
                let decoder = zstd::bulk::Decompressor::new();
                Self::Zstd(Box::new(decoder.map_err(|_| "no zstd decoder can be made")?))
            }
            _ => return Err("a squashfs file system compressed with a method that is not known"),
        })
    }

    /// Decompresses a whole block; how many bytes it has.
    ///
    /// Fails for damage and for a block that does not fit.
    pub(super) fn decode(&mut self, stored: &[u8], into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => {
                decoder.reset(true);
                let status = decoder.decompress(stored, into, flate2::FlushDecompress::Finish);
                match status {
                    Ok(flate2::Status::StreamEnd) => {
                        usize::try_from(decoder.total_out()).map_err(|_| damaged())
                    }
                    _ => Err(damaged()),
                }
            }
            Self::Xz => {
                let mut stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, 0)
                    .map_err(|_| damaged())?;
                match stream.process(stored, into, liblzma::stream::Action::Finish) {
                    Ok(liblzma::stream::Status::StreamEnd) => {
                        usize::try_from(stream.total_out()).map_err(|_| damaged())
                    }
                    _ => Err(damaged()),
                }
            }
            Self::Lz4 => lz4_flex::block::decompress_into(stored, into).map_err(|_| damaged()),
            Self::Zstd(decoder) => {
                decoder.decompress_to_buffer(stored, into).map_err(|_| damaged())
            }
        }
    }
}

/// A rule of the format is broken.
pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn damaged() -> io::Error {
    broken("a compressed block is damaged")
}
