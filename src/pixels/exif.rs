//! Reads from an image file how its pixels are turned for display: the orientation of its EXIF data.

use std::io::{self, Read, Seek, SeekFrom};

use crate::geometry::Orientation;

/// Number of the orientation's tag.
const TAG: u16 = 0x0112;
/// Number of the type of 16-bit integers.
const SHORT: u16 = 3;
/// Maximum bytes of EXIF data that are read: as many as a segment of a JPEG holds.
const MAX_EXIF_BYTES: u64 = 1 << 16;
/// The bytes before EXIF data in a JPEG, and in a WebP of some programs.
const PREFIX: &[u8] = b"Exif\0\0";

/// Returns the orientation that a JPEG, PNG or WebP file states; [`Orientation::Stored`] where it states
/// none, is of another format, or ends before.
///
/// Reads no pixels: it goes from one header to the next. Sources: EXIF 2.32, 4.6.2; PNG's chunk `eXIf`;
/// WebP's chunk `EXIF`.
pub fn orientation(file: impl Read + Seek) -> Orientation {
    let exif = exif_of(file).ok().flatten();
    exif.and_then(|exif| number_in(&exif)).map_or(Orientation::Stored, Orientation::from_exif)
}

/// Returns the EXIF data of a file, without its prefix.
fn exif_of(mut file: impl Read + Seek) -> io::Result<Option<Vec<u8>>> {
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    if start.starts_with(&[0xff, 0xd8]) {
        file.seek(SeekFrom::Start(2))?;
        in_jpeg(file)
    } else if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        file.seek(SeekFrom::Start(8))?;
        in_png(file)
    } else if start.starts_with(b"RIFF") && start.ends_with(b"WEBP") {
        in_webp(file)
    } else {
        Ok(None)
    }
}

/// Looks for the segment APP1 with EXIF data before the pixels of a JPEG.
fn in_jpeg(mut file: impl Read + Seek) -> io::Result<Option<Vec<u8>>> {
    loop {
        let [mut lead, mut marker] = read::<2>(&mut file)?;
        // Any number of bytes may fill the place before a marker.
        while lead == 0xff && marker == 0xff {
            [marker] = read(&mut file)?;
        }
        match marker {
            _ if lead != 0xff => return Ok(None),
            0x01 | 0xd0..=0xd8 => continue,
            // The pixels, or the end.
            0xd9 | 0xda => return Ok(None),
            _ => lead = marker,
        }
        let Some(length) = u16::from_be_bytes(read(&mut file)?).checked_sub(2) else { return Ok(None) };
        if lead != 0xe1 {
            file.seek_relative(length.into())?;
            continue;
        }
        let segment = read_up_to(&mut file, length.into())?;
        if let Some(exif) = segment.strip_prefix(PREFIX) {
            return Ok(Some(exif.to_vec()));
        }
    }
}

/// Looks for the chunk `eXIf` of a PNG.
fn in_png(mut file: impl Read + Seek) -> io::Result<Option<Vec<u8>>> {
    loop {
        let length = u32::from_be_bytes(read(&mut file)?);
        match &read::<4>(&mut file)? {
            b"eXIf" => return read_up_to(file, length.into()).map(Some),
            b"IEND" => return Ok(None),
            // Behind a chunk lies its checksum.
            _ => file.seek_relative(i64::from(length) + 4)?,
        }
    }
}

/// Looks for the chunk `EXIF` of a WebP.
fn in_webp(mut file: impl Read + Seek) -> io::Result<Option<Vec<u8>>> {
    loop {
        let name = read::<4>(&mut file)?;
        let length = u32::from_le_bytes(read(&mut file)?);
        if &name == b"EXIF" {
            let exif = read_up_to(file, length.into())?;
            return Ok(Some(exif.strip_prefix(PREFIX).map_or_else(|| exif.clone(), <[u8]>::to_vec)));
        }
        // Chunks begin at even places.
        file.seek_relative(i64::from(length) + i64::from(length % 2))?;
    }
}

/// Returns the orientation's number in EXIF data: the first directory's field of this tag.
fn number_in(exif: &[u8]) -> Option<u8> {
    let is_little = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let bytes = |at: usize, length: usize| exif.get(at..at.checked_add(length)?);
    let short = |at: usize| {
        let pair = bytes(at, 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let long = |at: usize| {
        let four = bytes(at, 4)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    };
    let directory = long(4)? as usize;
    let fields = usize::from(short(directory)?);
    let field = (0..fields).map(|at| directory + 2 + 12 * at).find(|&at| short(at) == Some(TAG))?;
    let is_one_short = short(field + 2)? == SHORT && long(field + 4)? == 1;
    if is_one_short { u8::try_from(short(field + 8)?).ok() } else { None }
}

fn read<const N: usize>(mut file: impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_up_to(file: impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length.min(MAX_EXIF_BYTES)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageDecoder as _, ImageFormat, ImageReader, RgbImage};
    use proptest::prelude::*;

    use super::*;

    /// Returns EXIF data that states an orientation, behind a field of another tag.
    fn exif(number: u8, is_little: bool) -> Vec<u8> {
        let short = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let field = |tag, value| [&short(tag)[..], &short(SHORT), &long(1), &short(value), &[0, 0]].concat();
        let start: &[u8] = if is_little { b"II*\0" } else { b"MM\0*" };
        [start, &long(8), &short(2), &field(0x0103, 6), &field(TAG, number.into()), &[0; 4]].concat()
    }

    /// Makes an image of a format with this EXIF data.
    fn image_with(format: ImageFormat, exif: &[u8]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(12, 8).write_to(&mut bytes, format).unwrap();
        let mut bytes = bytes.into_inner();
        match format {
            ImageFormat::Jpeg => {
                let segment = [PREFIX, exif].concat();
                let comment = [0xff, 0xff, 0xfe, 0, 4, b'a', b'b'];
                let head = [0xff, 0xe1, 0, segment.len() as u8 + 2];
                bytes.splice(2..2, [&comment[..], &head, &segment].concat());
            }
            ImageFormat::Png => {
                let mut chunk = [b"eXIf", exif].concat();
                let sum = crc32fast::hash(&chunk);
                chunk.splice(0..0, (exif.len() as u32).to_be_bytes());
                chunk.extend(sum.to_be_bytes());
                // Behind the header, which takes 33 bytes.
                bytes.splice(33..33, chunk);
            }
            _ => {
                // The extended form: a header that announces EXIF data, the pixels, the data.
                let pixels = bytes.split_off(12);
                let header = [&b"VP8X\x0a\0\0\0\x08\0\0\0"[..], &[11, 0, 0], &[7, 0, 0]].concat();
                let chunk = [&b"EXIF"[..], &(exif.len() as u32).to_le_bytes(), exif].concat();
                bytes.extend([header, pixels, chunk].concat());
                let length = bytes.len() as u32 - 8;
                bytes.splice(4..8, length.to_le_bytes());
            }
        }
        bytes
    }

    const FORMATS: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

    #[test]
    fn orientation_is_that_of_the_decoder() {
        for format in FORMATS {
            for (number, is_little) in (0..=9).flat_map(|number| [(number, false), (number, true)]) {
                let bytes = image_with(format, &exif(number, is_little));
                let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().unwrap();
                let decoded = reader.into_decoder().unwrap().orientation().unwrap();
                let expected = Orientation::from_exif(number);
                assert_eq!(orientation(Cursor::new(&bytes)), expected, "{format:?} {number} {is_little}");
                assert_eq!(Orientation::from_exif(decoded.to_exif()), expected, "{format:?} {number}");
            }
        }
    }

    #[test]
    fn cut_file_and_fields_of_other_types_state_no_orientation() {
        for format in FORMATS {
            let whole = image_with(format, &exif(6, true));
            for length in 0..whole.len() {
                let found = orientation(Cursor::new(&whole[..length]));
                assert!([Orientation::Stored, Orientation::Rotate90].contains(&found), "{format:?} {length}");
            }
            assert_eq!(orientation(Cursor::new(&whole[..20])), Orientation::Stored);
            let mut other = exif(6, true);
            other[24] = 4;
            assert_eq!(orientation(Cursor::new(image_with(format, &other))), Orientation::Stored);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_orientation(
            format in 0_usize..3, exif in proptest::collection::vec(any::<u8>(), 0..60),
            tail in proptest::collection::vec(any::<u8>(), 0..40), cut in 0_usize..90,
        ) {
            let mut bytes = image_with(FORMATS[format], &exif);
            bytes.truncate(bytes.len().min(cut));
            bytes.extend(tail);
            orientation(Cursor::new(bytes));
        }
    }
}
