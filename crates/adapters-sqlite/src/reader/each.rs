//! One kind of record, page by page: for tables that are larger than memory.

use std::ops::ControlFlow;

use alavanca_engine::{DecisionRecord, Record, TradeRecord};
use alavanca_ports::StoreError;
use alavanca_scalp::ScalpEvent;
use sea_orm::TransactionTrait;

use super::source::{self, Source};
use super::{RunReader, Selection, merge};
use crate::store::io;

macro_rules! each {
    ($($(#[$doc:meta])* $name:ident: $source:ident, $variant:ident -> $type:ty, $take:expr;)+) => { $(
        $(#[$doc])*
        /// All of one moment of the database; `each` ends it by breaking off.
        ///
        /// # Errors
        /// [`StoreError::Inconsistent`] naming the row that cannot be read.
        pub async fn $name(
            &self,
            selection: &Selection,
            each: &mut dyn FnMut($type) -> ControlFlow<()>,
        ) -> Result<(), StoreError> {
            self.each_until(&source::$source, selection, &mut |record| match record {
                Record::$variant(record) => {
                    let take: fn(_) -> $type = $take;
                    each(take(record))
                }
                _ => ControlFlow::Continue(()),
            })
            .await
        }
    )+ };
}

impl RunReader {
    each! {
        /// The gate's answers, by id, page by page.
        each_decision: DECISIONS, Decision -> DecisionRecord, |record: Box<_>| *record;
        /// Trades that ended, in the order in which they did, page by page.
        each_trade: TRADES, Trade -> TradeRecord, |record: Box<_>| *record;
        /// What happened to scalps, in order, page by page.
        each_scalp: SCALPS, Scalp -> ScalpEvent, |record| record;
    }

    async fn each_until(
        &self,
        source: &'static Source,
        selection: &Selection,
        each: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.db.begin().await.map_err(io)?;
        let mut stream = merge::Rows::new(&moment, source, selection).await?;
        'pages: while let Some(page) = stream.page(&moment, &self.states).await? {
            for (_, _, record) in page {
                if each(record).is_break() {
                    break 'pages;
                }
            }
        }
        moment.rollback().await.map_err(io)
    }
}
