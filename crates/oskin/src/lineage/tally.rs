//! How often something was found right, and how sure that figure is.

/// 1.96: a Wilson interval of this many standard errors holds the true share in 95 of 100 cases.
const Z95: f64 = 1.959_963_984_540_054;

/// How often something was right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was right.
    pub hits: u64,
    /// How often it was asked.
    pub of: u64,
}

impl Tally {
    /// Counts one more case.
    pub const fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hits += hit as u64;
    }

    /// The share of hits in `0..=1`; 0 of no case.
    pub fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 / self.of as f64 }
    }

    /// The 95 % interval of the share by Wilson 1927; `[0, 1]` of no case.
    pub fn interval(self) -> [f64; 2] {
        if self.of == 0 {
            return [0.0, 1.0];
        }
        let (n, share) = (self.of as f64, self.share());
        let z2 = Z95 * Z95;
        let center = share + z2 / (2.0 * n);
        let spread = Z95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        let bound = |value: f64| (value / (1.0 + z2 / n)).clamp(0.0, 1.0);
        [bound(center - spread), bound(center + spread)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_wilson() {
        let interval = |hits, of| Tally { hits, of }.interval().map(|bound| format!("{bound:.3}"));
        // 88 of 89: 0.939 to 0.998; 0 of 10: 0 to 0.278 (Wilson 1927 as in Newcombe 1998).
        assert_eq!(interval(88, 89), ["0.939", "0.998"]);
        assert_eq!(interval(0, 10), ["0.000", "0.278"]);
        assert_eq!(interval(10, 10), ["0.722", "1.000"]);
        assert_eq!(interval(0, 0), ["0.000", "1.000"]);
    }
}
