//! The types an option can have, and how each is written in a configuration.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::error::ValueError;
use super::memory_size::MemorySize;
use super::yaml::{self, Node};
use super::{duration, splitter};

/// A type that an option can have: reads from and writes to the text of a configuration.
///
/// `parse(&value.to_text())` gives the value back.
pub trait OptionValue: Sized + 'static {
    /// Whether entries of this option may also stand as keys of their own, `key.entry: value`.
    const IS_MAP: bool = false;

    /// Returns the type's name in the documentation, in Flink's words.
    fn type_name() -> Cow<'static, str>;

    /// Returns what is accepted, to complete "expected …".
    fn expected() -> Cow<'static, str>;

    /// Returns a text that is accepted.
    fn example() -> Cow<'static, str>;

    /// Reads a value.
    ///
    /// # Errors
    /// [`ValueError`] if the text is none of this type's.
    fn parse(text: &str) -> Result<Self, ValueError>;

    /// Writes the value so that [`OptionValue::parse`] reads it back.
    fn to_text(&self) -> String;
}

impl OptionValue for bool {
    fn type_name() -> Cow<'static, str> {
        "Boolean".into()
    }

    fn expected() -> Cow<'static, str> {
        "true or false".into()
    }

    fn example() -> Cow<'static, str> {
        "true".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            "" => Err(ValueError::Empty),
            _ => Err(ValueError::UnknownChoice),
        }
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($type:ty: $name:literal;)*) => {$(
        impl OptionValue for $type {
            fn type_name() -> Cow<'static, str> {
                $name.into()
            }

            fn expected() -> Cow<'static, str> {
                "a whole number".into()
            }

            fn example() -> Cow<'static, str> {
                "4".into()
            }

            fn parse(text: &str) -> Result<Self, ValueError> {
                use std::num::IntErrorKind::{Empty, NegOverflow, PosOverflow};

                text.trim().parse().map_err(|error: std::num::ParseIntError| match error.kind() {
                    Empty => ValueError::Empty,
                    PosOverflow | NegOverflow => ValueError::OutOfRange,
                    _ if is_negative_number(text) => ValueError::Negative,
                    _ => ValueError::NotWhole,
                })
            }

            fn to_text(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers! {
    i32: "Integer";
    i64: "Long";
    u16: "Integer";
    u32: "Integer";
    u64: "Long";
    usize: "Long";
}

fn is_negative_number(text: &str) -> bool {
    text.trim().strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok())
}

impl OptionValue for f64 {
    fn type_name() -> Cow<'static, str> {
        "Double".into()
    }

    fn expected() -> Cow<'static, str> {
        "a number".into()
    }

    fn example() -> Cow<'static, str> {
        "0.5".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        let number: f64 = text.parse().map_err(|_| ValueError::NotANumber)?;
        if number.is_finite() { Ok(number) } else { Err(ValueError::OutOfRange) }
    }

    fn to_text(&self) -> String {
        format!("{self:?}")
    }
}

impl OptionValue for String {
    fn type_name() -> Cow<'static, str> {
        "String".into()
    }

    fn expected() -> Cow<'static, str> {
        "a text".into()
    }

    fn example() -> Cow<'static, str> {
        "text".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        Ok(text.to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

impl OptionValue for Duration {
    fn type_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn expected() -> Cow<'static, str> {
        "a number and a unit (d, h, min, s, ms, µs or ns; ms if there is none)".into()
    }

    fn example() -> Cow<'static, str> {
        "10 s".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        duration::parse(text)
    }

    fn to_text(&self) -> String {
        duration::format(*self)
    }
}

impl OptionValue for MemorySize {
    fn type_name() -> Cow<'static, str> {
        "MemorySize".into()
    }

    fn expected() -> Cow<'static, str> {
        "a number and a unit (b, kb, mb, gb or tb, steps of 1024; bytes if there is none)".into()
    }

    fn example() -> Cow<'static, str> {
        "64 kb".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        text.parse()
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

/// Lists: `a;b`, or YAML's `[a, b]`.
impl<T: OptionValue> OptionValue for Vec<T> {
    fn type_name() -> Cow<'static, str> {
        format!("List<{}>", T::type_name()).into()
    }

    fn expected() -> Cow<'static, str> {
        format!("a list with ; between the elements, each {}", T::expected()).into()
    }

    fn example() -> Cow<'static, str> {
        format!("{0};{0}", T::example()).into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        let elements = match yaml::parse(text) {
            Ok(Node::Sequence(nodes)) => nodes.into_iter().map(node_text).collect(),
            _ => splitter::split(text, ';')?,
        };
        elements.into_iter().map(parse_element).collect()
    }

    fn to_text(&self) -> String {
        let elements = self.iter().map(|element| Node::Scalar(element.to_text()));
        Node::Sequence(elements.collect()).to_flow()
    }
}

/// Maps: `k:v,k2:v2`, YAML's `{k: v, k2: v2}`, or keys of their own below the option's key.
impl<T: OptionValue> OptionValue for BTreeMap<String, T> {
    const IS_MAP: bool = true;

    fn type_name() -> Cow<'static, str> {
        format!("Map<String, {}>", T::type_name()).into()
    }

    fn expected() -> Cow<'static, str> {
        format!("key:value pairs with , between them, each value {}", T::expected()).into()
    }

    fn example() -> Cow<'static, str> {
        format!("a:{0},b:{0}", T::example()).into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        let mut map = Self::new();
        let entries = match yaml::parse(text) {
            Ok(Node::Mapping(entries)) => {
                entries.into_iter().map(|(key, _, value)| (key, node_text(value))).collect()
            }
            _ => split_entries(text)?,
        };
        for (key, value) in entries {
            let value = parse_element(value)?;
            if map.insert(key.clone(), value).is_some() {
                return Err(ValueError::DuplicateEntry { key });
            }
        }
        Ok(map)
    }

    fn to_text(&self) -> String {
        entries_to_text(self.iter().map(|(key, value)| (key.clone(), value.to_text())))
    }
}

/// Writes key and value texts as one map.
pub(super) fn entries_to_text(entries: impl Iterator<Item = (String, String)>) -> String {
    let place = yaml::Place { line: 1, column: 1 };
    let entries = entries.map(|(key, value)| (key, place, Node::Scalar(value)));
    Node::Mapping(entries.collect()).to_flow()
}

fn split_entries(text: &str) -> Result<Vec<(String, String)>, ValueError> {
    let entries = splitter::split(text, ',')?.into_iter();
    let pairs = entries.map(|entry| {
        <[String; 2]>::try_from(splitter::split(&entry, ':')?)
            .map(|[key, value]| (key, value))
            .map_err(|_| ValueError::NotAnEntry { entry })
    });
    pairs.collect()
}

fn parse_element<T: OptionValue>(element: String) -> Result<T, ValueError> {
    T::parse(&element).map_err(|reason| ValueError::Element { element, reason: Box::new(reason) })
}

fn node_text(node: Node) -> String {
    match node {
        Node::Null => String::new(),
        Node::Scalar(text) => text,
        nested => nested.to_flow(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Strings = Vec<String>;
    type Map = BTreeMap<String, String>;

    #[test]
    fn reads_numbers_and_booleans_as_flink_does() {
        assert_eq!(bool::parse("TRUE"), Ok(true));
        assert_eq!(bool::parse("yes"), Err(ValueError::UnknownChoice));
        assert_eq!(i32::parse("-1"), Ok(-1));
        assert_eq!(u32::parse("+1"), Ok(1));
        assert_eq!(i32::parse("2147483648"), Err(ValueError::OutOfRange));
        assert_eq!(u32::parse("-1"), Err(ValueError::Negative));
        for text in ["0x10", "1.0", "1e3", "1_000", "x"] {
            assert_eq!(u64::parse(text), Err(ValueError::NotWhole), "{text}");
        }
        assert_eq!(f64::parse(" .5 "), Ok(0.5));
        assert_eq!(f64::parse("inf"), Err(ValueError::OutOfRange));
    }

    #[test]
    fn reads_lists_and_maps_in_both_notations() {
        for text in ["a; b ;c", "[a, b, c]", "- a\n- b\n- c"] {
            assert_eq!(Strings::parse(text).unwrap(), ["a", "b", "c"], "{text}");
        }
        assert_eq!(Strings::parse("[a;b]").unwrap(), ["a;b"]);
        assert_eq!(Strings::parse("a, b").unwrap(), ["a, b"]);
        assert_eq!(Strings::parse("[]").unwrap(), Strings::new());
        let map: Map = [("k", "v"), ("k2", "v2")].map(|(k, v)| (k.into(), v.into())).into();
        for text in ["k:v,k2:v2", "k: v, k2: v2", "{k: v, k2: v2}"] {
            assert_eq!(Map::parse(text).as_ref(), Ok(&map), "{text}");
        }
        assert_eq!(map.to_text(), "{k: v, k2: v2}");
        for text in ["", "{}"] {
            assert_eq!(Map::parse(text), Ok(Map::new()));
        }
    }

    #[test]
    fn names_the_element_that_is_wrong() {
        let entry = "k:v:w".to_owned();
        assert_eq!(Map::parse("k:v:w"), Err(ValueError::NotAnEntry { entry }));
        let key = "k".to_owned();
        assert_eq!(Map::parse("k:v,k:w"), Err(ValueError::DuplicateEntry { key }));
        let error = Vec::<u32>::parse("1;x").unwrap_err();
        assert_eq!(error.to_string(), "in element 'x', it is not a whole number");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(
            strings in any::<Strings>(),
            map in any::<Map>(),
            number in any::<f64>().prop_filter("finite", |number| number.is_finite()),
            whole in any::<i64>(),
            flags in any::<Vec<bool>>(),
        ) {
            prop_assert_eq!(Strings::parse(&strings.to_text()), Ok(strings));
            prop_assert_eq!(Map::parse(&map.to_text()), Ok(map));
            prop_assert_eq!(f64::parse(&number.to_text()), Ok(number));
            prop_assert_eq!(i64::parse(&whole.to_text()), Ok(whole));
            prop_assert_eq!(Vec::<bool>::parse(&flags.to_text()), Ok(flags));
        }

        #[test]
        fn reads_back_the_older_notation(
            strings in prop::collection::vec("[ -~]{0,8}", 1..5),
        ) {
            let quote = |text: &String| format!("'{}'", text.replace('\'', "''"));
            let text = strings.iter().map(quote).collect::<Vec<_>>().join(";");
            prop_assert_eq!(Strings::parse(&text), Ok(strings));
        }
    }
}
