//! Elements grouped by number in compressed sparse row (CSR) form: two flat lists.

/// The elements of each group, by index; within a group in ascending order.
#[derive(Default)]
pub(super) struct CsrIndex {
    /// Start of each group in `elements`, and the end of the last.
    starts: Vec<u32>,
    elements: Vec<u32>,
}

impl CsrIndex {
    /// Sorts `elements` elements into `groups` groups by counting; an element without a group is
    /// left out.
    pub(super) fn new(groups: usize, elements: usize, group_of: impl Fn(usize) -> Option<u32>) -> Self {
        let mut starts = vec![0_u32; groups + 1];
        for group in (0..elements).filter_map(&group_of) {
            starts[group as usize + 1] += 1;
        }
        for group in 0..groups {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0; starts[groups] as usize];
        for element in 0..elements {
            if let Some(group) = group_of(element) {
                let slot = &mut next[group as usize];
                sorted[*slot as usize] = element as u32;
                *slot += 1;
            }
        }
        Self { starts, elements: sorted }
    }

    /// Returns the elements of a group; none if there is no such group.
    pub(super) fn of(&self, group: u32) -> &[u32] {
        let group = group as usize;
        match (self.starts.get(group), self.starts.get(group + 1)) {
            (Some(&start), Some(&end)) => &self.elements[start as usize..end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CsrIndex;

    #[test]
    fn groups_list_their_elements_in_order() {
        let group_of = [Some(2), Some(0), None, Some(2), Some(0)];
        let index = CsrIndex::new(3, group_of.len(), |element| group_of[element]);
        assert_eq!(index.of(0), [1, 4]);
        assert_eq!(index.of(1), [0_u32; 0]);
        assert_eq!(index.of(2), [0, 3]);
        assert_eq!(index.of(3), [0_u32; 0]);
        assert_eq!(CsrIndex::default().of(0), [0_u32; 0]);
    }
}
