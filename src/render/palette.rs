//! The colours of overlays: distinct in any colour vision, with outlines visible on any image.

/// An opaque colour, sRGB-encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red channel, 0 to 255.
    pub red: u8,
    /// Green channel, 0 to 255.
    pub green: u8,
    /// Blue channel, 0 to 255.
    pub blue: u8,
}

/// Colours of overlays, in the order they are assigned.
///
/// Any two differ by at least 0.07 in Oklab (Ottosson 2020), also as protanopes, deuteranopes and
/// tritanopes see them (Machado et al. 2009, severity 1). All are light enough that they have a
/// contrast (WCAG 2.2) of 9:1 with the outlines' black casing, so on every background the line or
/// its casing has one of at least 3:1.
pub const PALETTE: [Color; 8] = [
    Color::new(0x66, 0xdd, 0xff),
    Color::new(0xff, 0x99, 0x00),
    Color::new(0xcc, 0x99, 0xee),
    Color::new(0xdd, 0xff, 0x11),
    Color::new(0xff, 0xaa, 0xbb),
    Color::new(0x88, 0xbb, 0x77),
    Color::new(0xaa, 0xff, 0xcc),
    Color::new(0xff, 0xdd, 0x88),
];

/// Colour of the casing on both sides of an outline.
pub(super) const CASING: Color = Color::new(0, 0, 0);
/// Colour of the outline of the selected overlay.
pub(super) const SELECTED: Color = Color::new(0xff, 0xff, 0xff);
/// Colour of the frame of a missing image; its contrast with black and with white is at least 3:1.
pub(super) const EMPTY_FRAME: Color = Color::new(0x80, 0x80, 0x80);

impl Color {
    /// Returns the colour of three channels.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Packs red into the lowest byte, then green, blue and alpha: RGBA in memory, as WGSL's
    /// `unpack4x8unorm` reads it.
    pub(super) fn packed(self, alpha: u8) -> u32 {
        u32::from_le_bytes([self.red, self.green, self.blue, alpha])
    }
}

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Matrix = [[f64; 3]; 3];

    /// Normal vision, then Machado et al. 2009 at severity 1: protanopia, deuteranopia, tritanopia.
    /// On linear RGB.
    const VISIONS: [Matrix; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    fn apply(matrix: &Matrix, color: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(color).map(|(a, b)| a * b).sum())
    }

    fn linear(color: Color) -> [f64; 3] {
        [color.red, color.green, color.blue].map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn oklab(linear_rgb: [f64; 3]) -> [f64; 3] {
        let cones = apply(
            &[
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            linear_rgb.map(|channel| channel.clamp(0.0, 1.0)),
        );
        apply(
            &[
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            cones.map(f64::cbrt),
        )
    }

    fn luminance(color: Color) -> f64 {
        let [red, green, blue] = linear(color);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: f64, b: f64) -> f64 {
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colors_differ_in_every_color_vision() {
        for vision in &VISIONS {
            let seen = PALETTE.map(|color| oklab(apply(vision, linear(color))));
            for (i, a) in seen.iter().enumerate() {
                for (j, b) in seen.iter().enumerate().skip(i + 1) {
                    let distance = a.iter().zip(b).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                    assert!(distance >= 0.07, "{} and {}: {distance:.3}", PALETTE[i], PALETTE[j]);
                }
            }
        }
    }

    #[test]
    fn each_color_contrasts_with_the_casing() {
        for color in PALETTE {
            let found = contrast(luminance(color), luminance(CASING));
            assert!(found >= 9.0, "{color}: {found:.2}");
        }
    }

    #[test]
    fn outline_contrasts_with_every_background() {
        for color in PALETTE.into_iter().chain([SELECTED]) {
            for luminance_of_background in (0..=1000).map(|step| f64::from(step) / 1000.0) {
                let best = contrast(luminance(color), luminance_of_background)
                    .max(contrast(luminance(CASING), luminance_of_background));
                assert!(best >= 3.0, "{color} on luminance {luminance_of_background}: {best:.2}");
            }
        }
        for luminance_of_page in [0.0, 1.0] {
            assert!(contrast(luminance(EMPTY_FRAME), luminance_of_page) >= 3.0);
        }
    }
}
