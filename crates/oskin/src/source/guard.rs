//! One place where what a decoder of others does with damaged bytes is kept from ending everything.

use super::SourceError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a decoder that may panic; a panic is damage.
///
/// What the decoder worked on must not be used again.
pub(super) fn guarded<T>(
    place: &str,
    decode: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(SourceError::damaged(place, "so damaged that its decoder gave up")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage() {
        let error = guarded::<()>("x", || panic!("inside")).unwrap_err();
        assert!(matches!(error, SourceError::Damaged { .. }), "{error}");
        assert_eq!(guarded("x", || Ok(1)).unwrap(), 1);
    }
}
