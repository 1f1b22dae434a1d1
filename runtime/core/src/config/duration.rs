//! Durations as Flink writes them: `10 s`, `100ms`, `1 min`, `5 d`; a bare number counts
//! milliseconds.
//!
//! The grammar is that of Flink's `TimeUtils` (2.3): digits, optional white space, optional unit
//! in any case; or an ISO-8601 duration such as `PT1M30S`. No fractions, no signs, no sums.
//! A duration is at most `i64::MAX` seconds, as in Java.

use std::time::Duration;

use super::error::ValueError;

const NANOS_PER_SECOND: u128 = 1_000_000_000;
const NANOS_MAX: u128 = i64::MAX as u128 * NANOS_PER_SECOND + (NANOS_PER_SECOND - 1);

struct Unit {
    /// The name that [`format()`] writes, then the other names that [`parse`] reads.
    names: &'static [&'static str],
    nanos: u128,
}

/// Largest first: the order in which [`format()`] tries them.
const UNITS: [Unit; 7] = [
    Unit { names: &["d", "day", "days"], nanos: 86_400 * NANOS_PER_SECOND },
    Unit { names: &["h", "hour", "hours"], nanos: 3_600 * NANOS_PER_SECOND },
    Unit { names: &["min", "m", "minute", "minutes"], nanos: 60 * NANOS_PER_SECOND },
    Unit { names: &["s", "sec", "secs", "second", "seconds"], nanos: NANOS_PER_SECOND },
    Unit { names: &["ms", "milli", "millis", "millisecond", "milliseconds"], nanos: 1_000_000 },
    Unit { names: &["µs", "micro", "micros", "microsecond", "microseconds"], nanos: 1_000 },
    Unit { names: &["ns", "nano", "nanos", "nanosecond", "nanoseconds"], nanos: 1 },
];
const NANOS_PER_MILLI: u128 = 1_000_000;

/// Reads a duration.
///
/// # Errors
/// [`ValueError`] if the text is empty, has no number in front, names a unit that does not exist,
/// is negative, or is longer than `i64::MAX` seconds.
pub fn parse(text: &str) -> Result<Duration, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return parse_iso(text);
    }
    let unit = unit.trim().to_lowercase();
    let nanos_per_unit = if unit.is_empty() {
        NANOS_PER_MILLI
    } else {
        match UNITS.iter().find(|candidate| candidate.names.contains(&unit.as_str())) {
            Some(found) => found.nanos,
            None => return Err(ValueError::UnknownUnit { unit }),
        }
    };
    let number: u128 = number.parse().map_err(|_| ValueError::OutOfRange)?;
    from_nanos(number.checked_mul(nanos_per_unit).ok_or(ValueError::OutOfRange)?)
}

/// Writes a duration with the largest unit that holds it exactly; zero is `0 ms`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0 ms".to_owned();
    }
    for unit in &UNITS {
        if nanos.is_multiple_of(unit.nanos) {
            return format!("{} {}", nanos / unit.nanos, unit.names[0]);
        }
    }
    format!("{nanos} ns")
}

fn from_nanos(nanos: u128) -> Result<Duration, ValueError> {
    if nanos > NANOS_MAX {
        return Err(ValueError::OutOfRange);
    }
    // Both casts keep the value: the bound above is below u64::MAX seconds.
    Ok(Duration::new((nanos / NANOS_PER_SECOND) as u64, (nanos % NANOS_PER_SECOND) as u32))
}

/// Reads `PnDTnHnMn.nS`, any case, every part optional but one.
fn parse_iso(text: &str) -> Result<Duration, ValueError> {
    let lower = text.to_ascii_lowercase();
    if lower.contains('-') {
        return Err(ValueError::Negative);
    }
    let body = lower.strip_prefix('+').unwrap_or(&lower);
    let body = body.strip_prefix('p').ok_or(ValueError::NotANumber)?;
    let (days, time) = match body.split_once('t') {
        Some((days, time)) => (days, Some(time)),
        None => (body, None),
    };
    let mut rest = days;
    let mut nanos = take_part(&mut rest, 'd', &UNITS[0])?;
    if !rest.is_empty() || time == Some("") || (time.is_none() && days.is_empty()) {
        return Err(ValueError::NotANumber);
    }
    if let Some(time) = time {
        rest = time;
        for (letter, unit) in [('h', &UNITS[1]), ('m', &UNITS[2]), ('s', &UNITS[3])] {
            let part = take_part(&mut rest, letter, unit)?;
            nanos = nanos.checked_add(part).ok_or(ValueError::OutOfRange)?;
        }
        if !rest.is_empty() {
            return Err(ValueError::NotANumber);
        }
    }
    from_nanos(nanos)
}

/// Takes `NUMBER letter` off the front of `rest` and returns it in nanoseconds; 0 if the letter
/// does not occur. Only seconds may have a fraction, of up to nine digits.
fn take_part(rest: &mut &str, letter: char, unit: &Unit) -> Result<u128, ValueError> {
    let Some((number, behind)) = rest.split_once(letter) else { return Ok(0) };
    *rest = behind;
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = match number.split_once(['.', ',']) {
        Some((whole, fraction)) if letter == 's' => (whole, fraction),
        _ => (number, ""),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !all_digits(whole) || !all_digits(fraction) {
        return Err(ValueError::NotANumber);
    }
    let whole: u128 = whole.parse().map_err(|_| ValueError::OutOfRange)?;
    let fraction: u128 = format!("{fraction:0<9}").parse().map_err(|_| ValueError::NotANumber)?;
    whole
        .checked_mul(unit.nanos)
        .and_then(|nanos| nanos.checked_add(fraction))
        .ok_or(ValueError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers of Flink 2.3.0's `TimeUtils.parseDuration` and `formatWithHighestUnit`.
    #[test]
    fn reads_and_writes_what_flink_does() {
        for (text, nanos, written) in [
            ("10 s", 10_000_000_000, "10 s"),
            ("100ms", 100_000_000, "100 ms"),
            ("1 min", 60_000_000_000, "1 min"),
            ("1 m", 60_000_000_000, "1 min"),
            ("3 MINUTES", 180_000_000_000, "3 min"),
            ("5 d", 432_000_000_000_000, "5 d"),
            ("7", 7_000_000, "7 ms"),
            ("0", 0, "0 ms"),
            ("0 d", 0, "0 ms"),
            ("1 µs", 1_000, "1 µs"),
            ("1 µS", 1_000, "1 µs"),
            ("1 Micro", 1_000, "1 µs"),
            ("2 nanos", 2, "2 ns"),
            ("10   h", 36_000_000_000_000, "10 h"),
            (" 1000 ns ", 1_000, "1 µs"),
            ("3600 s", 3_600_000_000_000, "1 h"),
            ("90 s", 90_000_000_000, "90 s"),
            ("PT1S", 1_000_000_000, "1 s"),
            ("pt1s", 1_000_000_000, "1 s"),
            ("+PT+5S", 5_000_000_000, "5 s"),
            ("PT1.5S", 1_500_000_000, "1500 ms"),
            ("PT0,5S", 500_000_000, "500 ms"),
            ("PT1.S", 1_000_000_000, "1 s"),
            ("P1DT2H", 93_600_000_000_000, "26 h"),
            ("PT1H30M", 5_400_000_000_000, "90 min"),
            ("P1D", 86_400_000_000_000, "1 d"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(format(duration), written, "{text}");
        }
    }

    #[test]
    fn refuses_what_flink_refuses() {
        let unit = |unit: &str| ValueError::UnknownUnit { unit: unit.to_owned() };
        for (text, error) in [
            ("", ValueError::Empty),
            ("  ", ValueError::Empty),
            ("s", ValueError::NotANumber),
            ("１ s", ValueError::NotANumber),
            ("-1", ValueError::Negative),
            ("-PT1S", ValueError::Negative),
            ("PT-1S", ValueError::Negative),
            ("1 us", unit("us")),
            ("1.5 s", unit(".5 s")),
            ("1 h 2 min", unit("h 2 min")),
            ("1 w", unit("w")),
            ("1_000", unit("_000")),
            ("1\u{3bc}s", unit("\u{3bc}s")),
            ("106751991167301 d", ValueError::OutOfRange),
            ("99999999999999999999999999999999999999999", ValueError::OutOfRange),
            ("P", ValueError::NotANumber),
            ("PT", ValueError::NotANumber),
            ("P1DT", ValueError::NotANumber),
            ("P1W", ValueError::NotANumber),
            ("PT1S1", ValueError::NotANumber),
            ("PT1M1H", ValueError::NotANumber),
            ("PT1.5H", ValueError::NotANumber),
            ("PT1.1234567891S", ValueError::NotANumber),
            ("PT90000000000000000000S", ValueError::OutOfRange),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert!(parse("106751991167300 d").is_ok());
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(seconds in 0..=i64::MAX as u64, nanos in 0_u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn reads_back_every_unit(count in 0_u64..1_000_000, unit in 0..UNITS.len()) {
            for name in UNITS[unit].names {
                let duration = parse(&format!("{count}{name}")).unwrap();
                prop_assert_eq!(duration.as_nanos(), u128::from(count) * UNITS[unit].nanos);
                prop_assert_eq!(parse(&format(duration)), Ok(duration));
            }
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
            let _ = parse(&format!("PT{text}S"));
        }
    }
}
