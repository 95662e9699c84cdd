//! The model's counter-examples over the real programs. Each broken protocol has a way to its damage
//! (`order_model::Protocol::BROKEN`); here is what the world does in it, done to `alavanca live --arm`, a bridge and
//! the simulated terminal: a call that the terminal does not answer and executes later, letters that are lost, late,
//! overtaken or of a session that is over, a program that is killed in the middle of it. The engine is the one that is
//! built: the damage must not come.

use std::time::Duration;

use serde_json::json;

use super::parts::{Day, Failure, Parts, Workshop};
use super::verdict::{Line, Verdict};

/// What the world does in one counter-example.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The broken protocol that it undoes, by its name in the model.
    pub undoes: &'static str,
    /// Faults of the terminal.
    faults: &'static str,
    /// Faults of the wire.
    wire: &'static str,
    /// What is done when it has come so far.
    deed: Option<(Sign, Deed)>,
}

/// The line of the verdict that says whether it could be tried at all.
const CAME: &str = "the schedule came about";
/// Where the market gives no occasion for it, another may.
const MARKETS: u64 = 5;

/// How it is seen that it has come so far.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// The terminal's fault has come.
    Terminal,
    /// The wire's has.
    Wire,
}

/// What is done then.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// The engine is killed, and starts again.
    KillEngine,
    /// The bridge is.
    KillBridge,
    /// The process that waits for the terminal is; with an Expert Advisor that is the bridge.
    KillCaller,
    /// The position is gone: a stop, or a person.
    Close,
    /// The terminal cannot be asked, for a while.
    FailQuestions,
}

/// The terminal takes a second and a half for the first order, and executes it at the end, whoever still waits.
const SLOW_ENTRY: &str = r#"{"faults":[{"action":1,"nth":1,"do":"hang","ms":1500,"when":"before"}]}"#;
/// The same for the first that closes.
const SLOW_EXIT: &str = r#"{"faults":[{"action":1,"says":"close","nth":1,"do":"hang","ms":1500,"when":"before"}]}"#;
/// The terminal does not say that the first order was executed, and shows its deal late.
const SILENT_ENTRY: &str = r#"{"faults":[{"action":1,"nth":1,"do":"none","error":-10005,"executed":true},
    {"action":1,"nth":1,"do":"late_deal","looks":3}]}"#;
/// It says that the time is out, and means nothing by it.
const TIMED_OUT_ENTRY: &str = r#"{"faults":[{"action":1,"nth":1,"do":"retcode","code":10012,"executed":true},
    {"action":1,"nth":1,"do":"late_deal","looks":3}]}"#;
const NO_FAULTS: &str = r#"{"faults":[]}"#;

/// All of them, in the model's order.
pub const SCHEDULES: [Schedule; 11] = [
    Schedule {
        undoes: "an order is sent again when its time is out",
        faults: SLOW_ENTRY,
        wire: NO_FAULTS,
        deed: Some((Sign::Terminal, Deed::KillCaller)),
    },
    Schedule {
        undoes: "a time-out is taken for a refusal",
        faults: TIMED_OUT_ENTRY,
        wire: r#"{"faults":[{"from":"bridge","type":"deal","nth":1,"do":"drop"}]}"#,
        deed: None,
    },
    Schedule {
        undoes: "asked is whether there is a position",
        faults: SLOW_ENTRY,
        wire: NO_FAULTS,
        deed: Some((Sign::Terminal, Deed::KillEngine)),
    },
    Schedule {
        undoes: "an order is sent before it is stored",
        faults: SLOW_ENTRY,
        wire: r#"{"faults":[{"from":"bridge","type":"accepted","nth":1,"do":"drop"}]}"#,
        deed: Some((Sign::Wire, Deed::KillEngine)),
    },
    Schedule {
        undoes: "the journal is written after the call",
        faults: SLOW_ENTRY,
        wire: NO_FAULTS,
        deed: Some((Sign::Terminal, Deed::KillBridge)),
    },
    Schedule {
        undoes: "sessions have no epoch",
        faults: NO_FAULTS,
        wire: r#"{"faults":[{"from":"engine","type":"order_submit","nth":1,"do":"carry"}]}"#,
        deed: None,
    },
    Schedule {
        undoes: "overtaken letters are taken in",
        faults: NO_FAULTS,
        wire: r#"{"faults":[{"from":"engine","type":"order_submit","nth":1,"do":"reorder"}]}"#,
        deed: None,
    },
    Schedule {
        undoes: "a close of unknown outcome is sent again",
        faults: SLOW_EXIT,
        wire: NO_FAULTS,
        deed: Some((Sign::Terminal, Deed::KillCaller)),
    },
    Schedule {
        undoes: "a close is not held against the live position",
        faults: NO_FAULTS,
        wire: r#"{"faults":[{"from":"engine","type":"order_submit","with":"\"intent\":\"close\"","nth":1,"do":"stall","ms":700}]}"#,
        deed: Some((Sign::Wire, Deed::Close)),
    },
    Schedule {
        undoes: "one look that finds nothing is a proof",
        faults: SILENT_ENTRY,
        wire: r#"{"faults":[{"from":"bridge","type":"result","nth":1,"do":"duplicate","ms":300}]}"#,
        deed: None,
    },
    Schedule {
        undoes: "a question that failed is an empty answer",
        faults: SILENT_ENTRY,
        wire: NO_FAULTS,
        deed: Some((Sign::Terminal, Deed::FailQuestions)),
    },
];

/// Lets it happen, and the market go on to the day's `until`. The verdict has a line more: that it did happen.
///
/// # Errors
/// A program that cannot be started, or does not come to the end.
pub fn keep_to(schedule: &Schedule, workshop: &Workshop, day: &Day) -> Result<Verdict, Failure> {
    let mut market = 0;
    loop {
        let folder = day.folder.join(format!("market{market}"));
        std::fs::create_dir_all(&folder)?;
        let here = Day { folder, seed: day.seed.wrapping_add(market), ..day.clone() };
        let verdict = on_one_market(schedule, workshop, &here)?;
        market += 1;
        let came = verdict.lines.iter().all(|line| line.what != CAME || line.agrees);
        if came || market == MARKETS {
            return Ok(verdict);
        }
    }
}

fn on_one_market(schedule: &Schedule, workshop: &Workshop, day: &Day) -> Result<Verdict, Failure> {
    let (faults, wire) = (day.folder.join("faults.json"), day.folder.join("wire.json"));
    std::fs::write(&faults, schedule.faults)?;
    std::fs::write(&wire, schedule.wire)?;
    let day = Day { faults: Some(faults), short_memory: true, ..day.clone() };
    let mut parts = Parts::begin(workshop, &day)?;
    parts.start_relay(&wire)?;
    parts.start_bridge(None)?;
    parts.start_engine(None)?;
    let mut deed = schedule.deed;
    let (mut away, mut down_since) = (Vec::new(), None);
    while !parts.has_come_to_its_end()? {
        if let Some((sign, what)) = deed
            && sign.is_seen(&mut parts)?
        {
            deed = None;
            down_since = Some(parts.market()?.0);
            what.is_done(&mut parts)?;
        }
        if let Some(since) = down_since
            && parts.phase().is_some_and(|phase| phase == "running")
        {
            down_since = None;
            away.push((since, parts.market()?.0));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let came = deed.is_none() && (parts.faults()? > 0 || parts.wire_faults() > 0);
    let log = std::fs::read_to_string(day.folder.join("engine.log"))?;
    let mut verdict = parts.verdict(&away)?;
    // Whatever comes late, or of another session, is passed over: nobody takes offence.
    let offences = ["the bridge refused to go on", "the bridge does not keep to the session"];
    let refused = offences.map(|words| log.matches(words).count()).iter().sum::<usize>().to_string();
    verdict.lines.push(Line {
        what: "sessions that ended in a refusal",
        exchange: "0".to_owned(),
        agrees: refused == "0",
        engine: refused,
    });
    let engine = if came { "it did" } else { "it did not" }.to_owned();
    verdict.lines.push(Line { what: CAME, exchange: "it did".to_owned(), engine, agrees: came });
    Ok(verdict)
}

impl Sign {
    fn is_seen(self, parts: &mut Parts) -> Result<bool, Failure> {
        match self {
            Self::Terminal => Ok(parts.faults()? > 0),
            Self::Wire => Ok(parts.wire_faults() > 0),
        }
    }
}

impl Deed {
    fn is_done(self, parts: &mut Parts) -> Result<(), Failure> {
        match self {
            Self::KillEngine => drop(parts.kill_engine()),
            Self::KillBridge => drop(parts.kill_bridge()),
            Self::KillCaller => drop(parts.kill_workers() || parts.kill_bridge()),
            Self::Close => parts.tell("manual", json!({ "symbol": parts.symbol(), "close": true }))?,
            Self::FailQuestions => {
                for question in ["positions_get", "history_deals_get", "history_orders_get"] {
                    parts.tell(
                        "fault",
                        json!({ "on": question, "nth": 1, "times": 8, "do": "none", "error": -10005 }),
                    )?;
                }
            }
        }
        Ok(())
    }
}
