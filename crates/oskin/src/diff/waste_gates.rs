//! Rules on what the layers of an image may waste, for builds to be stopped by.

use super::waste::Waste;

/// How much may be wasted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// So many bytes.
    Bytes(u64),
    /// So much of what the layers write, in `0..=1`.
    Share(f64),
}

/// What is asked of the layers of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WasteGates {
    /// The least [efficiency](super::Dive::efficiency), as dive counts it, in `0..=1`.
    pub min_efficiency: Option<f64>,
    /// The most bytes that may be in no file in the end.
    pub max_wasted: Option<Allowed>,
}

/// Of what a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasteGate {
    /// The efficiency is too low.
    MinEfficiency,
    /// Too much is wasted.
    MaxWasted,
}

impl WasteGate {
    /// The name in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MinEfficiency => "min-efficiency",
            Self::MaxWasted => "max-wasted",
        }
    }
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasteVerdict {
    /// Which gate.
    pub gate: WasteGate,
    /// Whether the image may pass.
    pub passed: bool,
    /// Why, in words.
    pub reason: String,
}

impl WasteGates {
    /// Judges what an image wastes, one verdict for each gate that was asked for. An image without bytes
    /// passes.
    pub fn judge(&self, waste: &Waste) -> Vec<WasteVerdict> {
        let mut verdicts = Vec::new();
        if let Some(least) = self.min_efficiency {
            let (passed, reason) = match waste.dive.efficiency() {
                Some(is) => (is >= least, format!("its efficiency is {is:.4}; {least} is needed")),
                None => (true, "its layers write no bytes".to_owned()),
            };
            verdicts.push(WasteVerdict { gate: WasteGate::MinEfficiency, passed, reason });
        }
        if let Some(most) = self.max_wasted {
            let (bytes, share) = (waste.wasted.total().bytes, waste.share().unwrap_or_default());
            let (passed, allowed) = match most {
                Allowed::Bytes(most) => (bytes <= most, format!("{most} bytes")),
                Allowed::Share(most) => (share <= most, format!("{} %", most * 100.0)),
            };
            let share = share * 100.0;
            let reason = format!(
                "{bytes} bytes are wasted, {share:.2} % of what its layers write; {allowed} allowed"
            );
            verdicts.push(WasteVerdict { gate: WasteGate::MaxWasted, passed, reason });
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Dive, waste};

    fn judged(gates: WasteGates, waste: &Waste) -> Vec<(&'static str, bool)> {
        gates.judge(waste).into_iter().map(|it| (it.gate.name(), it.passed)).collect()
    }

    #[test]
    fn what_is_at_the_limit_passes() {
        let dive = Dive { minimum_bytes: 3, discovered_bytes: 4, ..Dive::default() };
        let waste = Waste { dive, ..waste(&[]) };
        let least = |least| WasteGates { min_efficiency: Some(least), max_wasted: None };
        assert_eq!(judged(least(0.75), &waste), [("min-efficiency", true)]);
        assert_eq!(judged(least(0.76), &waste), [("min-efficiency", false)]);
        let both = WasteGates { min_efficiency: Some(1.0), max_wasted: Some(Allowed::Bytes(0)) };
        assert_eq!(judged(both, &waste), [("min-efficiency", false), ("max-wasted", true)]);
        assert_eq!(judged(WasteGates::default(), &waste), []);
        // Without bytes there is nothing to waste.
        let all = WasteGates { min_efficiency: Some(1.0), max_wasted: Some(Allowed::Share(0.0)) };
        let passed = [("min-efficiency", true), ("max-wasted", true)];
        assert_eq!(judged(all, &Waste::default()), passed);
    }
}
