//! Families of metrics, and the text that Prometheus reads.

use std::collections::BTreeMap;

use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary};
use prometheus::{Encoder, TextEncoder};

use super::options::ReporterOptions;
use super::scope::{LabelFilter, Scope, plain};
use crate::Metrics;

/// What stands before all names.
const PREFIX: &str = "flink";

/// The quantiles that Flink shows of a histogram.
pub const QUANTILES: [f64; 6] = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999];

/// Collects the metrics of one answer.
#[derive(Debug)]
pub struct Exposition {
    filter: LabelFilter,
    families: BTreeMap<String, MetricFamily>,
}

impl Exposition {
    /// Makes one that holds nothing yet, and writes labels as the options say.
    pub fn new(options: &ReporterOptions) -> Self {
        Self { filter: options.filter.clone(), families: BTreeMap::new() }
    }

    /// Adds a counter, a gauge or a meter. A name with points in it (`Status.JVM.CPU.Load`) names
    /// scopes, too.
    pub fn gauge(&mut self, scope: &Scope, name: &str, value: f64) {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = self.metric(scope);
        metric.set_gauge(gauge);
        self.add(scope, name, MetricType::GAUGE, metric);
    }

    /// Adds a histogram: how many values there were, and their [`QUANTILES`].
    pub fn summary(&mut self, scope: &Scope, name: &str, count: u64, quantiles: [f64; 6]) {
        let quantile = |(quantile, value)| {
            let mut pair = Quantile::default();
            pair.set_quantile(quantile);
            pair.set_value(value);
            pair
        };
        let mut summary = Summary::default();
        summary.set_sample_count(count);
        summary.set_quantile(QUANTILES.into_iter().zip(quantiles).map(quantile).collect());
        let mut metric = self.metric(scope);
        metric.set_summary(summary);
        self.add(scope, name, MetricType::SUMMARY, metric);
    }

    /// Adds metrics of one scope.
    pub fn gauges(&mut self, scope: &Scope, metrics: &Metrics) {
        for (name, value) in metrics.iter() {
            self.gauge(scope, name, value.sample());
        }
    }

    /// Returns what Prometheus reads.
    pub fn text(self) -> String {
        let families: Vec<_> = self.families.into_values().collect();
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
            tracing::error!(%error, "metrics can't be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    fn metric(&self, scope: &Scope) -> Metric {
        let pair = |(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name);
            pair.set_value(value);
            pair
        };
        Metric::from_label(scope.labels(&self.filter).into_iter().map(pair).collect())
    }

    fn add(&mut self, scope: &Scope, name: &str, kind: MetricType, metric: Metric) {
        let (scopes, name) = match name.rsplit_once('.') {
            Some((scopes, name)) => (format!("{}_{}", scope.names(), plain(scopes)), name),
            None => (scope.names().to_owned(), name),
        };
        let full = format!("{PREFIX}_{scopes}_{}", plain(name));
        let family = self.families.entry(full).or_insert_with_key(|full| {
            let mut family = MetricFamily::default();
            family.set_name(full.clone());
            family.set_help(format!("{name} (scope: {scopes})"));
            family.set_field_type(kind);
            family
        });
        // A user's metric may have the name of another of another type: the first one stands.
        if family.get_field_type() == kind {
            family.mut_metric().push(metric);
        }
    }
}
