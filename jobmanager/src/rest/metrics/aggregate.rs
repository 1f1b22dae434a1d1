//! One metric of many tasks, jobs or TaskManagers.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use serde::Serialize;

use super::Metrics;

/// What is computed of many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Avg,
    /// The sum.
    Sum,
    /// How far they are from their mean on average, in percent of the mean, at most 100.
    Skew,
}

impl Aggregation {
    const ALL: [Self; 5] = [Self::Min, Self::Max, Self::Avg, Self::Sum, Self::Skew];
}

impl FromStr for Aggregation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "avg" => Ok(Self::Avg),
            "sum" => Ok(Self::Sum),
            "skew" => Ok(Self::Skew),
            _ => Err(()),
        }
    }
}

/// An aggregated metric in an answer; only a name where no values were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Aggregated {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skew: Option<f64>,
}

/// Answers a request over many: with all names, or with the aggregations of those it names. What is
/// no number is left out.
pub fn aggregate(of: &[Metrics], wanted: &[&str], by: &[Aggregation]) -> Vec<Aggregated> {
    if wanted.is_empty() {
        let mut seen = HashSet::new();
        let names = of.iter().flat_map(Metrics::iter).map(|(name, _)| name);
        let new = names.filter(|name| seen.insert(*name));
        return new.map(|id| Aggregated { id: id.to_owned(), ..Aggregated::default() }).collect();
    }
    let by = if by.is_empty() { &Aggregation::ALL[..] } else { by };
    let maps: Vec<HashMap<&str, f64>> = of
        .iter()
        .map(|m| m.iter().filter_map(|(name, value)| Some((name, value.number()?))).collect())
        .collect();
    let aggregated = |name: &&str| {
        let values: Vec<f64> = maps.iter().filter_map(|map| map.get(name).copied()).collect();
        (!values.is_empty()).then(|| aggregated(name, &values, by))
    };
    wanted.iter().filter_map(aggregated).collect()
}

fn aggregated(name: &str, values: &[f64], by: &[Aggregation]) -> Aggregated {
    let sum: f64 = values.iter().sum();
    let avg = sum / values.len() as f64;
    let has = |aggregation| by.contains(&aggregation);
    let skew = || {
        let deviation: f64 = values.iter().map(|value| (value - avg).abs()).sum();
        let share = deviation / values.len() as f64 / avg * 100.0;
        if share.is_finite() { share.clamp(0.0, 100.0) } else { 0.0 }
    };
    Aggregated {
        id: name.to_owned(),
        min: has(Aggregation::Min).then(|| values.iter().copied().fold(f64::INFINITY, f64::min)),
        max: has(Aggregation::Max)
            .then(|| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        avg: has(Aggregation::Avg).then_some(avg),
        sum: has(Aggregation::Sum).then_some(sum),
        skew: has(Aggregation::Skew).then(skew),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    fn of(values: &[f64]) -> Vec<Metrics> {
        let metrics = |&value: &f64| {
            let mut metrics = Metrics::default();
            metrics.add("m", Value::Decimal(value));
            metrics.add("is", Value::Is(true));
            metrics
        };
        values.iter().map(metrics).collect()
    }

    #[test]
    fn values_are_those_that_flink_answered() {
        let skew = |values: &[f64]| aggregate(&of(values), &["m"], &[])[0].skew.unwrap();
        assert!((skew(&[8e6, 11e6]) - 15.789_473_684_210_526).abs() < 1e-9);
        assert!((skew(&[268_800.0, 268_808.0]) - 0.001_488_073).abs() < 1e-6);
        assert!((skew(&[-1.0, 3583.0]) - 100.0).abs() < 1e-9);
        assert!(skew(&[0.0, 0.0]) == 0.0);
    }

    #[test]
    fn only_what_is_asked_for_is_answered() {
        let metrics = of(&[1.0, 3.0]);
        let json = |wanted: &[&str], by: &[Aggregation]| {
            serde_json::to_string(&aggregate(&metrics, wanted, by)).unwrap()
        };
        assert_eq!(json(&[], &[]), r#"[{"id":"m"},{"id":"is"}]"#);
        assert_eq!(
            json(&["m", "is", "x"], &[Aggregation::Min, Aggregation::Sum]),
            r#"[{"id":"m","min":1.0,"sum":4.0}]"#
        );
    }
}
