//! Watches each sensor by itself: a function with state and timers.

use chrono::{DateTime, SecondsFormat};
use sciurus::prelude::*;

use super::reading::{Reading, ReadingView};

/// What is worth an alert.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Above this it is hot.
    pub hot_celsius: f64,
    /// How long it has to be hot, milliseconds.
    pub hot_for: Timestamp,
    /// How long a sensor may be silent, milliseconds.
    pub silent_for: Timestamp,
}

/// What is known of a sensor.
#[derive(Debug, Clone, Record)]
struct Sensor {
    last_reading: Timestamp,
    hot_since: Option<Timestamp>,
    hot_alert: bool,
    silence_alert: bool,
}

/// Tells when a sensor has been hot or silent for too long, and when that is over.
#[derive(Debug, Clone)]
pub struct Watchdog {
    rules: Rules,
    sensor: ValueState<Sensor>,
}

impl Watchdog {
    /// Makes a watchdog that goes by the rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, sensor: ValueState::new("sensor") }
    }

    /// Raises the alerts that are due before `now`.
    fn check(
        &self,
        name: &str,
        sensor: &mut Sensor,
        now: Timestamp,
        out: &mut Collector<'_, String>,
    ) {
        if let Some(since) = sensor.hot_since
            && let due = since + self.rules.hot_for
            && due < now
            && !sensor.hot_alert
        {
            sensor.hot_alert = true;
            let limit = self.rules.hot_celsius;
            out.collect(&alert(
                due,
                name,
                &format!("HOT, above {limit:.1} °C since {}", time(since)),
            ));
        }
        let due = sensor.last_reading + self.rules.silent_for;
        if due < now && !sensor.silence_alert {
            sensor.silence_alert = true;
            out.collect(&alert(due, name, &format!("SILENT since {}", time(sensor.last_reading))));
        }
    }
}

impl KeyedProcessFunction for Watchdog {
    type Key = String;
    type In = Reading;
    type Out = String;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        Ok(ctx.register(&mut self.sensor)?)
    }

    fn process_element(
        &mut self,
        reading: ReadingView<'_>,
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        let now = reading.time.timestamp_millis();
        let mut sensor = self.sensor.value(ctx)?.unwrap_or(Sensor {
            last_reading: now,
            hot_since: None,
            hot_alert: false,
            silence_alert: false,
        });
        // Timers wait for the watermark, which may lag behind: what was due comes first.
        self.check(reading.sensor, &mut sensor, now, out);

        sensor.last_reading = now;
        ctx.timer_service().register_event_time_timer(now + self.rules.silent_for + 1)?;
        if std::mem::take(&mut sensor.silence_alert) {
            out.collect(&alert(now, reading.sensor, "heard from again"));
        }
        if reading.celsius <= self.rules.hot_celsius {
            sensor.hot_since = None;
            if std::mem::take(&mut sensor.hot_alert) {
                let text = format!("no longer hot, {:.1} °C", reading.celsius);
                out.collect(&alert(now, reading.sensor, &text));
            }
        } else if sensor.hot_since.is_none() {
            sensor.hot_since = Some(now);
            ctx.timer_service().register_event_time_timer(now + self.rules.hot_for + 1)?;
        }
        Ok(self.sensor.update(ctx, sensor)?)
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, String>,
        out: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        if let Some(mut sensor) = self.sensor.value(ctx)? {
            // A timer that a later reading has overtaken finds nothing due.
            self.check(ctx.current_key(), &mut sensor, timestamp, out);
            self.sensor.update(ctx, sensor)?;
        }
        Ok(())
    }
}

fn alert(at: Timestamp, sensor: &str, what: &str) -> String {
    format!("{} {sensor}: {what}", time(at))
}

fn time(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
