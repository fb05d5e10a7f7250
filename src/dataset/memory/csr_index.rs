//! Elements grouped by number, in two flat lists: where each group starts, and the elements group by group.

/// CsrIndex of element indices; within a group in the order of the elements.
#[derive(Default)]
pub(super) struct CsrIndex {
    /// Where each group starts in `elements`, and the end of the last.
    starts: Vec<u32>,
    elements: Vec<u32>,
}

impl CsrIndex {
    /// Sorts `elements` elements into `groups` groups by counting; `group_of` answers none for
    /// those left out.
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

    /// The elements of a group; none where there is no such group.
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
    fn groups() {
        let group_of = [Some(2), Some(0), None, Some(2), Some(0)];
        let groups = CsrIndex::new(3, group_of.len(), |element| group_of[element]);
        assert_eq!(groups.of(0), [1, 4]);
        assert_eq!(groups.of(1), [0_u32; 0]);
        assert_eq!(groups.of(2), [0, 3]);
        assert_eq!(groups.of(3), [0_u32; 0]);
        assert_eq!(CsrIndex::default().of(0), [0_u32; 0]);
    }
}
