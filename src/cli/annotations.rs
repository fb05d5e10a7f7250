//! Reads annotation files to their end, and selects the annotations that linking can use: those with a
//! whole mask, an image file and a category.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use crate::dataset::{
    Annotation, Category, Dataset, FrameError, ImageFrame, ImageRecord, MaskFrame, ReadLimits,
};
use crate::rle::Mask;

/// The treatment of an annotation file that is not whole.
#[derive(Clone, Copy, clap::Args)]
pub(super) struct ReadArgs {
    /// Use an annotation file that is cut off or damaged: the records before the damage
    #[arg(long)]
    allow_truncated: bool,
    /// Frame of the masks on images that their EXIF data turns for display, where sizes do not tell it
    #[arg(long, value_name = "FRAME", value_enum, default_value_t)]
    pub(super) turned_images: TurnedImages,
}

/// The treatment of masks on turned images whose frame cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TurnedImages {
    /// Leave the masks out
    #[default]
    LeaveOut,
    /// The masks lie on the pixels as stored
    Stored,
    /// The masks lie on the image as displayed
    Displayed,
}

impl TurnedImages {
    /// Returns the frame of masks where sizes do not tell it.
    pub(super) fn frame(self) -> MaskFrame {
        match self {
            Self::LeaveOut => MaskFrame::Unknown,
            Self::Stored => MaskFrame::Stored,
            Self::Displayed => MaskFrame::Displayed,
        }
    }
}

/// Returns the mask of an annotation on the image as displayed; an error advises the user.
pub(super) fn mask_on(
    frame: ImageFrame,
    annotation: &Annotation,
    of_masks: MaskFrame,
) -> anyhow::Result<Mask> {
    let mask = frame.mask_of(annotation, of_masks);
    mask.map_err(|error| match error {
        FrameError::Unknown => anyhow!("{error}: tell their frame by --turned-images"),
        error => error.into(),
    })
}

/// An annotation with a mask, an image file and a category.
pub(super) struct UsableAnnotation<'a> {
    pub(super) annotation: &'a Annotation,
    /// Index of the image.
    pub(super) image: u32,
    /// Relative path by which the image is looked for in the image folder.
    pub(super) file: Cow<'a, str>,
    /// The entity or COCO category; without a name of its own if the file does not list it.
    pub(super) category: Category,
    /// The mask on the displayed image to use in place of the annotated one.
    pub(super) clicked: Option<Mask>,
}

/// Reads an annotation file, and says on standard error how many records are left out. Damaged records
/// become findings of the dataset. Fails if the file is cut off, unless the arguments allow it.
pub(super) fn read(path: &Path, args: ReadArgs) -> anyhow::Result<Dataset> {
    let described = || path.display().to_string();
    let file = File::open(path).with_context(described)?;
    let dataset = Dataset::read_from(file, &ReadLimits::default()).with_context(described)?;
    let left_out = dataset.left_out();
    if left_out > 0 {
        eprintln!("{}: {left_out} records are left out; `masklink inspect` lists them", path.display());
    }
    if !dataset.progress().is_whole {
        let reason =
            dataset.stopped_by().map_or_else(|| "its end is not read".to_owned(), ToString::to_string);
        let records = dataset.progress().records();
        if !args.allow_truncated {
            bail!(
                "{}: {reason}. Only its first {records} records can be read: fetch the file again, or use \
                 them with --allow-truncated",
                path.display()
            );
        }
        eprintln!("{}: {reason}; only its first {records} records are used", path.display());
    }
    Ok(dataset)
}

/// Returns the usable annotations of these splits (of all splits if the list is empty), and the number
/// of unusable ones.
pub(super) fn usable<'a>(dataset: &'a Dataset, splits: &[String]) -> (Vec<UsableAnnotation<'a>>, usize) {
    let (mut usable, mut unusable, mut cut) = (Vec::new(), 0, 0);
    for annotation in dataset.annotations() {
        if !splits.is_empty() && !splits.iter().any(|split| split == annotation.split_name()) {
            continue;
        }
        let image = dataset.image_index(&annotation.image);
        let file = dataset.image_of(annotation).and_then(ImageRecord::path);
        let is_usable = !annotation.category.is_empty() && annotation.mask_area > 0;
        let (Some(image), Some(file), true, false) = (image, file, is_usable, annotation.is_cut) else {
            unusable += 1;
            cut += usize::from(is_usable && annotation.is_cut);
            continue;
        };
        // An unlisted category gets its id as its name.
        let unlisted = || Category {
            id: annotation.category.clone(),
            name: annotation.category.clone(),
            ..Category::default()
        };
        let category = dataset.category_of(annotation).cloned().unwrap_or_else(unlisted);
        usable.push(UsableAnnotation { annotation, image, file, category, clicked: None });
    }
    if cut > 0 {
        eprintln!("{cut} masks are left out: a part of each cannot be read");
    }
    (usable, unusable)
}
