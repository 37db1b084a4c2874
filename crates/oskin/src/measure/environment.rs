//! How alike the environments are that images declare.

use super::{Measure, Triangle};
use crate::path_set::Overlap;
use std::collections::{BTreeMap, BTreeSet};

/// The variables that an image declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Places(BTreeSet<String>),
}

impl Environment {
    /// Reads `NAME=value` texts; of one name the last counts, and one without `=` has an empty value.
    ///
    /// Variables whose name is `PATH` or ends with it (`GOPATH`, `PYTHONPATH`) are lists of places, with `:`
    /// between them; their order does not count, and neither do empty ones. O(n log n).
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        let variable = |text: &T| {
            let (name, value) = text.as_ref().split_once('=').unwrap_or((text.as_ref(), ""));
            let places = || value.split(':').filter(|it| !it.is_empty()).map(str::to_owned);
            let value = match name.ends_with("PATH") {
                true => Value::Places(places().collect()),
                false => Value::Text(value.to_owned()),
            };
            (!name.is_empty()).then(|| (name.to_owned(), value))
        };
        Self { variables: texts.iter().filter_map(variable).collect() }
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// The names, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Dice of the names, in `0..=1`; 1 for two that are empty.
    pub fn names_alike(&self, other: &Self) -> f64 {
        Measure::Dice.of(overlap(&self.variables, &other.variables))
    }

    /// Dice of names and values: a variable that both have counts as far as its values are alike. That is 1
    /// or 0 for texts, and Dice of the places for lists of these. In `0..=1`, never above
    /// [`names_alike`](Self::names_alike); 1 only if all are the same.
    pub fn values_alike(&self, other: &Self) -> f64 {
        let both = self.variables.len() + other.variables.len();
        if both == 0 {
            return 1.0;
        }
        let alike = |(name, value): (&String, &Value)| match (value, other.variables.get(name)?) {
            (Value::Places(left), Value::Places(right)) => {
                let common = left.intersection(right).count() as u64;
                let [left, right] = [left, right].map(|it| it.len() as u64);
                Some(Measure::Dice.of(Overlap::of_sizes(common, left, right)))
            }
            (left, right) => Some(f64::from(u8::from(left == right))),
        };
        2.0 * self.variables.iter().filter_map(alike).sum::<f64>() / both as f64
    }
}

fn overlap<V>(left: &BTreeMap<String, V>, right: &BTreeMap<String, V>) -> Overlap {
    let common = left.keys().filter(|name| right.contains_key(*name)).count() as u64;
    Overlap::of_sizes(common, left.len() as u64, right.len() as u64)
}

/// Dice of all pairs of plain sets, such as names of packages. O(n² × size).
pub fn alike<T: Ord>(sets: &[&BTreeSet<T>]) -> Triangle {
    Triangle::of(sets.len(), |i, j| {
        let common = sets[i].intersection(sets[j]).count() as u64;
        let [left, right] = [i, j].map(|at| sets[at].len() as u64);
        Measure::Dice.of(Overlap::of_sizes(common, left, right))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-12
    }

    #[test]
    fn variables_count_once_and_places_by_their_share() {
        let left = Environment::new(&["PATH=/usr/bin:/bin", "LANG=C", "A=1", "A=2", "=x", "EMPTY"]);
        let right = Environment::new(&["PATH=/go/bin:/bin:/usr/bin", "A=2", "LANG=de", "B=1"]);
        assert!(left.names().eq(["A", "EMPTY", "LANG", "PATH"]));
        assert!(is(left.names_alike(&right), 6.0 / 8.0));
        // A is the same, of PATH two of two and of three places.
        assert!(is(left.values_alike(&right), 2.0 * (1.0 + 0.8) / 8.0));
        assert!(is(left.values_alike(&right), right.values_alike(&left)));
        let order = Environment::new(&["A=2", "PATH=/bin::/usr/bin", "LANG=C", "EMPTY="]);
        assert!(is(left.values_alike(&order), 1.0));
    }

    #[test]
    fn nothing_is_like_nothing_only() {
        let (none, some) = (Environment::new::<&str>(&[]), Environment::new(&["A"]));
        assert!(none.is_empty() && !some.is_empty());
        assert!(is(none.names_alike(&none), 1.0) && is(none.values_alike(&none), 1.0));
        assert!(is(none.names_alike(&some), 0.0) && is(some.values_alike(&none), 0.0));
    }
}
