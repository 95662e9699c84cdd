//! Which trades were already taken in.

use std::collections::BTreeMap;

use alavanca_kernel::TradeId;
use serde::{Deserialize, Serialize};

/// A set of trade ids, as runs of consecutive ones: ids grow by one, so that a lifetime of trades is a few runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct SeenTrades {
    /// First id of a run → its last.
    runs: BTreeMap<u64, u64>,
}

impl SeenTrades {
    /// Puts the id in; `false` where it was there before.
    pub(crate) fn insert(&mut self, trade: TradeId) -> bool {
        let id = trade.get();
        let before = self.runs.range(..=id).next_back().map(|(&first, &last)| (first, last));
        if before.is_some_and(|(_, last)| id <= last) {
            return false;
        }
        let first = match before {
            Some((first, last)) if last + 1 == id => first,
            _ => id,
        };
        let last = id.checked_add(1).and_then(|next| self.runs.remove(&next)).unwrap_or(id);
        self.runs.insert(first, last);
        true
    }

    #[cfg(test)]
    fn runs(&self) -> usize {
        self.runs.len()
    }
}

impl From<Vec<(u64, u64)>> for SeenTrades {
    fn from(runs: Vec<(u64, u64)>) -> Self {
        Self { runs: runs.into_iter().collect() }
    }
}

impl From<SeenTrades> for Vec<(u64, u64)> {
    fn from(seen: SeenTrades) -> Self {
        seen.runs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_join_into_one_run() {
        let mut seen = SeenTrades::default();
        for (id, new, runs) in
            [(5, true, 1), (3, true, 2), (4, true, 1), (4, false, 1), (3, false, 1), (5, false, 1), (u64::MAX, true, 2)]
        {
            assert_eq!((seen.insert(TradeId::new(id)), seen.runs()), (new, runs), "{id}");
        }
    }

    proptest! {
        #[test]
        fn is_a_set(ids in prop::collection::vec(0_u64..40, 0..80)) {
            let (mut seen, mut model) = (SeenTrades::default(), BTreeSet::new());
            for id in ids {
                prop_assert_eq!(seen.insert(TradeId::new(id)), model.insert(id));
                let gaps = model.iter().filter(|&&id| !model.contains(&(id + 1))).count();
                prop_assert_eq!(seen.runs(), gaps);
            }
        }
    }
}
