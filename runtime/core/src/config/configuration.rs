//! The configuration itself: texts by key, read through typed options.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::option::{AnyOption, ConfigOption};
use super::value::{OptionValue, entries_to_text};
use super::{options, sensitive};

/// Holds settings as texts in the order of their keys, and reads them through typed options.
///
/// Values are kept as given and read on every [`get`](Configuration::get), so that keys nobody
/// knows yet survive on the way to whoever does. `Debug` and `Display` show `******` for secrets;
/// serialised, a configuration has them in full.
///
/// ```
/// use std::time::Duration;
/// use sciurus_core::config::{Configuration, options::execution};
///
/// let mut conf = Configuration::new();
/// conf.merge(&Configuration::from_property("-Dexecution.buffer-timeout.interval=10 ms")?);
/// assert_eq!(conf.get(&execution::BUFFER_TIMEOUT)?, Duration::from_millis(10));
/// # Ok::<(), sciurus_core::config::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Configuration {
    texts: BTreeMap<String, String>,
}

impl Configuration {
    /// Creates an empty configuration: every option has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a configuration of these keys and values; of equal keys the last wins.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        pairs.into_iter().collect()
    }

    /// Creates a configuration of one command line argument `-Dkey=value` (`-D` may be missing).
    /// As in Flink, a key without value is set to `true`.
    ///
    /// # Errors
    /// [`ConfigError::NotAProperty`] if the key is empty or has white space in it.
    pub fn from_property(argument: &str) -> Result<Self, ConfigError> {
        let body = argument.trim();
        let body = body.strip_prefix("-D").unwrap_or(body);
        let (key, value) = body.split_once('=').unwrap_or((body, "true"));
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            let argument = sensitive::shown(argument, argument).to_owned();
            return Err(ConfigError::NotAProperty { argument });
        }
        Ok(Self::from_pairs([(key, value)]))
    }

    /// Returns the option's value, or its default.
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] if the text is not what the option accepts,
    /// [`ConfigError::Missing`] if it is neither set nor has a default.
    pub fn get<T: OptionValue>(&self, option: &ConfigOption<T>) -> Result<T, ConfigError> {
        let value = self.get_optional(option)?;
        value.or_else(|| option.default_value()).ok_or_else(|| ConfigError::Missing {
            key: option.key().to_owned(),
            example: AnyOption::example(option).into_owned(),
        })
    }

    /// Returns the option's value if it is set, be it under a fallback or deprecated key.
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] if the text is not what the option accepts.
    pub fn get_optional<T: OptionValue>(
        &self,
        option: &ConfigOption<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.find(option).map(|(key, text)| option.parse(key, &text)).transpose()
    }

    /// Tells whether the option is set, be it under a fallback or deprecated key.
    pub fn contains(&self, option: &dyn AnyOption) -> bool {
        self.find(option).is_some()
    }

    /// Sets the option, in place of what any deprecated key says.
    pub fn set<T: OptionValue>(&mut self, option: &ConfigOption<T>, value: &T) -> &mut Self {
        self.remove(option);
        self.set_text(option.key(), value.to_text())
    }

    /// Sets the text of a key, known or not.
    pub fn set_text(&mut self, key: impl Into<String>, text: impl Into<String>) -> &mut Self {
        self.texts.insert(key.into(), text.into());
        self
    }

    /// Removes the option under its key, its deprecated keys and, for a map, the keys below it.
    /// Returns whether it was set.
    pub fn remove(&mut self, option: &dyn AnyOption) -> bool {
        let before = self.texts.len();
        self.texts.retain(|key, _| {
            let below = option.is_map() && entry_name(option.key(), key).is_some();
            !below && key != option.key() && !option.deprecated_keys().contains(&key.as_str())
        });
        self.texts.len() < before
    }

    /// Removes a key, known or not, and returns its text.
    pub fn remove_text(&mut self, key: &str) -> Option<String> {
        self.texts.remove(key)
    }

    /// Takes over all that `later` sets: it wins, also where one of the two uses a deprecated key.
    pub fn merge(&mut self, later: &Self) -> &mut Self {
        for key in later.texts.keys() {
            if let Some(option) = options::find(key) {
                self.remove(option);
            }
        }
        self.texts.extend(later.texts.iter().map(|(key, text)| (key.clone(), text.clone())));
        self
    }

    /// Returns the text of exactly this key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// Returns keys and texts in the order of the keys; texts of sensitive keys in full.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// Returns keys and texts in the order of the keys, texts of sensitive keys as `******`.
    pub fn iter_shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(key, text)| (key, sensitive::shown(key, text)))
    }

    /// Returns how many keys are set.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Tells whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the text that holds for the option, and the key where it stands.
    pub(super) fn find(&self, option: &dyn AnyOption) -> Option<(&str, Cow<'_, str>)> {
        let at = |key: &str| {
            let found = self.texts.get_key_value(key);
            found.map(|(key, text)| (key.as_str(), Cow::Borrowed(text.as_str())))
        };
        let below = || {
            let mut entries = self.entries_below(option.key()).peekable();
            entries.peek().is_some().then(|| (option.key(), Cow::Owned(entries_to_text(entries))))
        };
        let mut others = option.fallback_keys().iter().chain(option.deprecated_keys());
        at(option.key())
            .or_else(|| option.is_map().then(below).flatten())
            .or_else(|| others.find_map(|key| at(key)))
    }

    fn entries_below(&self, key: &str) -> impl Iterator<Item = (String, String)> {
        self.texts.iter().filter_map(move |(candidate, text)| {
            entry_name(key, candidate).map(|name| (name.to_owned(), text.clone()))
        })
    }
}

/// Returns what follows `map_key.` in `key`.
pub(super) fn entry_name<'key>(map_key: &str, key: &'key str) -> Option<&'key str> {
    key.strip_prefix(map_key)?.strip_prefix('.').filter(|name| !name.is_empty())
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let texts = pairs.into_iter().map(|(key, text)| (key.into(), text.into())).collect();
        Self { texts }
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter_shown()).finish()
    }
}

impl fmt::Display for Configuration {
    /// Writes one `key: value` a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, text) in self.iter_shown() {
            writeln!(f, "{key}: {text}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::options::restart_strategy::RestartStrategyType;
    use super::super::options::{execution, restart_strategy};
    use super::*;

    static LABELS: ConfigOption<BTreeMap<String, u32>> = ConfigOption::new("example.labels");
    static NAME: ConfigOption<String> =
        ConfigOption::new("example.name").fallback_keys(&["example.title"]).example("n");

    #[test]
    fn reads_what_is_set_else_the_default() {
        let mut conf = Configuration::new();
        assert_eq!(conf.get(&execution::BUFFER_TIMEOUT), Ok(Duration::from_millis(100)));
        assert_eq!(conf.get_optional(&execution::BUFFER_TIMEOUT), Ok(None));
        conf.set(&execution::BUFFER_TIMEOUT, &Duration::from_secs(90));
        assert_eq!(conf.text("execution.buffer-timeout.interval"), Some("90 s"));
        assert_eq!(conf.get(&execution::BUFFER_TIMEOUT), Ok(Duration::from_secs(90)));
        assert!(conf.remove(&execution::BUFFER_TIMEOUT) && conf.is_empty());
    }

    #[test]
    fn a_missing_value_is_an_error_that_shows_how_to_set_it() {
        let error = Configuration::new().get(&NAME).unwrap_err().to_string();
        let expected = "example.name is not set and has no default: \
                        set it, for example 'example.name: n'";
        assert_eq!(error, expected);
    }

    #[test]
    fn the_key_itself_goes_before_fallback_and_deprecated_ones() {
        let mut conf = Configuration::from_pairs([("restart-strategy", "fixed-delay")]);
        let strategy = |conf: &Configuration| conf.get(&restart_strategy::TYPE);
        assert_eq!(strategy(&conf), Ok(RestartStrategyType::FixedDelay));
        conf.set_text("restart-strategy.type", "off");
        assert_eq!(strategy(&conf), Ok(RestartStrategyType::None));
        conf.set(&restart_strategy::TYPE, &RestartStrategyType::FailureRate);
        assert_eq!(conf.to_string(), "restart-strategy.type: failure-rate\n");

        let conf = Configuration::from_pairs([("example.title", "x")]);
        assert_eq!(conf.get(&NAME).as_deref(), Ok("x"));
    }

    #[test]
    fn the_later_wins_also_under_a_deprecated_key() {
        let mut conf = Configuration::from_pairs([
            ("restart-strategy.type", "fixed-delay"),
            ("parallelism.default", "4"),
        ]);
        conf.merge(&Configuration::from_property("-Drestart-strategy=none").unwrap());
        assert_eq!(conf.get(&restart_strategy::TYPE), Ok(RestartStrategyType::None));
        assert_eq!(conf.text("parallelism.default"), Some("4"));
    }

    #[test]
    fn a_map_may_stand_in_keys_of_its_own() {
        let conf = Configuration::from_pairs([
            ("example.labels.a.b", "1"),
            ("example.labels.c", "2"),
            ("example.labelsx", "3"),
        ]);
        let labels = conf.get(&LABELS).unwrap();
        assert_eq!(labels, [("a.b".to_owned(), 1), ("c".to_owned(), 2)].into());
        let mut again = conf.clone();
        again.set(&LABELS, &labels);
        assert_eq!(again.text("example.labels"), Some("{a.b: 1, c: 2}"));
        assert_eq!((again.len(), again.get(&LABELS)), (2, Ok(labels)));
    }

    #[test]
    fn properties_may_hold_equals_signs_and_lack_a_value() {
        let text = |argument: &str| Configuration::from_property(argument).map(|c| c.to_string());
        assert_eq!(text("-Da.b=c=d"), Ok("a.b: c=d\n".to_owned()));
        assert_eq!(text("a.b="), Ok("a.b: \n".to_owned()));
        assert_eq!(text("-Da.b"), Ok("a.b: true\n".to_owned()));
        for argument in ["-D", "-D=x", "-Da b=c"] {
            let argument = argument.to_owned();
            assert_eq!(text(&argument), Err(ConfigError::NotAProperty { argument }));
        }
    }

    #[test]
    fn secrets_travel_but_do_not_show() {
        let conf = Configuration::from_pairs([("s3.secret-key", "hunter2"), ("a", "b")]);
        let json = serde_json::to_string(&conf).unwrap();
        assert_eq!(serde_json::from_str::<Configuration>(&json).unwrap(), conf);
        assert!(json.contains("hunter2"));
        assert_eq!(conf.to_string(), "a: b\ns3.secret-key: ******\n");
        assert_eq!(format!("{conf:?}"), r#"{"a": "b", "s3.secret-key": "******"}"#);
    }
}
