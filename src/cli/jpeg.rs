//! Tells whether a JPEG is cut off.

/// Returns whether bytes begin as a JPEG and end before its last marker, such as after a broken download.
pub(super) fn is_cut_off(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&[0xff, 0xd8]) else { return false };
    loop {
        // Between markers there is the data of a scan, where 0xff is followed by zero or a restart marker.
        let Some(at) = rest.iter().position(|&byte| byte == 0xff) else { return true };
        match rest.get(at + 1) {
            None => return true,
            Some(0xd9) => return false,
            Some(0xff) => rest = &rest[at + 1..],
            Some(0 | 1 | 0xd0..=0xd8) => rest = &rest[at + 2..],
            Some(_) => {
                let Some(&[high, low]) = rest.get(at + 2..at + 4) else { return true };
                let next = at + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
                let Some(after) = rest.get(next..) else { return true };
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_cut_off;
    use crate::cli::decoded_image::DecodedImage;
    use crate::geometry::Size;

    fn jpeg() -> Vec<u8> {
        let image = image::RgbImage::from_fn(64, 96, |x, y| {
            image::Rgb([(x * 4) as u8, (y * 2) as u8, ((x * 7) ^ (y * 5)) as u8])
        });
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn only_a_jpeg_without_its_end_is_cut_off() {
        let whole = jpeg();
        let mut with_preview = whole.clone();
        // An application segment that holds an end marker, as a preview image does.
        with_preview.splice(2..2, [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9]);
        for bytes in [&whole, &with_preview] {
            assert!(!is_cut_off(bytes));
            assert!(!is_cut_off(&[&bytes[..], &[0; 9]].concat()));
            for length in [3, 30, bytes.len() / 2, bytes.len() - 1] {
                assert!(is_cut_off(&bytes[..length]), "{length}");
            }
        }
        assert!(!is_cut_off(b"\x89PNG") && !is_cut_off(b""));
    }

    #[test]
    fn a_cut_jpeg_keeps_its_size_and_its_first_rows() {
        let whole = jpeg();
        let cut = DecodedImage::decode(&whole[..whole.len() * 4 / 5], 64 * 96).unwrap();
        assert!(cut.is_cut_off());
        assert_eq!(cut.size(), Size::new(64, 96));
        let whole = DecodedImage::decode(&whole, 64 * 96).unwrap();
        assert!(!whole.is_cut_off());
        let rows = 64 * 3 * 48;
        assert_eq!(cut.rgb()[..rows], whole.rgb()[..rows]);
    }
}
