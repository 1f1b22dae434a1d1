//! Options whose value is one of a few words.

/// Declares an enum that an option can have as its type: each variant with the word that stands
/// for it in a configuration, and further words that are read as well. Case doesn't matter.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $word:literal $(| $other:literal)*,
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Returns the word that stands for this choice in a configuration.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let words: &[(&str, Self)] =
                    &[$(($word, Self::$variant), $(($other, Self::$variant),)*)+];
                let same = |(word, _): &&(&str, Self)| word.eq_ignore_ascii_case(text.trim());
                match words.iter().find(same) {
                    Some((_, choice)) => Ok(*choice),
                    None => Err($crate::config::ValueError::UnknownChoice),
                }
            }
        }

        impl $crate::config::OptionValue for $name {
            fn type_name() -> std::borrow::Cow<'static, str> {
                let words: &[&str] = &[$($word,)+];
                format!("Enum ({})", words.join(", ")).into()
            }

            fn expected() -> std::borrow::Cow<'static, str> {
                let words: &[&str] = &[$($word,)+];
                format!("one of {}", words.join(", ")).into()
            }

            fn example() -> std::borrow::Cow<'static, str> {
                let words: &[&str] = &[$($word,)+];
                words[0].into()
            }

            fn parse(text: &str) -> Result<Self, $crate::config::ValueError> {
                text.parse()
            }

            fn to_text(&self) -> String {
                self.as_str().to_owned()
            }
        }
    };
}
pub(crate) use choice;

#[cfg(test)]
mod tests {
    use crate::config::{OptionValue, ValueError};

    choice! {
        /// A choice.
        pub enum Choice {
            /// One.
            First = "FIRST" | "one",
            /// Two.
            Second = "second-one",
        }
    }

    #[test]
    fn reads_any_word_in_any_case_and_writes_the_first() {
        for (text, choice) in [
            ("FIRST", Choice::First),
            ("first", Choice::First),
            (" One ", Choice::First),
            ("Second-One", Choice::Second),
        ] {
            assert_eq!(Choice::parse(text), Ok(choice));
        }
        assert_eq!(Choice::First.to_text(), "FIRST");
        assert_eq!("third".parse::<Choice>(), Err(ValueError::UnknownChoice));
        assert_eq!(Choice::type_name(), "Enum (FIRST, second-one)");
        assert_eq!(Choice::expected(), "one of FIRST, second-one");
        assert_eq!(serde_json::to_string(&Choice::Second).unwrap(), "\"second-one\"");
    }
}
