//! Users' metrics and latencies as they are reported and shown.

use std::fmt::Write as _;

use sciurus_core::ids::{HEX_ID_BYTES, OperatorId};
use sciurus_rpc::convert::fixed;
use sciurus_rpc::proto;
use sciurus_rpc::proto::user_metric::Value as Reported;

use crate::{Metrics, Value, sanitized};

/// The quantiles of a histogram that the REST API shows, by their places among those reported.
const SHOWN_QUANTILES: [(usize, &str); 7] =
    [(0, "median"), (1, "p75"), (2, "p90"), (3, "p95"), (4, "p98"), (5, "p99"), (6, "p999")];

/// The places of the quantiles that Flink's reporter for Prometheus shows.
const EXPOSED_QUANTILES: [usize; 6] = [0, 1, 3, 4, 5, 6];

/// A metric that a user's function counts.
#[derive(Clone, Debug, PartialEq)]
pub struct UserMetricView {
    /// The groups that it is in, the outermost first; labels have values.
    pub groups: Vec<(String, Option<String>)>,
    /// Its name.
    pub name: String,
    /// What it shows.
    pub value: UserValueView,
}

/// What a user's metric shows.
#[derive(Clone, Debug, PartialEq)]
pub enum UserValueView {
    /// Of a counter.
    Count(u64),
    /// Of a gauge, or of a meter: how often a second.
    Number(f64),
    /// Of a histogram.
    Histogram(proto::Distribution),
}

/// How long latency markers of a source take.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyView {
    /// The source, as far as sources are told apart.
    pub source: Option<OperatorId>,
    /// Its subtask, as far as those are.
    pub source_subtask: Option<u32>,
    /// Milliseconds.
    pub distribution: proto::Distribution,
}

impl UserMetricView {
    pub(super) fn all_of(
        now: &[proto::UserMetric],
        before: &[proto::UserMetric],
        rate: impl Fn(u64, u64) -> f64,
    ) -> Vec<Self> {
        let view = |(place, metric): (usize, &proto::UserMetric)| {
            let earlier = before.get(place).filter(|earlier| earlier.name == metric.name);
            let value = match metric.value.as_ref()? {
                Reported::Counter(count) => UserValueView::Count(*count),
                Reported::Gauge(value) => UserValueView::Number(*value),
                Reported::Meter(count) => {
                    let earlier = match earlier.and_then(|earlier| earlier.value.as_ref()) {
                        Some(Reported::Meter(count)) => *count,
                        _ => *count,
                    };
                    UserValueView::Number(rate(*count, earlier))
                }
                Reported::Histogram(values) => UserValueView::Histogram(values.clone()),
            };
            let groups = metric.groups.iter();
            let groups = groups.map(|group| (group.name.clone(), group.value.clone())).collect();
            Some(Self { groups, name: metric.name.clone(), value })
        };
        now.iter().enumerate().filter_map(view).collect()
    }

    /// Adds the metric under its groups' names, as the REST API shows it.
    pub(super) fn add_to(&self, metrics: &mut Metrics) {
        let mut name = String::new();
        for (group, value) in &self.groups {
            for part in [Some(group), value.as_ref()].into_iter().flatten() {
                name += &sanitized(part);
                name.push('.');
            }
        }
        name += &sanitized(&self.name);
        match &self.value {
            UserValueView::Count(count) => metrics.add(name, *count),
            UserValueView::Number(number) => metrics.add(name, Value::Decimal(*number)),
            UserValueView::Histogram(values) => add_distribution(metrics, &name, values),
        }
    }
}

impl LatencyView {
    pub(super) fn of(latency: &proto::Latency) -> Option<Self> {
        let source = match &latency.source {
            Some(bytes) => {
                Some(OperatorId::from_bytes(fixed::<HEX_ID_BYTES>(bytes, "source").ok()?))
            }
            None => None,
        };
        let distribution = latency.distribution.clone()?;
        Some(Self { source, source_subtask: latency.source_subtask, distribution })
    }

    /// Returns the names of Flink's groups and their values, at an operator of a subtask.
    pub(crate) fn groups(&self, operator: OperatorId, subtask: u32) -> Vec<(&'static str, String)> {
        let source = self.source.map(|id| ("source_id", id.to_string()));
        let of_it = self.source_subtask.map(|index| ("source_subtask_index", index.to_string()));
        let at = ("operator_id", operator.to_string());
        let at_subtask = ("operator_subtask_index", subtask.to_string());
        source.into_iter().chain(of_it).chain([at, at_subtask]).collect()
    }

    /// Adds the latencies as the REST API shows them.
    pub(super) fn add_to(&self, metrics: &mut Metrics, operator: OperatorId, subtask: u32) {
        let mut name = "latency".to_owned();
        for (group, value) in self.groups(operator, subtask) {
            let _ = write!(name, ".{group}.{value}");
        }
        add_distribution(metrics, &format!("{name}.latency"), &self.distribution);
    }
}

/// Returns the quantiles that Flink's reporter for Prometheus shows.
pub(crate) fn exposed_quantiles(values: &proto::Distribution) -> [f64; 6] {
    EXPOSED_QUANTILES.map(|place| values.quantiles.get(place).copied().unwrap_or(0.0))
}

fn add_distribution(metrics: &mut Metrics, name: &str, values: &proto::Distribution) {
    metrics.add(format!("{name}_min"), Value::Whole(values.min));
    metrics.add(format!("{name}_max"), Value::Whole(values.max));
    metrics.add(format!("{name}_mean"), Value::Decimal(values.mean));
    metrics.add(format!("{name}_stddev"), Value::Decimal(values.stddev));
    for (place, quantile) in SHOWN_QUANTILES {
        let value = values.quantiles.get(place).copied().unwrap_or(0.0);
        metrics.add(format!("{name}_{quantile}"), Value::Decimal(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: Reported) -> proto::UserMetric {
        let group = |name: &str, value: Option<&str>| proto::MetricGroup {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        };
        let groups = vec![group("words", None), group("language", Some("en"))];
        proto::UserMetric { groups, name: name.to_owned(), value: Some(value) }
    }

    #[test]
    fn names_are_those_of_the_groups_and_meters_show_rates() {
        let quantiles = vec![5.0; 7];
        let values = proto::Distribution { count: 2, max: 9, quantiles, ..Default::default() };
        let now = [
            metric("a.b", Reported::Counter(3)),
            metric("rate", Reported::Meter(30)),
            metric("sizes", Reported::Histogram(values)),
        ];
        let before = [metric("a.b", Reported::Counter(1)), metric("rate", Reported::Meter(10))];
        let views = UserMetricView::all_of(&now, &before, |now, before| (now - before) as f64);
        let mut metrics = Metrics::default();
        for view in &views {
            view.add_to(&mut metrics);
        }
        let get = |name: &str| metrics.get(&format!("words.language.en.{name}"));
        assert_eq!(get("a_b"), Some(Value::Whole(3)));
        assert_eq!(get("rate"), Some(Value::Decimal(20.0)));
        assert_eq!(get("sizes_max"), Some(Value::Whole(9)));
        assert_eq!(get("sizes_p999"), Some(Value::Decimal(5.0)));
    }
}
