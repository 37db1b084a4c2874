//! Numbers and tables as people read them.

/// A number with thin grouping: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in decimal units, as disks and registries count: `12.3 MB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 image`, `2 images`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number))
}

/// A table without lines; columns whose heading begins with `>` are right-aligned.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let head = headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows)
        .map(|row: Vec<String>| row.iter().map(|text| printable(text)).collect())
        .collect();
    let width = |column: usize| {
        let lengths =
            cells.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for ((cell, heading), width) in row.iter().zip(headings).zip(&widths) {
            let gap = " ".repeat(width - cell.chars().count());
            let aligned = if heading.starts_with('>') {
                format!("{gap}{cell}")
            } else {
                format!("{cell}{gap}")
            };
            line.push_str(&aligned);
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Text of an image without characters that would steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// A whole answer without such characters, but with its lines and columns.
pub(crate) fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if steers(c) && !"\n\t".contains(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a character moves the cursor, begins an escape sequence or turns the direction in which
/// the characters behind it are read.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_000), "1.0 kB");
        assert_eq!(bytes(999_950), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18446.7 PB");
        assert_eq!(plural(1, "image"), "1 image");
        assert_eq!(plural(2, "image"), "2 images");
    }

    #[test]
    fn images_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(printable("a\u{202e}txt.exe"), "a\u{fffd}txt.exe");
        assert_eq!(printable_lines("a\tb\u{9b}2J\n"), "a\tb\u{fffd}2J\n");
    }
}
