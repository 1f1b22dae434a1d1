//! Flink's settings of a reporter of Prometheus.

use std::collections::BTreeSet;

use sciurus_core::config::options::metrics;
use sciurus_core::config::{ConfigError, Configuration, Ports};

use super::scope::{LabelFilter, plain};

/// What stands before the settings of a reporter, the reporter's name behind it.
const PREFIX: &str = "metrics.reporter.";

/// What stands behind the reporter's name in the setting that says what it is.
const FACTORY: &str = ".factory.class";

/// How metrics are exposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReporterOptions {
    /// The ports of which the first free one is listened on.
    pub ports: Ports,
    pub(super) filter: LabelFilter,
}

impl ReporterOptions {
    /// Reads Flink's settings; `None` where no reporter of Prometheus is wanted. Reporters for
    /// others (JMX, `StatsD` and so on) aren't there; that is logged.
    ///
    /// # Errors
    /// [`ConfigError`] where a setting can't be read.
    pub fn from_configuration(configuration: &Configuration) -> Result<Option<Self>, ConfigError> {
        let wanted = configuration.get_optional(&metrics::REPORTERS)?;
        let wanted: Option<Vec<&str>> = wanted
            .as_deref()
            .map(|names| names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect());
        let wanted = wanted.filter(|names| !names.is_empty());
        let mut found = None;
        for (key, factory) in configuration.iter() {
            let name = key.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(FACTORY));
            let Some(name) = name else { continue };
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&name)) {
                continue;
            }
            if factory == metrics::PROMETHEUS_FACTORY {
                found.get_or_insert(name);
            } else {
                tracing::warn!("there is no metrics reporter {factory}: '{name}' is left out");
            }
        }
        let Some(name) = found else { return Ok(None) };
        let text = |option: &str| {
            let key = format!("{PREFIX}{name}.{option}");
            configuration.text(&key).map(|text| (key, text))
        };
        let ports = text("port").map_or_else(
            || configuration.get(&metrics::PROM_PORT),
            |(key, text)| metrics::PROM_PORT.parse(&key, text),
        )?;
        let plain_values = text("filterLabelValueCharacters").map_or_else(
            || configuration.get(&metrics::PROM_FILTER_LABEL_VALUE_CHARACTERS),
            |(key, text)| metrics::PROM_FILTER_LABEL_VALUE_CHARACTERS.parse(&key, text),
        )?;
        let excluded = text("scope.variables.excludes").map_or_else(BTreeSet::new, |(_, text)| {
            text.split(';').map(str::trim).filter(|name| !name.is_empty()).map(plain).collect()
        });
        Ok(Some(Self { ports, filter: LabelFilter { plain_values, excluded } }))
    }
}

impl Default for ReporterOptions {
    fn default() -> Self {
        let filter = LabelFilter { plain_values: true, excluded: BTreeSet::new() };
        Self { ports: Ports::one(metrics::DEFAULT_PORT), filter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<ReporterOptions>, ConfigError> {
        ReporterOptions::from_configuration(&Configuration::from_pairs(pairs.iter().copied()))
    }

    const PROM: (&str, &str) = ("metrics.reporter.prom.factory.class", metrics::PROMETHEUS_FACTORY);

    #[test]
    fn a_reporter_is_there_once_its_factory_is_named() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("metrics.reporters", "prom")]).unwrap(), None);
        assert_eq!(read(&[PROM]).unwrap(), Some(ReporterOptions::default()));
        assert_eq!(read(&[PROM, ("metrics.reporters", "other")]).unwrap(), None);
        let statsd = ("metrics.reporter.s.factory.class", "StatsDReporterFactory");
        assert_eq!(read(&[statsd]).unwrap(), None);
    }

    #[test]
    fn settings_are_those_of_the_reporter_by_any_name() {
        let options = read(&[
            ("metrics.reporters", "mine, other"),
            ("metrics.reporter.mine.factory.class", metrics::PROMETHEUS_FACTORY),
            ("metrics.reporter.mine.port", "9250-9260"),
            ("metrics.reporter.mine.filterLabelValueCharacters", "false"),
            ("metrics.reporter.mine.scope.variables.excludes", "job_id;task_attempt_num"),
        ]);
        let options = options.unwrap().unwrap();
        assert_eq!(options.ports.to_string(), "9250-9260");
        assert!(!options.filter.plain_values);
        assert_eq!(options.filter.excluded.len(), 2);
        let wrong = read(&[PROM, ("metrics.reporter.prom.port", "many")]).unwrap_err();
        assert!(wrong.to_string().contains("metrics.reporter.prom.port"), "{wrong}");
    }
}
