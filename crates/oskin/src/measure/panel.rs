//! Dense bit panels: overlaps of rows of bits by AND and population count.
//!
//! A panel has a *line* for each 64 columns, and a line has one word for each row. Neighbouring
//! words of a line belong to neighbouring rows, so one row is compared with many at once, each in
//! its own vector lane, and no lane is ever added to another. The inner loop stands once for each
//! [`Level`] of the processor's vector units; a property test holds them to each other and to single
//! words, and the best one that is there is picked at run time.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "vector units need a run-time check, and loads from memory")
)]

use super::history::Sum;
use std::ops::Range;

/// How many rows are compared with one at once: two AVX-512 registers, four of AVX2.
const LANES: usize = 16;

/// How many lines are worked on before the next rows: 128 lines of [`LANES`] words fit in L1.
const LINES_AT_ONCE: usize = 128;

/// A matrix of bits whose columns have powers of two as weights.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    rows: usize,
    /// Words in a line: the rows, rounded up to whole groups of lanes. The words of the rows that
    /// do not exist stay 0.
    stride: usize,
    /// Line after line, `stride` words each.
    words: Vec<u64>,
    /// For each line the power of two that its 64 columns weigh.
    shifts: Vec<u8>,
}

impl Panel {
    /// A panel of zeros with a line of 64 columns, each of weight `1 << shift`, for every shift.
    pub(super) fn new(rows: usize, shifts: Vec<u8>) -> Self {
        let stride = rows.next_multiple_of(LANES);
        Self { rows, stride, words: vec![0; stride * shifts.len()], shifts }
    }

    /// Writes one line of some rows: for each row from `first_row` on a word of 64 columns. Words of
    /// rows that do not exist are left out.
    pub(super) fn put_words(&mut self, line: usize, first_row: usize, words: &[u64]) {
        let rows = self.rows.saturating_sub(first_row).min(words.len());
        let line = &mut self.words[line * self.stride..][..self.stride];
        if let Some(line) = line.get_mut(first_row..first_row + rows) {
            line.copy_from_slice(&words[..rows]);
        }
    }

    /// How many lines of 64 columns there are.
    pub(super) fn lines(&self) -> usize {
        self.shifts.len()
    }

    /// Makes a row equal to another.
    pub(super) fn copy_row(&mut self, from: usize, to: usize) {
        for line in self.words.chunks_exact_mut(self.stride.max(1)) {
            line[to] = line[from];
        }
    }

    /// Sets or clears the bits of a row in a range of columns, counted over all lines.
    pub(super) fn put(&mut self, row: usize, columns: Range<usize>, bit: bool) {
        let mut start = columns.start;
        while start < columns.end {
            let end = columns.end.min((start / 64 + 1) * 64);
            let mask = u64::MAX >> (64 - (end - start)) << (start % 64);
            let word = &mut self.words[start / 64 * self.stride + row];
            *word = if bit { *word | mask } else { *word & !mask };
            start = end;
        }
    }

    /// Adds the weighted number of common bits of each row in `rows` with every later row to `sums`:
    /// the strict upper triangle of these rows, one row after the other.
    pub(super) fn add_common<S: Sum>(&self, rows: Range<usize>, sums: &mut [S], level: Level) {
        self.add(&Region::Later(rows), sums, level);
    }

    /// Adds the weighted number of common bits of each of `rows` with every row to `sums`: whole
    /// rows, one after the other.
    pub(super) fn add_whole_rows<S: Sum>(&self, rows: &[usize], sums: &mut [S], level: Level) {
        self.add(&Region::Whole(rows), sums, level);
    }

    fn add<S: Sum>(&self, region: &Region<'_>, sums: &mut [S], level: Level) {
        let chunks = self.words.chunks(LINES_AT_ONCE * self.stride.max(1));
        for (words, shifts) in chunks.zip(self.shifts.chunks(LINES_AT_ONCE)) {
            let block = Block { rows: self.rows, stride: self.stride, words, shifts };
            level.add_common(block, region, sums);
        }
    }
}

/// Which pairs are wanted.
#[derive(Clone, Debug)]
enum Region<'a> {
    /// Neighbouring rows, each with every later one.
    Later(Range<usize>),
    /// Any rows, each with all.
    Whole(&'a [usize]),
}

/// A few lines of a [`Panel`].
#[derive(Clone, Copy)]
struct Block<'a> {
    rows: usize,
    stride: usize,
    words: &'a [u64],
    shifts: &'a [u8],
}

/// What the loop is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Whatever every processor of the target has.
    Portable,
    /// 256-bit vectors, bits counted by table look-up.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors with an instruction that counts bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best level that this processor has.
    pub(super) fn best() -> Self {
        Self::available().last().unwrap_or(Self::Portable)
    }

    /// The levels that this processor has, worst first.
    fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let all = [Self::Portable, Self::Avx2, Self::Avx512];
        #[cfg(not(target_arch = "x86_64"))]
        let all = [Self::Portable];
        all.into_iter().filter(|level| level.is_available())
    }

    fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vpopcntdq")
                    && is_x86_feature_detected!("popcnt")
            }
        }
    }

    /// Runs the loop at this level, or at the portable one if this one is not there.
    fn add_common<S: Sum>(self, block: Block<'_>, region: &Region<'_>, sums: &mut [S]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if self.is_available() => {
                // SAFETY: all that the function asks for is that the processor has AVX2 and POPCNT,
                // and the guard of this arm has just found both.
                unsafe { add_common_avx2(block, region, sums) }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if self.is_available() => {
                // SAFETY: as above, with AVX-512F, AVX-512 VPOPCNTDQ and POPCNT.
                unsafe { add_common_avx512(block, region, sums) }
            }
            _ => add_common(block, region, sums, |row, tile| count(block, row, tile)),
        }
    }
}

/// What [`LANES`] rows from `tile` on have in common with `row`, line after line.
fn count(block: Block<'_>, row: usize, tile: usize) -> [u64; LANES] {
    let mut counts = [0; LANES];
    for (line, &shift) in block.words.chunks_exact(block.stride).zip(block.shifts) {
        for (count, other) in counts.iter_mut().zip(&line[tile..tile + LANES]) {
            *count += u64::from((line[row] & other).count_ones()) << (shift & 63);
        }
    }
    counts
}

/// [`count`] with a vector of eight rows, and one that counts bits. Left to itself the compiler
/// takes a vector of lines, and gathers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn count_avx512(block: Block<'_>, row: usize, tile: usize) -> [u64; LANES] {
    use std::arch::x86_64 as arch;
    let mut sums = [arch::_mm512_setzero_si512(); LANES / 8];
    for (line, &shift) in block.words.chunks_exact(block.stride).zip(block.shifts) {
        let word = arch::_mm512_set1_epi64(line[row].cast_signed());
        let shift = arch::_mm_cvtsi32_si128(i32::from(shift & 63));
        for (sum, others) in sums.iter_mut().zip(line[tile..tile + LANES].chunks_exact(8)) {
            // SAFETY: the chunk has the eight words that are read; they need not be aligned.
            let others = unsafe { arch::_mm512_loadu_si512(others.as_ptr().cast()) };
            let bits = arch::_mm512_popcnt_epi64(arch::_mm512_and_si512(word, others));
            *sum = arch::_mm512_add_epi64(*sum, arch::_mm512_sll_epi64(bits, shift));
        }
    }
    let mut counts = [0_u64; LANES];
    for (counts, sum) in counts.chunks_exact_mut(8).zip(sums) {
        // SAFETY: the chunk has room for the eight words; they need not be aligned.
        unsafe { arch::_mm512_storeu_si512(counts.as_mut_ptr().cast(), sum) };
    }
    counts
}

/// [`count`] with vectors of four rows; the bits of each half byte are looked up, as Muła, Kurz and
/// Lemire 2018 ("Faster population counts using AVX2 instructions") do.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn count_avx2(block: Block<'_>, row: usize, tile: usize) -> [u64; LANES] {
    use std::arch::x86_64 as arch;
    let zero = arch::_mm256_setzero_si256();
    let half_bytes = arch::_mm256_set1_epi8(0x0F);
    let half = arch::_mm_set_epi8(4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0);
    let table = arch::_mm256_broadcastsi128_si256(half);
    let mut sums = [zero; LANES / 4];
    for (line, &shift) in block.words.chunks_exact(block.stride).zip(block.shifts) {
        let word = arch::_mm256_set1_epi64x(line[row].cast_signed());
        let shift = arch::_mm_cvtsi32_si128(i32::from(shift & 63));
        for (sum, others) in sums.iter_mut().zip(line[tile..tile + LANES].chunks_exact(4)) {
            // SAFETY: the chunk has the four words that are read; they need not be aligned.
            let others = unsafe { arch::_mm256_loadu_si256(others.as_ptr().cast()) };
            let both = arch::_mm256_and_si256(word, others);
            let low = arch::_mm256_and_si256(both, half_bytes);
            let high = arch::_mm256_and_si256(arch::_mm256_srli_epi16::<4>(both), half_bytes);
            let bits = arch::_mm256_add_epi8(
                arch::_mm256_shuffle_epi8(table, low),
                arch::_mm256_shuffle_epi8(table, high),
            );
            let bits = arch::_mm256_sad_epu8(bits, zero);
            *sum = arch::_mm256_add_epi64(*sum, arch::_mm256_sll_epi64(bits, shift));
        }
    }
    let mut counts = [0_u64; LANES];
    for (counts, sum) in counts.chunks_exact_mut(4).zip(sums) {
        // SAFETY: the chunk has room for the four words; they need not be aligned.
        unsafe { arch::_mm256_storeu_si256(counts.as_mut_ptr().cast(), sum) };
    }
    counts
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn add_common_avx2<S: Sum>(block: Block<'_>, region: &Region<'_>, sums: &mut [S]) {
    add_common(block, region, sums, |row, tile| count_avx2(block, row, tile));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn add_common_avx512<S: Sum>(block: Block<'_>, region: &Region<'_>, sums: &mut [S]) {
    add_common(block, region, sums, |row, tile| count_avx512(block, row, tile));
}

// Always inlined, because only then it is compiled for the features of its caller.
#[expect(clippy::inline_always, reason = "compiled anew for the features of each caller")]
#[inline(always)]
fn add_common<S: Sum>(
    block: Block<'_>,
    region: &Region<'_>,
    sums: &mut [S],
    count: impl Fn(usize, usize) -> [u64; LANES],
) {
    match region {
        Region::Later(rows) => add_later(block, rows.clone(), sums, count),
        Region::Whole(rows) => add_whole(block, rows, sums, count),
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for the features of each caller")]
#[inline(always)]
fn add_whole<S: Sum>(
    block: Block<'_>,
    rows: &[usize],
    sums: &mut [S],
    count: impl Fn(usize, usize) -> [u64; LANES],
) {
    for tile in (0..block.rows).step_by(LANES) {
        let end = block.rows.min(tile + LANES);
        for (&row, sums) in rows.iter().zip(sums.chunks_exact_mut(block.rows)) {
            let counts = count(row, tile);
            add_counts(&mut sums[tile..end], &counts[..end - tile]);
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for the features of each caller")]
#[inline(always)]
fn add_later<S: Sum>(
    block: Block<'_>,
    rows: Range<usize>,
    sums: &mut [S],
    count: impl Fn(usize, usize) -> [u64; LANES],
) {
    for tile in (rows.start / LANES * LANES..block.rows).step_by(LANES) {
        // Where the row's part of the triangle begins in `sums`.
        let mut row_start = 0;
        for row in rows.start..rows.end.min(tile + LANES) {
            let counts = count(row, tile);
            let first = tile.max(row + 1);
            let end = block.rows.min(tile + LANES);
            let sums = &mut sums[row_start + first - row - 1..row_start + end - row - 1];
            // Most tiles are whole, and then the compiler knows how many lanes there are.
            if let Ok(sums) = <&mut [S; LANES]>::try_from(&mut *sums) {
                add_counts(sums, &counts);
            } else {
                add_counts(sums, &counts[first - tile..end - tile]);
            }
            row_start += block.rows - row - 1;
        }
    }
}

/// Adds counts to sums.
#[expect(clippy::inline_always, reason = "compiled anew for the features of each caller")]
#[inline(always)]
fn add_counts<S: Sum>(sums: &mut [S], counts: &[u64]) {
    for (sum, &count) in sums.iter_mut().zip(counts) {
        *sum = sum.plus_count(count);
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn naive(rows: &[Vec<u64>], shifts: &[u8], range: Range<usize>) -> Vec<u32> {
        let mut sums = Vec::new();
        for left in range {
            for right in left + 1..rows.len() {
                let pairs = rows[left].iter().zip(&rows[right]);
                let counts = pairs.zip(shifts).map(|((a, b), shift)| (a & b).count_ones() << shift);
                sums.push(counts.sum());
            }
        }
        sums
    }

    proptest! {
        #[test]
        fn every_level_counts_what_single_words_count(
            lines in prop_oneof![0_usize..9, Just(LINES_AT_ONCE), Just(2 * LINES_AT_ONCE + 3)],
            row_count in 0_usize..50,
            cuts in (0_usize..50, 0_usize..50),
            seed in vec(any::<u64>(), 1..20),
            shift in vec(0_u8..14, 1..8),
        ) {
            let shifts: Vec<u8> = shift.iter().cycle().take(lines).copied().collect();
            let word = |row: usize, line: usize| {
                seed[(row * 7 + line) % seed.len()].rotate_left((row ^ line) as u32)
            };
            let rows: Vec<Vec<u64>> = (0..row_count)
                .map(|row| (0..lines).map(|line| word(row, line)).collect())
                .collect();
            let mut panel = Panel::new(row_count, shifts.clone());
            for line in 0..lines {
                let words: Vec<u64> = rows.iter().map(|words| words[line]).collect();
                let (first, last) = words.split_at(cuts.0.min(row_count));
                panel.put_words(line, 0, first);
                panel.put_words(line, first.len(), &[last, &[1, 2]].concat());
            }
            let (a, b) = (cuts.0.min(row_count), cuts.1.min(row_count));
            let range = a.min(b)..a.max(b);
            let expected = naive(&rows, &shifts, range.clone());
            for level in Level::available() {
                let mut sums = vec![5_u32; expected.len()];
                panel.add_common(range.clone(), &mut sums, level);
                let added: Vec<u32> = sums.iter().map(|sum| sum - 5).collect();
                prop_assert_eq!(&added, &expected, "{:?}", level);
                let mut wide = vec![5_u64 << 40; expected.len()];
                panel.add_common(range.clone(), &mut wide, level);
                let added: Vec<u32> = wide.iter().map(|sum| (sum - (5 << 40)) as u32).collect();
                prop_assert_eq!(&added, &expected, "wide, {:?}", level);
            }
            // Whole rows, in another order than they stand in.
            let whole: Vec<usize> = range.rev().collect();
            let expected: Vec<u32> = whole
                .iter()
                .flat_map(|&row| rows.iter().map(move |other| (row, other)))
                .map(|(row, other)| {
                    let words = rows[row].iter().zip(other).zip(&shifts);
                    words.map(|((a, b), shift)| (a & b).count_ones() << shift).sum()
                })
                .collect();
            for level in Level::available() {
                let mut sums = vec![5_u32; expected.len()];
                panel.add_whole_rows(&whole, &mut sums, level);
                let added: Vec<u32> = sums.iter().map(|sum| sum - 5).collect();
                prop_assert_eq!(&added, &expected, "whole rows, {:?}", level);
            }
        }
    }

    #[test]
    fn the_levels_that_this_processor_has_are_told() {
        let levels: Vec<Level> = Level::available().collect();
        assert_eq!(levels.first(), Some(&Level::Portable));
        assert_eq!(levels.last(), Some(&Level::best()));
    }
}
