//! The reasons to suspect an annotation, and sets of them.

/// A reason to suspect an annotation. Stable order: the discriminant is its bit in [`NoiseReasons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NoiseReason {
    /// No mask has a pixel.
    EmptyMask = 0,
    /// More than a tenth of the mask's pixels are outside the hull of the boxes.
    MaskOutsideBox = 1,
    /// The bounds of a mask and its box have an intersection over union below a half, or only specks of
    /// the mask reach the sides of the box.
    BoxDisagrees = 2,
    /// Many small components beside a main one.
    StrayComponents = 3,
    /// The mask covers the image's border, and the pixels outside it are one compact object.
    SwappedForeground = 4,
    /// The mask covers at least 95 % of the image.
    WholeImage = 5,
    /// Many separate regions of similar size, or many different boxes.
    DenseScene = 6,
    /// Two masks of the list have an intersection over union of 0.9 or more.
    NearDuplicateMasks = 7,
    /// The question asks when, why or how, and not for something visible.
    UnanswerableQuestion = 8,
}

impl NoiseReason {
    /// All reasons in the order of their bits.
    pub const ALL: [Self; 9] = [
        Self::EmptyMask,
        Self::MaskOutsideBox,
        Self::BoxDisagrees,
        Self::StrayComponents,
        Self::SwappedForeground,
        Self::WholeImage,
        Self::DenseScene,
        Self::NearDuplicateMasks,
        Self::UnanswerableQuestion,
    ];

    /// Returns the name for programs; it never changes.
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyMask => "empty-mask",
            Self::MaskOutsideBox => "mask-outside-box",
            Self::BoxDisagrees => "box-disagrees",
            Self::StrayComponents => "stray-components",
            Self::SwappedForeground => "swapped-foreground",
            Self::WholeImage => "whole-image",
            Self::DenseScene => "dense-scene",
            Self::NearDuplicateMasks => "near-duplicate-masks",
            Self::UnanswerableQuestion => "unanswerable-question",
        }
    }

    /// Returns one sentence for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::EmptyMask => "The mask has no pixels.",
            Self::MaskOutsideBox => "A part of the mask is outside its box.",
            Self::BoxDisagrees => "The box does not fit the mask.",
            Self::StrayComponents => "The mask has many small specks beside the main region.",
            Self::SwappedForeground => "The mask may cover the background instead of the object.",
            Self::WholeImage => "The mask covers almost the whole image.",
            Self::DenseScene => "The mask covers many separate regions of similar size.",
            Self::NearDuplicateMasks => "Two masks of the list are almost the same.",
            Self::UnanswerableQuestion => "The question asks for something that the image does not show.",
        }
    }

    /// Returns the reason's bit.
    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Returns the estimated probability that an annotation with this reason alone is wrong.
    const fn weight(self) -> f32 {
        match self {
            Self::EmptyMask => 1.0,
            Self::SwappedForeground => 0.8,
            Self::MaskOutsideBox => 0.6,
            Self::BoxDisagrees | Self::WholeImage => 0.5,
            Self::UnanswerableQuestion => 0.4,
            Self::StrayComponents | Self::DenseScene => 0.3,
            Self::NearDuplicateMasks => 0.1,
        }
    }
}

/// A set of reasons, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoiseReasons(u16);

impl NoiseReasons {
    /// Returns `true` if the set has the reason.
    pub const fn contains(self, reason: NoiseReason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// Adds a reason.
    pub const fn insert(&mut self, reason: NoiseReason) {
        self.0 |= reason.bit();
    }

    /// Returns `true` if the set has no reason.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the reasons in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = NoiseReason> {
        NoiseReason::ALL.into_iter().filter(move |&reason| self.contains(reason))
    }

    /// Returns the set as bits, to store it.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Returns the set with these bits; bits without a reason are dropped.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & ((1 << NoiseReason::ALL.len()) - 1))
    }

    /// Returns the combined weight of the reasons, from 0 for none to 1.
    ///
    /// Each reason has a weight: 1 for an empty mask, 0.8 for a swapped foreground, 0.6 for a mask outside
    /// its box, 0.5 for a box that disagrees and for a whole image, 0.4 for a question, 0.3 for strays and
    /// dense scenes, 0.1 for near duplicates, which leave the union as it is. They combine as independent
    /// probabilities: 1 - (1 - w₁)(1 - w₂)… The weights are judgements and are not fitted to data.
    pub fn suspicion(self) -> f32 {
        1.0 - self.iter().map(|reason| 1.0 - reason.weight()).product::<f32>()
    }
}

impl FromIterator<NoiseReason> for NoiseReasons {
    fn from_iter<I: IntoIterator<Item = NoiseReason>>(reasons: I) -> Self {
        let mut set = Self::default();
        reasons.into_iter().for_each(|reason| set.insert(reason));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::{NoiseReason, NoiseReasons};

    #[test]
    fn bits_are_the_positions_in_the_list() {
        for (at, reason) in NoiseReason::ALL.into_iter().enumerate() {
            assert_eq!(NoiseReasons::from_iter([reason]).bits(), 1 << at, "{reason:?}");
        }
        let all = NoiseReasons::from_bits(u16::MAX);
        assert_eq!(all, NoiseReason::ALL.into_iter().collect());
        assert_eq!(all.iter().collect::<Vec<_>>(), NoiseReason::ALL);
    }

    #[test]
    fn suspicion_grows_with_each_reason() {
        let mut set = NoiseReasons::default();
        let mut before = set.suspicion();
        assert!(before.abs() < 1e-6);
        for reason in NoiseReason::ALL.into_iter().rev() {
            set.insert(reason);
            assert!(set.suspicion() > before && set.suspicion() <= 1.0, "{reason:?}");
            before = set.suspicion();
        }
        assert!((set.suspicion() - 1.0).abs() < 1e-6);
    }
}
