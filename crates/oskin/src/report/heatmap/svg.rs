//! The heatmap as SVG: vector trees and names around one embedded PNG of the cells.

use super::color::Rgb;
use super::picture::{Anchor, Cells, Lines, Mark, Picture, Text, picture};
use super::{Heatmap, png};
use crate::report::page::base64;
use std::fmt::Write as _;

/// Draws the heatmap as a self-contained SVG file.
///
/// The cells are one PNG inside it, so the size grows with the picture and not with a tag for each
/// pair: under 1 MB at 1,000 images. O(n²) in the number of images. Beyond 4,000 images a cell is
/// the mean of several pairs.
pub fn svg(heatmap: &Heatmap<'_>) -> String {
    let Picture { width, height, title, subtitle, marks } = picture(heatmap);
    let (w, h) = (number(width), number(height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
         viewBox=\"0 0 {w} {h}\" role=\"img\" aria-labelledby=\"title about\" \
         font-family=\"system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"about\">{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escape(&title),
        escape(&subtitle)
    );
    for mark in &marks {
        match mark {
            Mark::Cells(cells) => push_cells(&mut out, cells),
            Mark::Lines(lines) => push_lines(&mut out, lines),
            Mark::Text(text) => push_text(&mut out, text),
        }
        out.push('\n');
    }
    out.push_str("</svg>\n");
    out
}

fn push_cells(out: &mut String, cells: &Cells) {
    let [x, y] = cells.at.map(number);
    let [width, height] = cells.size.map(number);
    let image = base64(&png::indexed(cells));
    append(
        out,
        format_args!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             preserveAspectRatio=\"none\" image-rendering=\"pixelated\" \
             href=\"data:image/png;base64,{image}\"/>"
        ),
    );
}

fn push_lines(out: &mut String, Lines { width, color, lines }: &Lines) {
    let (color, width) = (hex(*color), number(*width));
    append(
        out,
        format_args!("<path fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" d=\""),
    );
    for line in lines {
        let mut previous: Option<[f64; 2]> = None;
        for &[x, y] in line {
            match previous {
                None => append(out, format_args!("M{} {}", number(x), number(y))),
                Some([_, before]) if same(before, y) => append(out, format_args!("H{}", number(x))),
                Some(_) => append(out, format_args!("V{}", number(y))),
            }
            previous = Some([x, y]);
        }
    }
    out.push_str("\"/>");
}

fn push_text(out: &mut String, text: &Text) {
    let [x, y] = text.at.map(number);
    append(out, format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"", number(text.size)));
    append(out, format_args!(" fill=\"{}\"", hex(text.color)));
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.upright {
        append(out, format_args!(" transform=\"rotate(-90 {x} {y})\""));
    }
    append(out, format_args!(">{}</text>", escape(&text.text)));
}

/// Writing to a string does not fail, so the result carries no news.
fn append(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).unwrap_or_default();
}

/// Whether two coordinates are printed alike.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.005
}

/// A coordinate with at most two digits.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as XML; control characters are gone already.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}
