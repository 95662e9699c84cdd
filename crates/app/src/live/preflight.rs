//! What has to be right before anything is traded: the symbol is one that orders can go to, and the broker means the
//! same by it as the settings.

use alavanca_adapters_mt5::wire::SymbolSpec;
use alavanca_calendar::{Contract, Root, TradingClock, TradingZone};
use alavanca_kernel::{Instrument, SettingError, Timestamp};

use crate::settings::Settings;

/// The instrument of a symbol that orders can go to.
///
/// # Errors
/// A symbol that is no setting's, or a continuous name, with the dated contract to use.
pub fn tradable(settings: &Settings, symbol: &str, now: Timestamp) -> Result<Instrument, SettingError> {
    let instrument = settings.instrument(symbol)?;
    let Some(root) = Root::of_symbol(symbol) else { return Ok(instrument) };
    if symbol.parse::<Contract>().is_ok() {
        return Ok(instrument);
    }
    let session = settings.session_rule(&instrument)?.session().clone();
    let day = TradingClock::new(TradingZone::new(&settings.zone)?).locate(now).day;
    let before = settings.roll_days_before_expiry.unwrap_or_else(|| root.usual_roll_days());
    let current = Contract::current(root, day, session.calendar(), before);
    let allowed = format!("a dated contract: orders go to {current} now, {symbol} is data alone");
    Err(SettingError::new("SYMBOL", symbol, allowed))
}

/// Tick values of forex symbols follow the rates: so far apart they are still the same, in parts of a hundred.
const VALUE_TOLERANCE_PERCENT: i128 = 2;

/// Everything in which the broker's symbol contradicts the instrument; nothing where they agree (semantics 3).
pub fn contradictions(instrument: &Instrument, spec: &SymbolSpec) -> Vec<String> {
    let name = &instrument.name;
    if !spec.exists {
        return vec![format!("the broker has no symbol {name}: spell it as its Market Watch does")];
    }
    let mut found = Vec::new();
    match spec.trade_mode {
        4 => {}
        0 => found.push(format!("{name} may not be traded on this account")),
        3 => found
            .push(format!("{name} may only be closed: it expires, or the broker stopped it; use the next contract")),
        other => found.push(format!("{name} may be traded on one side alone (SYMBOL_TRADE_MODE {other})")),
    }
    let tick = spec.tick_size.price();
    if tick != instrument.tick {
        found.push(format!("its tick is {tick} at the broker, and {} in the settings", instrument.tick));
    }
    // What a tick of one contract is worth, in 10⁻⁸ of the account's currency.
    let at_broker = i128::from(spec.tick_value.raw()) * i128::from(instrument.lots_per_contract.raw()) / SCALE;
    let by_settings = i128::from(instrument.point_value_micros) * 100 * i128::from(instrument.tick.raw())
        / i128::from(instrument.point.raw());
    let tolerance = if instrument.is_b3() { 0 } else { by_settings * VALUE_TOLERANCE_PERCENT / 100 };
    if (at_broker - by_settings).abs() > tolerance {
        let point = at_broker * i128::from(instrument.point.raw()) / i128::from(instrument.tick.raw()).max(1);
        found.push(format!(
            "a point of one contract is worth {} at the broker, and {} in the settings: write point_value = {} under \
             [instrument.{name}] if the broker is right",
            shown(point),
            shown(i128::from(instrument.point_value_micros) * 100),
            shown(point)
        ));
    }
    let lots = i128::from(instrument.lots_per_contract.raw());
    let (least, step) = (i128::from(spec.volume_min.raw()), i128::from(spec.volume_step.raw()).max(1));
    if lots < least || lots % step != 0 {
        found.push(format!(
            "a contract is {} lots, and the broker takes {} and more in steps of {}",
            instrument.lots_per_contract, spec.volume_min, spec.volume_step
        ));
    }
    found
}

const SCALE: i128 = 100_000_000;

/// 10⁻⁸ as a decimal.
fn shown(value: i128) -> String {
    alavanca_kernel::Price::from_raw(i64::try_from(value).unwrap_or(i64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Instrument, SymbolSpec, Timestamp, contradictions, tradable};
    use crate::settings::{LoadRequest, load};

    fn spec() -> SymbolSpec {
        SymbolSpec {
            symbol: "WINZ26".to_owned(),
            exists: true,
            description: String::new(),
            digits: 0,
            point: "1".parse().unwrap(),
            tick_size: "5".parse().unwrap(),
            tick_value: "1".parse().unwrap(),
            contract_size: "1".parse().unwrap(),
            volume_min: "1".parse().unwrap(),
            volume_max: "500".parse().unwrap(),
            volume_step: "1".parse().unwrap(),
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

    #[test]
    fn a_broker_that_means_something_else_is_found() {
        let win = Instrument { name: "WINZ26".to_owned(), ..Instrument::preset("WIN").unwrap() };
        assert_eq!(contradictions(&win, &spec()), [""; 0]);
        for (wrong, says) in [
            (SymbolSpec { exists: false, ..spec() }, "no symbol WINZ26"),
            (SymbolSpec { trade_mode: 3, ..spec() }, "next contract"),
            (SymbolSpec { tick_size: "1".parse().unwrap(), ..spec() }, "its tick is 1 at the broker, and 5"),
            (SymbolSpec { tick_value: "1.01".parse().unwrap(), ..spec() }, "worth 0.202 at the broker, and 0.2 in"),
            (SymbolSpec { volume_min: "5".parse().unwrap(), ..spec() }, "the broker takes 5 and more"),
        ] {
            let found = contradictions(&win, &wrong);
            assert!(found.len() == 1 && found[0].contains(says), "{found:?}");
        }
        // Forex follows the rates.
        let euro = Instrument::preset("EURUSD").unwrap();
        let of = |value: &str| SymbolSpec {
            tick_size: "0.00001".parse().unwrap(),
            tick_value: value.parse().unwrap(),
            volume_min: "0.01".parse().unwrap(),
            volume_step: "0.01".parse().unwrap(),
            ..spec()
        };
        assert_eq!(contradictions(&euro, &of("1.01")), [""; 0]);
        let found = contradictions(&euro, &of("5.4"));
        assert!(found[0].contains("write point_value = 5.4 under [instrument.EURUSD]"), "{found:?}");
    }

    #[test]
    fn a_continuous_name_is_refused_with_the_contract_to_use() {
        let settings = load(&LoadRequest::default()).unwrap().settings;
        let november = Timestamp::from_secs(1_795_435_200);
        assert_eq!(tradable(&settings, "WINZ26", november).unwrap().name, "WINZ26");
        assert_eq!(tradable(&settings, "EURUSD", november).unwrap().name, "EURUSD");
        for (name, contract) in [("WIN$", "WINZ26"), ("WIN$N", "WINZ26"), ("WIN", "WINZ26"), ("WDO$", "WDOZ26")] {
            let refused = tradable(&settings, name, november).unwrap_err().to_string();
            assert!(refused.contains(contract), "{refused}");
        }
    }
}
