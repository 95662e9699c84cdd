//! The way to MetaTrader 5, and how live and paper run.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use alavanca_adapters_files::DataZone;
use alavanca_adapters_mt5::wire::Deadman;
use alavanca_kernel::{SettingError, UnknownName};

use super::text::Text;

/// What live and paper are run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// `MT5_LISTEN`.
    pub listen: SocketAddr,
    /// `MT5_SECRET_FILE`; none for the database's own.
    pub secret_file: Option<PathBuf>,
    /// `MT5_TLS_CERT`.
    pub tls_cert: Option<PathBuf>,
    /// `MT5_TLS_KEY`.
    pub tls_key: Option<PathBuf>,
    /// `MT5_SERVER_ZONE`; none goes by the market.
    pub server_zone: Option<ServerZone>,
    /// `MT5_DEVIATION_POINTS`, in the broker's points.
    pub deviation_points: u32,
    /// `MT5_HEARTBEAT_MS`.
    pub heartbeat_ms: u32,
    /// `MT5_LOST_AFTER_MS`.
    pub lost_after_ms: u32,
    /// `MT5_WINDOW`, in tick messages.
    pub window: u32,
    /// `MT5_DEADMAN`.
    pub deadman: Deadman,
    /// `MT5_ORDERS_PER_MINUTE`.
    pub orders_per_minute: u32,
    /// `LIVE_CLOCK`.
    pub clock: LiveClock,
    /// `LIVE_CLOCK_TOLERANCE_SECONDS`.
    pub clock_tolerance_seconds: u32,
    /// `LIVE_ACCOUNT_SECONDS`.
    pub account_seconds: u32,
    /// `LIVE_RECONCILE_SECONDS`.
    pub reconcile_seconds: u32,
    /// `LIVE_SHUTDOWN_SECONDS`.
    pub shutdown_seconds: u32,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5757)),
            secret_file: None,
            tls_cert: None,
            tls_key: None,
            server_zone: None,
            deviation_points: 20,
            heartbeat_ms: 1_000,
            lost_after_ms: 5_000,
            window: 64,
            deadman: Deadman::Enforce,
            orders_per_minute: 20,
            clock: LiveClock::System,
            clock_tolerance_seconds: 30,
            account_seconds: 5,
            reconcile_seconds: 60,
            shutdown_seconds: 10,
        }
    }
}

impl LiveSettings {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        if self.lost_after_ms < self.heartbeat_ms.saturating_mul(2) {
            let allowed = format!("at least twice MT5_HEARTBEAT_MS ({})", self.heartbeat_ms);
            return Err(SettingError::new("MT5_LOST_AFTER_MS", self.lost_after_ms, allowed));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let shown = if self.tls_key.is_some() { "a file" } else { "none" };
            return Err(SettingError::new("MT5_TLS_KEY", shown, "certificate and key come together, or not at all"));
        }
        if !self.listen.ip().is_loopback() && self.tls_cert.is_none() {
            let allowed =
                "an address of this machine alone (127.0.0.1:PORT), unless MT5_TLS_CERT and MT5_TLS_KEY are set";
            return Err(SettingError::new("MT5_LISTEN", self.listen, allowed));
        }
        Ok(())
    }
}

/// `LIVE_CLOCK`: whose clock trading goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveClock {
    /// The server's, which has to agree with this machine's.
    #[default]
    System,
    /// The server's, whatever this machine's shows: for simulated days.
    Bridge,
}

impl LiveClock {
    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "SYSTEM",
            Self::Bridge => "BRIDGE",
        }
    }
}

impl FromStr for LiveClock {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "SYSTEM" => Ok(Self::System),
            "BRIDGE" => Ok(Self::Bridge),
            _ => Err(UnknownName { what: "clock", got: text.to_owned(), known: "SYSTEM, BRIDGE".to_owned() }),
        }
    }
}

/// `MT5_SERVER_ZONE`: what the trade server's wall clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerZone {
    /// A zone with its rules.
    Zone(DataZone),
    /// So many seconds ahead of UTC, all year.
    Fixed(i32),
}

impl ServerZone {
    /// The usual one of a market: B3's servers keep Brasília, those of forex brokers are seven hours ahead of New York.
    pub fn usual(is_b3: bool) -> Self {
        let b3 = || "America/Sao_Paulo".parse().map(Self::Zone);
        if is_b3 { b3().unwrap_or(Self::Fixed(-3 * 3_600)) } else { Self::Zone(DataZone::Broker) }
    }

    pub(super) fn read(text: &str) -> Result<Self, String> {
        if let Some(seconds) = offset(text) {
            return Ok(Self::Fixed(seconds));
        }
        text.parse()
            .map(Self::Zone)
            .map_err(|error: SettingError| format!("{}; or an offset such as -03:00", error.allowed))
    }
}

impl fmt::Display for ServerZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(DataZone::Broker) => f.write_str("BROKER"),
            Self::Zone(zone) => write!(f, "{zone}"),
            Self::Fixed(seconds) => {
                let (sign, minutes) = (if *seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// `+02:00` in seconds.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let digits = |text: &str, most: i32| {
        let number = text.parse::<i32>().ok().filter(|number| (0..=most).contains(number));
        number.filter(|_| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    Some(sign * (digits(hours, 14)? * 60 + digits(minutes, 59)?) * 60)
}

impl Text for SocketAddr {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:5757 (port 0: any that is free)".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for Deadman {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "ENFORCE" => Ok(Self::Enforce),
            "FLATTEN" => Ok(Self::Flatten),
            _ => Err("known are ENFORCE, FLATTEN".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Enforce => "ENFORCE",
            Self::Flatten => "FLATTEN",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{ServerZone, offset};

    #[test]
    fn a_server_zone_is_a_zone_or_an_offset() {
        for text in ["America/Sao_Paulo", "BROKER", "+02:00", "-03:00", "+05:30"] {
            assert_eq!(ServerZone::read(text).unwrap().to_string(), text);
        }
        assert_eq!(offset("-03:30"), Some(-12_600));
        for wrong in ["Brasilia", "+2:00", "+15:00", "02:00", "+02:60", "+-2:00", "", "−03:00"] {
            let refused = ServerZone::read(wrong).unwrap_err();
            assert!(refused.contains("offset"), "{wrong}: {refused}");
        }
    }
}
