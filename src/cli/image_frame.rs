//! Reads from the header of an image file its size and how it is turned for display.

use std::io::{BufRead, Cursor, Seek, SeekFrom};

use image::{ImageDecoder as _, ImageReader};

use super::decoded_image::Error;
use crate::dataset::ImageFrame;
use crate::geometry::Size;
use crate::pixels::exif;

/// Reads the header of an image in memory.
pub(super) fn read_frame(bytes: &[u8]) -> Result<ImageFrame, Error> {
    frame_of_file(Cursor::new(bytes))
}

/// Reads the header of an image file.
pub(super) fn frame_of_file(mut file: impl BufRead + Seek) -> Result<ImageFrame, Error> {
    let orientation = exif::orientation(&mut file);
    file.seek(SeekFrom::Start(0)).map_err(|_| Error::Format)?;
    let reader = ImageReader::new(file).with_guessed_format().map_err(|_| Error::Format)?;
    let (width, height) = reader.into_decoder().map_err(Error::from_image)?.dimensions();
    Ok(ImageFrame { displayed: orientation.of_size(Size::new(width, height)), orientation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::annotations::TurnedImages;
    use crate::dataset::{Dataset, ReadLimits};
    use crate::geometry::Orientation;
    use crate::rle::Mask;

    const STORED: Size = Size::new(12, 8);

    /// Makes a JPEG whose EXIF data states an orientation.
    fn jpeg(orientation: u8) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let image = image::RgbImage::new(STORED.width, STORED.height);
        image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
        let exif = [&b"Exif\0\0MM\0*\0\0\0\x08\0\x01"[..], &entry, &[0; 4]].concat();
        let segment = [&[0xff, 0xe1, 0, exif.len() as u8 + 2][..], &exif].concat();
        bytes.splice(2..2, segment);
        bytes
    }

    /// Reads annotations of one image of a listed size.
    fn dataset(listed: Size, segmentations: &[serde_json::Value]) -> Dataset {
        let annotations: Vec<_> = segmentations
            .iter()
            .map(|one| serde_json::json!({"image_id": 1, "category_id": 1, "segmentation": one}))
            .collect();
        let json = serde_json::json!({
            "images": [{"id": 1, "file_name": "a.jpg", "width": listed.width, "height": listed.height}],
            "annotations": annotations,
        });
        Dataset::read(json.to_string().as_bytes(), &ReadLimits::default())
    }

    fn masks(dataset: &Dataset, frame: ImageFrame, choice: TurnedImages) -> Vec<Option<Mask>> {
        let of_masks = frame.of_masks(dataset, 0, choice.frame());
        dataset.annotations().iter().map(|annotation| frame.mask_of(annotation, of_masks).ok()).collect()
    }

    #[test]
    fn header_tells_size_and_orientation() {
        for number in 1..=8 {
            let frame = read_frame(&jpeg(number)).unwrap();
            assert_eq!(frame.orientation, Orientation::from_exif(number));
            let displayed = if number > 4 { Size::new(8, 12) } else { STORED };
            assert_eq!((frame.displayed, frame.stored()), (displayed, STORED), "{number}");
        }
    }

    #[test]
    fn masks_of_the_stored_size_turn_with_the_image() {
        let block = Mask::from_polygon(STORED, &[2.0, 1.0, 7.0, 1.0, 7.0, 3.0, 2.0, 3.0]).unwrap();
        let rle = serde_json::json!({"size": [8, 12], "counts": block.counts()});
        for number in 5..=8 {
            let frame = read_frame(&jpeg(number)).unwrap();
            for listed in [STORED, STORED.swapped()] {
                let dataset = dataset(listed, std::slice::from_ref(&rle));
                let found = masks(&dataset, frame, TurnedImages::LeaveOut);
                assert_eq!(found, [Some(block.oriented(frame.orientation).unwrap())], "{number} {listed}");
            }
        }
    }

    #[test]
    fn polygons_beyond_one_frame_tell_the_other_for_their_image() {
        let both = serde_json::json!([[1, 1, 5, 1, 5, 4, 1, 4]]);
        let tall = serde_json::json!([[1, 2, 4, 2, 4, 11, 1, 11]]);
        let wide = serde_json::json!([[2, 1, 11, 1, 11, 4, 2, 4]]);
        let frame = read_frame(&jpeg(6)).unwrap();
        let drawn = |size: Size, numbers: [f64; 8]| Some(Mask::from_polygon(size, &numbers).unwrap());
        let small = [1.0, 1.0, 5.0, 1.0, 5.0, 4.0, 1.0, 4.0];
        let displayed = masks(&dataset(STORED, &[both.clone(), tall]), frame, TurnedImages::LeaveOut);
        assert_eq!(displayed[0], drawn(frame.displayed, small));
        assert_eq!(displayed[1], drawn(frame.displayed, [1.0, 2.0, 4.0, 2.0, 4.0, 11.0, 1.0, 11.0]));
        let stored = masks(&dataset(STORED, &[both.clone(), wide]), frame, TurnedImages::LeaveOut);
        let turned = drawn(STORED, small).map(|mask| mask.oriented(Orientation::Rotate90).unwrap());
        assert_eq!(stored[0], turned);
        // A size listed as displayed was read by a program that turns images; one as stored tells nothing.
        let seen = dataset(frame.displayed, std::slice::from_ref(&both));
        let seen = masks(&seen, frame, TurnedImages::LeaveOut);
        assert_eq!(seen, [drawn(frame.displayed, small)]);
        assert_eq!(masks(&dataset(STORED, &[both]), frame, TurnedImages::LeaveOut), [None]);
    }

    #[test]
    fn frame_of_a_half_turn_is_told_by_the_user_alone() {
        let block = Mask::from_polygon(STORED, &[2.0, 1.0, 7.0, 1.0, 7.0, 3.0, 2.0, 3.0]).unwrap();
        let rle = [serde_json::json!({"size": [8, 12], "counts": block.counts()})];
        for number in 2..=4 {
            let frame = read_frame(&jpeg(number)).unwrap();
            let found = |choice| masks(&dataset(STORED, &rle), frame, choice).remove(0);
            assert_eq!(found(TurnedImages::LeaveOut), None, "{number}");
            assert_eq!(found(TurnedImages::Displayed), Some(block.clone()), "{number}");
            assert_eq!(found(TurnedImages::Stored), block.oriented(frame.orientation).ok(), "{number}");
        }
        let upright = read_frame(&jpeg(1)).unwrap();
        assert_eq!(masks(&dataset(STORED, &rle), upright, TurnedImages::LeaveOut), [Some(block)]);
    }
}
