//! What pages of one file have in common: templates, policies, names that are not trusted.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What all pages begin their styles with.
const STYLE: &str = include_str!("page.css");

/// A page that is whole without a network: its policy allows exactly its own style and script, by their
/// digests, and no connection. The scripts come in the order in which they build on each other; together
/// they are one function.
pub(super) fn assemble(
    template: &str,
    (style, scripts): (&str, &[&str]),
    (title, data): (&str, &str),
) -> String {
    let style = [STYLE, style].concat();
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", scripts.concat());
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest(&script),
        digest(&style)
    );
    let parts = [
        ("{{policy}}", policy.as_str()),
        ("{{title}}", title),
        ("{{style}}", &style),
        ("{{heading}}", title),
        ("{{data}}", data),
        ("{{script}}", &script),
    ];
    fill(template, &parts)
}

/// The template with its markers, which come in this order, replaced.
///
/// Each part is copied once and never searched again: a name that looks like a marker stays a name.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let mut rest = template;
    let mut page = String::new();
    for (marker, text) in parts {
        if let Some((before, after)) = rest.split_once(marker) {
            page.push_str(before);
            page.push_str(text);
            rest = after;
        }
    }
    page + rest
}

/// The source expression that allows an inline script or style.
fn digest(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// JSON that cannot end the element of a page it lies in.
pub(super) fn json_in_page(value: &Value) -> String {
    // Inside JSON `<` only stands in strings, where its escape means the same.
    value.to_string().replace('<', "\\u003c")
}

/// A name as it is shown: control characters, which XML forbids, and characters that turn the
/// direction of the text, which could make one name look like another, become U+FFFD.
pub(super) fn shown(name: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || matches!(character,
                '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{fffe}' | '\u{ffff}')
    };
    name.chars().map(|it| if hidden(it) { '\u{fffd}' } else { it }).collect()
}

/// Bytes in base64 (RFC 4648, section 4, with padding).
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * position) & 63) as usize];
            text.push(if position > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}
