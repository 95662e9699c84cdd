//! What every [`Store`] has to keep.

use std::fmt::Debug;

use crate::{Store, StoreError};

/// Takes a store through a life with restarts. `open` opens the same store again each time, a new one at first; the
/// one before is dropped by then, without a word.
///
/// Each of `steps` is committed after the one before, with what `restore` has to answer from then on. `refused` are
/// records that cannot be stored after the last step, the first of which could be by itself.
///
/// A commit is whole or nothing; what was committed is there after a restart, and only that; the cursor is that of the
/// last commit, goes up with an empty one, and never back.
pub async fn suite<Record, Restored, S>(
    mut open: impl AsyncFnMut() -> S,
    steps: &[(Vec<Record>, Restored)],
    refused: &[Record],
) where
    Record: Send + Sync + 'static,
    Restored: PartialEq + Debug + Send + 'static,
    S: Store<Record, Restored>,
{
    const STRIDE: u64 = 10;
    let sound = "a sound store reads and writes without error";
    let mut store = open().await;
    assert_eq!(store.cursor().await.expect(sound), 0, "a new store has consumed nothing");
    assert_eq!(store.restore().await.expect(sound), None, "a new store restores nothing");

    let mut cursor = 0;
    for (step, (records, restored)) in steps.iter().enumerate() {
        cursor += STRIDE;
        store.commit(records, cursor).await.expect(sound);
        assert_eq!(store.cursor().await.expect(sound), cursor, "step {step}: the commit's cursor");
        let at_once = store.restore().await.expect(sound);
        assert_eq!(at_once.as_ref(), Some(restored), "step {step}: restored from the open store");
        drop(store);
        store = open().await;
        assert_eq!(store.cursor().await.expect(sound), cursor, "step {step}: the cursor after a restart");
        let restarted = store.restore().await.expect(sound);
        assert_eq!(restarted.as_ref(), Some(restored), "step {step}: restored after a restart");
    }

    let Some((_, last)) = steps.last() else { panic!("the suite needs steps") };
    let back = store.commit(&[], cursor - 1).await;
    assert!(matches!(back, Err(StoreError::Inconsistent(_))), "the cursor went back, and the answer was {back:?}");
    check_unchanged(&mut store, cursor, last, "after a cursor that went back").await;

    store.commit(refused, cursor + STRIDE).await.expect_err("these records contradict what is stored");
    check_unchanged(&mut store, cursor, last, "after refused records").await;
    drop(store);
    store = open().await;
    check_unchanged(&mut store, cursor, last, "after refused records and a restart").await;

    cursor += STRIDE;
    store
        .commit(&refused[..1], cursor)
        .await
        .expect("nothing of the refused records is in the way of the first of them");
    cursor += STRIDE;
    store.commit(&[], cursor).await.expect(sound);
    check_unchanged(&mut store, cursor, last, "after an empty commit").await;
}

async fn check_unchanged<Record, Restored, S>(store: &mut S, cursor: u64, last: &Restored, when: &str)
where
    Record: Send + Sync + 'static,
    Restored: PartialEq + Debug + Send + 'static,
    S: Store<Record, Restored>,
{
    assert_eq!(store.cursor().await.ok(), Some(cursor), "the cursor {when}");
    assert_eq!(store.restore().await.expect("it can be asked").as_ref(), Some(last), "what is restored {when}");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;

    use super::*;

    /// Keeps numbers, each once; restores their sum.
    #[derive(Clone, Default)]
    struct Kept {
        numbers: Vec<u64>,
        cursor: u64,
    }

    /// What a faulty store does wrong.
    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        KeepsHalf,
        ForgetsTheLast,
        GoesBack,
        LosesEmpty,
    }

    struct Shelf {
        disk: Arc<Mutex<Kept>>,
        kept: Kept,
        fault: Fault,
    }

    #[async_trait]
    impl Store<u64, u64> for Shelf {
        async fn commit(&mut self, records: &[u64], cursor: u64) -> Result<(), StoreError> {
            if cursor < self.kept.cursor && self.fault != Fault::GoesBack {
                return Err(StoreError::Inconsistent("back".to_owned()));
            }
            let mut next = self.kept.clone();
            for record in records {
                if next.numbers.contains(record) {
                    if self.fault == Fault::KeepsHalf {
                        self.kept = next;
                    }
                    return Err(StoreError::Inconsistent("twice".to_owned()));
                }
                next.numbers.push(*record);
            }
            if !records.is_empty() || self.fault != Fault::LosesEmpty {
                next.cursor = cursor;
            }
            self.kept = next;
            if self.fault != Fault::ForgetsTheLast {
                self.disk.lock().unwrap().clone_from(&self.kept);
            }
            Ok(())
        }

        async fn restore(&mut self) -> Result<Option<u64>, StoreError> {
            // Zero is what the suite must not see change.
            let sum = self.kept.numbers.iter().filter(|&&n| n < 100).sum();
            Ok((!self.kept.numbers.is_empty()).then_some(sum))
        }

        async fn cursor(&mut self) -> Result<u64, StoreError> {
            Ok(self.kept.cursor)
        }
    }

    fn check(fault: Fault) {
        let disk = Arc::new(Mutex::new(Kept::default()));
        let open = async || Shelf { disk: disk.clone(), kept: disk.lock().unwrap().clone(), fault };
        let steps = [(vec![1, 2], 3), (vec![4], 7)];
        // 200 is not in the sum, so that it may be stored; 8 would show if half was kept.
        let mut suite = std::pin::pin!(suite(open, &steps, &[200, 8, 4]));
        match suite.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(()) => {}
            std::task::Poll::Pending => panic!("this store waits for nothing"),
        }
    }

    #[test]
    fn a_sound_store_passes() {
        check(Fault::None);
    }

    #[test]
    #[should_panic(expected = "what is restored after refused records")]
    fn a_commit_in_halves_fails() {
        check(Fault::KeepsHalf);
    }

    #[test]
    #[should_panic(expected = "the cursor after a restart")]
    fn a_store_that_forgets_fails() {
        check(Fault::ForgetsTheLast);
    }

    #[test]
    #[should_panic(expected = "the cursor went back")]
    fn a_cursor_that_goes_back_fails() {
        check(Fault::GoesBack);
    }

    #[test]
    #[should_panic(expected = "the cursor after an empty commit")]
    fn an_empty_commit_that_is_lost_fails() {
        check(Fault::LosesEmpty);
    }
}
