//! What an option is: a key, a type, perhaps a default, and what it is good for.

use std::borrow::Cow;

use super::error::{ConfigError, InvalidValue};
use super::sensitive;
use super::value::OptionValue;

/// Describes one option: its key, type, default and meaning.
///
/// Options are statics of the modules in [`options`](super::options), built by `const` functions:
///
/// ```
/// use std::time::Duration;
/// use sciurus_core::config::{ConfigOption, Configuration};
///
/// static PATIENCE: ConfigOption<Duration> = ConfigOption::new("example.patience")
///     .default(|| Duration::from_secs(10))
///     .rule("at most 1 min", |patience| patience.as_secs() <= 60);
///
/// let conf = Configuration::from_pairs([("example.patience", "500 ms")]);
/// assert_eq!(conf.get(&PATIENCE)?, Duration::from_millis(500));
/// # Ok::<(), sciurus_core::config::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct ConfigOption<T> {
    key: &'static str,
    fallback_keys: &'static [&'static str],
    deprecated_keys: &'static [&'static str],
    default: Option<fn() -> T>,
    rule: Option<Rule<T>>,
    example: Option<&'static str>,
    description: &'static str,
}

#[derive(Debug)]
struct Rule<T> {
    text: &'static str,
    holds: fn(&T) -> bool,
}

impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rule<T> {}

impl<T> ConfigOption<T> {
    /// Creates an option with this key and no default.
    pub const fn new(key: &'static str) -> Self {
        Self {
            key,
            fallback_keys: &[],
            deprecated_keys: &[],
            default: None,
            rule: None,
            example: None,
            description: "",
        }
    }

    /// Sets the value that holds when the configuration has none.
    #[must_use]
    pub const fn default(mut self, default: fn() -> T) -> Self {
        self.default = Some(default);
        self
    }

    /// Sets keys of other options that are asked, in this order, when this one is not set.
    #[must_use]
    pub const fn fallback_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.fallback_keys = keys;
        self
    }

    /// Sets former names of this option, asked last; using one is reported as a warning.
    #[must_use]
    pub const fn deprecated_keys(mut self, keys: &'static [&'static str]) -> Self {
        self.deprecated_keys = keys;
        self
    }

    /// Sets a rule for values, and the text of it that completes "it is not …" ("at least 1").
    #[must_use]
    pub const fn rule(mut self, text: &'static str, holds: fn(&T) -> bool) -> Self {
        self.rule = Some(Rule { text, holds });
        self
    }

    /// Sets the value that error messages show as an example, where the type's own won't do.
    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// Sets what the documentation says of this option.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Returns the option's key.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the value that holds when the configuration has none.
    pub fn default_value(&self) -> Option<T> {
        self.default.map(|default| default())
    }
}

impl<T: OptionValue> ConfigOption<T> {
    /// Reads a value that was found under `key` (this option's, or one that stands in for it).
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] if the text is no value of the type or breaks the rule.
    pub fn parse(&self, key: &str, text: &str) -> Result<T, ConfigError> {
        let value = T::parse(text).and_then(|value| match self.rule {
            Some(rule) if !(rule.holds)(&value) => {
                Err(super::ValueError::Forbidden { rule: rule.text })
            }
            _ => Ok(value),
        });
        value.map_err(|reason| {
            ConfigError::InvalidValue(Box::new(InvalidValue {
                key: key.to_owned(),
                given: sensitive::shown(key, text).to_owned(),
                reason,
                expected: self.expected(),
                example: AnyOption::example(self).into_owned(),
            }))
        })
    }
}

/// Gives what can be asked of an option without knowing its type.
pub trait AnyOption: Sync {
    /// Returns the option's key.
    fn key(&self) -> &'static str;

    /// Returns keys of other options that are asked, in this order, when this one is not set.
    fn fallback_keys(&self) -> &'static [&'static str];

    /// Returns former names of this option.
    fn deprecated_keys(&self) -> &'static [&'static str];

    /// Returns what the documentation says of this option.
    fn description(&self) -> &'static str;

    /// Returns the name of the option's type.
    fn type_name(&self) -> Cow<'static, str>;

    /// Returns what the option accepts, to complete "expected …".
    fn expected(&self) -> String;

    /// Returns the rule for values beyond their type, such as "at least 1".
    fn rule(&self) -> Option<&'static str>;

    /// Returns a text that the option accepts.
    fn example(&self) -> Cow<'static, str>;

    /// Returns the default as a text.
    fn default_text(&self) -> Option<String>;

    /// Tells whether entries may also stand as keys of their own below this option's key.
    fn is_map(&self) -> bool;

    /// Checks a value that was found under `key`.
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] if the option would refuse it.
    fn check(&self, key: &str, text: &str) -> Result<(), ConfigError>;
}

impl<T: OptionValue> AnyOption for ConfigOption<T> {
    fn key(&self) -> &'static str {
        self.key
    }

    fn fallback_keys(&self) -> &'static [&'static str] {
        self.fallback_keys
    }

    fn deprecated_keys(&self) -> &'static [&'static str] {
        self.deprecated_keys
    }

    fn description(&self) -> &'static str {
        self.description.trim()
    }

    fn type_name(&self) -> Cow<'static, str> {
        T::type_name()
    }

    fn expected(&self) -> String {
        match self.rule {
            Some(rule) => format!("{}, {}", T::expected(), rule.text),
            None => T::expected().into_owned(),
        }
    }

    fn rule(&self) -> Option<&'static str> {
        self.rule.map(|rule| rule.text)
    }

    fn example(&self) -> Cow<'static, str> {
        self.example.map_or_else(T::example, Cow::Borrowed)
    }

    fn default_text(&self) -> Option<String> {
        self.default_value().map(|value| value.to_text())
    }

    fn is_map(&self) -> bool {
        T::IS_MAP
    }

    fn check(&self, key: &str, text: &str) -> Result<(), ConfigError> {
        self.parse(key, text).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    static COUNT: ConfigOption<u32> =
        ConfigOption::new("a.count").default(|| 3).rule("at least 1", |count| *count >= 1);
    static PASSWORD: ConfigOption<Duration> = ConfigOption::new("a.password");

    #[test]
    fn an_error_says_which_key_what_was_given_what_is_accepted_and_an_example() {
        let error = COUNT.parse("a.count", "0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.count: '0' is not usable: it is not at least 1; \
             expected a whole number, at least 1, for example 'a.count: 4'"
        );
        let error = COUNT.parse("a.old-count", "many").unwrap_err().to_string();
        assert!(error.starts_with("a.old-count: 'many' is not usable: it is not a whole number"));
    }

    #[test]
    fn an_error_hides_the_value_of_a_sensitive_key() {
        let error = PASSWORD.parse("a.password", "hunter2").unwrap_err().to_string();
        assert!(error.contains("'******'") && !error.contains("hunter2"), "{error}");
    }
}
