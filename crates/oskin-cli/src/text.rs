//! Numbers and tables as people read them.

use std::cell::Cell;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

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

/// A column of names is never made narrower than this to make a table fit.
pub(crate) const LEAST_WIDTH: usize = 12;

thread_local! {
    /// The columns of the terminal that is written to, if it is one.
    static TERMINAL: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Renders an answer that goes to a terminal of so many columns: its tables are made to fit.
pub(crate) fn on_terminal<T>(columns: Option<usize>, render: impl FnOnce() -> T) -> T {
    let before = TERMINAL.replace(columns);
    let rendered = render();
    TERMINAL.set(before);
    rendered
}

/// The columns of the terminal that is written to, if it is one.
pub(crate) fn columns() -> Option<usize> {
    TERMINAL.get()
}

/// A table without lines; columns whose heading begins with `>` are right-aligned.
///
/// On a terminal the widest columns of text are cut in the middle as far as is needed to fit; what
/// goes elsewhere is whole.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let head = headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
    let cells: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows)
        .map(|row: Vec<String>| row.iter().map(|text| printable(text)).collect())
        .collect();
    let width = |column: usize| {
        let widths = cells.iter().filter_map(|row| row.get(column)).map(|text| text.width());
        widths.max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = (0..headings.len()).map(width).collect();
    if let Some(columns) = TERMINAL.get() {
        fit(&mut widths, headings, columns);
    }
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for ((cell, heading), width) in row.iter().zip(headings).zip(&widths) {
            let cell = cut(cell, *width);
            let gap = " ".repeat(width.saturating_sub(cell.width()));
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

/// Narrows the widest columns of text, until the table has so many columns of a terminal or none of
/// them can give more.
fn fit(widths: &mut [usize], headings: &[&str], columns: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let all: usize = widths.iter().sum();
    let mut excess = (all + gaps).saturating_sub(columns);
    while excess > 0 {
        let is_text = |at: &usize| !headings[*at].starts_with('>') && widths[*at] > LEAST_WIDTH;
        let Some(widest) = (0..widths.len()).filter(is_text).max_by_key(|at| widths[*at]) else {
            return;
        };
        widths[widest] -= 1;
        excess -= 1;
    }
}

/// A text of at most so many columns: what is too long loses its middle, as the ends of names tell
/// more.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let head = start_of(text.chars(), room.div_ceil(2));
    let tail: String = start_of(text.chars().rev(), room - head.width());
    let tail: String = tail.chars().rev().collect();
    // Accents whose letter is cut off are none.
    let tail = tail.trim_start_matches(|c: char| c.width() == Some(0));
    format!("{head}…{tail}")
}

/// A text of at most so many columns: what is too long loses its end.
pub(crate) fn cut_end(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    format!("{}…", start_of(text.chars(), columns.saturating_sub(1)))
}

/// As many characters as fit into so many columns.
fn start_of(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or_default();
        used <= columns
    };
    characters.take_while(fits).collect()
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

    fn names(columns: Option<usize>) -> String {
        let row = |name: &str, number: &str| vec![name.to_owned(), number.to_owned()];
        let rows = vec![row("registry.example/team/image:1.2.3", "12"), row("名前", "3")];
        on_terminal(columns, || table(&["NAME", ">FILES"], rows))
    }

    #[test]
    fn tables_fit_the_terminal_and_are_whole_elsewhere() {
        let whole = "NAME                               FILES\n\
                     registry.example/team/image:1.2.3     12\n\
                     名前                                   3\n";
        assert_eq!(names(None), whole);
        assert_eq!(names(Some(40)), names(None));
        let cut = names(Some(27));
        assert!(cut.contains("registry.e…age:1.2.3     12\n"), "{cut}");
        assert!(cut.lines().all(|line| line.width() == 27), "{cut}");
        // A terminal that is too narrow for anything gets lines that wrap.
        assert!(names(Some(3)).lines().all(|line| line.width() == LEAST_WIDTH + 2 + 5));
        assert_eq!(
            names(None).lines().map(unicode_width::UnicodeWidthStr::width).collect::<Vec<_>>(),
            [40; 3]
        );
    }

    #[test]
    fn wide_and_joined_characters_are_cut_whole() {
        assert_eq!(cut("名前名前名前", 7), "名…名前");
        assert_eq!(cut("名前名前名前", 12), "名前名前名前");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut_end("名前名前名前", 7), "名前名…");
        assert_eq!(cut_end("名前名前名前", 12), "名前名前名前");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    #[test]
    fn images_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(printable("a\u{202e}txt.exe"), "a\u{fffd}txt.exe");
        assert_eq!(printable_lines("a\tb\u{9b}2J\n"), "a\tb\u{fffd}2J\n");
    }
}
