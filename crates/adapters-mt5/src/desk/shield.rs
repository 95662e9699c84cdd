//! Stops that rest at the server: set, read back, set again, and what happens where they cannot be.

use alavanca_kernel::{AccountMode, ExitLevels, LegId, LegRole, Price, SymbolId};
use alavanca_ports::BrokerError;

use super::flatten::MARKET_CLOSED;
use super::hear::STOPS;
use super::ledger::Market;
use super::retcode::{self, Meaning};
use super::told::{FlattenReason, Told};
use super::{Desk, Now};
use crate::link::Say;
use crate::wire::{Decimal, FromEngine, Id, PositionSltp, TradeResult};

/// The stop and target of one position: what it should have, and how far that is.
#[derive(Debug, Clone, Default)]
pub(super) struct Shield {
    /// Stop and target that the position should have; zero for none.
    wanted: Option<(Decimal, Decimal)>,
    /// Since when it is known to have no stop.
    naked_since: Option<u64>,
    /// It was said that it has none.
    told: bool,
    asked: Option<Question>,
    /// A move that the engine asked for, and what was wanted before.
    moving: Option<Moving>,
    refused: Option<String>,
}

#[derive(Debug, Clone)]
struct Question {
    cid: String,
    at: u64,
}

#[derive(Debug, Clone)]
struct Moving {
    wanted: Option<(Decimal, Decimal)>,
    levels: Option<ExitLevels>,
    leg: LegId,
}

/// How far a move of exits is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// The position was not read with them yet.
    Pending,
    /// The position has them, as read.
    Done,
    /// The terminal refused; the position has what it had.
    Refused(String),
}

/// One position that is to be looked after.
struct Watched {
    symbol: SymbolId,
    /// On hedging accounts its leg.
    leg: Option<LegId>,
    ticket: Id,
    identifier: Id,
    has: (Decimal, Decimal),
}

impl Shield {
    pub(super) fn forget_question(&mut self) {
        self.asked = None;
        self.naked_since = None;
    }

    /// Whether the position is known to lack the stop that it should have.
    pub(super) fn is_naked(&self) -> bool {
        self.naked_since.is_some()
    }

    pub(super) fn wanted(&self) -> (Decimal, Decimal) {
        self.wanted.unwrap_or_default()
    }
}

/// The first fill of a leg says what its position should have. On netting accounts the base's says it for all.
pub(super) fn opened(market: &mut Market, id: LegId, mode: AccountMode) {
    let Some(leg) = market.legs.iter_mut().find(|leg| leg.id == id) else { return };
    let wanted = leg.levels.as_ref().map(decimals);
    let shield = match mode {
        AccountMode::Hedging => &mut leg.shield,
        AccountMode::Netting if id.role == LegRole::Base => &mut market.shield,
        AccountMode::Netting => return,
    };
    if shield.wanted.is_none() {
        shield.wanted = wanted;
    }
}

/// A leg of the engine's books has the exits that the books say.
pub(super) fn adopt(market: &mut Market, id: LegId, mode: AccountMode) {
    if market.leg(id).is_some_and(|leg| leg.levels.is_some() && leg.open > 0) {
        opened(market, id, mode);
    }
}

/// With the last leg the shield goes: not while one is on its way, which will need it.
pub(super) fn left(market: &mut Market) {
    if market.legs.is_empty() {
        market.shield = Shield::default();
    }
}

impl Desk {
    /// Lets these exits rest with a leg from now on. What is surely wrong is refused at once; else
    /// [`moved`](Self::moved) says how far it is.
    ///
    /// # Errors
    /// [`BrokerError::NotSent`]: no such leg, the wrong side of the market, or no session.
    pub fn move_exits(
        &mut self,
        symbol: SymbolId,
        id: LegId,
        stop: Price,
        target: Option<Price>,
        now: Now,
    ) -> Result<(), BrokerError> {
        self.at(now);
        let refused = |why: String| Err(BrokerError::NotSent(why));
        let Some(market) = self.markets.get_mut(symbol.index()) else {
            return refused("the symbol is not traded here".into());
        };
        let tick = market.instrument.tick;
        let (stop, target) = (stop.to_tick(tick), target.map(|target| target.to_tick(tick)));
        let quote = market.quote;
        let Some(leg) = market.legs.iter_mut().find(|leg| leg.id == id && leg.open > 0) else {
            return refused(format!("leg {id} is not open"));
        };
        let (side, before) = (leg.side, leg.levels);
        if let Some(quote) = quote {
            let leave = if side == alavanca_kernel::Side::Buy { quote.bid } else { quote.ask };
            let behind = |level: Price| (leave - level).raw() * side.sign() > 0;
            let stays = target == before.and_then(|levels| levels.take_profit());
            if !behind(stop) || target.is_some_and(|target| !stays && (target == leave || behind(target))) {
                let target = target.map_or_else(String::new, |target| format!(", or {target}"));
                return refused(format!("{stop}{target} is on the wrong side of the market"));
            }
        }
        let deadline = before.and_then(|levels| levels.deadline());
        let levels = ExitLevels::new(side, target, Some(stop), deadline);
        let shield = match self.config.mode {
            AccountMode::Hedging => &mut leg.shield,
            AccountMode::Netting if id.role == LegRole::Base => &mut market.shield,
            AccountMode::Netting => {
                // The desk watches it.
                leg.levels = Some(levels);
                return Ok(());
            }
        };
        if !self.session.as_ref().is_some_and(|session| session.ready && session.armed && session.fits) {
            return refused("no bridge is ready".into());
        }
        leg.levels = Some(levels);
        let wanted = Some(decimals(&levels));
        shield.refused = None;
        if shield.wanted != wanted {
            let before = Moving { wanted: shield.wanted, levels: before, leg: id };
            shield.moving = Some(shield.moving.take().unwrap_or(before));
            shield.wanted = wanted;
            shield.asked = None;
        }
        self.change(symbol);
        self.settle();
        Ok(())
    }

    /// How far the last move of a leg's exits is.
    pub fn moved(&self, symbol: SymbolId, id: LegId) -> Move {
        let Some(market) = self.markets.get(symbol.index()) else { return Move::Done };
        let shield = match (self.config.mode, market.leg(id)) {
            (AccountMode::Netting, _) if id.role == LegRole::Extra => return Move::Done,
            (AccountMode::Netting, _) => &market.shield,
            (AccountMode::Hedging, Some(leg)) => &leg.shield,
            (AccountMode::Hedging, None) => return Move::Refused(format!("leg {id} is not open")),
        };
        match (&shield.refused, &shield.moving) {
            (Some(why), _) => Move::Refused(why.clone()),
            (None, Some(_)) => Move::Pending,
            (None, None) => Move::Done,
        }
    }

    /// Each position has what it should have, or is asked to, or is closed.
    pub(super) fn watch_shields(&mut self) {
        if !self.session.as_ref().is_some_and(|session| session.ready && session.armed && session.fits) {
            return;
        }
        for watched in self.watched() {
            self.watch_shield(&watched);
        }
    }

    fn watched(&self) -> Vec<Watched> {
        let mut all = Vec::new();
        for (index, market) in self.markets.iter().enumerate() {
            let symbol = SymbolId::new(index as u16);
            let of = |position: &crate::wire::Position, leg| Watched {
                symbol,
                leg,
                ticket: position.ticket,
                identifier: position.identifier,
                has: (position.sl, position.tp),
            };
            match self.config.mode {
                AccountMode::Netting => {
                    // A position on the other side is no leg's.
                    let side = market.legs.iter().find(|leg| leg.open > 0).map(|leg| leg.side.sign());
                    let same = |position: &&crate::wire::Position| {
                        side.is_some_and(|side| super::ledger::signed(position).signum() == side)
                    };
                    all.extend(market.positions.first().filter(same).map(|position| of(position, None)));
                }
                AccountMode::Hedging => {
                    let legs = market.legs.iter().filter(|leg| leg.open > 0);
                    all.extend(legs.filter_map(|leg| market.position_of(leg).map(|it| of(it, Some(leg.id)))));
                }
            }
        }
        all
    }

    fn shield_mut(&mut self, symbol: SymbolId, leg: Option<LegId>) -> Option<&mut Shield> {
        let market = self.markets.get_mut(symbol.index())?;
        match leg {
            None => Some(&mut market.shield),
            Some(leg) => market.leg_mut(leg).map(|leg| &mut leg.shield),
        }
    }

    fn watch_shield(&mut self, watched: &Watched) {
        let Watched { symbol, leg, .. } = *watched;
        let (now, naked_ms, again_ms) = (self.now.ms, self.config.care.naked_ms, self.config.care.again_ms);
        let market = &self.markets[symbol.index()];
        let shield = leg.map_or(Some(&market.shield), |leg| market.leg(leg).map(|leg| &leg.shield));
        let Some((stop, target)) = shield.and_then(|shield| shield.wanted) else { return };
        let kept = market.same_price(watched.has.0, stop) && market.same_price(watched.has.1, target);
        let flattening = market.flatten.is_some();
        let Some(shield) = self.shield_mut(symbol, leg) else { return };
        if kept {
            (shield.naked_since, shield.asked, shield.moving, shield.told) = (None, None, None, false);
            return;
        }
        // Without a wish for either, what a person set by hand stays.
        if stop == Decimal::ZERO && target == Decimal::ZERO && shield.moving.is_none() {
            return;
        }
        let naked = watched.has.0 == Decimal::ZERO && stop != Decimal::ZERO;
        shield.naked_since = naked.then(|| shield.naked_since.unwrap_or(now));
        let too_long = shield.naked_since.is_some_and(|since| now >= since + naked_ms);
        let tell = naked && !std::mem::replace(&mut shield.told, naked);
        let due = shield.asked.as_ref().is_none_or(|asked| now >= asked.at + again_ms);
        if tell {
            self.told.push(Told::StopMissing { symbol, has: watched.has.0, wants: stop });
        }
        if flattening {
            return;
        }
        if too_long {
            let only = if leg.is_some() { watched.identifier } else { Id::NONE };
            return self.start_flatten(symbol, only, FlattenReason::Naked);
        }
        if due {
            let cid = self.next_cid(STOPS);
            let name = self.markets[symbol.index()].name.clone();
            if let Some(shield) = self.shield_mut(symbol, leg) {
                shield.asked = Some(Question { cid: cid.clone(), at: now });
            }
            let change = PositionSltp { symbol: name, position: watched.ticket, sl: stop, tp: target };
            self.said.push(Say { cid: Some(cid), message: FromEngine::PositionSltp(change) });
        }
        self.want_reading(self.config.care.follow_ms);
    }

    /// The terminal's answer to a change of stops. That it took it is no proof: the position is read.
    pub(super) fn on_stops_result(&mut self, cid: &str, result: &TradeResult) {
        let Some((symbol, leg)) = self.asked_by(cid) else { return };
        self.want_reading(0);
        let Some(shield) = self.shield_mut(symbol, leg) else { return };
        let why = format!("{} ({}) {}", retcode::name(result.retcode), result.retcode, result.comment);
        let refused = match retcode::meaning(result.retcode) {
            Meaning::Done | Meaning::NoChange | Meaning::Placed | Meaning::Partial | Meaning::Unknown => return,
            Meaning::NotSent | Meaning::Final(_) | Meaning::Halt(_) => shield.moving.take(),
            Meaning::NewPrice | Meaning::BackOff | Meaning::LookAgain => None,
        };
        if result.retcode == MARKET_CLOSED {
            // Neither stop nor close can be had before it opens.
            shield.naked_since = None;
        }
        if let Some(before) = refused {
            shield.wanted = before.wanted;
            shield.refused = Some(why);
            if let Some(leg) = self.markets[symbol.index()].leg_mut(before.leg) {
                leg.levels = before.levels;
            }
        }
        self.told.push(Told::StopRefused { symbol, code: result.retcode });
    }

    pub(super) fn on_stops_unknown(&mut self, cid: &str) {
        if self.asked_by(cid).is_some() {
            self.want_reading(0);
        }
    }

    fn asked_by(&self, cid: &str) -> Option<(SymbolId, Option<LegId>)> {
        let is = |shield: &Shield| shield.asked.as_ref().is_some_and(|asked| asked.cid == cid);
        self.markets.iter().enumerate().find_map(|(index, market)| {
            let symbol = SymbolId::new(index as u16);
            if is(&market.shield) {
                return Some((symbol, None));
            }
            market.legs.iter().find(|leg| is(&leg.shield)).map(|leg| (symbol, Some(leg.id)))
        })
    }
}

/// Stop and target as a position has them.
pub(super) fn decimals(levels: &ExitLevels) -> (Decimal, Decimal) {
    let decimal = |level: Option<Price>| level.map_or(Decimal::ZERO, Decimal::from);
    (decimal(levels.stop_loss()), decimal(levels.take_profit()))
}
