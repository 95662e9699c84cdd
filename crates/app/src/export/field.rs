//! A column together with how a record fills it: header, formats and documentation all come from here.

use std::borrow::Cow;

use alavanca_calendar::Zone;
use alavanca_kernel::{Contracts, Hour, Money, Price, Reward, StateKey, SymbolId, Timestamp, TradingDay, Unit};
use alavanca_ports::{Cell, Column, Kind};

use crate::brain_names::BrainNames;

/// What records do not say themselves.
#[derive(Debug)]
pub(super) struct Frame {
    /// The instruments' names, in the engine's order.
    pub symbols: Vec<String>,
    /// The trading zone.
    pub zone: Zone,
    /// The brains' names.
    pub brains: BrainNames,
}

type Read<R> = Box<dyn for<'a> Fn(&'a R, &'a Frame) -> Cell<'a>>;

/// A column of a table whose rows are made from `R`.
pub(super) struct Field<R> {
    pub column: Column,
    pub read: Read<R>,
}

/// Money's unit.
pub(super) const MONEY: &str = "account currency";
/// Price's unit.
pub(super) const PRICE: &str = "price";
/// The unit of what lies between 0 and 1.
pub(super) const SHARE: &str = "0 to 1";

/// Columns from left to right.
pub(super) struct Fields<R>(pub Vec<Field<R>>);

impl<R: 'static> Fields<R> {
    pub(super) fn add(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        unit: &'static str,
        about: impl Into<Cow<'static, str>>,
        read: impl for<'a> Fn(&'a R, &'a Frame) -> Cell<'a> + 'static,
    ) {
        let column = Column { name: name.into(), kind, unit, about: about.into() };
        self.0.push(Field { column, read: Box::new(read) });
    }

    /// An instant twice: in UTC, and as the trading zone's clocks showed it.
    pub(super) fn add_instant(&mut self, name: &str, about: &str, at: fn(&R) -> Option<Timestamp>) {
        self.add(format!("{name}_utc"), Kind::Instant, "", about.to_owned(), move |row, _| {
            option(at(row), |at| Cell::Number(at.micros()))
        });
        let local = format!("{about}, on the trading zone's clock");
        self.add(format!("{name}_local"), Kind::WallTime, "", local, move |row, frame| {
            option(at(row), |at| Cell::Number(frame.zone.wall_clock_micros(at)))
        });
    }

    /// The policy's state, part by part and by its stored name.
    pub(super) fn add_state(&mut self, of: fn(&R) -> StateKey) {
        self.add("state_hash", Kind::Text, "", "The policy's state, by its stored name", move |row, _| {
            text(of(row).to_hash().as_str().to_owned())
        });
        self.add("state_hour", Kind::Text, "", "The state's hour in the trading zone", move |row, _| {
            hour(of(row).hour)
        });
        self.add("state_confidence", Kind::Text, "", "The state's confidence: LOW, MEDIUM or HIGH", move |row, _| {
            text(of(row).confidence.as_str())
        });
        self.add(
            "state_disagreement",
            Kind::Text,
            "",
            "The state's disagreement: LOW, MEDIUM or HIGH",
            move |row, _| text(of(row).disagreement.as_str()),
        );
    }
}

pub(super) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(text.into())
}

pub(super) fn count(count: impl Into<u64>) -> Cell<'static> {
    Cell::Number(count.into() as i64)
}

pub(super) fn contracts(contracts: Contracts) -> Cell<'static> {
    count(contracts.count())
}

pub(super) fn money(money: Money) -> Cell<'static> {
    Cell::Number(money.cents())
}

pub(super) fn price(price: Price) -> Cell<'static> {
    Cell::Number(price.raw())
}

pub(super) fn reward(reward: Reward) -> Cell<'static> {
    count(reward.micros())
}

pub(super) fn unit(unit: Unit) -> Cell<'static> {
    Cell::Real(unit.get())
}

pub(super) fn day(day: TradingDay) -> Cell<'static> {
    Cell::Number(day.days().into())
}

pub(super) fn hour(hour: Hour) -> Cell<'static> {
    text(hour.to_string())
}

pub(super) fn symbol(symbol: SymbolId, frame: &Frame) -> Cell<'_> {
    option(frame.symbols.get(symbol.index()), |name| text(name.as_str()))
}

pub(super) fn option<'a, T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'a>) -> Cell<'a> {
    value.map_or(Cell::Absent, cell)
}
