//! The heatmap in all formats: hostile names stay text, nothing is fetched, the same input gives the
//! same bytes, and the colors stand where the similarities say.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use oskin::measure::{Dendrogram, Measure, OverlapMatrix};
use oskin::path_set::{PathSet, Selection};
use oskin::report::heatmap::{Heatmap, html, png, svg};
use sha2::{Digest as _, Sha256};

/// All that a heatmap borrows.
struct Family {
    names: Vec<String>,
    matrices: [OverlapMatrix; 3],
    trees: Vec<Dendrogram>,
}

impl Family {
    /// Images `i` with the paths `i..i + 10` as files and `1000 + i` as directory.
    fn new(names: &[&str]) -> Self {
        let sets = |of: &dyn Fn(u32) -> Vec<u32>| {
            let sets: Vec<PathSet> =
                (0..).zip(names).map(|(i, _)| PathSet::from_unsorted(of(i))).collect();
            OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>())
        };
        let files = |i: u32| (i..i + 10).collect::<Vec<_>>();
        let both = |i: u32| (i..i + 10).chain([1000 + i]).collect::<Vec<_>>();
        let matrices = [sets(&files), sets(&|i| vec![1000 + i]), sets(&both)];
        let tree = |matrix: &OverlapMatrix| {
            Dendrogram::cluster(&matrix.distances(Measure::Dice), matrix.len())
        };
        let trees = matrices.iter().map(tree).collect();
        Self { names: names.iter().map(|name| (*name).to_owned()).collect(), matrices, trees }
    }

    fn draw<T>(&self, format: impl Fn(&Heatmap<'_>) -> T) -> T {
        format(&Heatmap {
            names: &self.names,
            files: &self.matrices[0],
            directories: &self.matrices[1],
            both: &self.matrices[2],
            trees: [&self.trees[0], &self.trees[1], &self.trees[2]],
            selection: Selection::Files,
            measure: Measure::Dice,
            how: None,
        })
    }
}

const HOSTILE: [&str; 5] = [
    "</script><script>alert(1)</script>",
    "a\"b'c&d<e>",
    "{{script}}",
    "naïve–名前",
    "x\u{202e}y\n",
];

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn names_cannot_leave_their_place() {
    let family = Family::new(&HOSTILE);
    let page = family.draw(html);
    assert_eq!(page.matches("</script>").count(), 2, "the data and the script end once each");
    let data = between(&page, "<script type=\"application/json\" id=\"data\">", "</script>");
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["names"][0], HOSTILE[0]);
    assert_eq!(data["names"][2], HOSTILE[2]);
    assert_eq!(data["names"][3], HOSTILE[3]);
    assert_eq!(data["names"][4], "x\u{fffd}y\u{fffd}", "nothing turns the direction of text");

    let picture = family.draw(svg);
    assert!(picture.contains("a&quot;b") || picture.contains("a\"b"), "quotes are text");
    assert!(!picture.contains("<script"));
    assert_eq!(picture.matches('<').count(), picture.matches('>').count());
}

#[test]
fn the_page_allows_its_own_script_and_asks_for_nothing() {
    let page = Family::new(&["a", "b", "c"]).draw(html);
    assert!(!page.contains("http://") && !page.contains("https://"), "no address is in the page");
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let stated = between(policy, "script-src 'sha256-", "'");
    let digest = Sha256::digest(script.as_bytes());
    // 32 bytes are 43 digits and a filler; the first 24 bits tell enough without a decoder here.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = digest[..3].iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
    let expected: Vec<u8> =
        [18, 12, 6, 0].map(|shift| alphabet.as_bytes()[bits >> shift & 63]).into();
    assert_eq!(stated.as_bytes()[..4], expected);
}

#[test]
fn the_same_family_gives_the_same_bytes() {
    let (first, second) = (Family::new(&HOSTILE), Family::new(&HOSTILE));
    assert_eq!(first.draw(html), second.draw(html));
    assert_eq!(first.draw(svg), second.draw(svg));
    assert_eq!(first.draw(png), second.draw(png));
}

#[test]
fn few_and_many_images_are_drawn() {
    for n in [0_usize, 1, 2, 90] {
        let names: Vec<String> = (0..n).map(|i| format!("image-{i}")).collect();
        let family = Family::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(family.draw(html).contains("</html>"), "{n}");
        let picture = family.draw(svg);
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"), "{n}");
        let bytes = family.draw(png);
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let info = decoder.read_info().unwrap();
        let width: f64 = between(&picture, "width=\"", "\"").parse().unwrap();
        let pixels = f64::from(info.info().width);
        assert!((pixels - width).abs() < 1.0 || (pixels - 2.0 * width).abs() < 2.0, "{n}");
    }
}

#[test]
fn wide_names_end_before_the_edge() {
    let names = ["W".repeat(40), "\u{540d}".repeat(40), "image".to_owned()];
    let family = Family::new(&names.each_ref().map(String::as_str));
    let bytes = family.draw(png);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (frame.width as usize, frame.height as usize);
    assert_eq!(pixels.len(), width * height * 3);
    let is_paper = |x: usize, y: usize| pixels[(y * width + x) * 3..][..3] == [255; 3];
    // Of the margin of 48 pixels the number under the end of the legend takes a little.
    let margin = 40;
    for along in 0..width.max(height) {
        for across in 1..=margin {
            assert!(along >= height || is_paper(width - across, along), "right of {along}");
            assert!(along >= width || is_paper(along, height - across), "below {along}");
        }
    }
    let picture = family.draw(svg);
    let width: f64 = between(&picture, "width=\"", "\"").parse().unwrap();
    let cells = &picture[picture.find("<image x=").unwrap()..];
    let left: f64 = between(cells, "x=\"", "\"").parse().unwrap();
    let side: f64 = between(cells, "width=\"", "\"").parse().unwrap();
    assert!(width > left + side + 32.0 * 0.98 * 12.0, "32 letters of a wide font have room");
}

#[test]
fn titles_group_their_digits() {
    let names: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
    let family = Family::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(family.draw(svg).contains("these 1,000 images?"));
    let few = Family::new(&names[..100].iter().map(String::as_str).collect::<Vec<_>>());
    assert!(few.draw(svg).contains("these 100 images?"));
}

#[test]
fn the_cells_have_the_colors_of_their_similarities() {
    // Two images alike to the last path and one that shares nothing: only two colors occur.
    let sets = [0..10, 0..10, 50..60]
        .map(|ids: std::ops::Range<u32>| PathSet::from_unsorted(ids.collect()));
    let matrix = OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>());
    let tree = Dendrogram::cluster(&matrix.distances(Measure::Dice), 3);
    let names = ["a", "b", "c"].map(str::to_owned);
    let picture = svg(&Heatmap {
        names: &names,
        files: &matrix,
        directories: &matrix,
        both: &matrix,
        trees: [&tree, &tree, &tree],
        selection: Selection::Both,
        measure: Measure::Dice,
        how: None,
    });
    let cells = between(&picture, "data:image/png;base64,", "\"");
    let bytes = decode_base64(cells);
    let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().unwrap();
    let mut levels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut levels).unwrap();
    let width = frame.width as usize;
    let level =
        |i: usize, j: usize| levels[(2 * i + 1) * width / 6 * width + (2 * j + 1) * width / 6];
    let place = |image: u32| tree.order.iter().position(|it| *it == image).unwrap();
    for i in 0..3 {
        for j in 0..3 {
            let alike = i == j || i.max(j) < 2;
            assert_eq!(level(place(i), place(j)), if alike { 255 } else { 0 }, "{i} {j}");
        }
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.chars().filter(|digit| *digit != '=') {
        bits = bits << 6 | u32::try_from(alphabet.find(digit).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    bytes
}
