//! The color scale of the heatmap: one even run from pale yellow over teal to near-black blue.
//!
//! # How it was made
//!
//! Seventeen anchor points on a curve in `OKLab` (Ottosson 2020), `t` = 0, 1/16, … 1:
//!
//! * lightness falls evenly, `L = 0.975 - 0.735 t`;
//! * hue turns from yellow over green and teal to violet-blue, `h = 105° + 180° t^0.85`;
//! * chroma `C = 0.022 + 0.115 sin(π min(1, 0.93 t + 0.035))^0.8 (1 - 0.12 t)`, lowered where sRGB
//!   cannot show it.
//!
//! Because lightness alone carries the order, the scale also reads in gray and with every kind of
//! color blindness (the tests simulate three). The anchors are kept as sRGB bytes and joined by
//! integer interpolation, so that the same similarity has the same bytes on every machine; a
//! formula with `sin` and `pow` would not promise that.

/// An sRGB color.
pub(super) type Rgb = [u8; 3];

const DARK_INK: Rgb = [0x16, 0x1b, 0x22];
const LIGHT_INK: Rgb = [0xff, 0xff, 0xff];

/// The anchors, from a similarity of 0 to a similarity of 1.
const ANCHORS: [Rgb; 17] = [
    [0xf9, 0xf8, 0xe7],
    [0xe0, 0xef, 0xc0],
    [0xc1, 0xe6, 0xaf],
    [0x9d, 0xdc, 0xa6],
    [0x76, 0xd1, 0xa3],
    [0x4a, 0xc5, 0xa4],
    [0x04, 0xb7, 0xa6],
    [0x01, 0xa5, 0xa4],
    [0x0b, 0x94, 0x9f],
    [0x09, 0x83, 0x99],
    [0x00, 0x73, 0x93],
    [0x00, 0x62, 0x8b],
    [0x08, 0x52, 0x83],
    [0x1d, 0x42, 0x71],
    [0x23, 0x34, 0x5d],
    [0x22, 0x27, 0x48],
    [0x1d, 0x1c, 0x31],
];

/// The colors of the levels 0 to 255.
///
/// On a light page level 0 is nothing in common; a dark page reads the scale from the other end, so
/// that "nothing in common" always lies near the paper.
pub(super) fn palette() -> [Rgb; 256] {
    std::array::from_fn(|index| {
        let (anchor, rest) = (index * 16 / 255, index * 16 % 255);
        let (from, to) = (ANCHORS[anchor], ANCHORS[(anchor + 1).min(16)]);
        std::array::from_fn(|channel| mix(from[channel], to[channel], rest))
    })
}

/// The whole number nearest to `(from * (255 - rest) + to * rest) / 255`.
fn mix(from: u8, to: u8, rest: usize) -> u8 {
    let sum = usize::from(from) * (255 - rest) + usize::from(to) * rest;
    u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
}

/// The level of a similarity: the nearest of 256 even steps; anything outside `0..=1` is clamped.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0..=255 first, and a NaN becomes 0"
)]
pub(super) fn level(similarity: f64) -> u8 {
    (similarity.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Near-black or white, whichever has more contrast with a color.
///
/// Contrast is a ratio of light, not of bytes: on a middle teal near-black reads twice as well as
/// white although its bytes lie below their middle. Squares stand in for the power of 2.4 of sRGB,
/// so that whole numbers suffice; both inks are even at 24 percent of the light of white.
pub(super) fn ink_on(color: Rgb) -> Rgb {
    let [red, green, blue] = color.map(|byte| u32::from(byte) * u32::from(byte));
    let light = red * 2126 + green * 7152 + blue * 722;
    if light > 156_060_000 { DARK_INK } else { LIGHT_INK }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Triple = [f64; 3];

    /// Severe forms after Machado, Oliveira and Fernandes 2009, on linear light.
    const BLINDNESS: [[Triple; 3]; 3] = [
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    fn linear(color: Rgb) -> Triple {
        color.map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [Triple; 3], color: Triple) -> Triple {
        matrix.map(|row| row.iter().zip(color).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
    }

    fn oklab(light: Triple) -> Triple {
        let cone = [
            [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
            [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
            [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
        ];
        let [l, m, s] =
            cone.map(|row: Triple| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().cbrt());
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    fn distance(a: Triple, b: Triple) -> f64 {
        a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn steps_look_even() {
        let points = ANCHORS.map(|color| oklab(linear(color)));
        for pair in points.windows(2) {
            let lightness = pair[0][0] - pair[1][0];
            assert!((lightness - 0.735 / 16.0).abs() < 0.006, "lightness step {lightness}");
            let step = distance(pair[0], pair[1]);
            assert!((0.046..0.066).contains(&step), "step {step}");
        }
    }

    #[test]
    fn steps_are_told_apart_with_color_blindness() {
        for matrix in BLINDNESS {
            let points = ANCHORS.map(|color| oklab(times(matrix, linear(color))));
            for pair in points.windows(2) {
                assert!(pair[0][0] > pair[1][0], "lightness must fall");
                assert!(distance(pair[0], pair[1]) > 0.03, "steps too close");
            }
        }
    }

    #[test]
    fn levels_and_colors_meet_at_the_ends() {
        let palette = palette();
        assert_eq!(palette[0], ANCHORS[0]);
        assert_eq!(palette[255], ANCHORS[16]);
        assert_eq!((level(0.0), level(0.5), level(1.0)), (0, 128, 255));
        assert_eq!((level(-1.0), level(2.0), level(f64::NAN)), (0, 255, 0));
        assert_eq!(ink_on(palette[0]), DARK_INK);
        assert_eq!(ink_on(palette[255]), LIGHT_INK);
    }

    #[test]
    fn printed_values_stand_out_at_every_level() {
        let light = |color: Rgb| {
            let [red, green, blue] = linear(color);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        for color in palette() {
            let (one, other) = (light(color), light(ink_on(color)));
            let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(contrast > 4.0, "{color:?}: {contrast}");
        }
    }
}
