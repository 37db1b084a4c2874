//! The heatmap as PNG, drawn by a renderer that knows three things: cells, lines and strokes.

use super::Heatmap;
use super::color::{Rgb, palette};
use super::picture::{Anchor, Cells, Lines, Mark, PAPER, Text, picture};
use super::stroke_font::{PEN_EM, strokes, width as text_width};
use ::png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

/// Pictures up to this many pixels wide and high are drawn at twice the size, for dense screens.
const MOST_DOUBLED: f64 = 2000.0;

/// Draws the heatmap as a PNG file.
///
/// The same picture as [`svg()`](super::svg()), at twice its size in pixels unless that would pass 4,000.
/// Names are drawn with a built-in ASCII font, other characters as a box. O(n²) in the number of
/// images; beyond 4,000 images a cell is the mean of several pairs.
pub fn png(heatmap: &Heatmap<'_>) -> Vec<u8> {
    let picture = picture(heatmap);
    let scale = if picture.width.max(picture.height) <= MOST_DOUBLED { 2.0 } else { 1.0 };
    let mut raster = Raster::new(picture.width, picture.height, scale);
    for mark in &picture.marks {
        match mark {
            Mark::Cells(cells) => raster.cells(cells),
            Mark::Lines(lines) => raster.lines(lines),
            Mark::Text(text) => raster.text(text),
        }
    }
    let Raster { columns, rows, pixels, .. } = raster;
    let bytes = pixels.as_flattened();
    encode([columns, rows], bytes, None)
}

/// The cells alone as a PNG with the color scale as palette.
///
/// Cells that cover several pixels are repeated, because not every viewer obeys a wish for hard
/// edges; the repetition compresses to almost nothing.
pub(super) fn indexed(cells: &Cells) -> Vec<u8> {
    let rows = cells.levels.len() / cells.columns.max(1);
    let across = whole(cells.size[0] / cells.columns.max(1) as f64).max(1);
    let down = whole(cells.size[1] / rows.max(1) as f64).max(1);
    let mut pixels = Vec::with_capacity(cells.levels.len() * across * down);
    for row in cells.levels.chunks(cells.columns.max(1)) {
        for _ in 0..down {
            pixels.extend(row.iter().flat_map(|level| std::iter::repeat_n(*level, across)));
        }
    }
    let colors = palette();
    encode([cells.columns * across, rows * down], &pixels, Some(colors.as_flattened()))
}

/// Encodes pixels, one byte each with a palette and three without.
fn encode(size: [usize; 2], pixels: &[u8], palette: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    // The encoder fails when its writer does, and when the size does not fit the pixels. Neither
    // can happen here: memory takes what it is given, and the sizes come from the pixels.
    try_encode(&mut out, size, pixels, palette).expect("a picture in memory can be encoded");
    out
}

fn try_encode(
    out: &mut Vec<u8>,
    [columns, rows]: [usize; 2],
    pixels: &[u8],
    palette: Option<&[u8]>,
) -> Result<(), EncodingError> {
    let size = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let mut encoder = Encoder::new(out, size(columns), size(rows));
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    match palette {
        Some(palette) => {
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(palette);
        }
        None => encoder.set_color(ColorType::Rgb),
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()
}

/// A picture in memory.
struct Raster {
    columns: usize,
    rows: usize,
    /// Pixels for one unit of the layout.
    scale: f64,
    pixels: Vec<Rgb>,
}

impl Raster {
    fn new(width: f64, height: f64, scale: f64) -> Self {
        let (columns, rows) = (whole(width * scale), whole(height * scale));
        Self { columns, rows, scale, pixels: vec![PAPER; columns * rows] }
    }

    /// Mixes a color into a pixel; a pixel outside is ignored.
    fn blend(&mut self, [x, y]: [usize; 2], color: Rgb, share: f64) {
        if x >= self.columns || y >= self.rows || share <= 0.0 {
            return;
        }
        let pixel = &mut self.pixels[y * self.columns + x];
        for (old, new) in pixel.iter_mut().zip(color) {
            *old = byte(f64::from(*old) + (f64::from(new) - f64::from(*old)) * share.min(1.0));
        }
    }

    /// Fills a rectangle given in pixels; pixels that it covers in part are mixed.
    fn fill(&mut self, [left, top, right, bottom]: [f64; 4], color: Rgb) {
        let cover = |from: f64, to: f64, pixel: usize| {
            (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0)
        };
        for y in whole(top.floor())..whole(bottom.ceil()).min(self.rows) {
            for x in whole(left.floor())..whole(right.ceil()).min(self.columns) {
                self.blend([x, y], color, cover(left, right, x) * cover(top, bottom, y));
            }
        }
    }

    fn cells(&mut self, cells: &Cells) {
        let colors = palette();
        let rows = cells.levels.len() / cells.columns.max(1);
        let across = cells.size[0] * self.scale / cells.columns as f64;
        let down = cells.size[1] * self.scale / rows as f64;
        let [x0, y0] = cells.at.map(|at| at * self.scale);
        for (index, level) in cells.levels.iter().enumerate() {
            let (x, y) = ((index % cells.columns) as f64, (index / cells.columns) as f64);
            let left = x0 + x * across;
            let top = y0 + y * down;
            let color = colors[usize::from(*level)];
            self.fill([left, top, left + across, top + down], color);
        }
    }

    fn lines(&mut self, Lines { width, color, lines }: &Lines) {
        let half = width * self.scale / 2.0;
        for line in lines {
            for pair in line.windows(2) {
                let [[x1, y1], [x2, y2]] = [pair[0], pair[1]].map(|at| at.map(|v| v * self.scale));
                let (left, right) = (x1.min(x2) - half, x1.max(x2) + half);
                let (top, bottom) = (y1.min(y2) - half, y1.max(y2) + half);
                self.fill([left, top, right, bottom], *color);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        let em = text.size * self.scale;
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => text_width(&text.text) / 2.0,
            Anchor::End => text_width(&text.text),
        };
        let [x0, y0] = text.at.map(|at| at * self.scale);
        let place = |[x, y]: [f64; 2]| {
            let (along, up) = ((x - back) * em, y * em);
            if text.upright { [x0 + up, y0 - along] } else { [x0 + along, y0 + up] }
        };
        for stroke in strokes(&text.text) {
            let stroke: Vec<[f64; 2]> = stroke.into_iter().map(place).collect();
            self.stroke(&stroke, em * PEN_EM / 2.0, text.color);
        }
    }

    /// Draws a stroke with a round pen: a pixel is covered by how near it lies to the nearest
    /// piece, so that joints are not inked twice.
    fn stroke(&mut self, points: &[[f64; 2]], radius: f64, color: Rgb) {
        // A dot needs more ink than a line to look as dark.
        let (radius, pieces) = match points {
            [] => return,
            [dot] => (radius * 1.5, vec![[*dot, *dot]]),
            _ => (radius, points.windows(2).map(|pair| [pair[0], pair[1]]).collect()),
        };
        let reach = radius + 1.0;
        let [left, top, right, bottom] = bounds(points, reach);
        let columns = right.saturating_sub(left);
        let mut nearest = vec![f64::INFINITY; columns * bottom.saturating_sub(top)];
        for piece in pieces {
            let [x0, y0, x1, y1] = bounds(&piece, reach);
            for y in y0..y1 {
                for x in x0..x1 {
                    let distance = distance([x as f64 + 0.5, y as f64 + 0.5], piece);
                    let place = &mut nearest[(y - top) * columns + (x - left)];
                    *place = place.min(distance);
                }
            }
        }
        for (index, distance) in nearest.into_iter().enumerate() {
            let place = [left + index % columns, top + index / columns];
            self.blend(place, color, (radius + 0.5 - distance).clamp(0.0, 1.0));
        }
    }
}

/// The pixels around points: left, top, right, bottom, the last two exclusive.
fn bounds(points: &[[f64; 2]], reach: f64) -> [usize; 4] {
    let least = |axis: usize| points.iter().map(|point| point[axis]).fold(f64::INFINITY, f64::min);
    let most = |axis: usize| points.iter().map(|point| point[axis]).fold(0.0, f64::max);
    let (low, high) = (|value: f64| whole(value - reach), |value: f64| whole(value + reach) + 1);
    [low(least(0)), low(least(1)), high(most(0)), high(most(1))]
}

/// How far a point is from a piece of a line.
fn distance([x, y]: [f64; 2], [from, to]: [[f64; 2]; 2]) -> f64 {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((x - from[0]) * dx + (y - from[1]) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    let (ex, ey) = (x - from[0] - along * dx, y - from[1] - along * dy);
    (ex * ex + ey * ey).sqrt()
}

/// A size or place in whole pixels, never below 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pictures are far smaller than 2^32 pixels, and the value is not negative"
)]
fn whole(value: f64) -> usize {
    value.max(0.0) as usize
}

/// A channel of a color.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0..=255 first"
)]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
