//! The cells read last, so that the next question near them needs no request.

use std::collections::VecDeque;
use std::rc::Rc;

use super::block::Block;

/// Maximum bytes of the cells that are kept.
const MAX_BYTES: usize = 48 << 20;

/// Cells by their numbers; the one used least recently is removed first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The one used last is at the end.
    blocks: VecDeque<(usize, Rc<Block>)>,
    bytes: usize,
}

impl Cache {
    /// Returns whether a cell is kept.
    pub(super) fn holds(&self, cell: usize) -> bool {
        self.blocks.iter().any(|(kept, _)| *kept == cell)
    }

    /// Returns a cell that is kept, which then is the one used last.
    pub(super) fn get(&mut self, cell: usize) -> Option<Rc<Block>> {
        let at = self.blocks.iter().position(|(kept, _)| *kept == cell)?;
        let found = self.blocks.remove(at)?;
        let block = Rc::clone(&found.1);
        self.blocks.push_back(found);
        Some(block)
    }

    /// Keeps a cell, and removes others while there are too many bytes.
    pub(super) fn keep(&mut self, cell: usize, block: Rc<Block>) {
        if self.get(cell).is_some() {
            return;
        }
        self.bytes += block.memory();
        self.blocks.push_back((cell, block));
        while self.bytes > MAX_BYTES && self.blocks.len() > 1 {
            let Some((_, oldest)) = self.blocks.pop_front() else { break };
            self.bytes -= oldest.memory();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::cells::block::Records;

    #[test]
    fn least_recently_used_cells_are_removed() {
        let block = || Rc::new(Block { vectors: vec![0; MAX_BYTES / 3], records: Records::default() });
        let mut cache = Cache::default();
        (0..3).for_each(|cell| cache.keep(cell, block()));
        assert!(cache.get(0).is_some());
        cache.keep(3, block());
        assert_eq!([0, 1, 2, 3].map(|cell| cache.holds(cell)), [true, false, true, true]);
    }
}
