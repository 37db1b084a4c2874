//! A small stroke font for pictures without a text engine, drawn for this project.
//!
//! Glyphs are pen strokes on a grid, so they turn and scale without another table: 20 units are one
//! em, `x` runs right from 0, `y` up with the descender at 0, the baseline at 4, lower case up to
//! 14 and capitals up to 18. Coordinates are written as one base-36 digit each, a stroke is a mark
//! followed by its points:
//!
//! | mark | stroke |
//! |---|---|
//! | `/` | straight lines from point to point |
//! | `~` | a quadratic B-spline that starts at the first point and ends at the last |
//! | `@` | a closed quadratic B-spline |
//! | `.` | one dot |
//!
//! ASCII, the ellipsis and the middle dot are there; every other character is drawn as a box.

/// Grid units of one em.
const EM_UNITS: f64 = 20.0;
/// Units of the grid below the baseline.
const BASELINE: f64 = 4.0;
/// Free units between two characters.
const GAP_UNITS: f64 = 3.4;
/// The advance of a space, in units.
const SPACE_UNITS: f64 = 7.0;
/// The pen, in em.
pub(super) const PEN_EM: f64 = 0.085;

/// Straight pieces from a point to the next, in em, `x` right and `y` down from the baseline.
pub(super) type Polyline = Vec<[f64; 2]>;

/// The width of a text in em.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(advance).sum::<f64>().max(GAP_UNITS) / EM_UNITS - GAP_UNITS / EM_UNITS
}

/// The strokes of a text that starts at the origin, in em.
pub(super) fn strokes(text: &str) -> Vec<Polyline> {
    let mut pen_x = 0.0;
    let mut all = Vec::new();
    for character in text.chars() {
        for stroke in glyph(character).split_ascii_whitespace() {
            let place = |[x, y]: [f64; 2]| [(pen_x + x) / EM_UNITS, (BASELINE - y) / EM_UNITS];
            all.push(flatten(stroke).into_iter().map(place).collect());
        }
        pen_x += advance(character);
    }
    all
}

/// How far the pen moves on, in units; digits are all equally wide.
fn advance(character: char) -> f64 {
    if character == ' ' {
        return SPACE_UNITS;
    }
    let widest = if character.is_ascii_digit() {
        8.0
    } else {
        let points = glyph(character).split_ascii_whitespace().flat_map(points);
        points.map(|point| point[0]).fold(0.0, f64::max)
    };
    widest + GAP_UNITS
}

/// The points of a stroke, in units.
fn points(stroke: &str) -> Vec<[f64; 2]> {
    let digits = stroke.chars().skip(1).filter_map(|digit| digit.to_digit(36)).map(f64::from);
    let digits: Vec<f64> = digits.collect();
    digits.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// A stroke as straight pieces.
fn flatten(stroke: &str) -> Polyline {
    let mut points = points(stroke);
    let closed = stroke.starts_with('@');
    if !(closed || stroke.starts_with('~')) || points.len() < 3 {
        return points;
    }
    if closed {
        // Started in the middle of a side, a closed spline is an open one that returns there.
        let start = middle(points[points.len() - 1], points[0]);
        points.insert(0, start);
        points.push(start);
    }
    let mut line = vec![points[0]];
    for (index, &control) in points.iter().enumerate().take(points.len() - 1).skip(1) {
        let from = if index == 1 { points[0] } else { middle(points[index - 1], control) };
        let last = index + 2 == points.len();
        let to = if last { points[index + 1] } else { middle(control, points[index + 1]) };
        line.extend((1..=8).map(|step| bezier(from, control, to, f64::from(step) / 8.0)));
    }
    line
}

fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
}

fn bezier(from: [f64; 2], control: [f64; 2], to: [f64; 2], t: f64) -> [f64; 2] {
    let s = 1.0 - t;
    std::array::from_fn(|i| s * s * from[i] + 2.0 * s * t * control[i] + t * t * to[i])
}

/// The strokes of a character.
fn glyph(character: char) -> &'static str {
    match character {
        ' ' => "",
        'a'..='z' => LOWER[character as usize - 'a' as usize],
        'A'..='Z' => UPPER[character as usize - 'A' as usize],
        '0'..='9' => DIGITS[character as usize - '0' as usize],
        _ => symbol(character),
    }
}

const UPPER: [&str; 26] = [
    "/045ia4 /2989",
    "/040i ~0i5i9i9b5b0b ~0b6baba46404",
    "~af9i5i0i045494a7",
    "/040i ~0i5iaia45404",
    "/9i0i0494 /0b7b",
    "/9i0i04 /0b7b",
    "~af9i5i0i0454a4ab /ab6b",
    "/040i /a4ai /0bab",
    "/242i /0444 /0i4i",
    "~7i7a740408",
    "/040i /9i09 /3c94",
    "/0i0494",
    "/040i68cic4",
    "/040ia4ai",
    "@04b4bi0i",
    "/040i ~0i6iaiaa6a0a",
    "@04b4bi0i /78b3",
    "/040i ~0i6iaiaa6a0a /6aa4",
    "~9g8i5i0i0c5baaa4541406",
    "/0iai /545i",
    "~0i0b04a4abai",
    "/0i54ai",
    "/0i347fb4ei",
    "/0ia4 /ai04",
    "/0i5bai /5b54",
    "/0iai04a4",
];

const LOWER: [&str; 26] = [
    "~1c2e4e8e8a84 ~8a4a0a04448487",
    "/040i @04848e0e",
    "~8c7e4e0e04447486",
    "/848i @04848e0e",
    "/0989 ~898e0e04447486",
    "~6i2i2c24 /0e5e",
    "@04848e0e ~8e8580401001",
    "/040i ~0a0e8e8a84",
    "/040e .0i",
    "~3e353000 .3i",
    "/040i /7e08 /3b84",
    "~0i0b0434",
    "/040e ~0a0e6e6a64 ~6a6ececac4",
    "/040e ~0a0e8e8a84",
    "@04848e0e",
    "/000e @04848e0e",
    "/808e @04848e0e",
    "/040e ~090e4e5e",
    "~7c6e4e0e0a498884441406",
    "~2i2b2464 /0e6e",
    "~0e08048488 /8e84",
    "/0e448e",
    "/0e346d94ce",
    "/0e84 /8e04",
    "/0e45 /8e20",
    "/0e8e0484",
];

const DIGITS: [&str; 10] = [
    "@04848i0i",
    "/1f4i44 /1474",
    "~0f0i8i8c04 /0484",
    "~0g1i4i8i8b3b ~3b8b84441406",
    "/646i0888",
    "/7i1i0b ~0b2d8d84441406",
    "~7h6i4i0i08 @04848c0c",
    "/0i8i34",
    "@1b7b7i1i @04848b0b",
    "@0a8a8i0i ~8e84442415",
];

/// The strokes of what is neither a letter nor a digit.
fn symbol(character: char) -> &'static str {
    match character {
        '!' => "/0i09 .04",
        '"' => "/0i0e /3i3e",
        '#' => "/244i /648i /0898 /1eae",
        '$' => "~9g8i5i0i0c5baaa4541406 /5k52",
        '%' => "/04ai @0d4d4i0i @64a4a969",
        '&' => "~a42d2i7i7d0a0484aa",
        '\'' => "/0i0e",
        '(' => "~3j0f0632",
        ')' => "~0j3f3602",
        '*' => "/3i3c /0h6d /6h0d",
        '+' => "/4d45 /0989",
        ',' => "/1502",
        '-' => "/0959",
        '.' => ".04",
        '/' => "/026i",
        ':' => ".04 .0c",
        ';' => ".1c /1502",
        '<' => "/8d0985",
        '=' => "/0787 /0b8b",
        '>' => "/0d8905",
        '?' => "~0f0i8i8d4c48 .44",
        '@' => "@57979d5d ~9c97d7dj0j02c2",
        '[' => "/3j0j0232",
        '\\' => "/0i62",
        ']' => "/0j3j3202",
        '^' => "/0d4i8d",
        '_' => "/0282",
        '`' => "/0i2f",
        '{' => "~5j2j2b0b ~0b2b2252",
        '|' => "/0j02",
        '}' => "~0j3j3b5b ~5b3b3202",
        '~' => "~080b4b47878a",
        '…' => ".04 .54 .a4",
        '·' => ".0a",
        _ => "/04848i0i04",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_has_its_own_shape() {
        let box_shape = glyph('é');
        let shapes: Vec<&str> = ('!'..='~').map(glyph).collect();
        for (index, shape) in shapes.iter().enumerate() {
            assert!(!shape.is_empty() && *shape != box_shape);
            assert!(!shapes[..index].contains(shape), "{shape} is there twice");
            for stroke in shape.split(' ') {
                assert!(stroke.starts_with(['/', '~', '@', '.']), "{stroke}");
                assert_eq!(stroke.len() % 2, 1, "{stroke}: half a point");
                assert!(points(stroke).iter().all(|[x, y]| *x <= 14.0 && *y <= 20.0), "{stroke}");
            }
        }
    }

    #[test]
    fn digits_are_equally_wide_and_texts_add_up() {
        assert!(('0'..='9').all(|digit| (advance(digit) - advance('0')).abs() < 1e-9));
        assert!(width("").abs() < 1e-9);
        assert!(width("ab") > width("a") + width("b"));
    }

    #[test]
    fn curves_stay_inside_their_points_and_meet() {
        let round = flatten("@04848e0e");
        assert_eq!(round.first(), round.last());
        assert!(round.iter().all(|[x, y]| (0.0..=8.0).contains(x) && (4.0..=14.0).contains(y)));
        assert_eq!(flatten("~0i0b0434").last(), Some(&[3.0, 4.0]));
    }
}
