//! Metrics that user functions count: counters, gauges, meters and histograms.
//!
//! A function keeps them as its fields and registers them in `open`:
//!
//! ```ignore
//! fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
//!     ctx.metrics().counter("lines", &self.lines).histogram("lengths", &self.lengths);
//!     ctx.metrics().label("language", "en").counter("words", &self.words);
//!     Ok(())
//! }
//! ```
//!
//! To count takes neither a lock, an atomic read-modify-write, an allocation nor a dynamic call: only
//! the task's thread writes. A clone starts anew and belongs to nothing, as functions are cloned for
//! each subtask.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::samples::{Distribution, Samples};

/// How many values a [`UserHistogram`] looks back.
const HISTOGRAM_VALUES: usize = 1024;

/// How many metrics the functions of an operator may have.
const MAX_METRICS: usize = 1000;

/// Counts something; Flink's `Counter`.
#[derive(Debug, Default)]
pub struct UserCounter(Arc<AtomicU64>);

impl UserCounter {
    /// Makes a counter that stands at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&mut self, n: u64) {
        // `&mut self` and `Clone` see to it that there is only one writer.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Returns what this subtask counted.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shows a number that is set; Flink's `Gauge`.
#[derive(Debug, Default)]
pub struct UserGauge(Arc<AtomicU64>);

impl UserGauge {
    /// Makes a gauge that stands at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value.
    #[inline]
    pub fn set(&mut self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Returns the value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Measures how often something happens, a second; Flink's `Meter`.
#[derive(Debug, Default)]
pub struct UserMeter(Arc<AtomicU64>);

impl UserMeter {
    /// Makes a meter of what has not happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that it has happened `n` times.
    #[inline]
    pub fn mark(&mut self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }
}

/// Shows how values are distributed, the latest 1024 of them; Flink's `Histogram`.
#[derive(Debug)]
pub struct UserHistogram(Arc<Samples>);

impl UserHistogram {
    /// Makes a histogram without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    #[inline]
    pub fn update(&mut self, value: i64) {
        self.0.add(value);
    }
}

impl Default for UserHistogram {
    fn default() -> Self {
        Self(Arc::new(Samples::new(HISTOGRAM_VALUES)))
    }
}

macro_rules! start_anew_when_cloned {
    ($($metric:ty),+) => {
        $(impl Clone for $metric {
            fn clone(&self) -> Self {
                Self::default()
            }
        })+
    };
}
start_anew_when_cloned!(UserCounter, UserGauge, UserMeter, UserHistogram);

/// A part of a metric's scope: a name, or a label and its value.
pub type Group = (Arc<str>, Option<Arc<str>>);

/// What a user's metric shows.
#[derive(Clone, Debug, PartialEq)]
pub enum UserValue {
    /// Of a counter.
    Counter(u64),
    /// Of a gauge.
    Gauge(f64),
    /// Of a meter: how often in all.
    Meter(u64),
    /// Of a histogram.
    Histogram(Distribution),
}

/// A user's metric at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct UserMetric {
    /// The groups that it is in, the outermost first.
    pub groups: Vec<Group>,
    /// Its name.
    pub name: Arc<str>,
    /// What it shows.
    pub value: UserValue,
}

#[derive(Debug)]
enum Source {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Meter(Arc<AtomicU64>),
    Histogram(Arc<Samples>),
}

#[derive(Debug)]
struct Registered {
    groups: Vec<Group>,
    name: Arc<str>,
    source: Source,
}

/// The users' metrics of an operator.
#[derive(Debug, Default)]
pub struct UserMetrics(Mutex<Vec<Registered>>);

impl UserMetrics {
    /// Reads all of them.
    pub fn snapshot(&self) -> Vec<UserMetric> {
        let read = |registered: &Registered| UserMetric {
            groups: registered.groups.clone(),
            name: registered.name.clone(),
            value: match &registered.source {
                Source::Counter(value) => UserValue::Counter(value.load(Ordering::Relaxed)),
                Source::Gauge(bits) => {
                    UserValue::Gauge(f64::from_bits(bits.load(Ordering::Relaxed)))
                }
                Source::Meter(value) => UserValue::Meter(value.load(Ordering::Relaxed)),
                Source::Histogram(samples) => UserValue::Histogram(samples.distribution()),
            },
        };
        self.0.lock().iter().map(read).collect()
    }

    fn register(&self, groups: &[Group], name: &str, source: Source) {
        let mut all = self.0.lock();
        let is_there = all.iter().any(|other| *other.name == *name && other.groups == groups);
        if is_there {
            tracing::warn!("there is a metric '{name}' already: the second one is left out");
        } else if all.len() == MAX_METRICS {
            tracing::warn!("the operator has {MAX_METRICS} metrics: '{name}' is left out");
        } else {
            all.push(Registered { groups: groups.to_vec(), name: name.into(), source });
        }
    }
}

/// Where metrics are registered; Flink's `MetricGroup`.
#[derive(Clone, Debug)]
pub struct MetricGroup<'a> {
    metrics: &'a UserMetrics,
    groups: Vec<Group>,
}

impl<'a> MetricGroup<'a> {
    pub(crate) fn new(metrics: &'a UserMetrics) -> Self {
        Self { metrics, groups: Vec::new() }
    }

    /// Returns a group within this one: its name stands in front of its metrics' names.
    #[must_use]
    pub fn group(&self, name: &str) -> Self {
        self.with((name.into(), None))
    }

    /// Returns a group within this one, whose metrics Prometheus sees with a label.
    #[must_use]
    pub fn label(&self, label: &str, value: &str) -> Self {
        self.with((label.into(), Some(value.into())))
    }

    /// Registers a counter.
    pub fn counter(&self, name: &str, counter: &UserCounter) -> &Self {
        self.register(name, Source::Counter(counter.0.clone()))
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: &str, gauge: &UserGauge) -> &Self {
        self.register(name, Source::Gauge(gauge.0.clone()))
    }

    /// Registers a meter.
    pub fn meter(&self, name: &str, meter: &UserMeter) -> &Self {
        self.register(name, Source::Meter(meter.0.clone()))
    }

    /// Registers a histogram.
    pub fn histogram(&self, name: &str, histogram: &UserHistogram) -> &Self {
        self.register(name, Source::Histogram(histogram.0.clone()))
    }

    fn register(&self, name: &str, source: Source) -> &Self {
        self.metrics.register(&self.groups, name, source);
        self
    }

    fn with(&self, group: Group) -> Self {
        let mut groups = self.groups.clone();
        groups.push(group);
        Self { metrics: self.metrics, groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_counts_is_read_by_name_and_group() {
        let metrics = UserMetrics::default();
        let (mut lines, mut size) = (UserCounter::new(), UserGauge::new());
        let (mut rate, mut lengths) = (UserMeter::new(), UserHistogram::new());
        let group = MetricGroup::new(&metrics);
        group.counter("lines", &lines).gauge("size", &size).meter("rate", &rate);
        group.group("words").label("language", "en").histogram("lengths", &lengths);
        lines.add(2);
        lines.add(3);
        size.set(1.5);
        rate.mark(4);
        lengths.update(7);
        lines.clone().add(100);
        // Of two metrics of one name the first one counts.
        group.counter("lines", &UserCounter::new());
        let all = metrics.snapshot();
        let values: Vec<_> = all.iter().map(|metric| (&*metric.name, &metric.value)).collect();
        assert_eq!(
            values[..3],
            [
                ("lines", &UserValue::Counter(5)),
                ("size", &UserValue::Gauge(1.5)),
                ("rate", &UserValue::Meter(4)),
            ]
        );
        let UserValue::Histogram(distribution) = values[3].1 else { panic!("{values:?}") };
        assert_eq!((distribution.count, distribution.max), (1, 7));
        assert_eq!(all[3].groups, [("words".into(), None), ("language".into(), Some("en".into()))]);
        assert_eq!(values.len(), 4);
    }
}
