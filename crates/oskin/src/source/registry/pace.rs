//! A body that must keep a pace: a server that gives a byte now and then must not hold anyone up.

use super::options::Timeouts;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use ureq::BodyReader;

/// A body. Only the time that is spent waiting for bytes counts, not what is done with them.
pub(super) struct Paced {
    inner: BodyReader<'static>,
    window: Duration,
    least_bytes: u64,
    waited: Duration,
    bytes: u64,
}

impl Paced {
    pub(super) fn new(inner: BodyReader<'static>, timeouts: &Timeouts) -> Self {
        let window = timeouts.pace_window;
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let least_bytes = timeouts.pace_bytes.saturating_mul(millis) / 1000;
        Self { inner, window, least_bytes, waited: Duration::ZERO, bytes: 0 }
    }
}

impl Read for Paced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let count = self.inner.read(into)?;
        self.waited += start.elapsed();
        self.bytes += count as u64;
        if self.waited >= self.window {
            if count > 0 && self.bytes < self.least_bytes {
                let (bytes, seconds) = (self.bytes, self.waited.as_secs_f64());
                let what = format!("only {bytes} bytes came in {seconds:.0} s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
            self.waited = Duration::ZERO;
            self.bytes = 0;
        }
        Ok(count)
    }
}
