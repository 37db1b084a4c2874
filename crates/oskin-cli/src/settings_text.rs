//! How the settings of two images differ, for people.

use crate::text;
use oskin::report::{SettingRow, SettingsReport, UnknownSettingsReport};
use unicode_width::UnicodeWidthStr as _;

/// How wide a value is shown at most, in columns: two of them, and what they are of, fit into 120.
const VALUE_WIDTH: usize = 36;

/// How wide a name is shown at most.
const NAME_WIDTH: usize = 28;

/// How wide all else of a row is: sign, area, gaps.
const OTHER_WIDTH: usize = 19;

/// How much of what two values have in common is shown before the first difference, in characters: in the narrowest
/// column the difference is still seen.
const CONTEXT: usize = 4;

/// A table of at most `shown` settings that differ, and a line for what could not be compared; empty if there is nothing
/// to say. Long values are shortened so that the two of a row do not look the same, on narrow terminals further.
pub(crate) fn settings_text(
    report: &SettingsReport,
    [left, right]: [&str; 2],
    shown: usize,
) -> String {
    let mut told = String::new();
    if !report.changes.is_empty() {
        let headings = ["", "SETTING", "NAME", "LEFT", "RIGHT"];
        let width = value_width(&report.changes[..shown.min(report.changes.len())]);
        let rows = report.changes.iter().take(shown).map(|it| row(it, width)).collect();
        told.push_str(&text::table(&headings, rows));
    }
    if report.changes.len() > shown {
        let more = text::count((report.changes.len() - shown) as u64);
        told.push_str(&format!("{more} more settings (--all lists them)\n"));
    }
    for unknown in &report.unknown {
        let note = unknown_text(unknown, left, right);
        told.push_str(&format!("{}\n", text::printable(&note)));
    }
    told
}

/// How wide values may be, so that the table need not be cut where it does not matter what is lost.
fn value_width(rows: &[SettingRow]) -> usize {
    let Some(columns) = text::columns() else { return VALUE_WIDTH };
    let names = rows.iter().map(|row| row.name.width()).max().unwrap_or_default();
    let room = columns.saturating_sub(OTHER_WIDTH + names.min(NAME_WIDTH));
    (room / 2).clamp(text::LEAST_WIDTH, VALUE_WIDTH)
}

fn row(row: &SettingRow, width: usize) -> Vec<String> {
    let [left, right] = shortened([row.left.as_deref(), row.right.as_deref()], width);
    let sign = match row.change {
        "added" => "+",
        "removed" => "-",
        _ => "~",
    };
    let name = text::cut(&text::printable(&row.name), NAME_WIDTH);
    vec![sign.to_owned(), row.area.to_owned(), name, left, right]
}

/// The values as they are shown: nothing for none, and `""` for an empty one.
fn shortened(values: [Option<&str>; 2], width: usize) -> [String; 2] {
    let value = |it: Option<&str>| match it {
        None => String::new(),
        Some("") => "\"\"".to_owned(),
        Some(value) => text::printable(value),
    };
    let whole = values.map(value);
    let [short_left, short_right] = whole.each_ref().map(|it| text::cut(it, width));
    if short_left != short_right {
        return [short_left, short_right];
    }
    // They differ in what was cut off.
    let common = whole[0].chars().zip(whole[1].chars()).take_while(|(a, b)| a == b).count();
    whole.map(|it| {
        let behind: String = it.chars().skip(common.saturating_sub(CONTEXT)).collect();
        text::cut_end(&format!("…{behind}"), width)
    })
}

/// What was not compared, and of whom it is not known.
fn unknown_text(unknown: &UnknownSettingsReport, left: &str, right: &str) -> String {
    let of = match (unknown.left, unknown.right) {
        (true, true) => "either image".to_owned(),
        (true, false) => left.to_owned(),
        _ => right.to_owned(),
    };
    let what = match unknown.settings {
        "configuration" => "the configuration (environment, entry point, ports, labels)",
        "os" => "the operating system",
        "accounts" => "the users",
        "groups" => "the groups",
        _ => "the services",
    };
    let verb = if matches!(unknown.settings, "configuration" | "os") { "is" } else { "are" };
    format!("note: {what} {verb} not known of {of}, and not compared")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str, left: Option<&str>, right: Option<&str>) -> SettingRow {
        SettingRow {
            area: "env",
            name: name.to_owned(),
            change: match (left, right) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            },
            left: left.map(str::to_owned),
            right: right.map(str::to_owned),
        }
    }

    fn told(changes: Vec<SettingRow>, shown: usize) -> String {
        settings_text(&SettingsReport { changes, unknown: Vec::new() }, ["a", "b"], shown)
    }

    #[test]
    fn settings_are_a_table() {
        let rows = || {
            vec![
                changed("A", None, Some("")),
                changed("B", Some("1"), None),
                changed("C", Some("1"), Some("\x1b[2J")),
            ]
        };
        let expected = "   SETTING  NAME  LEFT  RIGHT\n\
                        +  env      A           \"\"\n\
                        -  env      B     1\n\
                        ~  env      C     1     \u{fffd}[2J\n";
        assert_eq!(told(rows(), 9), expected);
        assert!(told(rows(), 1).ends_with("\"\"\n2 more settings (--all lists them)\n"));
        assert_eq!(told(Vec::new(), 9), "");
    }

    #[test]
    fn long_values_are_short_and_still_differ() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(300), "z".repeat(300));
        let text = told(vec![changed(&"n".repeat(90), Some(&long("1")), Some(&long("2")))], 9);
        let line = text.lines().nth(1).unwrap();
        assert!(line.width() <= 120, "{line}");
        assert!(line.contains("  …aaaa1zzz") && line.contains("  …aaaa2zzz"), "{line}");
        let text = told(vec![changed("A", Some(&long("1")), Some("/bin"))], 9);
        assert!(text.contains(&format!("{}…{}  /bin", "a".repeat(18), "z".repeat(17))), "{text}");
        let ends = [long(""), long("") + "z"];
        let [left, right] = shortened([Some(&ends[0]), Some(&ends[1])], VALUE_WIDTH);
        assert_ne!(left, right);
    }

    #[test]
    fn terminals_see_the_difference_too() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(15), "z".repeat(15));
        for columns in [40, 60, 80, 100, 200] {
            let row = changed(&"n".repeat(90), Some(&long("1")), Some(&long("2")));
            let text = text::on_terminal(Some(columns), || told(vec![row], 9));
            let line = text.lines().nth(1).unwrap();
            assert!(line.width() <= columns.max(60), "{line}");
            assert!(line.contains('1') && line.contains('2'), "{columns}: {line}");
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        let unknown = |settings, left, right| UnknownSettingsReport { settings, left, right };
        let report = SettingsReport {
            changes: Vec::new(),
            unknown: vec![unknown("configuration", true, true), unknown("accounts", false, true)],
        };
        let text = settings_text(&report, ["a", "b\n"], 9);
        let expected = "note: the configuration (environment, entry point, ports, labels) is not known of either image, \
            and not compared\nnote: the users are not known of b\u{fffd}, and not compared\n";
        assert_eq!(text, expected);
    }
}
