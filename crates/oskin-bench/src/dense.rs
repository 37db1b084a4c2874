//! The dense opponent of the engine: a bit for each shared path and image, AND and population count.
//!
//! What a careful programmer writes first: panels of paths that fit the caches, rows of words,
//! tiles of rows, compiled for the widest vectors that the processor has.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "calling code compiled for a vector unit needs a run-time check")
)]

use oskin::path_set::PathSet;

/// Paths in a panel: 4 KiB of bits for each image.
const PANEL_PATHS: usize = 1 << 15;
const PANEL_WORDS: usize = PANEL_PATHS / 64;

/// Rows and columns of a tile.
const TILE: usize = 32;

/// What sets `i < j` share, in the order (0,1), (0,2), …: exact, on one thread.
#[must_use]
pub fn overlaps(sets: &[PathSet], paths: u32) -> Vec<u32> {
    let numbers = shared_numbers(sets, paths);
    let count = sets.len();
    let mut common = vec![0; count * count.saturating_sub(1) / 2];
    let shared = numbers.iter().filter(|number| **number != u32::MAX).count();
    let mut words = vec![0_u64; count * PANEL_WORDS];
    // The rows as ascending numbers of shared paths, walked along from panel to panel.
    let rows: Vec<Vec<u32>> = sets
        .iter()
        .map(|set| {
            let ids = set.ids().map(|id| numbers[id as usize]);
            ids.filter(|number| *number != u32::MAX).collect()
        })
        .collect();
    let mut at = vec![0; count];
    for panel in 0..shared.div_ceil(PANEL_PATHS) {
        let first = panel * PANEL_PATHS;
        words.fill(0);
        for ((row, at), words) in rows.iter().zip(&mut at).zip(words.chunks_mut(PANEL_WORDS)) {
            while let Some(&number) = row.get(*at) {
                let place = number as usize - first;
                if place >= PANEL_PATHS {
                    break;
                }
                words[place / 64] |= 1 << (place % 64);
                *at += 1;
            }
        }
        // Many images have nothing in a panel: they are left out.
        let is_live = |image: &usize| {
            words[image * PANEL_WORDS..(image + 1) * PANEL_WORDS].iter().any(|word| *word != 0)
        };
        let live: Vec<usize> = (0..count).filter(is_live).collect();
        add_panel(&words, (&live, count), &mut common);
    }
    common
}

/// A number for each path in two sets or more, ascending; `u32::MAX` for the others.
fn shared_numbers(sets: &[PathSet], paths: u32) -> Vec<u32> {
    let mut counts = vec![0_u32; paths as usize];
    for id in sets.iter().flat_map(PathSet::ids) {
        counts[id as usize] += 1;
    }
    let mut next = 0;
    for count in &mut counts {
        let is_shared = *count > 1;
        *count = if is_shared { next } else { u32::MAX };
        next += u32::from(is_shared);
    }
    counts
}

fn add_panel(words: &[u64], live: (&[usize], usize), common: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
        // SAFETY: the function is safe Rust, and the processor has what it is compiled for.
        return unsafe { add_panel_avx512(words, live, common) };
    }
    add_tiles(words, live, common);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn add_panel_avx512(words: &[u64], live: (&[usize], usize), common: &mut [u32]) {
    add_tiles(words, live, common);
}

#[expect(clippy::inline_always, reason = "compiled anew for the features of each caller")]
#[inline(always)]
fn add_tiles(words: &[u64], (live, count): (&[usize], usize), common: &mut [u32]) {
    for (number, left_tile) in live.chunks(TILE).enumerate() {
        for right_tile in live[number * TILE..].chunks(TILE) {
            for &left in left_tile {
                let start = left * (2 * count - left - 1) / 2;
                let left_words = &words[left * PANEL_WORDS..(left + 1) * PANEL_WORDS];
                for &right in right_tile {
                    if right <= left {
                        continue;
                    }
                    let right_words = &words[right * PANEL_WORDS..(right + 1) * PANEL_WORDS];
                    // A plain loop: closures would not be compiled for the vector unit.
                    let mut bits = 0;
                    for (a, b) in left_words.iter().zip(right_words) {
                        bits += u64::from((a & b).count_ones());
                    }
                    common[start + right - left - 1] += u32::try_from(bits).unwrap_or(u32::MAX);
                }
            }
        }
    }
}
