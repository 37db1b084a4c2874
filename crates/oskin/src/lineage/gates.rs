//! Rules that an image must keep: on what it must stand, on what not, and how old its base may be.
//!
//! People write the names of bases, so here and nowhere else in this module names count.

use std::fmt::Write as _;

/// It must be surer than this that an image stands on a base that it must stand on.
const SURE: f64 = 0.5;

/// What is asked of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// It must stand on one of these; patterns in which `*` is any text. Nothing is asked if empty.
    pub require_base: Vec<String>,
    /// It must stand on none of these.
    pub forbid_base: Vec<String>,
    /// How many newer builds of a base of it there may be.
    pub max_behind: Option<u64>,
}

/// What an image is or stands on, with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stand<'a> {
    /// The name.
    pub name: &'a str,
    /// How sure that is, in `0..=1`.
    pub confidence: f64,
}

/// Of what a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateKind {
    /// One of some bases is required.
    RequireBase,
    /// A base is forbidden.
    ForbidBase,
    /// The base must not be too old.
    MaxBehind,
}

impl GateKind {
    /// The name in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequireBase => "require-base",
            Self::ForbidBase => "forbid-base",
            Self::MaxBehind => "max-behind",
        }
    }
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which gate.
    pub gate: GateKind,
    /// Whether the image may pass.
    pub passed: bool,
    /// Why, in words.
    pub reason: String,
}

impl Gates {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.require_base.is_empty() && self.forbid_base.is_empty() && self.max_behind.is_none()
    }

    /// Judges an image by the names of what it is and stands on, nearest first, and by its bases of
    /// which there are newer builds, each with the names of those. `is_known` tells whether any image
    /// of the catalog has a name that fits a pattern: what no image is called is passed by no image,
    /// and forbids nothing, which the reasons tell.
    ///
    /// What is required must be surer than one half; what is forbidden is refused however unsure.
    pub fn judge(
        &self,
        (stands, forbidden): (&[Stand<'_>], &[Stand<'_>]),
        behind: &[(&str, Vec<&str>)],
        is_known: impl Fn(&str) -> bool,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        if !self.require_base.is_empty() {
            verdicts.push(self.judge_required(stands, &is_known));
        }
        for pattern in &self.forbid_base {
            let found = best(forbidden, pattern);
            let reason = match found {
                Some(it) => format!(
                    "it stands on {}, which is forbidden ({:.2} sure)",
                    it.name, it.confidence
                ),
                None if is_known(pattern) => format!("it does not stand on {pattern}"),
                None => format!(
                    "no image of the catalog is called {pattern}, so that nothing is known to stand on it"
                ),
            };
            verdicts.push(Verdict { gate: GateKind::ForbidBase, passed: found.is_none(), reason });
        }
        if let Some(most) = self.max_behind {
            verdicts.push(judge_behind(most, behind));
        }
        verdicts
    }

    fn judge_required(&self, stands: &[Stand<'_>], is_known: impl Fn(&str) -> bool) -> Verdict {
        let found = self.require_base.iter().filter_map(|pattern| best(stands, pattern));
        // Of equals the first.
        let found = found.reduce(|a, b| if b.confidence > a.confidence { b } else { a });
        let passed = found.is_some_and(|it| it.confidence > SURE);
        let wanted = self.require_base.join(" or ");
        let reason = match found {
            Some(it) if passed => format!("it stands on {} ({:.2} sure)", it.name, it.confidence),
            Some(it) => format!(
                "it may stand on {}, but that is only {:.2} sure, and more than {SURE:.2} is needed",
                it.name, it.confidence
            ),
            None => {
                let mut reason = format!("it does not stand on {wanted}");
                let unknown = self.require_base.iter().filter(|pattern| !is_known(pattern));
                for pattern in unknown {
                    // Writing to a text does not fail.
                    let _ = write!(reason, "; no image of the catalog is called {pattern}");
                }
                match stands.last().filter(|_| stands.len() > 1) {
                    Some(root) => {
                        let _ = write!(reason, "; at the root of its family is {}", root.name);
                    }
                    None => reason.push_str("; it stands on no image of the catalog"),
                }
                reason
            }
        };
        Verdict { gate: GateKind::RequireBase, passed, reason }
    }
}

/// The surest image of a pattern; of equals the nearest.
fn best<'a>(stands: &[Stand<'a>], pattern: &str) -> Option<Stand<'a>> {
    let fitting = stands.iter().copied().filter(|it| matches(pattern, it.name));
    fitting.reduce(|a, b| if b.confidence > a.confidence { b } else { a })
}

fn judge_behind(most: u64, behind: &[(&str, Vec<&str>)]) -> Verdict {
    let worst = behind.iter().rev().max_by_key(|(_, newer)| newer.len());
    let count = worst.map_or(0, |(_, newer)| newer.len() as u64);
    let reason = match worst.filter(|(_, newer)| !newer.is_empty()) {
        Some((base, newer)) => {
            let s = if count == 1 { "" } else { "s" };
            format!(
                "{count} newer build{s} of {base} in the catalog: {}; {most} allowed",
                newer.join(", ")
            )
        }
        None => "no newer build of a base of it is known in the catalog".to_owned(),
    };
    Verdict { gate: GateKind::MaxBehind, passed: count <= most, reason }
}

/// Whether a name fits a pattern, in which `*` stands for any text, also none or one with slashes.
/// O(length of both) for each `*`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place is the best: it leaves most for what follows.
        let Some((_, behind)) = name.split_once(part) else { return false };
        name = behind;
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By definition: a `*` takes nothing, or one character and goes on.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => naive(rest, name),
            (Some(('*', rest)), Some((_, tail))) => naive(rest, name) || naive(pattern, tail),
            (Some((a, rest)), Some((b, tail))) => a == b && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_fit_as_defined(pattern in "[ab*]{0,7}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(matches(&pattern, &name), naive(&chars(&pattern), &chars(&name)));
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    const STANDS: [Stand<'static>; 4] = [
        Stand { name: "app:1", confidence: 1.0 },
        Stand { name: "python:3", confidence: 0.9 },
        Stand { name: "debian:12", confidence: 0.8 },
        Stand { name: "debian:12.1", confidence: 0.5 },
    ];

    fn judged(gates: &Gates, behind: &[(&str, Vec<&str>)]) -> Vec<(bool, String)> {
        let names = ["app:1", "python:3", "debian:12", "debian:12.1", "alpine:3"];
        let is_known = |pattern: &str| names.iter().any(|name| matches(pattern, name));
        let verdicts = gates.judge((&STANDS, &STANDS), behind, is_known);
        verdicts.into_iter().map(|it| (it.passed, it.reason)).collect()
    }

    #[test]
    fn bases_are_required_and_forbidden() {
        let require = |names: &[&str]| {
            judged(&Gates { require_base: texts(names), ..Gates::default() }, &[]).remove(0)
        };
        assert_eq!(
            require(&["no", "debian:*"]),
            (true, "it stands on debian:12 (0.80 sure)".into())
        );
        assert!(require(&["app:1"]).0);
        let (passed, reason) = require(&["debian:12.1"]);
        assert!(!passed && reason.contains("only 0.50 sure"), "{reason}");
        let (passed, reason) = require(&["alpine:*", "typo"]);
        let expected = "it does not stand on alpine:* or typo; no image of the catalog is called \
            typo; at the root of its family is debian:12.1";
        assert_eq!((passed, reason.as_str()), (false, expected));
        let forbid =
            |names: &[&str]| judged(&Gates { forbid_base: texts(names), ..Gates::default() }, &[]);
        let found = forbid(&["debian:12.1", "alpine:3", "typo"]);
        assert_eq!(found.iter().map(|it| it.0).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(found[1].1, "it does not stand on alpine:3");
        assert!(found[2].1.contains("no image of the catalog is called typo"), "{}", found[2].1);
        assert!(Gates::default().is_empty() && judged(&Gates::default(), &[]).is_empty());
    }

    #[test]
    fn bases_may_be_so_old() {
        let behind =
            [("python:3", vec!["python:4"]), ("debian:12", vec!["debian:12b", "debian:12a"])];
        let allow =
            |most| judged(&Gates { max_behind: Some(most), ..Gates::default() }, &behind).remove(0);
        assert_eq!([0, 1, 2, 3].map(|most| allow(most).0), [false, false, true, true]);
        let expected =
            "2 newer builds of debian:12 in the catalog: debian:12b, debian:12a; 1 allowed";
        assert_eq!(allow(1).1, expected);
        let gates = Gates { max_behind: Some(0), ..Gates::default() };
        assert_eq!(
            judged(&gates, &[]),
            [(true, "no newer build of a base of it is known in the catalog".into())]
        );
    }
}
