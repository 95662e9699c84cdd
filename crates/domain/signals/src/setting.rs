use alavanca_kernel::{Price, SettingError};

pub(crate) fn period(key: &'static str, value: usize, least: usize, most: usize) -> Result<usize, SettingError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(SettingError::new(key, value, format!("a whole number of bars from {least} to {most}")))
    }
}

/// NaN lies in no range, so it is refused, too.
pub(crate) fn number(key: &'static str, value: f64, least: f64, most: f64) -> Result<f64, SettingError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(SettingError::new(key, value, format!("a number from {least} to {most}")))
    }
}

pub(crate) fn distance(key: &'static str, value: Price) -> Result<Price, SettingError> {
    if value.is_positive() && value <= Price::LIMIT {
        Ok(value)
    } else {
        Err(SettingError::new(key, value, "a price distance above zero"))
    }
}

pub(crate) fn tick(value: Price) -> Result<Price, SettingError> {
    if (Price::ZERO..=Price::LIMIT).contains(&value) {
        Ok(value)
    } else {
        Err(SettingError::new("TICK", value, "the instrument's price step, or zero for none"))
    }
}
