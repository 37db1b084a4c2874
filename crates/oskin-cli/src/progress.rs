//! Progress on a terminal: a bar for each layer that is read and one for the whole. Elsewhere
//! nothing is drawn.

use crate::text::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use oskin::source::Progress;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bars of layers at a time; what is read beside them counts in the whole.
const MAX_PARTS: usize = 11;

/// The whole, by bytes.
const BYTES: &str =
    "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} eta {eta}";

/// The whole, by images.
const IMAGES: &str = "{pos}/{len} images{msg} {wide_bar} eta {eta}";

/// One layer.
const PART: &str =
    "{prefix:24} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:9} {decimal_bytes_per_sec:>11}";

/// Bars over all that a command reads.
#[derive(Debug)]
pub(crate) struct Bar {
    bars: MultiProgress,
    whole: ProgressBar,
    parts: AtomicUsize,
    // Counts failures, if the whole is counted in images.
    images: OnceLock<AtomicUsize>,
    is_shown: bool,
}

impl Bar {
    /// Bars on standard error if that is a terminal and progress is wanted.
    pub(crate) fn new(quiet: bool) -> Self {
        let is_shown = !quiet && std::io::stderr().is_terminal();
        let target =
            if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let whole = bars.add(ProgressBar::new(0));
        whole.set_style(style(BYTES));
        Self { bars, whole, parts: AtomicUsize::new(0), images: OnceLock::new(), is_shown }
    }

    /// Says what is being read.
    pub(crate) fn name(&self, text: &str) {
        self.whole.set_message(printable(text));
    }

    /// From here on the whole is counted in images, or sources of which it is not known how many
    /// images they hold.
    pub(crate) fn count_images(&self, sources: usize) {
        self.images.get_or_init(|| {
            self.whole.set_style(style(IMAGES));
            self.whole.set_length(sources as u64);
            AtomicUsize::new(0)
        });
    }

    /// One more is done.
    pub(crate) fn done(&self, well: bool) {
        let Some(failures) = self.images.get() else { return };
        if !well {
            let failed = failures.fetch_add(1, Ordering::Relaxed) + 1;
            self.whole.set_message(format!(", {failed} failed"));
        }
        self.whole.inc(1);
    }

    /// One more is to be done than was known.
    pub(crate) fn one_more(&self) {
        self.whole.inc_length(1);
    }

    /// Lets `print` write to standard output or error without tearing the bars.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        self.whole.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bar {
    fn expect(&self, bytes: u64) {
        if self.images.get().is_none() {
            self.whole.inc_length(bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        if self.images.get().is_none() {
            self.whole.inc(bytes);
        }
    }

    fn part<'a>(&'a self, name: &str) -> Box<dyn Progress + 'a> {
        let name = printable(name);
        Box::new(PartBar { whole: self, name, bar: OnceLock::new() })
    }
}

/// The bar of one layer; drawn from its first byte on, if there is room.
struct PartBar<'a> {
    whole: &'a Bar,
    name: String,
    bar: OnceLock<Option<ProgressBar>>,
}

impl PartBar<'_> {
    fn bar(&self) -> Option<&ProgressBar> {
        let add = || {
            if !self.whole.is_shown {
                return None;
            }
            if self.whole.parts.fetch_add(1, Ordering::Relaxed) >= MAX_PARTS {
                self.whole.parts.fetch_sub(1, Ordering::Relaxed);
                return None;
            }
            let bar = ProgressBar::new(0).with_prefix(self.name.clone()).with_style(style(PART));
            Some(self.whole.bars.insert_before(&self.whole.whole, bar))
        };
        self.bar.get_or_init(add).as_ref()
    }
}

impl Progress for PartBar<'_> {
    fn expect(&self, bytes: u64) {
        self.whole.expect(bytes);
        if let Some(bar) = self.bar() {
            bar.inc_length(bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        self.whole.advance(bytes);
        if let Some(bar) = self.bar() {
            bar.inc(bytes);
        }
    }
}

impl Drop for PartBar<'_> {
    fn drop(&mut self) {
        if let Some(Some(bar)) = self.bar.get() {
            bar.finish_and_clear();
            self.whole.bars.remove(bar);
            self.whole.parts.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
