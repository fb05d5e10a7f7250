//! The part of the page's address after `#`: which image, which part of it, which mask.

use serde::{Deserialize, Serialize};

/// What the address keeps. `image=…&view=x,y,scale&mask=…`; unknown keys are ignored.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Address {
    /// The image's name, such as a sample's id.
    pub image: Option<String>,
    /// The part seen; `None` fits the whole image.
    pub view: Option<AddressView>,
    /// The shown mask selected, by its id.
    pub mask: Option<String>,
}

/// The part of the image that is seen.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct AddressView {
    /// The middle of the view in image space, to the right.
    pub x: f64,
    /// The middle of the view in image space, down.
    pub y: f64,
    /// CSS pixels per pixel of the image, so that an address means the same on every screen.
    pub scale: f64,
}

impl Address {
    /// Reads what stands after `#`; whatever is malformed there is left out, since anyone may have typed it.
    pub fn parse(hash: &str) -> Self {
        let mut address = Self::default();
        for (key, value) in hash.trim_start_matches('#').split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "image" => address.image = decode(value),
                "view" => address.view = AddressView::parse(value),
                "mask" => address.mask = decode(value),
                _ => {}
            }
        }
        address
    }

    /// The text after `#`; [`Self::parse`] reads it back.
    pub fn to_hash(&self) -> String {
        let image = self.image.as_deref().map(|image| format!("image={}", encode(image)));
        // As many decimals as the least scale that is read.
        let view = self.view.map(|AddressView { x, y, scale }| format!("view={x:.1},{y:.1},{scale:.4}"));
        let mask = self.mask.as_deref().map(|mask| format!("mask={}", encode(mask)));
        [image, view, mask].into_iter().flatten().collect::<Vec<_>>().join("&")
    }
}

impl AddressView {
    fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<f64> = text.split(',').map_while(|number| number.parse().ok()).collect();
        let [x, y, scale] = numbers.try_into().ok()?;
        let usable = x.is_finite() && y.is_finite() && (1e-4..=1e4).contains(&scale);
        usable.then_some(Self { x, y, scale })
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters and `/`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into());
            }
            _ => {
                encoded.push('%');
                encoded.push(hex_digit(byte >> 4));
                encoded.push(hex_digit(byte & 15));
            }
        }
    }
    encoded
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value & 15)])
}

/// Undoes percent-encoding; `None` where it is broken or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
            bytes.push((digit(0)? * 16 + digit(1)?) as u8);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
