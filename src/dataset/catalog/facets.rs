//! Facets of annotations: the values that a catalog counts and filters by, packed to a number.

use serde::{Deserialize, Serialize};

use crate::dataset::audit::{NoiseReason, NoiseReasons};
use crate::dataset::record::Split;

/// Number of bins of the share of the image that a mask covers: empty, then steps of 5 %.
pub(super) const AREA_BINS: usize = 21;
/// Number of bins of the count of components: 0, 1, 2, 3 to 5, 6 to 10, more.
pub(super) const COMPONENT_BINS: usize = 6;
/// Number of levels of suspicion: none, then quarters of the score.
pub(super) const SUSPICION_LEVELS: usize = 5;
/// Maximum number of splits that are told apart; further ones count as the last.
pub(super) const MAX_SPLITS: usize = 128;
/// Code of the finding that stands for all problems besides the [`NoiseReason`]s.
pub(super) const PROBLEM_CODE: &str = "record-problem";

const AREA_SHIFT: u32 = 7;
const COMPONENTS_SHIFT: u32 = 12;
const SUSPICION_SHIFT: u32 = 15;
const REASONS_SHIFT: u32 = 18;
const PROBLEM_BIT: u32 = 1 << 30;
/// Set while a file is read, where the only problem of a record is that it has no category.
const CATEGORY_BIT: u32 = 1 << 31;

/// The bin combination of one annotation: its facets in 31 bits, lowest first: split (7), bin of the area
/// (5), bin of the components (3), level of suspicion (3), noise reasons (12), whether the record has another
/// problem (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(u32);

/// The measures of an annotation that become its [`Cell`].
#[derive(Clone, Copy, Debug)]
pub struct Measures {
    /// Index in the catalog's list of splits.
    pub split: usize,
    /// The share of the image that the mask covers, 0 to 1; exactly 0 for an empty mask.
    pub area_share: f32,
    /// The number of connected components.
    pub components: u32,
    /// The score of suspicion, 0 to 1.
    pub suspicion: f32,
    /// The reasons of the score.
    pub reasons: NoiseReasons,
    /// Whether the record has a problem that is not among the reasons.
    pub has_problem: bool,
}

impl Cell {
    /// Packs the facets of an annotation.
    pub fn new(measures: &Measures) -> Self {
        let split = measures.split.min(MAX_SPLITS - 1) as u32;
        let area = (measures.area_share * 20.0).ceil().clamp(0.0, 20.0) as u32;
        let components = match measures.components {
            few @ 0..=2 => few,
            3..=5 => 3,
            6..=10 => 4,
            _ => 5,
        };
        let suspicion = (measures.suspicion * 4.0).ceil().clamp(0.0, 4.0) as u32;
        let problem = if measures.has_problem { PROBLEM_BIT } else { 0 };
        Self(
            split
                | area << AREA_SHIFT
                | components << COMPONENTS_SHIFT
                | suspicion << SUSPICION_SHIFT
                | u32::from(measures.reasons.bits()) << REASONS_SHIFT
                | problem,
        )
    }

    /// Returns the bin combination of an annotation with another problem than the noise reasons.
    #[must_use]
    pub(super) fn with_problem(self) -> Self {
        Self(self.0 | PROBLEM_BIT)
    }

    /// Returns the bin combination of an annotation whose only problem is that it has no category.
    #[must_use]
    pub(super) fn without_category(self) -> Self {
        Self(self.0 & !PROBLEM_BIT | CATEGORY_BIT)
    }

    /// Returns the bin combination once the whole file is read: an annotation without a category has a
    /// problem only if the file has categories.
    #[must_use]
    pub(super) fn settled(self, has_categories: bool) -> Self {
        let cell = Self(self.0 & !CATEGORY_BIT);
        if has_categories && cell != self { cell.with_problem() } else { cell }
    }

    /// Returns the bin combination with another split, an index in the catalog's list.
    #[must_use]
    pub(super) fn with_split(self, split: usize) -> Self {
        Self(self.0 & !(MAX_SPLITS as u32 - 1) | split.min(MAX_SPLITS - 1) as u32)
    }

    /// Restores a bin combination from [`bits`](Self::bits).
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the packed number.
    pub fn bits(self) -> u32 {
        self.0
    }

    fn split(self) -> usize {
        (self.0 & 127) as usize
    }

    fn area(self) -> usize {
        (self.0 >> AREA_SHIFT & 31) as usize
    }

    fn components(self) -> usize {
        (self.0 >> COMPONENTS_SHIFT & 7) as usize
    }

    fn suspicion(self) -> usize {
        (self.0 >> SUSPICION_SHIFT & 7) as usize
    }

    fn has_finding(self, code: &str) -> bool {
        if code == PROBLEM_CODE {
            return self.0 & PROBLEM_BIT != 0;
        }
        let reasons = NoiseReasons::from_bits((self.0 >> REASONS_SHIFT & 0xfff) as u16);
        NoiseReason::ALL.iter().any(|&reason| reason.code() == code && reasons.contains(reason))
    }
}

/// Returns the index of a split, which is added if it is new; beyond 128 the last.
pub fn split_index(splits: &mut Vec<String>, split: &str) -> usize {
    splits.iter().position(|known| known == split).unwrap_or_else(|| {
        if splits.len() < MAX_SPLITS {
            splits.push(split.to_owned());
        }
        splits.len() - 1
    })
}

/// Conditions that annotations must all meet, and their order; the default matches all.
///
/// Deserializes from an object whose keys are all optional.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// The id of the entity: a QID, or a category's id.
    pub entity: Option<String>,
    /// The split as published.
    pub split: Option<String>,
    /// Whether training has the entity, by the words of the split.
    pub seen: Option<bool>,
    /// First and last bin of the area, both included.
    pub area: Option<[usize; 2]>,
    /// The bin of the number of components.
    pub components: Option<usize>,
    /// The minimum level of suspicion.
    pub suspicion: Option<usize>,
    /// The code of a finding.
    pub finding: Option<String>,
    /// The order of the matches.
    pub order: CatalogOrder,
}

/// The order of the matches of a [`Filter`]; ties are in the catalog's own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CatalogOrder {
    /// The catalog's own order: by entity, then by image in a pack or as in the file.
    #[default]
    Entity,
    /// The highest level of suspicion first.
    Suspicion,
    /// The largest bin of the area first.
    Largest,
    /// The smallest bin of the area first.
    Smallest,
}

impl CatalogOrder {
    /// Returns the number of ranks that the order tells apart.
    pub(super) fn ranks(self) -> usize {
        match self {
            Self::Entity => 1,
            Self::Suspicion => SUSPICION_LEVELS,
            Self::Largest | Self::Smallest => AREA_BINS,
        }
    }

    /// Returns the rank of a bin combination, 0 for the first of the order.
    pub(super) fn rank(self, cell: Cell) -> usize {
        match self {
            Self::Entity => 0,
            Self::Suspicion => SUSPICION_LEVELS - 1 - cell.suspicion().min(SUSPICION_LEVELS - 1),
            Self::Largest => AREA_BINS - 1 - cell.area().min(AREA_BINS - 1),
            Self::Smallest => cell.area().min(AREA_BINS - 1),
        }
    }
}

/// The facet whose own condition is left out where its values are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Facet {
    Split,
    Seen,
    Area,
    Components,
    Suspicion,
    Finding,
}

impl Filter {
    /// Returns whether a bin combination meets all conditions but those on the entity.
    pub(super) fn matches(&self, cell: Cell, splits: &[SplitName]) -> bool {
        self.matches_but(cell, splits, None)
    }

    fn matches_but(&self, cell: Cell, splits: &[SplitName], but: Option<Facet>) -> bool {
        let meets = |facet, condition: bool| but == Some(facet) || condition;
        let split = splits.get(cell.split());
        let is = |wanted: &String| split.is_some_and(|split| split.name == *wanted);
        let seen = split.and_then(|split| split.seen);
        meets(Facet::Split, self.split.as_ref().is_none_or(is))
            && meets(Facet::Seen, self.seen.is_none_or(|wanted| seen == Some(wanted)))
            && meets(Facet::Area, self.area.is_none_or(|[low, high]| (low..=high).contains(&cell.area())))
            && meets(Facet::Components, self.components.is_none_or(|bin| cell.components() == bin))
            && meets(Facet::Suspicion, self.suspicion.is_none_or(|level| cell.suspicion() >= level))
            && meets(Facet::Finding, self.finding.as_ref().is_none_or(|code| cell.has_finding(code)))
    }
}

/// A split with what its words say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitName {
    /// The split as published; empty for annotations without one.
    pub name: String,
    /// Whether training has the split's entities.
    pub seen: Option<bool>,
}

impl SplitName {
    /// Parses a published split.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), seen: Split::parse(name).seen }
    }
}

/// Counts of annotations by the values of each facet. Every list has all values, also those of count 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// By split, in the order of the catalog's list.
    pub split: Vec<u64>,
    /// By what the split says about the entity.
    pub seen: SeenCounts,
    /// By the bin of the area: empty, then steps of 5 %; 21 of them.
    pub area: Vec<u64>,
    /// By the bin of the number of components: 0, 1, 2, 3 to 5, 6 to 10, more.
    pub components: Vec<u64>,
    /// By the level of suspicion: none, then quarters of the score; 5 of them.
    pub suspicion: Vec<u64>,
    /// By the code of a finding; an annotation may have several.
    pub findings: Vec<FindingCount>,
}

/// Counts by whether training has the entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeenCounts {
    seen: u64,
    unseen: u64,
    unknown: u64,
}

/// The number of annotations with a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingCount {
    code: &'static str,
    count: u64,
}

impl Facets {
    /// Counts bin combinations with their numbers; each facet's values under the conditions on the other
    /// facets.
    pub(super) fn count(
        cells: &(impl Iterator<Item = (Cell, u64)> + Clone),
        filter: &Filter,
        splits: &[SplitName],
    ) -> Self {
        let matching = |but| {
            cells
                .clone()
                .filter(move |&(cell, count)| count > 0 && filter.matches_but(cell, splits, Some(but)))
        };
        let histogram = |bins: usize, but, bin: fn(Cell) -> usize| {
            let mut counts = vec![0; bins];
            for (cell, count) in matching(but) {
                if let Some(total) = counts.get_mut(bin(cell)) {
                    *total += count;
                }
            }
            counts
        };
        let mut seen = SeenCounts::default();
        for (cell, count) in matching(Facet::Seen) {
            match splits.get(cell.split()).and_then(|split| split.seen) {
                Some(true) => seen.seen += count,
                Some(false) => seen.unseen += count,
                None => seen.unknown += count,
            }
        }
        let codes = NoiseReason::ALL.iter().map(|reason| reason.code()).chain([PROBLEM_CODE]);
        let with_finding = |code| {
            let found = matching(Facet::Finding).filter(|(cell, _)| cell.has_finding(code));
            FindingCount { code, count: found.map(|(_, count)| count).sum() }
        };
        Self {
            split: histogram(splits.len(), Facet::Split, Cell::split),
            seen,
            area: histogram(AREA_BINS, Facet::Area, Cell::area),
            components: histogram(COMPONENT_BINS, Facet::Components, Cell::components),
            suspicion: histogram(SUSPICION_LEVELS, Facet::Suspicion, Cell::suspicion),
            findings: codes.map(with_finding).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Facets, Filter, Measures, SplitName};
    use crate::dataset::audit::{NoiseReason, NoiseReasons};

    fn cell(split: usize, area_share: f32, components: u32, suspicion: f32) -> Cell {
        let mut reasons = NoiseReasons::default();
        if suspicion > 0.0 {
            reasons.insert(NoiseReason::StrayComponents);
        }
        Cell::new(&Measures { split, area_share, components, suspicion, reasons, has_problem: false })
    }

    #[test]
    fn bins_are_those_documented() {
        for (share, bin) in [(0.0, 0), (0.001, 1), (0.05, 1), (0.051, 2), (0.96, 20), (1.0, 20)] {
            assert_eq!(cell(0, share, 1, 0.0).area(), bin, "{share}");
        }
        for (components, bin) in [(0, 0), (1, 1), (2, 2), (3, 3), (5, 3), (6, 4), (11, 5)] {
            assert_eq!(cell(0, 0.1, components, 0.0).components(), bin, "{components}");
        }
        for (suspicion, level) in [(0.0, 0), (0.1, 1), (0.25, 1), (0.3, 2), (0.9, 4), (1.0, 4)] {
            assert_eq!(cell(0, 0.1, 1, suspicion).suspicion(), level, "{suspicion}");
        }
    }

    #[test]
    fn facets_are_counted_under_the_other_conditions() {
        let splits = ["query_val_seen", "query_val_unseen"].map(SplitName::new);
        let cells = [(cell(0, 0.02, 1, 0.0), 5), (cell(0, 0.5, 3, 0.4), 2), (cell(1, 0.02, 1, 0.9), 1)];
        let filter = Filter { split: Some("query_val_seen".to_owned()), ..Filter::default() };
        let facets = Facets::count(&cells.into_iter(), &filter, &splits);
        assert_eq!(facets.split, [7, 1], "the own condition does not count");
        assert_eq!((facets.area[1], facets.area[10]), (5, 2));
        assert_eq!(facets.suspicion, [5, 0, 2, 0, 0]);
        let stray = facets.findings.iter().find(|found| found.code == NoiseReason::StrayComponents.code());
        assert_eq!(stray.map(|found| found.count), Some(2));
    }
}
