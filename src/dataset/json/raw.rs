//! An annotation as read, before its image is known, and how it is settled once it is.

use crate::dataset::audit::{
    Finding, Problem,
    checks::{self, DecodedMask},
};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, EncodedMask, ImageRecord};
use crate::geometry::Size;
use crate::rle::{self, Mask};

/// An annotation whose masks are not decoded and whose references are not looked up yet.
///
/// A file may list its annotations before its images; a polygon needs the image's size to become a mask.
#[derive(Clone, Debug)]
pub struct RawAnnotation {
    pub(super) annotation: Annotation,
    /// The encoded masks.
    pub(super) parts: Vec<Placed<RawMask>>,
    /// Flat x, y lists in image space.
    pub(super) polygons: Vec<Placed<Vec<f64>>>,
}

/// An element of a published list with its place there.
pub(super) type Placed<T> = (usize, T);

/// An encoded mask that may not decode.
#[derive(Clone, Debug)]
pub(super) enum RawMask {
    Compressed { size: Size, counts: Box<str> },
    Counts { size: Size, counts: Vec<f64> },
}

impl RawAnnotation {
    /// Its id, as [`Annotation::id`].
    pub fn id(&self) -> &str {
        &self.annotation.id
    }

    /// The id of its image.
    pub fn image(&self) -> &str {
        &self.annotation.image
    }

    /// Decodes and checks the masks, against the image where the file has it.
    pub fn resolve(self, image: Option<&ImageRecord>, limits: &ReadLimits) -> Annotation {
        let Self { mut annotation, parts, polygons } = self;
        let mut findings = std::mem::take(&mut annotation.findings);
        if image.is_none() && !annotation.image.is_empty() {
            let id = annotation.image.as_str().into();
            findings.push(Finding::new("image_id", Problem::MissingImage { id }));
        }
        let image_size = image.and_then(|image| image.size);
        let mut decoded = Vec::with_capacity(parts.len() + 1);
        for (place, part) in parts {
            match part.decode() {
                Ok((encoded, mask)) => {
                    annotation.parts.push(encoded);
                    decoded.push(DecodedMask::new(place, mask));
                }
                Err(error) => findings.push(Finding::of_part("segmentation", place, error.into())),
            }
        }
        if let Some((place, _)) = polygons.first() {
            let outlines: Vec<_> = polygons.iter().map(|(_, polygon)| polygon.as_slice()).collect();
            match image_size.map(|size| Mask::from_polygons(size, &outlines)) {
                Some(Ok(mask)) => {
                    annotation.parts.push(EncodedMask::from_mask(&mask));
                    decoded.push(DecodedMask::new(*place, mask));
                }
                Some(Err(error)) => findings.push(Finding::new("segmentation", error.into())),
                None => findings.push(Finding::new("segmentation", Problem::PolygonsWithoutSize)),
            }
        }
        if let Err(error) = checks::masks(&mut annotation, image_size, &decoded, &mut findings) {
            findings.push(Finding::new("segmentation", error.into()));
        }
        if polygons.is_empty() {
            checks::area(&annotation, &mut findings);
        }
        findings.truncate(limits.findings);
        annotation.findings = findings;
        annotation.shrink_to_fit();
        annotation
    }

    /// Gives back the room that its lists do not use.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.annotation.shrink_to_fit();
        self.parts.shrink_to_fit();
        self.polygons.iter_mut().for_each(|(_, polygon)| polygon.shrink_to_fit());
        self.polygons.shrink_to_fit();
    }

    /// About how many bytes of memory it takes, shrunk.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let parts: usize = self.parts.iter().map(|(_, part)| part.memory_bytes()).sum();
        let polygons: usize = self.polygons.iter().map(|(_, polygon)| size_of_val(polygon.as_slice())).sum();
        let lists = size_of_val(self.parts.as_slice()) + size_of_val(self.polygons.as_slice());
        self.annotation.memory_bytes()
            + (size_of::<Self>() - size_of::<Annotation>() + lists + parts + polygons) as u64
    }
}

impl RawMask {
    fn decode(self) -> Result<(EncodedMask, Mask), rle::Error> {
        match self {
            Self::Compressed { size, counts } => EncodedMask::from_compressed(size, counts),
            Self::Counts { size, counts } => {
                let run_length = |(at, &length): (usize, &f64)| {
                    let whole = length.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&length);
                    if whole {
                        Ok(length as u32)
                    } else {
                        Err(rle::Error::RunLength { at, length: length as i64 })
                    }
                };
                let counts = counts.iter().enumerate().map(run_length).collect::<Result<Vec<_>, _>>()?;
                let mask = Mask::from_counts(size, counts)?;
                Ok((EncodedMask::from_mask(&mask), mask))
            }
        }
    }

    /// The bytes of its counts.
    fn memory_bytes(&self) -> usize {
        match self {
            Self::Compressed { counts, .. } => counts.len(),
            Self::Counts { counts, .. } => counts.capacity() * size_of::<f64>(),
        }
    }
}
