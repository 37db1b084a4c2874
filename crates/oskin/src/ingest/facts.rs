//! What an image tells of itself, as far as it is kept.

use crate::image::{Fact, INCOMPLETE, PLATFORM};
use crate::path::shorten;
use crate::source::{ImageSource, Lost};

/// How many bytes are kept of one fact.
const MAX_FACT_BYTES: usize = 1 << 20;

/// How many bytes of facts are kept of one image.
const MAX_FACTS_BYTES: usize = 4 << 20;

/// The largest place up to `most` where no character is torn.
fn boundary(text: &str, most: usize) -> usize {
    let most = most.min(text.len());
    (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// That the image could be read only in part.
pub(super) fn incomplete(lost: &Lost) -> Fact {
    let text = match lost.parts {
        1 => format!("1 part could not be read: {}", lost.first),
        parts => format!("{parts} parts could not be read, the first: {}", lost.first),
    };
    Fact { kind: INCOMPLETE.to_owned(), text }
}

/// The platform of an image that has no configuration to state it, as SIF states it in its header.
pub(super) fn platform(source: &ImageSource) -> Option<Fact> {
    let platform = &source.declared.platform;
    let is_known = !platform.os.is_empty() && !platform.architecture.is_empty();
    let text = (is_known && source.config.is_none()).then(|| platform.to_string())?;
    Some(Fact { kind: PLATFORM.to_owned(), text })
}

/// The facts as far as they are kept; what is cut is told.
pub(super) fn bounded(facts: &[Fact], warnings: &mut Vec<(String, String)>) -> Vec<Fact> {
    let mut left = MAX_FACTS_BYTES;
    let mut kept = Vec::new();
    for (at, fact) in facts.iter().enumerate() {
        let kind = shorten(fact.kind.as_bytes());
        left = left.saturating_sub(kind.len() + 1);
        let most = left.min(MAX_FACT_BYTES);
        if most == 0 {
            let rest = facts.len() - at;
            warnings.push(("facts".into(), format!("{rest} left out: there are more than 4 MiB")));
            break;
        }
        let upto = boundary(&fact.text, most);
        if upto < fact.text.len() {
            let what = format!("cut after {upto} of {} bytes", fact.text.len());
            warnings.push((format!("fact {kind}"), what));
        }
        left -= upto;
        kept.push(Fact { kind, text: fact.text[..upto].to_owned() });
    }
    kept
}
