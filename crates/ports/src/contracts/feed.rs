//! What every [`Feed`] that ends has to keep.

use alavanca_kernel::Timestamp;

use crate::{Feed, MarketEvent};

/// Reads the feed to its end and returns how many events it had.
///
/// Events come in the order of the time they are known (a bar's end, a tick's time); a batch that is announced is
/// not empty and leaves what was in the vector before; after the end the feed stays ended and appends nothing.
pub async fn suite<F: Feed>(feed: &mut F) -> usize {
    let (mut all, mut last) = (Vec::new(), Timestamp::MIN);
    loop {
        let before = all.len();
        let more = feed.next_batch(&mut all).await.expect("a sound feed reads without error");
        assert!(all.len() >= before, "the feed took away events that were handed over before");
        assert_eq!(more, all.len() > before, "the answer must say whether events were appended");
        for event in &all[before..] {
            let known = known_at(event);
            assert!(last <= known, "an event known at {known} comes after one known at {last}");
            last = known;
        }
        if !more {
            break;
        }
    }
    let events = all.len();
    for _ in 0..3 {
        assert!(!feed.next_batch(&mut all).await.expect("asking after the end is no error"), "it ended twice");
    }
    assert_eq!(all.len(), events, "events were appended after the end");
    events
}

fn known_at(event: &MarketEvent) -> Timestamp {
    match event {
        MarketEvent::Bar(_, bar) => bar.end(),
        MarketEvent::Tick(_, tick) => tick.time,
    }
}

#[cfg(test)]
mod tests {
    use alavanca_kernel::{SymbolId, Tick};
    use async_trait::async_trait;

    use super::*;
    use crate::FeedError;

    /// Hands over these batches of tick times; an answer of its own where one is given.
    struct Batches(Vec<(Vec<i64>, bool)>);

    #[async_trait]
    impl Feed for Batches {
        async fn next_batch(&mut self, batch: &mut Vec<MarketEvent>) -> Result<bool, FeedError> {
            if self.0.is_empty() {
                return Ok(false);
            }
            let (times, answer) = self.0.remove(0);
            let tick = |time| Tick { time: Timestamp::from_secs(time), ..Tick::default() };
            batch.extend(times.into_iter().map(|time| MarketEvent::Tick(SymbolId::new(0), tick(time))));
            Ok(answer)
        }
    }

    fn check(batches: &[(&[i64], bool)]) -> usize {
        let mut feed = Batches(batches.iter().map(|(times, answer)| (times.to_vec(), *answer)).collect());
        block_on(suite(&mut feed))
    }

    /// Runs a future that never waits.
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("this feed waits for nothing"),
        }
    }

    #[test]
    fn a_sound_feed_passes() {
        assert_eq!(check(&[(&[1, 2, 2], true), (&[2, 3], true)]), 5);
    }

    #[test]
    #[should_panic(expected = "comes after one known at")]
    fn time_backwards_fails() {
        check(&[(&[1, 3], true), (&[2], true)]);
    }

    #[test]
    #[should_panic(expected = "whether events were appended")]
    fn an_announced_empty_batch_fails() {
        check(&[(&[1], true), (&[], true)]);
    }

    #[test]
    #[should_panic(expected = "it ended twice")]
    fn a_feed_that_goes_on_after_its_end_fails() {
        check(&[(&[1], true), (&[], false), (&[2], true)]);
    }
}
