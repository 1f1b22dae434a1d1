//! What sensors tell, and sensors that are made up.

use chrono::{DateTime, Utc};
use sciurus::prelude::*;

/// A temperature at some time.
#[derive(Debug, Clone, PartialEq, Record)]
pub struct Reading {
    /// The sensor's name.
    pub sensor: String,
    /// When it was read.
    pub time: DateTime<Utc>,
    /// The temperature.
    pub celsius: f64,
}

/// Sensors that are made up, each with its usual temperature.
const SENSORS: [(&str, f64); 5] = [
    ("boiler-1", 64.0),
    ("boiler-2", 66.0),
    ("freezer-1", -18.0),
    ("freezer-2", -19.0),
    ("office", 21.0),
];

/// When the made-up sensors began: 2026-01-01, in seconds since the Unix epoch.
const START_SECONDS: i64 = 1_767_225_600;

/// Returns the readings of `seconds` seconds of made-up sensors, one a second and sensor.
///
/// `boiler-1` has a short peak, `boiler-2` overheats for a minute, `freezer-2` is silent for half
/// a minute.
pub fn made_up(seconds: u32) -> impl Iterator<Item = Reading> + Clone + Send + Sync {
    (0..seconds)
        .flat_map(|second| (0..SENSORS.len()).filter_map(move |sensor| reading(second, sensor)))
}

fn reading(second: u32, sensor: usize) -> Option<Reading> {
    let (name, usual) = SENSORS[sensor];
    let excess = match (name, second) {
        ("boiler-1", 40..44) | ("boiler-2", 100..160) => 25.0,
        ("freezer-2", 200..230) => return None,
        _ => 0.0,
    };
    let noise = 2.0 * f64::sin(f64::from(second) / 7.0 + sensor as f64);
    Some(Reading {
        sensor: name.to_owned(),
        time: DateTime::from_timestamp_secs(START_SECONDS + i64::from(second))?,
        celsius: usual + excess + noise,
    })
}
