//! Layers of a registry as streams: nothing is stored, and what breaks off is taken up again where
//! it broke.

use super::client::{Answer, Ask, Repository};
use super::pace::Paced;
use super::patience::Patience;
use super::refusal::{self, Refusal};
use crate::image::Digest;
use crate::source::layer::OpenStream;
use crate::source::{ReadOptions, SourceError};
use std::io::{self, Read};
use ureq::http::StatusCode;

/// So many bytes since the last break make a new start of counting breaks.
const GAIN_BYTES: u64 = 1024 * 1024;

/// A blob that is a layer.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) repository: Repository,
    pub(super) digest: Digest,
    /// What the manifest promises.
    pub(super) size: Option<u64>,
    /// Whether it is one that registries need not have.
    pub(super) is_foreign: bool,
}

impl OpenStream for Blob {
    fn open<'a>(&'a self, options: &ReadOptions<'a>) -> Result<Box<dyn Read + 'a>, SourceError> {
        let mut stream = Stream {
            blob: self,
            limit_bytes: self.size.unwrap_or(options.limits.content_bytes),
            body: None,
            got_bytes: 0,
            gained_bytes: 0,
            ranges: true,
            patience: Patience::new(&self.repository.client.options),
        };
        stream.body = Some(stream.connect()?);
        Ok(Box::new(stream))
    }
}

/// A blob that is being read.
struct Stream<'b> {
    blob: &'b Blob,
    limit_bytes: u64,
    // Nothing after a break.
    body: Option<Paced>,
    got_bytes: u64,
    gained_bytes: u64,
    // Whether parts are asked for; not any more where wrong ones come.
    ranges: bool,
    patience: Patience,
}

impl Stream<'_> {
    fn fail(&self, refusal: Refusal) -> SourceError {
        let repository = &self.blob.repository;
        let place = format!("{}: {}", repository.place, self.blob.digest);
        repository.client.fail(&place, "layer", refusal)
    }

    /// Asks for what is still to come.
    fn connect(&mut self) -> Result<Paced, SourceError> {
        let path = format!("/blobs/{}", self.blob.digest);
        loop {
            let from = if self.ranges { self.got_bytes } else { 0 };
            let ask = Ask { method: "GET", path: &path, what: "layer", accept: "*/*", from };
            let answer = self.blob.repository.send(ask, &mut self.patience)?;
            match answer.status {
                StatusCode::PARTIAL_CONTENT if from > 0 && self.is_wanted(&answer) => {
                    return Ok(answer.into_body());
                }
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                    self.ranges = false;
                }
                StatusCode::OK => return self.whole(answer),
                StatusCode::NOT_FOUND => {
                    return Err(SourceError::Missing {
                        place: self.blob.repository.place.clone(),
                        what: "layer",
                        name: self.blob.digest.to_string(),
                        foreign: self.blob.is_foreign,
                    });
                }
                _ => return Err(self.blob.repository.refused(ask, answer)),
            }
        }
    }

    /// Whether a part is the one that was asked for: `Content-Range: bytes FIRST-LAST/TOTAL`.
    fn is_wanted(&self, answer: &Answer) -> bool {
        let range = answer.header("content-range").and_then(|text| text.strip_prefix("bytes "));
        let Some((part, total)) = range.and_then(|text| text.trim().split_once('/')) else {
            return false;
        };
        let first = part.split_once('-').and_then(|(first, _)| first.parse().ok());
        let total_fits = match (total.parse::<u64>(), self.blob.size) {
            (Ok(total), Some(size)) => total == size,
            _ => true,
        };
        first == Some(self.got_bytes) && total_fits
    }

    /// Takes a whole blob and passes over what is there already; the digest would tell if it were
    /// another one.
    fn whole(&mut self, answer: Answer) -> Result<Paced, SourceError> {
        if let (Some(length), Some(size)) = (answer.length(), self.blob.size)
            && length > size
        {
            let what = format!("{length} bytes come where {size} are promised");
            return Err(self.fail(Refusal::new(what, Some(refusal::CHANGED))));
        }
        let mut body = answer.into_body();
        let mut skipped = (&mut body).take(self.got_bytes);
        // A break here shows as one of the first read.
        drop(io::copy(&mut skipped, &mut io::sink()));
        let is_short = skipped.limit() > 0;
        if is_short {
            // Nothing was gained, so that attempts run out.
            self.patience.wait(None).map_err(|enough| {
                self.fail(Refusal::new("the body breaks off", Some(refusal::LATER)).and(&enough))
            })?;
            return self.connect();
        }
        Ok(body)
    }

    /// Takes note of a break and waits, or gives up.
    fn broken(&mut self, refusal: Refusal) -> Result<(), SourceError> {
        self.body = None;
        if self.gained_bytes >= GAIN_BYTES {
            self.patience.renew();
        }
        self.gained_bytes = 0;
        let got = self.got_bytes;
        let refusal = match self.blob.size {
            Some(size) => {
                Refusal { what: format!("{} after {got} of {size} bytes", refusal.what), ..refusal }
            }
            None => Refusal { what: format!("{} after {got} bytes", refusal.what), ..refusal },
        };
        match self.patience.wait(None) {
            Ok(()) => Ok(()),
            Err(enough) => Err(self.fail(refusal.and(&enough))),
        }
    }

    fn read_on(&mut self, into: &mut [u8]) -> Result<usize, SourceError> {
        loop {
            let mut body = match self.body.take() {
                Some(body) => body,
                None => self.connect()?,
            };
            let left = self.limit_bytes - self.got_bytes;
            // One byte more than is promised, to see that no more comes.
            let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX);
            let most = most.min(into.len());
            match body.read(&mut into[..most]) {
                Ok(0) if left == 0 || self.blob.size.is_none() => return Ok(0),
                Ok(0) => {
                    let kind = io::ErrorKind::UnexpectedEof;
                    self.broken(refusal::of_body(&kind.into()))?;
                }
                Ok(count) if count as u64 > left => {
                    let what =
                        format!("more than the {} bytes come that are promised", self.limit_bytes);
                    return Err(self.fail(Refusal::new(what, Some(refusal::CHANGED))));
                }
                Ok(count) => {
                    self.got_bytes += count as u64;
                    self.gained_bytes += count as u64;
                    self.body = Some(body);
                    return Ok(count);
                }
                // All is there; how it ends is of no interest.
                Err(_) if left == 0 => return Ok(0),
                Err(error) => self.broken(refusal::of_body(&error))?,
            }
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        // A kind that decoders of compressed data do not take for damage.
        self.read_on(into).map_err(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error))
    }
}
