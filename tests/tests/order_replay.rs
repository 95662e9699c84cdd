//! The order model's world around the real desk: bridge, wire and exchange do what the model says, and the engine's part
//! is played by the code that trades. The ways to the damage that the model found for the broken protocols are gone with
//! it, and thousands more at random; whatever happens, no order is executed twice, one contract at most is open, no exit
//! crosses flat, and once the faults end the books are the account's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use alavanca_adapters_mt5::desk::{Adopted, Care, Desk, DeskConfig, DeskSymbol, FixedOffset, Now};
use alavanca_adapters_mt5::link::{Established, LinkEvent};
use alavanca_adapters_mt5::wire::{
    AccountIdentity, AccountState, BridgeKind, Deal, Decimal, Envelope, FromBridge, FromEngine, Hello, Id, Intent,
    JournalState, NOT_SENT, Order, OrderSide, Outcome, Position, Reconcile, SessionCalendar, Snapshot, SymbolSpec,
    Tick, Ticks, TradeMode, TradeResult, UnknownOutcome, VERSION, Welcome,
};
use alavanca_kernel::{
    AccountMode, Contracts, ExitAt, Instrument, LegId, LegRole, OrderId, OrderIntent, OrderReport, OrderRequest, Price,
    Protection, Side, SymbolId, Timestamp, TradeId,
};
use alavanca_tests::order_model::{
    Kind, Letter, Model, ORDERS, Orders, Protocol, Reply, State, Step, Verdict, Watched, search,
};
use alavanca_tests::script::mix;

const SYMBOL: &str = "WINJ26";
const INSTANCE: u32 = 7;
const BEGAN: i64 = 1_800_000_000_000;
const UNIT: i64 = Price::SCALE;
const LOT: Decimal = Decimal::from_raw(UNIT);
const BID: Decimal = Decimal::from_raw(130_000 * UNIT);
const ASK: Decimal = Decimal::from_raw(130_005 * UNIT);

/// The real desk in the model's world.
struct Rehearsal {
    machine: Orders,
    world: State,
    desk: Option<Desk>,
    now: u64,
    epoch: u64,
    seq: u64,
    last_order: u64,
    /// What the engine has written down: the open leg, and the order that works on it.
    books: Option<Adopted>,
    /// Magic numbers by the model's order, and the stop that each carried.
    magics: Vec<(u64, Decimal)>,
    deals: Vec<Deal>,
    /// How many deals there were when an answer was written.
    answered: Vec<(Letter, usize)>,
    question: Option<String>,
    stop: Decimal,
    /// When an order began to wait at the exchange.
    waits_since: [Option<u64>; ORDERS],
    care: Care,
    /// The rule that was broken.
    broken: Option<&'static str>,
    story: Vec<String>,
}

impl Rehearsal {
    fn new(care: Care) -> Self {
        let machine = Orders { intents: ORDERS, watched: Watched::Damage, ..Orders::of(Protocol::OURS) };
        let mut rehearsal = Self {
            world: machine.initial(),
            machine,
            desk: None,
            now: 0,
            epoch: 0,
            seq: 0,
            last_order: 0,
            books: None,
            magics: Vec::new(),
            deals: Vec::new(),
            answered: Vec::new(),
            question: None,
            stop: Decimal::ZERO,
            waits_since: [None; ORDERS],
            care,
            broken: None,
            story: Vec::new(),
        };
        rehearsal.start_engine();
        rehearsal
    }

    fn server(&self) -> i64 {
        BEGAN + self.now as i64
    }

    fn time(&self) -> Now {
        Now { ms: self.now, market: FixedOffset(0).utc_of(self.server()) }
    }

    fn start_engine(&mut self) {
        let instrument = Instrument::preset("WIN").unwrap();
        let symbol = DeskSymbol { name: SYMBOL.to_owned(), instrument, deviation: 20, guard: None };
        let mut desk = Desk::new(DeskConfig {
            instance: INSTANCE,
            mode: AccountMode::Netting,
            symbols: vec![symbol],
            zone: Arc::new(FixedOffset(0)),
            care: self.care.clone(),
        });
        if let Some(leg) = &self.books {
            desk.adopt(leg.clone());
        }
        self.desk = Some(desk);
        // The wheel leaves numbers out after a start.
        self.last_order += 1_000;
    }

    fn stop_engine(&mut self) {
        self.desk = None;
        self.question = None;
        self.world = self.machine.lose_engine(self.world);
    }

    fn connect(&mut self) {
        if self.desk.is_none() {
            return;
        }
        let Some(world) = self.machine.connect(self.world) else { return };
        self.world = world;
        self.epoch += 1;
        self.seq = 0;
        let account = AccountIdentity {
            login: Id(1),
            server: "Broker-Demo".to_owned(),
            company: "Broker".to_owned(),
            trade_mode: TradeMode::Demo,
            margin_mode: 0,
            currency: "BRL".to_owned(),
            currency_digits: 2,
        };
        let hello = Hello {
            nonce: String::new(),
            version: VERSION,
            bridge: BridgeKind::Sidecar,
            release: String::new(),
            instance: String::new(),
            epoch_seen: 0,
            account,
            proof: String::new(),
        };
        let welcome = Welcome { epoch: self.epoch, open_in_journal: 0 };
        let session = format!("{:032x}", self.epoch);
        let up = Established { session, epoch: self.epoch, armed: true, hello, welcome };
        self.tell(LinkEvent::Up(Box::new(up)));
    }

    fn tell(&mut self, event: LinkEvent) {
        let now = self.time();
        if let Some(desk) = self.desk.as_mut() {
            desk.on_link(event, now);
        }
        self.carry();
    }

    fn say(&mut self, cid: Option<String>, message: FromBridge) {
        if !self.world.has_session() {
            return;
        }
        self.seq += 1;
        let envelope = Envelope {
            v: VERSION,
            session: String::new(),
            seq: self.seq,
            ack: 0,
            cid,
            ts_utc: self.server(),
            ts_server: Some(self.server()),
            message,
        };
        self.tell(LinkEvent::Message(Box::new(envelope)));
    }

    /// Time passes. What waits at the exchange has an end long before a desk gives it up.
    fn elapse(&mut self, ms: u64) {
        let mut left = ms;
        while left > 0 {
            let part = left.min(200);
            left -= part;
            self.now += part;
            let limit = Care::default().doubt_ms / 2;
            for order in 0..ORDERS {
                let waits = self.world.waiting().any(|waiting| usize::from(waiting) == order);
                let since = self.waits_since[order].filter(|_| waits).unwrap_or(self.now);
                self.waits_since[order] = waits.then_some(since);
                if waits && self.now >= since + limit {
                    self.world_step(&|step| *step == Step::Executes(order as u8));
                }
            }
            let server = self.server();
            let tick = Tick { server, bid: BID, ask: ASK, last: Decimal::ZERO, volume: Decimal::ZERO, flags: 6 };
            self.say(None, FromBridge::Tick(Ticks { symbol: SYMBOL.to_owned(), ticks: vec![tick] }));
            let now = self.time();
            if let Some(desk) = self.desk.as_mut() {
                desk.on_time(now);
            }
            self.carry();
        }
    }

    /// Books the desk's reports, and puts its messages on the wire.
    fn carry(&mut self) {
        let Some(desk) = self.desk.as_mut() else { return };
        let (reports, messages) = (desk.take_reports(), desk.take_messages());
        desk.take_market();
        for report in reports {
            self.book(report);
        }
        for say in messages {
            match say.message {
                FromEngine::OrderSubmit(order) => {
                    let kind = if order.intent == Intent::Open { Kind::Open } else { Kind::Close };
                    if let Some(number) = self.number(order.magic.0) {
                        self.magics[number as usize].1 = order.sl;
                        self.machine.post(&mut self.world, Letter::Submit(number, kind));
                    }
                }
                FromEngine::ReconcileReq(question) => {
                    self.question = say.cid;
                    let about = question.orders.first().and_then(|magic| self.number(magic.0));
                    self.machine.post(&mut self.world, Letter::Ask(about));
                }
                FromEngine::Subscribe(_) => {
                    self.say(None, FromBridge::SymbolSpec(specification()));
                    let calendar = SessionCalendar { symbol: SYMBOL.to_owned(), known: false, sessions: Vec::new() };
                    self.say(None, FromBridge::SessionCalendar(calendar));
                }
                FromEngine::PositionSltp(change) => {
                    self.stop = change.sl;
                    let result = self.result(0, 10_009, false);
                    self.say(say.cid, FromBridge::Result(result));
                }
                other => panic!("the model knows no {other:?}"),
            }
        }
    }

    /// The model's number of an order.
    fn number(&mut self, magic: u64) -> Option<u8> {
        let known = self.magics.iter().position(|(known, _)| *known == magic).unwrap_or_else(|| {
            self.magics.push((magic, Decimal::ZERO));
            self.magics.len() - 1
        });
        (known < ORDERS).then_some(known as u8)
    }

    fn book(&mut self, report: OrderReport) {
        self.story.push(format!("engine   books {report:?}"));
        let Some(leg) = self.books.as_mut() else { return };
        match report {
            OrderReport::Filled(fill) => {
                leg.deals.push(fill.deal);
                if fill.intent == OrderIntent::Open {
                    (leg.open, leg.entry, leg.opening) = (fill.quantity, fill.price, None);
                    let tick = Instrument::preset("WIN").unwrap().tick;
                    leg.levels = Some(leg.protection.resolve(leg.side, fill.price, tick, fill.at));
                } else {
                    leg.open = Contracts::ZERO;
                }
            }
            OrderReport::Rejected { intent, .. } | OrderReport::Canceled { intent, .. } => match intent {
                OrderIntent::Open => leg.opening = None,
                OrderIntent::Close => leg.closing = None,
            },
        }
        if leg.open.is_zero() && leg.opening.is_none() {
            self.books = None;
        }
    }

    /// The engine decides what it may: an entry while it is flat, an exit while it is not. Stored before it is sent.
    fn decide(&mut self) {
        if self.magics.len() >= ORDERS {
            return;
        }
        let now = self.time();
        let Some(desk) = self.desk.as_mut() else { return };
        let id = OrderId::new(self.last_order + 1);
        let leg = LegId { trade: TradeId::new(id.get()), role: LegRole::Base };
        let symbol = SymbolId::new(0);
        let stop = ExitAt::Distance(Price::from_raw(500 * UNIT));
        let protection = Protection { stop: Some(stop), ..Protection::default() };
        let quantity = Contracts::new(1);
        let request = match &mut self.books {
            None => {
                let (intent, side) = (OrderIntent::Open, Side::Buy);
                let request = OrderRequest { id, symbol, leg, intent, side, quantity, protection, at: now.market };
                self.books = Some(Adopted {
                    symbol,
                    leg,
                    side,
                    open: Contracts::ZERO,
                    entry: Price::ZERO,
                    opening: Some(request),
                    closing: None,
                    filled: [Contracts::ZERO; 2],
                    protection,
                    levels: None,
                    opened_at: now.market,
                    deals: Vec::new(),
                });
                request
            }
            Some(books) if books.opening.is_none() && books.closing.is_none() => {
                let (intent, side, protection) = (OrderIntent::Close, Side::Sell, Protection::default());
                let request =
                    OrderRequest { id, symbol, leg: books.leg, intent, side, quantity, protection, at: now.market };
                books.closing = Some(request);
                request
            }
            Some(_) => return,
        };
        self.last_order += 1;
        self.story.push(format!("engine   decides {} {:?}", request.id, request.intent));
        if desk.submit(request, now).is_err() {
            let report = request.rejected(alavanca_kernel::RejectReason::Other, now.market);
            self.book(report);
        }
        self.carry();
    }

    /// One of the world's steps that is wanted, and where it may end in several ways, the best. False where there is none.
    fn world_step(&mut self, wanted: &dyn Fn(&Step) -> bool) -> bool {
        let mut next = Vec::new();
        self.machine.world_steps(&self.world, &mut next);
        let Some((step, to)) = next.into_iter().rfind(|(step, _)| wanted(step)) else { return false };
        self.take_step(step, to);
        true
    }

    /// A question arrives, and the terminal cannot be asked.
    fn fail_a_question(&mut self) {
        let mut next = Vec::new();
        self.machine.world_steps(&self.world, &mut next);
        if let Some((step, to)) = next.into_iter().find(|(step, _)| matches!(step, Step::Arrives(Letter::Ask(_)))) {
            self.take_step(step, to);
        }
    }

    fn take_step(&mut self, step: Step, to: State) {
        self.story.push(step.to_string());
        let had_session = self.world.has_session();
        self.world = to;
        match step {
            Step::Arrives(letter) | Step::ArrivesTwice(letter) => self.arrived(letter),
            Step::Executes(order) => self.executed(order),
            Step::StopFires => {
                let (stop, ticket) = (self.stop, self.deals.len() as u64 + 1);
                self.deal(ticket, 0, 1, 1, 4, stop);
                self.stop = Decimal::ZERO;
            }
            _ => {}
        }
        if had_session && !self.world.has_session() {
            self.question = None;
            self.tell(LinkEvent::Down("it broke".to_owned()));
        }
        self.broken = self.broken.or(self.machine.broken(&self.world));
    }

    fn arrived(&mut self, letter: Letter) {
        match letter {
            Letter::Submit(..) => {}
            // The bridge has answered: what it wrote is on the wire, and was read now.
            Letter::Ask(_) => {
                let mut next = Vec::new();
                self.machine.world_steps(&self.world, &mut next);
                let answers = next.iter().filter_map(|(step, _)| match step {
                    Step::Arrives(answer @ Letter::Answer { .. }) => Some(*answer),
                    _ => None,
                });
                let answers: Vec<_> = answers.collect();
                self.answered.extend(answers.into_iter().map(|answer| (answer, self.deals.len())));
            }
            Letter::Result { order, filled } => {
                let magic = self.magics[order as usize].0;
                let result = self.result(magic, if filled { 10_009 } else { NOT_SENT }, filled);
                self.say(Some(magic.to_string()), FromBridge::Result(result));
            }
            Letter::Unknown(order) => {
                let magic = self.magics[order as usize].0;
                let why = "no answer".to_owned();
                self.say(Some(magic.to_string()), FromBridge::Unknown(UnknownOutcome { magic: Id(magic), why }));
            }
            Letter::Failed(_) => {
                let failed = self.reconcile(None, 0, 0, Some("the terminal does not answer".to_owned()));
                let cid = self.question.clone();
                self.say(cid, FromBridge::Reconcile(failed));
            }
            Letter::Answer { about, position, .. } => {
                let deals = self.answered.iter().rposition(|(answer, _)| *answer == letter);
                let deals = deals.map_or(0, |place| self.answered.remove(place).1);
                let answer = self.reconcile(about, position, deals, None);
                let cid = self.question.clone();
                self.say(cid, FromBridge::Reconcile(answer));
            }
        }
    }

    fn executed(&mut self, order: u8) {
        let (magic, stop) = self.magics[order as usize];
        let opens = self.world.position() > 0;
        let ticket = self.deals.len() as u64 + 1;
        self.deal(ticket, magic, u32::from(!opens), u32::from(!opens), 3, if opens { ASK } else { BID });
        self.stop = if opens { stop } else { Decimal::ZERO };
    }

    fn deal(&mut self, ticket: u64, magic: u64, kind: u32, entry: u32, reason: u32, price: Decimal) {
        self.deals.push(Deal {
            ticket: Id(ticket),
            order: Id(1_000 + ticket),
            position: Id(1),
            symbol: SYMBOL.to_owned(),
            kind,
            entry,
            reason,
            magic: Id(magic),
            volume: LOT,
            price,
            commission: Decimal::ZERO,
            fee: Decimal::ZERO,
            swap: Decimal::ZERO,
            profit: Decimal::ZERO,
            comment: String::new(),
            server: self.server(),
        });
    }

    fn result(&self, magic: u64, retcode: u32, filled: bool) -> TradeResult {
        let deal = self.deals.iter().find(|deal| deal.magic.0 == magic).filter(|_| filled);
        TradeResult {
            magic: Id(magic),
            retcode,
            deal: deal.map_or(Id(0), |deal| deal.ticket),
            order: deal.map_or(Id(0), |deal| deal.order),
            volume: if filled { LOT } else { Decimal::ZERO },
            price: deal.map_or(Decimal::ZERO, |deal| deal.price),
            bid: BID,
            ask: ASK,
            comment: String::new(),
            retcode_external: 0,
            margin: None,
        }
    }

    fn reconcile(&self, about: Option<(u8, Reply)>, position: i8, deals: usize, error: Option<String>) -> Reconcile {
        let deals = &self.deals[..deals];
        let outcomes = about.map(|(order, reply)| {
            let magic = self.magics[order as usize].0;
            let made: Vec<_> = deals.iter().filter(|deal| deal.magic.0 == magic).cloned().collect();
            let journal = match reply {
                Reply::Absent => JournalState::Absent,
                Reply::Dead => JournalState::NotSent,
                Reply::Filled | Reply::Nothing { .. } => JournalState::Sent,
            };
            let orders = made.iter().map(|deal| finished(deal, magic)).collect();
            Outcome { magic: Id(magic), journal, result: None, orders, deals: made }
        });
        let positions = (position != 0).then(|| Position {
            ticket: Id(1),
            identifier: Id(1),
            symbol: SYMBOL.to_owned(),
            side: if position > 0 { OrderSide::Buy } else { OrderSide::Sell },
            volume: LOT,
            price_open: ASK,
            sl: self.stop,
            tp: Decimal::ZERO,
            magic: Id(0),
            profit: Decimal::ZERO,
            swap: Decimal::ZERO,
            comment: String::new(),
            opened_server: BEGAN,
        });
        let money = Decimal::from_raw(10_000 * UNIT);
        let account = AccountState {
            balance: money,
            equity: money,
            margin: Decimal::ZERO,
            margin_free: money,
            server: self.server(),
        };
        let snapshot =
            Snapshot { account, positions: positions.into_iter().collect(), orders: Vec::new(), deals: deals.to_vec() };
        Reconcile { error, more: false, snapshot, outcomes: outcomes.into_iter().collect(), guards: Vec::new() }
    }

    /// The faults end: everything is there and is heard. The books come to be the account's.
    fn calm_down(&mut self) {
        for _ in 0..2_000 {
            if self.desk.is_none() {
                self.start_engine();
            }
            self.connect();
            let calm = |step: &Step| {
                matches!(
                    step,
                    Step::Arrives(letter) if !matches!(letter, Letter::Failed(_))
                ) || matches!(
                    step,
                    Step::Marks(_)
                        | Step::Calls(_)
                        | Step::NothingToClose(_)
                        | Step::Hears(..)
                        | Step::Executes(_)
                        | Step::BridgeStarts
                )
            };
            while self.world_step(&calm) {}
            // A question may have been answered by a failure alone: lost, it is asked again.
            self.world_step(&|step| matches!(step, Step::Loses(Letter::Failed(_))));
            self.elapse(200);
            let open = self.books.as_ref().map_or(0, |leg| leg.open.count());
            let works = self.books.as_ref().is_some_and(|leg| leg.opening.is_some() || leg.closing.is_some());
            let desk = self.desk.as_ref().unwrap();
            if desk.is_idle() && desk.in_doubt().count() == 0 && !works && open as i8 == self.world.position() {
                return;
            }
        }
        self.story.push(format!("the books have {:?}, the position is {}", self.books, self.world.position()));
        self.broken = self.broken.or(Some("the books did not come to be the account's"));
    }
}

/// A server clock that shows UTC.
trait UtcOf {
    fn utc_of(&self, server: i64) -> Timestamp;
}

impl UtcOf for FixedOffset {
    fn utc_of(&self, server: i64) -> Timestamp {
        alavanca_adapters_mt5::desk::ServerZone::utc(self, server)
    }
}

fn finished(deal: &Deal, magic: u64) -> Order {
    Order {
        ticket: deal.order,
        symbol: SYMBOL.to_owned(),
        kind: deal.kind,
        state: 4,
        volume_initial: LOT,
        volume_current: Decimal::ZERO,
        price: Decimal::ZERO,
        sl: Decimal::ZERO,
        tp: Decimal::ZERO,
        magic: Id(magic),
        position: Id(1),
        comment: String::new(),
        set_up_server: deal.server,
    }
}

fn specification() -> SymbolSpec {
    SymbolSpec {
        symbol: SYMBOL.to_owned(),
        exists: true,
        description: String::new(),
        digits: 0,
        point: LOT,
        tick_size: Decimal::from_raw(5 * UNIT),
        tick_value: LOT,
        contract_size: LOT,
        volume_min: LOT,
        volume_max: Decimal::from_raw(100 * UNIT),
        volume_step: LOT,
        stops_level: 0,
        freeze_level: 0,
        filling_mode: 3,
        execution: 3,
        trade_mode: 4,
        expires_server: None,
        currency_profit: "BRL".to_owned(),
        currency_margin: "BRL".to_owned(),
    }
}

/// The way to the damage, step by step; what the real code does not let happen is left out.
fn replay(steps: &[Step]) -> Rehearsal {
    let care = Care::default();
    let mut rehearsal = Rehearsal::new(care.clone());
    for (step, next) in steps.iter().zip(steps.iter().skip(1).map(Some).chain([None])) {
        match step {
            Step::Arrives(Letter::Ask(_)) if matches!(next, Some(Step::Arrives(Letter::Failed(_)))) => {
                rehearsal.fail_a_question();
            }
            Step::Decides(..) => rehearsal.decide(),
            Step::TimesOut(_) => rehearsal.elapse(care.answer_ms + 200),
            Step::SendsAgain(..) => {
                rehearsal.elapse(care.answer_ms + 200);
                rehearsal.decide();
            }
            Step::Asks(_) => rehearsal.elapse(care.doubt_every_ms),
            Step::Sends(_) | Step::Stores(_) | Step::Repeats(_) => {}
            Step::EngineStops => rehearsal.stop_engine(),
            Step::EngineStarts => rehearsal.start_engine(),
            Step::Connects => rehearsal.connect(),
            Step::Arrives(letter) | Step::ArrivesTwice(letter) => {
                // The same letter, or where the real ones say something else, one of its kind.
                let _ = rehearsal.world_step(&|other| other == step)
                    || rehearsal.world_step(&|other| {
                        matches!(other, Step::Arrives(other) if std::mem::discriminant(other) == std::mem::discriminant(letter))
                    });
            }
            world => {
                rehearsal.world_step(&|other| other == world);
            }
        }
        rehearsal.elapse(20);
    }
    rehearsal
}

#[test]
fn no_way_to_the_damage_leads_there_in_the_real_code() {
    for protocol in Protocol::BROKEN {
        let machine = Orders { watched: Watched::Damage, ..Orders::of(protocol) };
        let Verdict::Broken { steps, .. } = search(&machine).verdict else { panic!("{} holds", protocol.name) };
        let mut rehearsal = replay(&steps);
        rehearsal.calm_down();
        let story = rehearsal.story.join("\n");
        assert_eq!(rehearsal.broken, None, "{}:\n{story}", protocol.name);
        assert!(!rehearsal.magics.is_empty(), "{}: nothing was sent, so nothing was tried\n{story}", protocol.name);
    }
}

/// Anything may happen, for so many steps. Where no rule was broken the faults end, and everything comes to rest.
fn walk(seed: u64, care: Care) -> Rehearsal {
    let mut rehearsal = Rehearsal::new(care);
    let mut draws = 0_u64;
    let mut draw = |below: u64| {
        draws += 1;
        mix(seed, draws) % below
    };
    for _ in 0..250 {
        match draw(12) {
            0 => rehearsal.decide(),
            1 => rehearsal.elapse([200, 1_000, 3_000, 16_000][draw(4) as usize]),
            2 if draw(8) == 0 => rehearsal.stop_engine(),
            2 | 3 => {
                if rehearsal.desk.is_none() {
                    rehearsal.start_engine();
                }
                rehearsal.connect();
            }
            _ => {
                let mut next = Vec::new();
                rehearsal.machine.world_steps(&rehearsal.world, &mut next);
                // What is always possible is to be rare, or nothing else happens.
                if draw(6) > 0 {
                    next.retain(|(step, _)| {
                        !matches!(step, Step::Breaks | Step::BridgeStops | Step::Loses(_) | Step::StopFires)
                    });
                }
                if !next.is_empty() {
                    let (step, to) = next.swap_remove(draw(next.len() as u64) as usize);
                    rehearsal.take_step(step, to);
                }
            }
        }
        rehearsal.elapse(20);
    }
    if rehearsal.broken.is_none() {
        rehearsal.story.push("         the faults end".to_owned());
        rehearsal.calm_down();
    }
    rehearsal
}

/// `ORDER_WALKS` says how many; more than a hundred thousand have been walked.
#[test]
fn no_way_at_random_leads_to_damage() {
    let walks = std::env::var("ORDER_WALKS").ok().and_then(|walks| walks.parse().ok()).unwrap_or(2_000_u64);
    let mut executions = 0;
    for seed in 0..walks {
        let rehearsal = walk(seed, Care::default());
        assert_eq!(rehearsal.broken, None, "seed {seed}:\n{}", rehearsal.story.join("\n"));
        executions += rehearsal.deals.len() as u64;
    }
    assert!(executions > walks, "{executions} executions in {walks} walks show nothing");
}

/// A desk that takes one look that finds nothing for a proof does the damage: the walks would find it.
#[test]
fn a_desk_without_patience_is_found_out() {
    let care = Care { doubt_readings: 1, doubt_ms: 0, ..Care::default() };
    let found = (0..2_000).find_map(|seed| walk(seed, care.clone()).broken);
    assert!(found.is_some(), "the walks find nothing");
}
