//! Crash points, for tests: a process of a debug build can be told to end at a call of store or broker as if it had been
//! killed. `ALAVANCA_CRASH_AT=store:3:before` ends it before its third commit reaches the store, `broker:2:after` after
//! its second order, change or cancellation did. Release builds do not read it.

use alavanca_engine::{Record, Restored};
use alavanca_kernel::{Contracts, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg, Store, StoreError};
use async_trait::async_trait;

/// Where to end: at which call, and on which side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashPoint {
    of: Calls,
    number: u64,
    after: bool,
}

/// Whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// Commits of the store.
    Store,
    /// Orders, cancellations and changes at the broker.
    Broker,
}

/// Store or broker with a crash point.
#[derive(Debug)]
pub struct Crashing<T> {
    inner: T,
    calls: u64,
    point: Option<CrashPoint>,
}

impl CrashPoint {
    /// What the environment says; never anything in a release build.
    pub fn of_environment() -> Option<Self> {
        if !cfg!(debug_assertions) {
            return None;
        }
        Self::read(&std::env::var("ALAVANCA_CRASH_AT").ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let of = match parts.next()? {
            "store" => Calls::Store,
            "broker" => Calls::Broker,
            _ => return None,
        };
        let number = parts.next()?.parse().ok()?;
        let after = match parts.next()? {
            "before" => false,
            "after" => true,
            _ => return None,
        };
        parts.next().is_none().then_some(Self { of, number, after })
    }
}

impl<T> Crashing<T> {
    /// Ends the process at that point, where it is one of these calls.
    pub fn new(inner: T, of: Calls, point: Option<CrashPoint>) -> Self {
        Self { inner, calls: 0, point: point.filter(|point| point.of == of) }
    }

    /// What is behind it.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// What is behind it.
    pub fn inner_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// What is behind it.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn before(&mut self) {
        self.calls += 1;
        self.end(false);
    }

    fn after(&self) {
        self.end(true);
    }

    fn end(&self, after: bool) {
        if self.point.is_some_and(|point| (point.number, point.after) == (self.calls, after)) {
            // Like a kill: no destructor, no flush, no farewell.
            std::process::abort();
        }
    }
}

#[async_trait]
impl<S: Store<Record, Restored>> Store<Record, Restored> for Crashing<S> {
    async fn commit(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError> {
        self.before();
        let done = self.inner.commit(records, cursor).await;
        self.after();
        done
    }

    async fn restore(&mut self) -> Result<Option<Restored>, StoreError> {
        self.inner.restore().await
    }

    async fn cursor(&mut self) -> Result<u64, StoreError> {
        self.inner.cursor().await
    }
}

#[async_trait]
impl<B: Broker> Broker for Crashing<B> {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        self.before();
        let done = self.inner.submit(order).await;
        self.after();
        done
    }

    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        self.before();
        let done = self.inner.cancel(symbol, order).await;
        self.after();
        done
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError> {
        self.before();
        let done = self.inner.move_exits(symbol, leg, stop_loss, take_profit).await;
        self.after();
        done
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        self.inner.reports().await
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        self.inner.account().await
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        self.inner.legs().await
    }

    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        self.inner.margin(symbol, side, quantity).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, CrashPoint};

    #[test]
    fn a_crash_point_is_read_strictly() {
        let point = CrashPoint { of: Calls::Store, number: 3, after: false };
        assert_eq!(CrashPoint::read("store:3:before"), Some(point));
        assert_eq!(CrashPoint::read("broker:1:after"), Some(CrashPoint { of: Calls::Broker, number: 1, after: true }));
        for wrong in ["", "store", "store:3", "store:x:before", "disk:3:before", "store:3:during", "store:3:after:4"] {
            assert_eq!(CrashPoint::read(wrong), None, "{wrong}");
        }
    }
}
