//! Puts masks on images that their EXIF data turns: on the frame as stored or as displayed.

use std::io::{BufRead, Cursor, Seek};

use anyhow::{Context as _, bail};
use image::{ImageDecoder as _, ImageReader};

use super::annotations::TurnedImages;
use super::decoded_image::Error;
use crate::dataset::{Annotation, Dataset};
use crate::geometry::{Orientation, Size};
use crate::rle::Mask;

/// The size and orientation of an image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageFrame {
    /// Size as displayed.
    pub(super) displayed: Size,
    /// How the stored pixels are turned for display.
    pub(super) orientation: Orientation,
}

/// The frame of an image on which its masks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaskFrame {
    Displayed,
    Stored,
    /// It cannot be told.
    Unknown,
}

impl ImageFrame {
    /// Reads the header of an image in memory.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        Self::of_file(Cursor::new(bytes))
    }

    /// Reads the header of an image file.
    pub(super) fn of_file(file: impl BufRead + Seek) -> Result<Self, Error> {
        let reader = ImageReader::new(file).with_guessed_format().map_err(|_| Error::Format)?;
        let mut decoder = reader.into_decoder().map_err(Error::from_image)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation().map_err(Error::from_image)?;
        let orientation = Orientation::from_exif(orientation.to_exif());
        Ok(Self { displayed: orientation.of_size(Size::new(width, height)), orientation })
    }

    /// Returns the size as stored.
    pub(super) fn stored(self) -> Size {
        self.orientation.of_size(self.displayed)
    }

    /// Tells the frame of an image's masks, by the image's index: from the sizes of the masks, from masks and
    /// boxes that only one frame holds, and from the listed size.
    pub(super) fn of_masks(self, dataset: &Dataset, image: u32, choice: TurnedImages) -> MaskFrame {
        if self.orientation == Orientation::Stored {
            return MaskFrame::Displayed;
        }
        let annotations = dataset.annotations_of_image(image).iter();
        let frames = annotations.map(|&at| self.of_mask(&dataset.annotations()[at as usize]));
        let found: Vec<_> = frames.filter(|&frame| frame != MaskFrame::Unknown).collect();
        let listed = dataset.images().get(image as usize).and_then(|image| image.size);
        let is_listed_displayed = listed == Some(self.displayed) && self.displayed != self.stored();
        match found.split_first() {
            Some((first, others)) if others.iter().all(|other| other == first) => *first,
            None if is_listed_displayed => MaskFrame::Displayed,
            _ => match choice {
                TurnedImages::LeaveOut => MaskFrame::Unknown,
                TurnedImages::Stored => MaskFrame::Stored,
                TurnedImages::Displayed => MaskFrame::Displayed,
            },
        }
    }

    /// Tells the frame of one mask from its size, or from what it covers.
    fn of_mask(self, annotation: &Annotation) -> MaskFrame {
        let holds = |size: Size| {
            if annotation.is_drawn {
                annotation.mask_bounds.is_none_or(|bounds| {
                    bounds.x + bounds.width <= size.width && bounds.y + bounds.height <= size.height
                })
            } else {
                annotation.mask_size == size
            }
        };
        match (holds(self.displayed), holds(self.stored())) {
            (true, false) => MaskFrame::Displayed,
            (false, true) => MaskFrame::Stored,
            _ => MaskFrame::Unknown,
        }
    }

    /// Returns the mask of an annotation on the image as displayed.
    pub(super) fn mask_of(self, annotation: &Annotation, frame: MaskFrame) -> anyhow::Result<Mask> {
        // The size of a mask tells more than its neighbours.
        let frame = match self.of_mask(annotation) {
            MaskFrame::Unknown => frame,
            own => own,
        };
        let (size, orientation) = match frame {
            MaskFrame::Displayed => (self.displayed, Orientation::Stored),
            MaskFrame::Stored => (self.stored(), self.orientation),
            MaskFrame::Unknown => bail!(
                "the image is turned for display by its EXIF data, and its masks may not be: tell their \
                 frame by --turned-images"
            ),
        };
        let other_size = || format!("its mask is of {}, the image of {size}", annotation.mask_size);
        Ok(annotation.mask_in(size)?.with_context(other_size)?.oriented(orientation)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::ReadLimits;

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
        let of_masks = frame.of_masks(dataset, 0, choice);
        dataset.annotations().iter().map(|annotation| frame.mask_of(annotation, of_masks).ok()).collect()
    }

    #[test]
    fn header_tells_size_and_orientation() {
        for number in 1..=8 {
            let frame = ImageFrame::read(&jpeg(number)).unwrap();
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
            let frame = ImageFrame::read(&jpeg(number)).unwrap();
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
        let frame = ImageFrame::read(&jpeg(6)).unwrap();
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
            let frame = ImageFrame::read(&jpeg(number)).unwrap();
            let found = |choice| masks(&dataset(STORED, &rle), frame, choice).remove(0);
            assert_eq!(found(TurnedImages::LeaveOut), None, "{number}");
            assert_eq!(found(TurnedImages::Displayed), Some(block.clone()), "{number}");
            assert_eq!(found(TurnedImages::Stored), block.oriented(frame.orientation).ok(), "{number}");
        }
        let upright = ImageFrame::read(&jpeg(1)).unwrap();
        assert_eq!(masks(&dataset(STORED, &rle), upright, TurnedImages::LeaveOut), [Some(block)]);
    }
}
