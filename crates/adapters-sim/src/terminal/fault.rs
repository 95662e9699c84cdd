//! What goes wrong: by script, or drawn by a seed.

use alavanca_kernel::{Price, SettingError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Bend;
use super::clock::parse_second;
use super::{Role, Terminal};
use crate::random::SplitMix;

/// What becomes of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Blocks so long before anything is done, in real milliseconds.
    pub(crate) hang_before_ms: u64,
    /// The whole terminal does.
    pub(crate) whole: bool,
    /// Blocks so long between doing it and answering.
    pub(crate) hang_after_ms: u64,
    /// It is not done at all.
    pub(crate) skips: bool,
    /// The connection breaks instead of an answer.
    pub(crate) breaks: bool,
    /// No answer ever comes, but the connection stays.
    pub(crate) mute: bool,
    /// Answered with this return code, whatever was done.
    pub(crate) retcode: Option<u32>,
    /// Answered with None and this `last_error`.
    pub(crate) none: Option<i64>,
    /// The answer to an order names neither deal nor price.
    pub(crate) bare: bool,
    /// The answer is empty (lists).
    pub(crate) empty: bool,
    /// Each trade transaction comes so many times more.
    pub(crate) repeats: u32,
    pub(crate) bend: Bend,
    /// What happens to the world after the call.
    pub(crate) then: Vec<What>,
}

/// One fault: when, and what.
#[derive(Clone, Debug)]
struct Fault {
    when: When,
    what: What,
    /// Matching calls so far.
    calls: u64,
    fired: u32,
}

/// Which calls, or what time. Without `nth`, `every`, `rate` or `always` the next matching call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct When {
    on: String,
    nth: Option<u64>,
    every: Option<u64>,
    rate: Option<f64>,
    always: bool,
    at: Option<String>,
    times: Option<u32>,
    magic: Option<u64>,
    symbol: Option<String>,
    action: Option<i64>,
    /// Only requests whose comment begins so.
    says: Option<String>,
    /// Only calls of such a client.
    client: Option<String>,
    #[serde(skip)]
    at_second: Option<u32>,
}

impl Default for When {
    fn default() -> Self {
        Self {
            on: "order_send".to_owned(),
            nth: None,
            every: None,
            rate: None,
            always: false,
            at: None,
            times: None,
            magic: None,
            symbol: None,
            action: None,
            says: None,
            client: None,
            at_second: None,
        }
    }
}

/// The keys of [`When`]; the others are of [`What`].
const WHEN: [&str; 12] =
    ["on", "nth", "every", "rate", "always", "at", "times", "magic", "of_symbol", "action", "says", "client"];

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    Hang {
        ms: u64,
        #[serde(default)]
        when: Moment,
        #[serde(default = "yes")]
        executed: bool,
        #[serde(default)]
        whole: bool,
    },
    Crash {
        #[serde(default)]
        when: Moment,
    },
    Mute {
        #[serde(default = "yes")]
        executed: bool,
    },
    Retcode {
        code: u32,
        #[serde(default)]
        executed: bool,
    },
    None {
        error: i64,
        #[serde(default)]
        executed: bool,
    },
    Requote {},
    Bare {},
    Empty {},
    Placed {
        after_ms: i64,
        #[serde(default)]
        dies: bool,
    },
    Partial {
        volume: f64,
        rest_ms: Option<i64>,
    },
    Comment {
        text: String,
    },
    DropStops {},
    LateDeal {
        looks: u32,
    },
    Slip {
        points: i64,
    },
    CommissionLater {
        after_ms: i64,
    },
    Duplicate {
        copies: u32,
    },
    Disconnected {
        for_ms: Option<i64>,
    },
    AutotradingOff {
        for_ms: Option<i64>,
    },
    Login {
        login: u64,
    },
    RemoveStops {
        symbol: String,
    },
    Manual(Map<String, Value>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moment {
    #[default]
    Before,
    After,
}

const fn yes() -> bool {
    true
}

impl What {
    /// Whether it happens to the world, not to a call.
    const fn is_worldly(&self) -> bool {
        matches!(
            self,
            Self::Disconnected { .. }
                | Self::AutotradingOff { .. }
                | Self::Login { .. }
                | Self::RemoveStops { .. }
                | Self::Manual(_)
        )
    }

    /// What it makes of a call.
    fn bend(&self, plan: &mut Plan) {
        match self {
            Self::Hang { ms, when: Moment::Before, executed, whole } => {
                (plan.hang_before_ms, plan.whole) = (*ms, *whole);
                plan.skips |= !executed;
            }
            Self::Hang { ms, when: Moment::After, executed, .. } => {
                plan.hang_after_ms = *ms;
                plan.skips |= !executed;
            }
            Self::Crash { when } => {
                plan.breaks = true;
                plan.skips |= *when == Moment::Before;
            }
            Self::Mute { executed } => {
                plan.mute = true;
                plan.skips |= !executed;
            }
            Self::Retcode { code, executed } => {
                plan.retcode = Some(*code);
                plan.skips |= !executed;
            }
            Self::None { error, executed } => {
                plan.none = Some(*error);
                plan.skips |= !executed;
            }
            Self::Requote {} => {
                plan.retcode = Some(super::number::REQUOTE);
                plan.skips = true;
            }
            Self::Bare {} => plan.bare = true,
            Self::Empty {} => plan.empty = true,
            Self::Placed { after_ms, dies } => {
                plan.bend.placed_ms = Some(*after_ms);
                plan.bend.placed_dies = *dies;
            }
            Self::Partial { volume, rest_ms } => {
                plan.bend.partial = Price::from_f64(*volume).map(Price::raw);
                plan.bend.rest_ms = *rest_ms;
            }
            Self::Comment { text } => plan.bend.comment = Some(text.clone()),
            Self::DropStops {} => plan.bend.drops_stops = true,
            Self::LateDeal { looks } => plan.bend.hidden_looks = *looks,
            Self::Slip { points } => plan.bend.slip_points = *points,
            Self::CommissionLater { after_ms } => plan.bend.commission_later_ms = Some(*after_ms),
            Self::Duplicate { copies } => plan.repeats = *copies,
            _ => plan.then.push(self.clone()),
        }
    }
}

/// What is armed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Fault>,
    /// What comes back, and when.
    reverts: Vec<(i64, Value)>,
    draws: Option<SplitMix>,
    fired: Vec<Value>,
}

/// What a seed draws from: nothing that takes an operator to mend.
const DRAWN: [&str; 12] = [
    r#"{"do":"hang","ms":1500,"when":"before"}"#,
    r#"{"do":"hang","ms":1500,"when":"after"}"#,
    r#"{"do":"crash","when":"before"}"#,
    r#"{"do":"crash","when":"after"}"#,
    r#"{"do":"retcode","code":10012,"executed":true}"#,
    r#"{"do":"retcode","code":10031,"executed":false}"#,
    r#"{"do":"none","error":-10005,"executed":true}"#,
    r#"{"do":"requote"}"#,
    r#"{"do":"placed","after_ms":3000}"#,
    r#"{"do":"late_deal","looks":2}"#,
    r#"{"do":"comment","text":"rewritten"}"#,
    r#"{"do":"duplicate","copies":1}"#,
];

impl Terminal {
    /// Arms the faults of a script: `{"faults": [{...}, ...]}`.
    pub fn script(&mut self, text: &str) -> Result<(), SettingError> {
        let refuse =
            |what: String| SettingError::new("--faults", what, "a script as the book's page on simterm has it");
        let script: Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let faults = script["faults"].as_array().ok_or_else(|| refuse("no list `faults`".to_owned()))?;
        for fault in faults {
            self.arm(fault).map_err(|what| refuse(format!("{what} in {fault}")))?;
        }
        Ok(())
    }

    /// Draws faults by a seed: that share of all orders meets one.
    pub fn draw(&mut self, seed: u64, rate: f64) {
        self.faults.draws = Some(SplitMix::stream(seed, 0xfa17));
        for drawn in DRAWN {
            if let Ok(mut fault) = serde_json::from_str::<Value>(drawn) {
                fault["rate"] = json!(rate / DRAWN.len() as f64);
                // Every one of them is read by a test.
                let _ = self.arm(&fault);
            }
        }
    }

    /// Arms one fault.
    pub(crate) fn arm(&mut self, fault: &Value) -> Result<Value, String> {
        let fields = fault.as_object().ok_or("no object")?;
        let (mut when, mut what) = (Map::new(), Map::new());
        for (name, value) in fields.iter().filter(|(name, _)| !matches!(name.as_str(), "id" | "call")) {
            let side = if WHEN.contains(&name.as_str()) { &mut when } else { &mut what };
            side.insert(if name == "of_symbol" { "symbol".to_owned() } else { name.clone() }, value.clone());
        }
        let mut when: When = serde_json::from_value(Value::Object(when)).map_err(|error| error.to_string())?;
        if let Some(at) = &when.at {
            when.at_second = Some(parse_second(at).ok_or("`at` is no time such as 10:15:00")?);
        }
        let what: What = serde_json::from_value(Value::Object(what)).map_err(|error| error.to_string())?;
        self.faults.armed.push(Fault { when, what, calls: 0, fired: 0 });
        Ok(json!(self.faults.armed.len()))
    }

    /// What becomes of a call: every armed fault that it sets off.
    pub(crate) fn plan(&mut self, client: u64, call: &Value) -> Plan {
        let mut plan = Plan::default();
        if self.faults.armed.is_empty() {
            return plan;
        }
        let name = call["call"].as_str().unwrap_or_default();
        let role = match call["as"].as_str().filter(|_| name == "attach") {
            Some("python") => Role::Python,
            Some("ea") => Role::Ea,
            Some(_) => Role::Driver,
            None => self.clients.get(&client).map_or(Role::Driver, |client| client.role),
        };
        let second = self.account.now_ms.div_euclid(1_000).rem_euclid(86_400);
        let request = &call["request"];
        let seed = self.account.settings.seed;
        let draws = &mut self.faults.draws;
        for fault in &mut self.faults.armed {
            let when = &fault.when;
            let by_time = when.at_second.is_some_and(|at| second < i64::from(at));
            let worldly = fault.what.is_worldly() && when.at.is_some();
            let of_client = match when.client.as_deref() {
                None => role != Role::Driver,
                Some("python") => role == Role::Python,
                Some("ea") => role == Role::Ea,
                Some(_) => role == Role::Driver,
            };
            let symbol = request["symbol"].as_str().or_else(|| call["symbol"].as_str());
            let matches = (when.on == name || when.on == "any")
                && of_client
                && when.magic.is_none_or(|magic| request["magic"].as_u64() == Some(magic))
                && when.symbol.as_deref().is_none_or(|wanted| symbol == Some(wanted))
                && when.action.is_none_or(|action| request["action"].as_i64() == Some(action))
                && when.says.as_ref().is_none_or(|begin| {
                    request["comment"].as_str().is_some_and(|comment| comment.starts_with(begin.as_str()))
                });
            if by_time || worldly || !matches {
                continue;
            }
            fault.calls += 1;
            let counted = when.nth.is_some() || when.every.is_some() || when.rate.is_some() || when.always;
            let comes = match (when.nth, when.every, when.rate) {
                (Some(nth), ..) => fault.calls == nth || (when.times.is_some() && fault.calls > nth),
                (None, Some(every), _) => every > 0 && fault.calls.is_multiple_of(every),
                (None, None, Some(rate)) => {
                    let draw = draws.get_or_insert_with(|| SplitMix::stream(seed, 0xfa17)).next();
                    ((draw >> 11) as f64) < rate * (1_u64 << 53) as f64
                }
                (None, None, None) => true,
            };
            let most = when.times.unwrap_or(if counted { u32::MAX } else { 1 });
            if comes && fault.fired < most {
                fault.fired += 1;
                fault.what.bend(&mut plan);
                let what = format!("{:?}", fault.what);
                let order = request["magic"].clone();
                self.faults
                    .fired
                    .push(json!({ "at_msc": self.account.now_ms, "on": name, "magic": order, "what": what }));
            }
        }
        plan
    }

    /// What a call's faults do to the world once it is through.
    pub(crate) fn after_call(&mut self, plan: &Plan) {
        for what in plan.then.clone() {
            self.happen(&what);
        }
    }

    /// What the time brings: faults of this moment, and what comes back.
    pub(crate) fn faults_of_time(&mut self) {
        let now = self.account.now_ms;
        let second = now.div_euclid(1_000).rem_euclid(86_400);
        let mut due = Vec::new();
        for fault in &mut self.faults.armed {
            let at = fault.when.at_second.filter(|at| second >= i64::from(*at) && fault.what.is_worldly());
            if at.is_some() && fault.fired < fault.when.times.unwrap_or(1) {
                fault.fired += 1;
                due.push(fault.what.clone());
            }
        }
        for what in due {
            self.faults.fired.push(json!({ "at_msc": now, "what": format!("{what:?}") }));
            self.happen(&what);
        }
        let (back, later): (Vec<_>, _) =
            std::mem::take(&mut self.faults.reverts).into_iter().partition(|(due, _)| *due <= now);
        self.faults.reverts = later;
        for (_, change) in back {
            self.set(&change);
        }
    }

    fn happen(&mut self, what: &What) {
        let now = self.account.now_ms;
        let mut switch = |name: &str, for_ms: Option<i64>| {
            if let Some(ms) = for_ms {
                self.faults.reverts.push((now + ms, json!({ name: true })));
            }
            self.set(&json!({ name: false }));
        };
        match what {
            What::Disconnected { for_ms } => switch("connected", *for_ms),
            What::AutotradingOff { for_ms } => switch("trade_allowed", *for_ms),
            What::Login { login } => self.state.login = *login,
            What::RemoveStops { symbol } => {
                if let Some(number) = self.account.find(symbol) {
                    self.account.set_levels(number, Price::ZERO, Price::ZERO);
                    self.hand_out(0);
                }
            }
            What::Manual(order) => {
                self.manual(&Value::Object(order.clone()));
            }
            _ => {}
        }
    }

    /// Which faults came, in order.
    pub(crate) fn fired(&self) -> &[Value] {
        &self.faults.fired
    }
}
