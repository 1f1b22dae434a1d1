//! Metrics by name, and their values as Flink writes them.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// What a metric shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count, a size, a time.
    Whole(i64),
    /// A rate, a share.
    Decimal(f64),
    /// Yes or no.
    Is(bool),
    /// A name, a path.
    Text(Arc<str>),
}

impl Value {
    /// Returns the value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Decimal(number) => Some(*number),
            Self::Is(_) | Self::Text(_) => None,
        }
    }

    /// Returns what Flink's `PrometheusReporter` shows of it: 1 for yes, 0 for no and for texts.
    pub fn sample(&self) -> f64 {
        match self {
            Self::Is(yes) => f64::from(u8::from(*yes)),
            other => other.number().unwrap_or(0.0),
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Value {
    /// Writes numbers as Java does: a decimal has a point.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(formatter),
            Self::Decimal(number) if number.is_nan() => formatter.write_str("NaN"),
            Self::Decimal(number) if number.is_infinite() => {
                formatter.write_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Self::Decimal(number) => write!(formatter, "{number:?}"),
            Self::Is(yes) => yes.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Metrics by name, each name once, in the order in which they are listed.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Vec<(String, Value)>);

impl Metrics {
    /// Adds a metric.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds metrics with a text before their names.
    pub fn add_prefixed(&mut self, prefix: &str, metrics: Self) {
        self.0.extend(metrics.0.into_iter().map(|(name, v)| (format!("{prefix}.{name}"), v)));
    }

    /// Returns a metric's value.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.clone())
    }

    /// Goes through the metrics.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Answers a request: with the names only, or with the values of the metrics that it names.
    pub fn answer(self, wanted: &[&str]) -> Vec<MetricBody> {
        if wanted.is_empty() {
            return self.0.into_iter().map(|(id, _)| MetricBody { id, value: None }).collect();
        }
        let value = |name: &&str| {
            self.get(name).map(|value| MetricBody { id: (*name).to_owned(), value: Some(value) })
        };
        wanted.iter().filter_map(value).collect()
    }

    /// Answers with all metrics and their values.
    pub fn with_values(self) -> Vec<MetricBody> {
        self.0.into_iter().map(|(id, value)| MetricBody { id, value: Some(value) }).collect()
    }
}

/// A metric in an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricBody {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_java() {
        let texts = [
            (Value::Whole(-1), "-1"),
            (Value::Decimal(0.0), "0.0"),
            (Value::Decimal(102_965.0), "102965.0"),
            (Value::Decimal(f64::NAN), "NaN"),
            (Value::Is(false), "false"),
            (Value::Text("file:/c/chk-1".into()), "file:/c/chk-1"),
            (Value::from(u64::MAX), "9223372036854775807"),
        ];
        for (value, text) in texts {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn without_names_all_are_listed_and_unknown_names_are_left_out() {
        let mut metrics = Metrics::default();
        metrics.add("a", 1_u64);
        metrics.add("b", Value::Decimal(0.5));
        let json =
            |wanted: &[&str]| serde_json::to_string(&metrics.clone().answer(wanted)).unwrap();
        assert_eq!(json(&[]), r#"[{"id":"a"},{"id":"b"}]"#);
        assert_eq!(json(&["b", "x"]), r#"[{"id":"b","value":"0.5"}]"#);
    }
}
