//! Checks a whole configuration at once: every value, every key.

use std::fmt;

use super::configuration::{Configuration, entry_name};
use super::error::ConfigError;
use super::flink_keys::{self, ForeignKey};
use super::options;

/// Says whether keys that have no effect are let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Keys that nobody knows, and keys of Flink that have no effect here, are warnings.
    #[default]
    Lenient,
    /// They are errors.
    Strict,
}

/// Says what is odd about a configuration that can be used all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Neither Sciurus nor Flink knows the key.
    Unknown {
        /// The key as given.
        key: String,
        /// A known key that is spelt like it.
        nearest: Option<&'static str>,
    },
    /// Flink obeys these keys, Sciurus doesn't.
    WithoutEffect {
        /// The keys as given.
        keys: Vec<String>,
    },
    /// These keys only concern a JVM. There is one such warning for all of them.
    JvmOnly {
        /// The keys as given.
        keys: Vec<String>,
    },
    /// The key is a former name of another.
    Deprecated {
        /// The key as given.
        key: String,
        /// The name of today.
        replacement: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key, nearest: Some(nearest) } => {
                write!(f, "unknown configuration key '{key}': did you mean '{nearest}'?")
            }
            Self::Unknown { key, nearest: None } => write!(f, "unknown configuration key '{key}'"),
            Self::WithoutEffect { keys } => {
                write!(f, "configuration keys of Flink without effect here: {}", keys.join(", "))
            }
            Self::JvmOnly { keys } => {
                write!(f, "ignored configuration keys for the JVM: {}", keys.join(", "))
            }
            Self::Deprecated { key, replacement } => {
                write!(f, "configuration key '{key}' is deprecated: use '{replacement}'")
            }
        }
    }
}

/// Says all that makes a configuration unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfiguration {
    /// Values that were refused.
    pub errors: Vec<ConfigError>,
    /// Keys that strictness refuses.
    pub refused: Vec<Warning>,
}

impl fmt::Display for InvalidConfiguration {
    /// Writes one problem a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for error in &self.errors {
            write!(f, "\n  {error}")?;
        }
        for warning in &self.refused {
            write!(f, "\n  {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidConfiguration {}

/// Checks every value that an option would read, and every key. Returns what deserves a warning.
///
/// # Errors
/// [`InvalidConfiguration`] with all values that are refused and, if strict, all keys that have no
/// effect (those for the JVM are always let pass).
pub fn validate(
    conf: &Configuration,
    strictness: Strictness,
) -> Result<Vec<Warning>, InvalidConfiguration> {
    let check = |option: &dyn super::AnyOption| {
        conf.find(option).and_then(|(key, text)| option.check(key, &text).err())
    };
    let errors: Vec<_> = options::all().filter_map(check).collect();
    let (refused, warnings) = key_warnings(conf).into_iter().partition(|warning| {
        let has_no_effect =
            matches!(warning, Warning::Unknown { .. } | Warning::WithoutEffect { .. });
        strictness == Strictness::Strict && has_no_effect
    });
    let refused: Vec<_> = refused;
    if errors.is_empty() && refused.is_empty() {
        Ok(warnings)
    } else {
        Err(InvalidConfiguration { errors, refused })
    }
}

fn key_warnings(conf: &Configuration) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (mut without_effect, mut jvm_only) = (Vec::new(), Vec::new());
    for (key, _) in conf.iter() {
        if let Some(option) = options::find(key) {
            if option.key() != key {
                let replacement = option.key();
                warnings.push(Warning::Deprecated { key: key.to_owned(), replacement });
            }
        } else if !is_map_entry(key) && !is_reporter_setting(key) {
            match flink_keys::classify(key) {
                ForeignKey::Internal => {}
                ForeignKey::JvmOnly => jvm_only.push(key.to_owned()),
                ForeignKey::WithoutEffect => without_effect.push(key.to_owned()),
                ForeignKey::Unknown => {
                    let nearest = nearest(key);
                    warnings.push(Warning::Unknown { key: key.to_owned(), nearest });
                }
            }
        }
    }
    if !without_effect.is_empty() {
        warnings.push(Warning::WithoutEffect { keys: without_effect });
    }
    if !jvm_only.is_empty() {
        warnings.push(Warning::JvmOnly { keys: jvm_only });
    }
    warnings
}

fn is_map_entry(key: &str) -> bool {
    options::all().any(|option| option.is_map() && entry_name(option.key(), key).is_some())
}

/// Tells whether a key is a setting of a metrics reporter that isn't called as in the table.
fn is_reporter_setting(key: &str) -> bool {
    let rest = key.strip_prefix("metrics.reporter.").and_then(|rest| rest.split_once('.'));
    rest.is_some_and(|(_, setting)| {
        options::find(&format!("metrics.reporter.prom.{setting}")).is_some()
    })
}

/// Returns the known key that the given one was most likely meant to be: one with few letters
/// changed, else the only one that the given key begins or ends.
fn nearest(given: &str) -> Option<&'static str> {
    let known = || options::all().map(super::AnyOption::key).chain(flink_keys::single_keys());
    let lower = given.to_lowercase();
    let changes_max = (lower.chars().count() / 5).max(1);
    let changed = known()
        .map(|key| (strsim::osa_distance(&lower, &key.to_lowercase()), key))
        .filter(|(changes, _)| *changes <= changes_max)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, key)| key);
    changed.or_else(|| {
        let is_end = |key: &&str| {
            let key = key.to_lowercase();
            let rest = key.strip_prefix(&lower).filter(|rest| rest.starts_with('.'));
            rest.is_some() || key.strip_suffix(&lower).is_some_and(|rest| rest.ends_with('.'))
        };
        let mut found = known().filter(is_end);
        found.next().filter(|_| found.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Configuration {
        Configuration::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn reports_all_wrong_values_together() {
        let conf = conf(&[
            ("parallelism.default", "0"),
            ("execution.buffer-timeout", "soon"),
            ("taskmanager.memory.segment-size", "32 parsec"),
            ("pipeline.name", "fine"),
        ]);
        let invalid = validate(&conf, Strictness::Lenient).unwrap_err();
        assert_eq!(invalid.errors.len(), 3);
        let text = invalid.to_string();
        for part in [
            "parallelism.default: '0' is not usable: it is not from 1 to 32768; ",
            "execution.buffer-timeout: 'soon' is not usable: it does not start with a number; ",
            "'32 parsec' is not usable: there is no unit 'parsec'; ",
            "for example 'taskmanager.memory.segment-size: 32 kb'",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn suggests_the_key_that_was_meant() {
        for (given, nearest_key) in [
            ("paralelism.default", Some("parallelism.default")),
            ("parallelism", Some("parallelism.default")),
            ("taskmanager.numberoftaskslots", Some("taskmanager.numberOfTaskSlots")),
            ("numberOfTaskSlots", Some("taskmanager.numberOfTaskSlots")),
            ("execution.buffer-timeout.intervall", Some("execution.buffer-timeout.interval")),
            ("execution.checkpointing.intreval", Some("execution.checkpointing.interval")),
            ("my.own.key", None),
            ("x", None),
        ] {
            assert_eq!(nearest(given), nearest_key, "{given}");
        }
    }

    #[test]
    fn tells_unknown_deprecated_foreign_and_jvm_keys_apart() {
        let conf = conf(&[
            ("env.java.opts.all", "-Xmx1g"),
            ("taskmanager.memory.jvm-overhead.max", "1g"),
            ("historyserver.web.port", "8082"),
            ("$internal.pipeline.job-id", "0"),
            ("restart-strategy", "none"),
            ("my.key", "1"),
        ]);
        let warnings = validate(&conf, Strictness::Lenient).unwrap();
        let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "unknown configuration key 'my.key'",
                "configuration key 'restart-strategy' is deprecated: use 'restart-strategy.type'",
                "configuration keys of Flink without effect here: historyserver.web.port",
                "ignored configuration keys for the JVM: env.java.opts.all, \
                 taskmanager.memory.jvm-overhead.max",
            ]
        );
    }

    #[test]
    fn strictness_refuses_keys_that_have_no_effect() {
        let fine = conf(&[("env.java.home", "/x"), ("restart-strategy", "off")]);
        assert_eq!(validate(&fine, Strictness::Strict).map(|warnings| warnings.len()), Ok(2));
        let wrong = conf(&[("paralelism.default", "2"), ("historyserver.web.port", "1")]);
        let invalid = validate(&wrong, Strictness::Strict).unwrap_err();
        assert_eq!((invalid.errors.len(), invalid.refused.len()), (0, 2));
        assert!(invalid.to_string().contains("did you mean 'parallelism.default'?"));
    }
}
