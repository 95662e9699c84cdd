//! What the bridge says.

use alavanca_kernel::{AccountMode, OrderId, RejectReason, Tick};

use super::ledger::Quote;
use super::order::Stage;
use super::retcode::{self, Meaning};
use super::told::{Proof, Told};
use super::{Answer, Desk, Now, Session, reading};
use crate::link::{Established, LinkEvent, Say};
use crate::wire::{
    Filling, FromBridge, FromEngine, Id, Order as BrokerOrder, Position, Subscribe, Ticks, TradeResult, UnknownOutcome,
};

/// Bits of a tick's flags that mean something; the rest is noise of the source.
const FLAG_LAST: u32 = 8;
const FLAG_VOLUME: u32 = 16;
/// Begins the `cid` of a change of stops.
pub(super) const STOPS: &str = "s";

impl Desk {
    /// Something happened on the way to the bridge.
    pub fn on_link(&mut self, event: LinkEvent, now: Now) {
        self.at(now);
        match event {
            LinkEvent::Up(established) => self.on_up(&established),
            LinkEvent::Down(why) => self.on_down(&why),
            LinkEvent::Gap => {
                if let Some(session) = self.session.as_mut() {
                    session.ready = false;
                }
                self.want_reading(0);
            }
            LinkEvent::Message(envelope) => {
                if let Some(server) = envelope.ts_server {
                    self.now.market = self.now.market.max(self.config.zone.utc(server));
                }
                self.on_message(envelope.cid.as_deref(), envelope.message);
            }
        }
        self.settle();
    }

    fn on_up(&mut self, established: &Established) {
        let margin_mode = established.hello.account.margin_mode;
        let mode = if margin_mode == 2 { AccountMode::Hedging } else { AccountMode::Netting };
        let fits = mode == self.config.mode && margin_mode <= 2;
        if !fits {
            self.told.push(Told::WrongAccount { margin_mode });
        }
        // A session may begin without a word of the last one's end.
        self.lose_session("a new session began");
        let Established { epoch, armed, .. } = *established;
        let since = self.now.ms;
        self.session = Some(Session { epoch, armed, fits, ready: false, heartbeat: None, own: 0, since });
        let symbols = self.markets.iter().map(|market| market.name.clone()).collect();
        self.said.push(Say { cid: None, message: FromEngine::Subscribe(Subscribe { symbols, ticks: true }) });
        self.want_reading(0);
    }

    fn on_down(&mut self, why: &str) {
        self.lose_session(why);
        self.session = None;
    }

    /// What was handed over has an unknown outcome; what was not, never left.
    fn lose_session(&mut self, why: &str) {
        let ids: Vec<OrderId> = self.orders.values().filter(|order| !order.has_ended()).map(|order| order.id).collect();
        for id in ids {
            match self.orders.get(id).map(|order| order.stage) {
                Some(Stage::Queued) => self.end(id, Some(RejectReason::Other), None),
                Some(Stage::Sent { .. } | Stage::Accepted { .. }) => self.doubt(id, why),
                _ => {}
            }
        }
        for market in &mut self.markets {
            market.quote = None;
            market.shield.forget_question();
            for leg in &mut market.legs {
                leg.shield.forget_question();
            }
        }
        self.forget_reading();
        // What was said and not yet taken belongs to the session that ended.
        self.said.clear();
    }

    fn on_message(&mut self, cid: Option<&str>, message: FromBridge) {
        match message {
            FromBridge::Heartbeat(beat) => {
                if let Some(session) = self.session.as_mut() {
                    session.heartbeat = Some(beat);
                }
            }
            FromBridge::SymbolSpec(spec) => {
                if let Some(symbol) = self.symbol_of(&spec.symbol) {
                    self.markets[symbol.index()].spec = Some(spec);
                }
            }
            FromBridge::SessionCalendar(calendar) => {
                if let Some(symbol) = self.symbol_of(&calendar.symbol) {
                    self.markets[symbol.index()].calendar = Some(calendar);
                }
            }
            FromBridge::Tick(ticks) => self.on_ticks(&ticks),
            FromBridge::Bars(bars) => self.answer(cid, Answer::Bars(bars)),
            FromBridge::Calculated(amount) => self.answer(cid, Answer::Calculated(amount)),
            FromBridge::Accepted(accepted) => {
                let now = self.now.ms;
                if let Some(order) = self.order_of_magic(accepted.magic).and_then(|id| self.orders.get_mut(id))
                    && matches!(order.stage, Stage::Sent { .. })
                {
                    order.stage = Stage::Accepted { at: now };
                }
            }
            FromBridge::Result(result) => self.on_result(cid, result),
            FromBridge::Unknown(unknown) => self.on_unknown(cid, &unknown),
            FromBridge::Snapshot(snapshot) => self.on_snapshot(snapshot),
            FromBridge::Reconcile(part) => self.on_reconcile(cid, part),
            FromBridge::Deal(deal) => self.take_in(deal),
            FromBridge::OrderUpdate(order) => self.on_order_update(&order),
            FromBridge::PositionUpdate(position) => self.on_position(position),
            FromBridge::Acted(acted) => {
                self.told.push(Told::Acted(acted));
                self.want_reading(0);
            }
            FromBridge::Hello(_) | FromBridge::Welcome(_) | FromBridge::Refuse(_) | FromBridge::Bye(_) => {}
        }
    }

    fn answer(&mut self, cid: Option<&str>, answer: Answer) {
        if let Some(cid) = cid {
            self.answers.push((cid.to_owned(), answer));
        }
    }

    fn on_ticks(&mut self, ticks: &Ticks) {
        let Some(symbol) = self.symbol_of(&ticks.symbol) else { return };
        for tick in &ticks.ticks {
            let time = self.config.zone.utc(tick.server);
            self.now.market = self.now.market.max(time);
            let traded = tick.flags & (FLAG_LAST | FLAG_VOLUME) != 0;
            let whole = tick.volume.raw() / alavanca_kernel::Price::SCALE;
            let tick = Tick {
                time,
                bid: tick.bid.price(),
                ask: tick.ask.price(),
                last: tick.last.price(),
                volume: if traded { u64::try_from(whole).unwrap_or(0) } else { 0 },
            };
            // A crossed book, as in auctions, is shown and not traded on.
            if tick.is_tradable() {
                self.markets[symbol.index()].quote = Some(Quote { bid: tick.bid, ask: tick.ask, at: time });
            }
            self.ticks.push((symbol, tick));
        }
    }

    fn on_result(&mut self, cid: Option<&str>, result: TradeResult) {
        if result.margin.is_some() || cid.is_some_and(|cid| cid.starts_with('q')) {
            return self.answer(cid, Answer::Checked(result));
        }
        if let Some(cid) = cid.filter(|cid| cid.starts_with(STOPS)) {
            return self.on_stops_result(cid, &result);
        }
        match self.order_of_magic(result.magic) {
            Some(order) if cid.is_none_or(|cid| cid == result.magic.to_string()) => self.on_order_result(order, result),
            // A cancellation: what it came to is read.
            _ => self.want_reading(self.config.care.follow_ms),
        }
    }

    /// The terminal's answer to an order, directly or from the bridge's journal.
    pub(super) fn on_order_result(&mut self, id: OrderId, result: TradeResult) {
        let now = self.now.ms;
        let Some(order) = self.orders.get_mut(id) else { return };
        let was_unknown = match order.stage {
            Stage::Sent { .. } | Stage::Accepted { .. } | Stage::Working { .. } => false,
            Stage::Unknown { answered: false, .. } => true,
            // It was heard before.
            _ => return,
        };
        if result.order != Id::NONE {
            order.ticket = result.order;
        }
        let (symbol, purpose) = (order.symbol, order.purpose);
        let returns = order.sent.as_ref().is_none_or(|sent| sent.filling == Filling::Return);
        let meaning = retcode::meaning(result.retcode);
        let not_executed = match meaning {
            Meaning::Done | Meaning::NoChange => {
                let lots = result.volume.raw();
                order.final_lots = (lots > 0 && !(returns && lots < order.lots)).then_some(lots);
                order.stage = Stage::Answered { at: now };
                None
            }
            Meaning::Partial if returns => {
                order.stage = Stage::Working { at: now };
                None
            }
            Meaning::Partial => {
                order.final_lots = Some(result.volume.raw()).filter(|&lots| lots > 0);
                order.stage = Stage::Answered { at: now };
                None
            }
            Meaning::Placed => {
                order.stage = Stage::Working { at: now };
                None
            }
            Meaning::Unknown => {
                if !was_unknown {
                    self.doubt(id, retcode::name(result.retcode));
                }
                return;
            }
            Meaning::NotSent | Meaning::NewPrice | Meaning::BackOff => Some(RejectReason::Other),
            Meaning::LookAgain if purpose.opens() => Some(RejectReason::Other),
            Meaning::LookAgain => Some(RejectReason::NothingToClose),
            Meaning::Final(reason) | Meaning::Halt(reason) => Some(reason),
        };
        match meaning {
            Meaning::BackOff => self.back_off_until = now + self.config.care.back_off_ms,
            Meaning::LookAgain | Meaning::NotSent => self.want_reading(0),
            Meaning::Halt(_) => self.halt(result.retcode),
            _ => {}
        }
        self.change(symbol);
        // What was refused is likely to be refused at once again; another price may be had at once.
        if not_executed.is_some() && meaning != Meaning::NewPrice && !purpose.opens() {
            let until = now + self.config.care.again_ms;
            if let Some(leg) = purpose.leg().and_then(|leg| self.markets[symbol.index()].leg_mut(leg)) {
                leg.patient_until = until;
            }
        }
        if let Some(reason) = not_executed {
            self.told.push(Told::Refused { order: id, code: result.retcode, comment: result.comment });
            return self.end(id, Some(reason), Some(Proof::Answer));
        }
        if was_unknown {
            self.told.push(Told::Proven { order: id, by: Proof::Answer });
        }
        self.want_reading(self.config.care.follow_ms);
        self.end_if_filled(id);
    }

    pub(super) fn halt(&mut self, code: u32) {
        if self.halted.is_none() {
            self.halted = Some(code);
            self.told.push(Told::EntriesHalted { code });
        }
    }

    fn on_unknown(&mut self, cid: Option<&str>, unknown: &UnknownOutcome) {
        if let Some(cid) = cid.filter(|cid| cid.starts_with(STOPS)) {
            self.on_stops_unknown(cid);
        } else if let Some(order) = self.order_of_magic(unknown.magic) {
            self.doubt(order, &unknown.why);
        }
        self.want_reading(0);
    }

    fn on_order_update(&mut self, update: &BrokerOrder) {
        let Some(symbol) = self.symbol_of(&update.symbol) else { return };
        let resting = &mut self.markets[symbol.index()].resting;
        resting.retain(|order| order.ticket != update.ticket);
        if reading::rests(update) {
            resting.push(update.clone());
        }
        let Some(id) = self.order_of_magic(update.magic) else { return };
        let now = self.now.ms;
        let Some(order) = self.orders.get_mut(id).filter(|order| order.is_out()) else { return };
        order.ticket = update.ticket;
        if reading::rests(update) {
            // It is there, whatever else is not heard of it.
            let was_unknown = order.is_unknown();
            if was_unknown || matches!(order.stage, Stage::Sent { .. } | Stage::Accepted { .. }) {
                order.stage = Stage::Working { at: now };
            }
            if was_unknown {
                self.told.push(Told::Proven { order: id, by: Proof::Order });
            }
            return;
        }
        // It ended: with its deals here, so has the order; else they are asked for.
        let done = update.volume_initial.raw() - update.volume_current.raw();
        order.final_lots = (done > 0).then_some(done);
        if order.filled < done {
            if matches!(order.stage, Stage::Working { .. }) {
                order.stage = Stage::Answered { at: now };
            }
            return self.want_reading(self.config.care.follow_ms);
        }
        if matches!(order.stage, Stage::Working { .. } | Stage::Answered { .. }) {
            let reason = (order.filled == 0 && !order.take_back).then_some(RejectReason::Other);
            self.end(id, reason, Some(Proof::Order));
        }
    }

    fn on_position(&mut self, position: Position) {
        let Some(symbol) = self.symbol_of(&position.symbol) else { return };
        let stamp = self.stamp;
        let netting = self.config.mode == AccountMode::Netting;
        let market = &mut self.markets[symbol.index()];
        market.positions.retain(|other| !netting && other.identifier != position.identifier);
        if position.volume.raw() > 0 {
            market.positions.push(position);
        }
        market.shown = stamp;
        let differs = market.legs_signed() != market.position_signed();
        if differs {
            // A deal is on its way, or nobody knows why.
            self.want_reading(self.config.care.follow_ms);
        }
    }
}
