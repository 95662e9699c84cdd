//! From the settings to what session and desk are held to.

use std::sync::Arc;
use std::time::Duration;

use alavanca_adapters_files::DataZone;
use alavanca_adapters_mt5::desk::{self, Care, DeskConfig, DeskSymbol, FixedOffset};
use alavanca_adapters_mt5::session::Terms;
use alavanca_adapters_mt5::wire::{Caps, Decimal, Guard};
use alavanca_calendar::{Zone, local_to_utc, utc_to_local};
use alavanca_kernel::{AccountMode, Instrument, Price, Timestamp};
use alavanca_scalp::ScalpSettings;
use chrono::{DateTime, TimeDelta};

use crate::settings::{ServerZone, Settings};

/// What sessions are held to.
pub(super) fn terms(settings: &Settings, instrument: &Instrument) -> Terms {
    let live = &settings.live;
    let lots = |contracts: u32| Decimal::from_raw(instrument.lots_per_contract.raw() * i64::from(contracts));
    // The engine's own gate is stricter; the bridge's is the last.
    let most = settings.capital.max_contracts_cap + settings.capital.max_extra_contracts;
    Terms {
        heartbeat: Duration::from_millis(live.heartbeat_ms.into()),
        lost_after: Duration::from_millis(live.lost_after_ms.into()),
        window: live.window,
        deadman: live.deadman,
        caps: Caps {
            symbols: vec![instrument.name.clone()],
            order_lots: lots(most),
            position_lots: lots(most),
            orders_per_minute: live.orders_per_minute,
        },
    }
}

/// What the desk trades, and how.
pub(super) fn desk_config(
    settings: &Settings,
    instrument: &Instrument,
    mode: AccountMode,
    instance: u32,
) -> DeskConfig {
    let live = &settings.live;
    let mut care = Care { reconcile_ms: u64::from(live.reconcile_seconds) * 1_000, ..Care::default() };
    // For tests: a simulated day of minutes has no room for a minute of doubt. Release builds do not read it.
    if cfg!(debug_assertions)
        && let Some(ms) = std::env::var("ALAVANCA_DOUBT_MS").ok().and_then(|ms| ms.parse().ok())
    {
        (care.doubt_ms, care.doubt_every_ms) = (ms, ms / 10);
    }
    let guard = (mode == AccountMode::Netting).then(|| guard(&settings.scalp, instrument));
    DeskConfig {
        instance,
        mode,
        symbols: vec![DeskSymbol {
            name: instrument.name.clone(),
            instrument: instrument.clone(),
            deviation: live.deviation_points,
            guard,
        }],
        zone: zone(live.server_zone.unwrap_or_else(|| ServerZone::usual(instrument.is_b3()))),
        care,
    }
}

/// What the bridge stands in with for an extra that the engine watches.
fn guard(scalp: &ScalpSettings, instrument: &Instrument) -> Guard {
    let (target, stop) = match &instrument.scalp {
        Some(own) => (own.take_profit_points, own.stop_loss_points),
        None => (scalp.take_profit_points, scalp.stop_loss_points),
    };
    let distance = |points: u32| Decimal::from(Price::from_raw(instrument.point.raw() * i64::from(points)));
    Guard { stop: distance(stop), target: distance(target), hold_seconds: scalp.hold_seconds_max }
}

/// The trade server's clock.
pub(super) fn zone(zone: ServerZone) -> Arc<dyn desk::ServerZone> {
    match zone {
        ServerZone::Fixed(seconds) => Arc::new(FixedOffset(seconds)),
        ServerZone::Zone(DataZone::Named(zone)) => Arc::new(WallClock { zone, ahead: TimeDelta::zero() }),
        ServerZone::Zone(DataZone::Broker) => {
            let new_york = Zone::by_name("MT5_SERVER_ZONE", "America/New_York").unwrap_or(Zone::UTC);
            Arc::new(WallClock { zone: new_york, ahead: TimeDelta::hours(7) })
        }
    }
}

/// A zone's wall clock, or one so far ahead of it.
#[derive(Debug)]
struct WallClock {
    zone: Zone,
    ahead: TimeDelta,
}

impl desk::ServerZone for WallClock {
    fn utc(&self, server_ms: i64) -> Timestamp {
        // Zones are known to the second.
        let (seconds, millis) = (server_ms.div_euclid(1_000), server_ms.rem_euclid(1_000));
        let wall = DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc();
        local_to_utc(self.zone, wall - self.ahead).at.plus_micros(millis * 1_000)
    }

    fn server(&self, at: Timestamp) -> i64 {
        let millis = at.micros().rem_euclid(1_000_000) / 1_000;
        (utc_to_local(self.zone, at) + self.ahead).and_utc().timestamp() * 1_000 + millis
    }
}

#[cfg(test)]
mod tests {
    use super::{ServerZone, Timestamp, zone};
    use alavanca_adapters_files::DataZone;

    #[test]
    fn server_stamps_are_read_by_the_servers_wall_clock() {
        // 2026-07-01 12:00 UTC.
        let summer = Timestamp::from_secs(1_782_907_200);
        for (of, hours) in [
            (ServerZone::usual(true), -3),
            (ServerZone::usual(false), 3),
            (ServerZone::Zone(DataZone::Broker), 3),
            (ServerZone::Fixed(7_200), 2),
        ] {
            let clock = zone(of);
            let stamp = (summer.secs() + hours * 3_600) * 1_000 + 250;
            assert_eq!(clock.utc(stamp), summer.plus_micros(250_000), "{of}");
            assert_eq!(clock.server(clock.utc(stamp)), stamp, "{of}");
        }
    }
}
