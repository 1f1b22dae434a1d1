//! What can be wrong with one configuration entry.

use std::fmt;

/// Explains why a text is no value of the type that an option wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Nothing, or nothing but white space.
    #[error("it is empty")]
    Empty,
    /// The text, or its first part, should be a number.
    #[error("it does not start with a number")]
    NotANumber,
    /// The number is not a whole one, or has a character that no number has.
    #[error("it is not a whole number")]
    NotWhole,
    /// The number is too large or too small for its type.
    #[error("the number is out of range")]
    OutOfRange,
    /// The type has no negative values.
    #[error("it is negative")]
    Negative,
    /// What follows the number is no unit of this type.
    #[error("there is no unit '{unit}'")]
    UnknownUnit {
        /// The text found where a unit belongs.
        unit: String,
    },
    /// The text is none of the words to choose from.
    #[error("there is no such choice")]
    UnknownChoice,
    /// A quote opens or closes in the middle of a list element, or never closes.
    #[error("the quote at character {position} is not closed or not at the edge of an element")]
    Quoting {
        /// Where the quote is, counted in characters from 1.
        position: usize,
    },
    /// A map entry is not one key and one value.
    #[error("entry '{entry}' is not of the form key:value")]
    NotAnEntry {
        /// The entry as given.
        entry: String,
    },
    /// A map names the same key twice.
    #[error("the key '{key}' occurs twice")]
    DuplicateEntry {
        /// The key that occurs twice.
        key: String,
    },
    /// One element of a list or map is wrong.
    #[error("in element '{element}', {reason}")]
    Element {
        /// The element as given.
        element: String,
        /// What is wrong with it.
        reason: Box<ValueError>,
    },
    /// The value has the right type, yet the option's own rule forbids it.
    #[error("it is not {rule}")]
    Forbidden {
        /// The rule, such as "at least 1".
        rule: &'static str,
    },
}

/// Names the configuration entry that is wrong, and says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value given for a key cannot be used.
    #[error("{0}")]
    InvalidValue(Box<InvalidValue>),
    /// An option without default was asked for and is not set.
    #[error("{key} is not set and has no default: set it, for example '{key}: {example}'")]
    Missing {
        /// The option's key.
        key: String,
        /// A value that it would accept.
        example: String,
    },
    /// An argument is no `-Dkey=value`.
    #[error("'{argument}' is not of the form -Dkey=value, for example -Dparallelism.default=4")]
    NotAProperty {
        /// The argument as given.
        argument: String,
    },
}

/// Describes a value that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    /// The key under which the value was found; a deprecated one if that was used.
    pub key: String,
    /// The value as given, or `******` if the key is sensitive.
    pub given: String,
    /// Why it was refused.
    pub reason: ValueError,
    /// What the option accepts.
    pub expected: String,
    /// A value that the option would accept.
    pub example: String,
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, given, reason, expected, example } = self;
        write!(f, "{key}: '{given}' is not usable: {reason}; expected {expected}, ")?;
        write!(f, "for example '{key}: {example}'")
    }
}
