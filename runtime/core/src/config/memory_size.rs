//! Amounts of memory as Flink writes them: `64kb`, `1g`, `512 mb`; a bare number counts bytes.
//!
//! The grammar is that of Flink's `MemorySize` (2.3): digits, optional white space, optional unit
//! in any case, where every step of units is 1024. No fractions. At most `i64::MAX` bytes, as in
//! Java.

use std::fmt;
use std::str::FromStr;

use super::error::ValueError;

struct Unit {
    /// The name that `Display` writes, then the other names that `FromStr` reads.
    names: &'static [&'static str],
    bytes: u64,
}

/// Largest first: the order in which `Display` tries them.
const UNITS: [Unit; 5] = [
    Unit { names: &["tb", "t", "tebibytes"], bytes: 1 << 40 },
    Unit { names: &["gb", "g", "gibibytes"], bytes: 1 << 30 },
    Unit { names: &["mb", "m", "mebibytes"], bytes: 1 << 20 },
    Unit { names: &["kb", "k", "kibibytes"], bytes: 1 << 10 },
    Unit { names: &["bytes", "b"], bytes: 1 },
];

/// Holds an amount of memory, in bytes.
///
/// It reads and writes Flink's notation; sizes of whole tebibytes are written `2 tb`, where Flink
/// falls back to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MemorySize(u64);

impl MemorySize {
    /// The largest size that can be written.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Returns a size of so many bytes, at most [`MemorySize::MAX`].
    pub const fn from_bytes(bytes: u64) -> Self {
        if bytes > Self::MAX.0 { Self::MAX } else { Self(bytes) }
    }

    /// Returns a size of so many kibibytes (1024 bytes), at most [`MemorySize::MAX`].
    pub const fn from_kib(kib: u64) -> Self {
        Self::from_bytes(kib.saturating_mul(1 << 10))
    }

    /// Returns a size of so many mebibytes (1024 kibibytes), at most [`MemorySize::MAX`].
    pub const fn from_mib(mib: u64) -> Self {
        Self::from_bytes(mib.saturating_mul(1 << 20))
    }

    /// Returns the size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for MemorySize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(ValueError::NotANumber);
        }
        let unit = unit.trim().to_lowercase();
        let bytes_per_unit = if unit.is_empty() {
            1
        } else {
            match UNITS.iter().find(|candidate| candidate.names.contains(&unit.as_str())) {
                Some(found) => found.bytes,
                None => return Err(ValueError::UnknownUnit { unit }),
            }
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(bytes_per_unit))
            .filter(|bytes| *bytes <= Self::MAX.0)
            .map(Self)
            .ok_or(ValueError::OutOfRange)
    }
}

impl fmt::Display for MemorySize {
    /// Writes the size with the largest unit that holds it exactly; zero is `0 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |unit: &&Unit| self.0 != 0 && self.0.is_multiple_of(unit.bytes);
        match UNITS.iter().find(exact) {
            Some(unit) => write!(f, "{} {}", self.0 / unit.bytes, unit.names[0]),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers of Flink 2.3.0's `MemorySize.parse` and `toString` (save for `tb`).
    #[test]
    fn reads_and_writes_what_flink_does() {
        for (text, bytes, written) in [
            ("0", 0, "0 bytes"),
            ("0 g", 0, "0 bytes"),
            ("1", 1, "1 bytes"),
            ("1 bytes", 1, "1 bytes"),
            ("64kb", 65_536, "64 kb"),
            ("1 KB", 1_024, "1 kb"),
            ("1024", 1_024, "1 kb"),
            ("1025", 1_025, "1025 bytes"),
            ("1g", 1_073_741_824, "1 gb"),
            ("512 mb", 536_870_912, "512 mb"),
            ("12 Mebibytes", 12_582_912, "12 mb"),
            ("1048576 b", 1_048_576, "1 mb"),
            ("5 T", 5_497_558_138_880, "5 tb"),
            ("9223372036854775807", i64::MAX as u64, "9223372036854775807 bytes"),
        ] {
            let size: MemorySize = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), written, "{text}");
        }
    }

    #[test]
    fn refuses_what_flink_refuses() {
        let unit = |unit: &str| ValueError::UnknownUnit { unit: unit.to_owned() };
        for (text, error) in [
            ("", ValueError::Empty),
            ("kb", ValueError::NotANumber),
            ("-1", ValueError::NotANumber),
            ("1.5 g", unit(".5 g")),
            ("1 kib", unit("kib")),
            ("1 byte", unit("byte")),
            ("1 pb", unit("pb")),
            ("9223372036854775808", ValueError::OutOfRange),
            ("9007199254740992 kb", ValueError::OutOfRange),
            ("8388608 tb", ValueError::OutOfRange),
        ] {
            assert_eq!(text.parse::<MemorySize>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(bytes in 0..=i64::MAX as u64) {
            let size = MemorySize::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn reads_back_every_unit(count in 0_u64..1_000_000, unit in 0..UNITS.len()) {
            for name in UNITS[unit].names {
                let size: MemorySize = format!("{count} {name}").parse().unwrap();
                prop_assert_eq!(size.bytes(), count * UNITS[unit].bytes);
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = text.parse::<MemorySize>();
        }
    }
}
