//! Dates, times and durations in text, and back.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sciurus_core::record::Temporal;

use super::Scalar;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const MICROS_PER_MILLI: i64 = 1_000;

/// Reads a date such as `2024-02-29`.
pub(super) fn date(value: Scalar<'_>) -> Option<i32> {
    let Scalar::Text(text) = value else { return None };
    text.trim_ascii().parse::<NaiveDate>().ok().map(Temporal::to_stored)
}

/// Reads a time of day such as `23:59:59.5`.
pub(super) fn time(value: Scalar<'_>) -> Option<i64> {
    let Scalar::Text(text) = value else { return None };
    text.trim_ascii().parse::<NaiveTime>().ok().map(Temporal::to_stored)
}

/// Reads a date and time without time zone, such as `2024-02-29T23:59:59` or the same with a space
/// between; a number is taken as milliseconds since the Unix epoch.
pub(super) fn local_date_time(value: Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Text(text) => {
            let (date, time) = text.trim_ascii().split_once(['T', ' '])?;
            let date = date.parse::<NaiveDate>().ok()?;
            Some(date.and_time(time.trim_ascii_start().parse().ok()?).to_stored())
        }
        Scalar::Integer(millis) => i64::try_from(millis).ok()?.checked_mul(MICROS_PER_MILLI),
        _ => None,
    }
}

/// Reads an instant such as `2024-02-29T23:59:59Z` or `2024-02-29 23:59:59.5+01:00`; without a
/// time zone it is one in UTC, and a number is taken as milliseconds since the Unix epoch.
pub(super) fn instant(value: Scalar<'_>) -> Option<i64> {
    if let Scalar::Text(text) = value
        && let Ok(instant) = DateTime::parse_from_rfc3339(text.trim_ascii())
    {
        return Some(instant.with_timezone(&Utc).to_stored());
    }
    local_date_time(value)
}

/// Reads a duration as ISO 8601 writes it, such as `PT1.5S`, `PT2H30M` or `P1DT12H`; a number is
/// taken as milliseconds.
pub(super) fn duration(value: Scalar<'_>) -> Option<i64> {
    let text = match value {
        Scalar::Text(text) => text.trim_ascii(),
        Scalar::Integer(millis) => {
            let millis = u64::try_from(millis).ok()?;
            return i64::try_from(Duration::from_millis(millis).as_nanos()).ok();
        }
        _ => return None,
    };
    let rest = text.strip_prefix('P').filter(|rest| !matches!(*rest, "" | "T"))?;
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let (days, date) = leading(date, 'D', 86_400)?;
    let (hours, time) = leading(time, 'H', 3_600)?;
    let (minutes, time) = leading(time, 'M', 60)?;
    let (seconds, time) = leading(time, 'S', 1)?;
    if !date.is_empty() || !time.is_empty() {
        return None;
    }
    days.checked_add(hours)?.checked_add(minutes)?.checked_add(seconds)
}

/// Reads a number before `unit`, which has so many `seconds`, where there is one; returns the
/// nanoseconds and what is behind the unit.
fn leading(text: &str, unit: char, seconds: i64) -> Option<(i64, &str)> {
    match text.split_once(unit) {
        Some((number, rest)) => Some((seconds_to_nanos(number)?.checked_mul(seconds)?, rest)),
        None => Some((0, text)),
    }
}

/// Reads decimal digits with up to nine behind the point, as billionths.
fn seconds_to_nanos(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_as_iso_8601_and_sql_write_them() {
        let text = |text| Scalar::Text(text);
        assert_eq!(date(text(" 1970-01-02 ")), Some(1));
        assert_eq!(date(text("1970-02-30")), None);
        assert_eq!(time(text("00:00:01.5")), Some(1_500_000));
        assert_eq!(local_date_time(text("1970-01-01T00:00:01")), Some(1_000_000));
        assert_eq!(local_date_time(text("1970-01-01 00:00:01.25")), Some(1_250_000));
        assert_eq!(local_date_time(Scalar::Integer(1_500)), Some(1_500_000));
        assert_eq!(instant(text("1970-01-01T01:00:00+01:00")), Some(0));
        assert_eq!(instant(text("1970-01-01 00:00:00Z")), Some(0));
        assert_eq!(instant(text("1970-01-01 00:00:00")), Some(0));
        assert_eq!(instant(text("yesterday")), None);
    }

    #[test]
    fn durations_are_read_as_iso_8601_writes_them() {
        let seconds = |text| duration(Scalar::Text(text)).map(|nanos| nanos as f64 / 1e9);
        assert_eq!(seconds("PT1.5S"), Some(1.5));
        assert_eq!(seconds("PT2H30M"), Some(9000.0));
        assert_eq!(seconds("P1DT12H"), Some(129_600.0));
        assert_eq!(duration(Scalar::Integer(3)), Some(3_000_000));
        for wrong in
            ["", "P", "PT", "PTS", "1S", "PT1", "P1S", "PT1S1M", "PT-1S", "PT1.0000000001S"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(seconds("P999999999D"), None);
    }
}
