//! Sixteen-byte ids written as 32 hexadecimal digits.

use thiserror::Error;

/// How many bytes a hexadecimal id has.
pub const HEX_ID_BYTES: usize = 16;

/// Says why a text is not a hexadecimal id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseHexIdError {
    /// The text doesn't have two digits for each byte.
    #[error("an id has {} hexadecimal digits, this text has {found} characters", HEX_ID_BYTES * 2)]
    Length {
        /// How many characters the text has.
        found: usize,
    },
    /// The text holds something else than a hexadecimal digit.
    #[error("'{found}' is not a hexadecimal digit")]
    Digit {
        /// The first character that is no digit.
        found: char,
    },
}

/// Reads 32 hexadecimal digits of either case.
pub(super) fn parse(text: &str) -> Result<[u8; HEX_ID_BYTES], ParseHexIdError> {
    if let Some(found) = text.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(ParseHexIdError::Digit { found });
    }
    if text.len() != HEX_ID_BYTES * 2 {
        return Err(ParseHexIdError::Length { found: text.len() });
    }
    match u128::from_str_radix(text, 16) {
        Ok(value) => Ok(value.to_be_bytes()),
        Err(_) => Err(ParseHexIdError::Length { found: text.len() }),
    }
}

/// Defines a sixteen-byte id with its text, serde and random forms.
macro_rules! hex_id {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $crate::ids::HEX_ID_BYTES]);

        impl $name {
            /// Makes an id that no other process will make.
            pub fn random() -> Self {
                Self(fastrand::u128(..).to_be_bytes())
            }

            /// Makes the id with these bytes.
            pub const fn from_bytes(bytes: [u8; $crate::ids::HEX_ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// Returns the id's bytes.
            pub const fn to_bytes(self) -> [u8; $crate::ids::HEX_ID_BYTES] {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::ParseHexIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::ids::hex_id::parse(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(super) use hex_id;

#[cfg(test)]
mod tests {
    use crate::ids::{JobId, ParseHexIdError};

    const TEXT: &str = "76ad90b7c99e99e971657c7ed25f7581";

    #[test]
    fn an_id_is_read_from_the_text_it_prints() {
        let id: JobId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(TEXT.to_uppercase().parse(), Ok(id));
        assert_eq!(id.to_bytes()[..2], [0x76, 0xad]);
    }

    #[test]
    fn leading_zeros_are_kept() {
        let id = JobId::from_bytes([0; 16]);
        assert_eq!(id.to_string(), "0".repeat(32));
        assert_eq!("0".repeat(32).parse(), Ok(id));
    }

    #[test]
    fn a_wrong_text_says_what_is_wrong() {
        assert_eq!("76ad".parse::<JobId>(), Err(ParseHexIdError::Length { found: 4 }));
        assert_eq!("+".parse::<JobId>(), Err(ParseHexIdError::Digit { found: '+' }));
        let with_sign = format!("+{}", &TEXT[1..]);
        assert_eq!(with_sign.parse::<JobId>(), Err(ParseHexIdError::Digit { found: '+' }));
        assert_eq!("bär".parse::<JobId>(), Err(ParseHexIdError::Digit { found: 'ä' }));
    }

    #[test]
    fn json_holds_the_text() {
        let id: JobId = TEXT.parse().unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<JobId>("\"xyz\"").is_err());
    }

    #[test]
    fn random_ids_differ() {
        assert_ne!(JobId::random(), JobId::random());
    }
}
