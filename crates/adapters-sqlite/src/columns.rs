//! A row's columns, read one after the other into the engine's types.

use std::str::FromStr;

use alavanca_kernel::{Contracts, LegId, Money, Price, Reward, StateKey, SymbolId, Timestamp, TradeId, TradingDay};
use alavanca_ports::StoreError;
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;

use crate::names;
use crate::store::column;
use crate::text::States;

/// The columns of one row, from left to right.
pub(crate) struct Columns<'a> {
    row: &'a QueryResult,
    states: &'a States,
    next: usize,
}

impl<'a> Columns<'a> {
    /// From this column on.
    pub(crate) fn from(row: &'a QueryResult, first: usize, states: &'a States) -> Self {
        Self { row, states, next: first }
    }

    /// The next column as it is.
    pub(crate) fn take<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        self.next += 1;
        column(self.row, self.next - 1)
    }

    /// The next column as a number of another width.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let value: i64 = self.take()?;
        T::try_from(value).map_err(|_| wrong(&format!("{value} is too large or too small for what it counts")))
    }

    pub(crate) fn option<T>(&mut self, of: impl FnOnce(i64) -> T) -> Result<Option<T>, StoreError> {
        Ok(self.take::<Option<i64>>()?.map(of))
    }

    pub(crate) fn instant(&mut self) -> Result<Timestamp, StoreError> {
        self.take().map(Timestamp::from_micros)
    }

    pub(crate) fn day(&mut self) -> Result<TradingDay, StoreError> {
        self.number().map(TradingDay::from_days)
    }

    pub(crate) fn symbol(&mut self) -> Result<SymbolId, StoreError> {
        self.number().map(SymbolId::new)
    }

    pub(crate) fn price(&mut self) -> Result<Price, StoreError> {
        self.take().map(Price::from_raw)
    }

    pub(crate) fn money(&mut self) -> Result<Money, StoreError> {
        self.take().map(Money::from_cents)
    }

    pub(crate) fn contracts(&mut self) -> Result<Contracts, StoreError> {
        self.number().map(Contracts::new)
    }

    pub(crate) fn reward(&mut self) -> Result<Reward, StoreError> {
        Reward::from_micros(self.number()?).ok_or_else(|| wrong("the reward is not from 0 to 1"))
    }

    /// The next two columns: trade and role.
    pub(crate) fn leg(&mut self) -> Result<LegId, StoreError> {
        Ok(LegId { trade: TradeId::new(self.number()?), role: self.named("role", names::find_role)? })
    }

    pub(crate) fn state(&mut self) -> Result<StateKey, StoreError> {
        let states = self.states;
        self.named("state", |name| states.find(name))
    }

    /// A name that its type parses.
    pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T, StoreError> {
        self.take::<String>()?.parse().map_err(|e: T::Err| wrong(&e.to_string()))
    }

    pub(crate) fn named<T>(&mut self, what: &str, find: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let name: String = self.take()?;
        find(&name).ok_or_else(|| wrong(&format!("no {what} has the name {name}")))
    }

    pub(crate) fn named_option<T>(
        &mut self,
        what: &str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let name: Option<String> = self.take()?;
        name.map(|name| find(&name).ok_or_else(|| wrong(&format!("no {what} has the name {name}")))).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, what: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.take::<String>()?).map_err(|e| wrong(&format!("{what} cannot be read: {e}")))
    }

    pub(crate) fn json_option<T: DeserializeOwned>(&mut self, what: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.take()?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map_err(|e| wrong(&format!("{what} cannot be read: {e}")))
    }
}

fn wrong(what: &str) -> StoreError {
    StoreError::Inconsistent(what.to_owned())
}
