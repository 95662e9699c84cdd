use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// Market time that a position may be without its stop while everything runs: then the engine closes it. (The market goes
/// no faster than the clock meanwhile.)
const NAKED_MAX_MS: i64 = 2_000;
/// What the closing may take.
const CLOSING_MS: i64 = 1_000;

/// What a day came to: line by line, the exchange's books against the engine's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is compared.
    pub what: &'static str,
    /// By the exchange's books, or what is allowed.
    pub exchange: String,
    /// By the engine's database.
    pub engine: String,
    /// Whether they agree.
    pub agrees: bool,
}

impl Verdict {
    /// Whether all of them do.
    pub fn agrees(&self) -> bool {
        self.lines.iter().all(|line| line.agrees)
    }

    /// What the exchange's books say of it.
    pub fn exchange(&self, what: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.what == what).map(|line| line.exchange.as_str())
    }
}

/// Holds one against the other.
pub(super) fn judge(books: &Value, live: &Value, db: &Path, away: &[(i64, i64)]) -> Result<Verdict, rusqlite::Error> {
    let db = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(Option::unwrap_or_default);
    let mut lines = Vec::new();
    let mut line = |what, exchange: String, engine: String| {
        lines.push(Line { what, agrees: exchange == engine, exchange, engine });
    };
    let centavos = |of: &Value| of.as_str().and_then(centavos).unwrap_or(i64::MIN);

    // The money.
    let (net, commission) = (count("SELECT sum(net) FROM trades")?, count("SELECT sum(commission) FROM fills")?);
    line("net", money(centavos(&books["net"])), money(net));
    line("commission", money(-centavos(&books["commission"])), money(commission));
    let begin = centavos(&books["balance_begin"]);
    line("balance", money(centavos(&books["balance"])), money(begin + net));
    let unexplained = live["unexplained"].as_str().unwrap_or("none");
    line("unexplained by the live statement", "0.00".to_owned(), unexplained.to_owned());
    line("live statement reconciled", "true".to_owned(), live["reconciled"].to_string());

    // Each deal once, and none that is not there.
    let deals = deals_of(books);
    let mut statement =
        db.prepare("SELECT deal, sum(quantity), count(*), count(DISTINCT role) FROM fills GROUP BY deal")?;
    let booked = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?
        .collect::<Result<BTreeMap<i64, (i64, i64, i64)>, _>>()?;
    line("deals", deals.len().to_string(), booked.len().to_string());
    let missing: Vec<_> = deals.keys().filter(|deal| !booked.contains_key(deal)).collect();
    line("deals that the books miss", "[]".to_owned(), format!("{missing:?}"));
    let foreign: Vec<_> = booked.keys().filter(|deal| !deals.contains_key(deal)).collect();
    line("deals that never were", "[]".to_owned(), format!("{foreign:?}"));
    // A deal may close two legs at once, each in a row of its own: what counts is its volume.
    let lots = if books["account_mode"] == 2 { 0.1 } else { 1.0 };
    let contracts = |deal: &i64| deals.get(deal).map_or(0, |volume| (volume / lots).round() as i64);
    let more = |(deal, (quantity, rows, legs)): &(&i64, &(i64, i64, i64))| *quantity > contracts(deal) || rows != legs;
    let twice: Vec<_> = booked.iter().filter(more).map(|(deal, _)| deal).collect();
    line("deals booked twice", "[]".to_owned(), format!("{twice:?}"));

    // Each order once.
    for (what, key) in [
        ("orders called more than once", "called_more_than_once"),
        ("orders sent more than once", "sent_more_than_once"),
        ("orders executed more than once", "executed_more_than_once"),
    ] {
        line(what, "[]".to_owned(), books[key].to_string());
    }

    // One trade at a time, and no exit across flat.
    line("entries while another trade was open", "[]".to_owned(), format!("{:?}", entries_over_another(books)));
    line("deals that turned a position", "[]".to_owned(), format!("{:?}", turns(books)));

    // Each trade learned of once.
    let trades = count("SELECT count(*) FROM trades")?;
    let learned = count("SELECT count(DISTINCT trade) FROM evidence WHERE trade IS NOT NULL")?;
    let rows = count("SELECT count(*) FROM evidence WHERE trade IS NOT NULL")?;
    line("trades learned of", trades.to_string(), learned.to_string());
    line("trades learned of twice", "0".to_owned(), (rows - learned).to_string());
    let extras = count("SELECT count(*) FROM trades WHERE extra > 0")?;
    line("of them with an extra", extras.to_string(), extras.to_string());

    // Nothing is left.
    let open = books["positions"].as_array().map_or(0, Vec::len);
    line("open positions", open.to_string(), count("SELECT count(*) FROM positions WHERE open > 0")?.to_string());

    // Stops: none is lost but by the broker, and then it is back within two seconds, or the position is closed.
    let stretches = Stretch::of(books, away);
    let unexplained: Vec<_> = stretches.iter().filter(|stretch| !stretch.by_the_broker).map(|it| &it.from).collect();
    line("stops lost without the broker's fault", "[]".to_owned(), format!("{unexplained:?}"));
    let longest = stretches.iter().map(|stretch| stretch.ms).max().unwrap_or(0);
    lines.push(Line {
        what: "longest without a stop, ms of market time",
        exchange: longest.to_string(),
        engine: format!("at most {NAKED_MAX_MS}"),
        agrees: stretches.iter().all(Stretch::is_short),
    });
    let latency = &live["latency"];
    lines.push(Line {
        what: "tick to order sent, us: median, p99",
        exchange: String::new(),
        engine: format!("{}, {}", latency["median_us"], latency["p99_us"]),
        agrees: true,
    });
    Ok(Verdict { lines })
}

/// Tickets of deals that opened a base while something was open. A comment that the broker has rewritten says nothing.
fn entries_over_another(books: &Value) -> Vec<i64> {
    let (mut open, mut trade, mut found) = (0.0, String::new(), Vec::new());
    for deal in
        books["deals"].as_array().into_iter().flatten().filter(|deal| matches!(deal["type"].as_i64(), Some(0 | 1)))
    {
        let volume = deal["volume"].as_f64().unwrap_or_default();
        if deal["entry"] != 0 {
            open -= volume;
            continue;
        }
        let comment = deal["comment"].as_str().unwrap_or_default();
        if comment.ends_with("/base") {
            // Another part of the same order is no other trade.
            if open > 1e-9 && comment != trade {
                found.extend(deal["ticket"].as_i64());
            }
            comment.clone_into(&mut trade);
        }
        open += volume;
    }
    found
}

/// Tickets of deals that closed a position and opened the opposite: `DEAL_ENTRY_INOUT`.
fn turns(books: &Value) -> Vec<i64> {
    let deals = books["deals"].as_array().into_iter().flatten();
    deals.filter(|deal| deal["entry"] == 2).filter_map(|deal| deal["ticket"].as_i64()).collect()
}

/// The exchange's deals that traded, by ticket.
fn deals_of(books: &Value) -> BTreeMap<i64, f64> {
    let deals = books["deals"].as_array().into_iter().flatten();
    let trades = deals.filter(|deal| matches!(deal["type"].as_i64(), Some(0 | 1)));
    trades.filter_map(|deal| Some((deal["ticket"].as_i64()?, deal["volume"].as_f64()?))).collect()
}

/// A stretch of market time in which a position had no stop.
struct Stretch {
    from: String,
    /// How long of it everything ran, up to an absence or from one on.
    ms: i64,
    /// A fault of the script took the stop, or did not set it.
    by_the_broker: bool,
    /// It ended with the position.
    closed: bool,
}

impl Stretch {
    /// All of the day. What of a stretch lay in an absence does not count: the stop is owed again from the moment on at
    /// which everybody is back.
    fn of(books: &Value, away: &[(i64, i64)]) -> Vec<Self> {
        let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
        let (faults, deals) = (list(&books["faults"]), list(&books["deals"]));
        let takes_stops = |fault: &Value| {
            fault["what"].as_str().is_some_and(|what| what.starts_with("DropStops") || what.starts_with("RemoveStops"))
        };
        let stretch = |naked: &Value| {
            let from = naked["from_msc"].as_i64()?;
            let to = naked["to_msc"].as_i64().or_else(|| books["server_msc"].as_i64())?;
            let within = || away.iter().filter(|(began, ended)| *began < to && *ended > from);
            let before = within().map(|(began, _)| *began).min().map_or(to, |began| began.min(to)) - from;
            let after = within().map(|(_, ended)| to - *ended).min().unwrap_or(0);
            let ends = |deal: &Value| deal["position_id"] == naked["position"] && deal["entry"] != 0;
            Some(Self {
                from: naked["from"].as_str().unwrap_or_default().to_owned(),
                ms: before.max(after).max(0),
                by_the_broker: faults.iter().any(|fault| fault["at_msc"] == from && takes_stops(fault)),
                closed: deals.iter().any(|deal| ends(deal) && deal["time_msc"] == to),
            })
        };
        list(&books["naked"]["intervals"]).iter().filter_map(stretch).collect()
    }

    fn is_short(&self) -> bool {
        self.ms <= NAKED_MAX_MS + if self.closed { CLOSING_MS } else { 0 }
    }
}

fn centavos(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    Some(sign * (whole.parse::<i64>().ok()? * 100 + format!("{cents:0<2}").get(..2)?.parse::<i64>().ok()?))
}

fn money(centavos: i64) -> String {
    let sign = if centavos < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", centavos.abs() / 100, centavos.abs() % 100)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<42}{:>16}  {:>16}", "", "exchange", "engine")?;
        for Line { what, exchange, engine, agrees } in &self.lines {
            let mark = if *agrees { "" } else { "  DIFFERS" };
            writeln!(f, "{what:<42}{exchange:>16}  {engine:>16}{mark}")?;
        }
        Ok(())
    }
}
