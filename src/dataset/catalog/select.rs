//! Selects the rows that match a filter, from the counts of each block of cells.

use std::ops::Range;

use serde::Serialize;

use super::facets::{CatalogOrder, Cell, Facets, Filter, SplitName};
use super::format::CELL_BLOCK_ROWS;

/// Rank of the codes that do not match.
const NO_MATCH: u8 = u8::MAX;

/// The number of matches of a filter, and the counts of each facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Number of matching annotations.
    pub annotations: u64,
    /// Counts of each facet under the conditions on the others.
    pub facets: Facets,
}

/// The rank that a filter's order gives to each code.
#[derive(Clone, Debug)]
pub(super) struct Ranks {
    rank_by_code: Vec<u8>,
    ranks: usize,
}

impl Ranks {
    pub(super) fn new(filter: &Filter, cells: &[u32], splits: &[SplitName]) -> Self {
        let rank = |&bits: &u32| {
            let cell = Cell::from_bits(bits);
            if filter.matches(cell, splits) { filter.order.rank(cell) as u8 } else { NO_MATCH }
        };
        Self { rank_by_code: cells.iter().map(rank).collect(), ranks: filter.order.ranks() }
    }

    fn of(&self, code: u16) -> Option<usize> {
        let rank = self.rank_by_code.get(usize::from(code)).copied().unwrap_or(NO_MATCH);
        (rank != NO_MATCH).then_some(usize::from(rank))
    }

    /// Returns whether the order is that of the rows.
    fn keep_order(&self) -> bool {
        self.ranks == 1
    }
}

/// The matching rows in their order.
#[derive(Clone, Debug)]
pub(super) enum Matches {
    /// Consecutive rows.
    Range(Range<u32>),
    /// The rows themselves.
    Rows(Vec<u32>),
    /// The number of matches in each block, for each rank of the order.
    Blocks(BlockMatches),
}

impl Default for Matches {
    fn default() -> Self {
        Self::Range(0..0)
    }
}

impl Matches {
    /// Returns the number of matches.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Range(rows) => u64::from(rows.end - rows.start),
            Self::Rows(rows) => rows.len() as u64,
            Self::Blocks(blocks) => blocks.totals.iter().sum(),
        }
    }

    /// Selects rows of a range by their codes, little-endian u16.
    pub(super) fn of_codes(first_row: u32, codes: &[u8], ranks: &Ranks) -> Self {
        let mut rows: Vec<(usize, u32)> = rows_of_codes(first_row, codes)
            .filter_map(|(row, code)| ranks.of(code).map(|rank| (rank, row)))
            .collect();
        if !ranks.keep_order() {
            rows.sort_by_key(|&(rank, _)| rank);
        }
        Self::Rows(rows.into_iter().map(|(_, row)| row).collect())
    }
}

/// The number of matches in each block, for each rank of an order.
#[derive(Clone, Debug)]
pub(super) struct BlockMatches {
    ranks: Ranks,
    /// For each rank the number of matches in all blocks before each, and of all.
    before: Vec<Vec<u32>>,
    totals: Vec<u64>,
}

/// Matches that lie in one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InBlock {
    pub(super) block: u32,
    rank: usize,
    /// Positions among the block's matches of the rank.
    matches: Range<usize>,
}

impl BlockMatches {
    /// Counts the matches by a summary; `None` if its length does not fit its counts or the number of rows.
    pub(super) fn new(summary: &[u8], ranks: Ranks, rows: u32) -> Option<Self> {
        let blocks = rows.div_ceil(CELL_BLOCK_ROWS) as usize;
        let mut before = vec![vec![0_u32]; ranks.ranks];
        let mut at = 0;
        let u16_at =
            |at: usize| Some(u16::from_le_bytes(summary.get(at..at.checked_add(2)?)?.try_into().ok()?));
        while at < summary.len() {
            let pairs = usize::from(u16_at(at)?);
            at += 2;
            let mut counts = vec![0_u32; ranks.ranks];
            for pair in 0..pairs {
                let (code, count) = (u16_at(at + pair * 4)?, u16_at(at + pair * 4 + 2)?);
                if let Some(rank) = ranks.of(code) {
                    counts[rank] += u32::from(count);
                }
            }
            at += pairs * 4;
            if before[0].len() > blocks {
                return None;
            }
            for (before, count) in before.iter_mut().zip(counts) {
                let total = before.last().copied().unwrap_or_default();
                before.push(total.checked_add(count)?);
            }
        }
        let totals = before.iter().map(|before| u64::from(before.last().copied().unwrap_or_default()));
        Some(Self { totals: totals.collect(), before, ranks })
    }

    /// Returns where at most `count` matches from position `start` on lie.
    pub(super) fn locate(&self, start: u64, count: u64) -> Vec<InBlock> {
        let mut found = Vec::new();
        let (mut start, mut left) = (start, count);
        for (rank, (&total, before)) in self.totals.iter().zip(&self.before).enumerate() {
            if start >= total {
                start -= total;
                continue;
            }
            let end = total.min(start + left);
            left -= end - start;
            let mut at = start as u32;
            let mut block = before.partition_point(|&before| before <= at) - 1;
            while u64::from(at) < end {
                let next = before[block + 1].min(end as u32);
                if next > at {
                    let matches = (at - before[block]) as usize..(next - before[block]) as usize;
                    found.push(InBlock { block: block as u32, rank, matches });
                    at = next;
                }
                block += 1;
            }
            start = 0;
            if left == 0 {
                break;
            }
        }
        found
    }

    /// Returns the position of a row among all matches, from the codes of its block.
    pub(super) fn position(&self, block: u32, within: u32, codes: &[u8]) -> Option<u64> {
        let ranks: Vec<Option<usize>> =
            rows_of_codes(0, codes).map(|(_, code)| self.ranks.of(code)).collect();
        let rank = (*ranks.get(within as usize)?)?;
        let in_block = ranks[..within as usize].iter().filter(|&&other| other == Some(rank)).count();
        let earlier: u64 = self.totals[..rank].iter().sum();
        Some(earlier + u64::from(*self.before[rank].get(block as usize)?) + in_block as u64)
    }

    /// Returns the rows of matches in a block, from the block's codes.
    pub(super) fn rows(&self, found: &InBlock, codes: &[u8]) -> Vec<u32> {
        rows_of_codes(found.block * CELL_BLOCK_ROWS, codes)
            .filter(|&(_, code)| self.ranks.of(code) == Some(found.rank))
            .map(|(row, _)| row)
            .skip(found.matches.start)
            .take(found.matches.len())
            .collect()
    }
}

/// Iterates over rows and their codes.
fn rows_of_codes(first_row: u32, codes: &[u8]) -> impl Iterator<Item = (u32, u16)> + '_ {
    (first_row..).zip(codes.chunks_exact(2).map(|code| u16::from_le_bytes([code[0], code[1]])))
}

/// Counts the cells of a range of codes.
pub(super) fn count_codes(codes: &[u8], cells: &[u32]) -> Vec<u64> {
    let mut counts = vec![0; cells.len()];
    for (_, code) in rows_of_codes(0, codes) {
        if let Some(count) = counts.get_mut(usize::from(code)) {
            *count += 1;
        }
    }
    counts
}

/// Returns whether a filter leaves the rows of its entity as they are.
pub(super) fn is_whole(filter: &Filter) -> bool {
    *filter == Filter { entity: filter.entity.clone(), ..Filter::default() }
        && filter.order == CatalogOrder::Entity
}
