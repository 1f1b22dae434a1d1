//! What an executable is for: an operating system and an architecture.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Names what an executable is for, as the folders of a package are named: `linux-amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(Cow<'static, str>);

impl Platform {
    /// Linux on x86-64.
    pub const LINUX_AMD64: Self = Self(Cow::Borrowed("linux-amd64"));
    /// Linux on 64-bit ARM.
    pub const LINUX_ARM64: Self = Self(Cow::Borrowed("linux-arm64"));

    /// Returns the platform that this code was compiled for.
    pub fn current() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        match (std::env::consts::OS, architecture) {
            ("linux", "amd64") => Self::LINUX_AMD64,
            ("linux", "arm64") => Self::LINUX_ARM64,
            (system, architecture) => Self(Cow::Owned(format!("{system}-{architecture}"))),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says that a text names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no platform; one is named like linux-amd64")]
pub struct PlatformError(pub String);

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let part = |part: &str| {
            (1..=32).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match text.split_once('-') {
            Some((system, architecture)) if part(system) && part(architecture) => {
                Ok(Self(Cow::Owned(text.to_owned())))
            }
            _ => Err(PlatformError(text.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_system_and_an_architecture() {
        assert_eq!("linux-amd64".parse(), Ok(Platform::LINUX_AMD64));
        for text in ["", "linux", "linux-", "-amd64", "linux-../..", "Linux-amd64", "linux/amd64"] {
            assert_eq!(text.parse::<Platform>(), Err(PlatformError(text.to_owned())), "{text}");
        }
        assert_eq!(Platform::current().as_str().parse(), Ok(Platform::current()));
    }
}
