//! Which ids there are, in little memory.

use std::collections::BTreeMap;

/// A set of ids as runs: ids count up, so that there are few gaps.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct IdSet(BTreeMap<u64, u64>);

impl IdSet {
    /// Adds an id; false where it was in the set.
    pub(crate) fn insert(&mut self, id: u64) -> bool {
        let (mut first, mut last) = (id, id);
        if let Some((&begin, &end)) = self.0.range(..=id).next_back() {
            if id <= end {
                return false;
            }
            if end + 1 == id {
                first = begin;
            }
        }
        if let Some(end) = id.checked_add(1).and_then(|next| self.0.remove(&next)) {
            last = end;
        }
        self.0.insert(first, last);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::IdSet;

    proptest! {
        #[test]
        fn it_is_a_set(ids in proptest::collection::vec(prop_oneof![0..40_u64, Just(u64::MAX), Just(u64::MAX - 1)], 0..80)) {
            let (mut set, mut expected) = (IdSet::default(), BTreeSet::new());
            for id in ids {
                prop_assert_eq!(set.insert(id), expected.insert(id), "{}", id);
            }
        }
    }

    #[test]
    fn ids_that_count_up_take_one_run() {
        let mut set = IdSet::default();
        (1..=1000).rev().chain(1001..=2000).for_each(|id| assert!(set.insert(id)));
        assert_eq!(set.0.len(), 1);
    }
}
