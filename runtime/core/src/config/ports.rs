//! Ports as Flink writes them: one, a range, or several of both.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::error::ValueError;
use super::value::OptionValue;

/// Holds the ports that a server may listen on, in the order in which they are tried: `8081`,
/// `50100-50200`, `8081,9000-9010`. Port 0 lets the operating system choose.
///
/// ```
/// use sciurus_core::config::Ports;
///
/// let ports: Ports = "8081,9000-9002".parse()?;
/// assert_eq!(ports.iter().collect::<Vec<_>>(), [8081, 9000, 9001, 9002]);
/// # Ok::<(), sciurus_core::config::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ports {
    /// First and last port of each range.
    ranges: Vec<(u16, u16)>,
}

impl Ports {
    /// Creates a choice of one port.
    pub fn one(port: u16) -> Self {
        Self { ranges: vec![(port, port)] }
    }

    /// Returns the ports in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = u16> + use<'_> {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    /// Returns the port that is tried first.
    pub fn first(&self) -> u16 {
        self.ranges.first().map_or(0, |&(first, _)| first)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &(first, last)) in self.ranges.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{first}")?;
            if last != first {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Ports {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (u16::parse(first)?, u16::parse(last)?);
            if first > last || (first == 0 && last != 0) {
                return Err(ValueError::Forbidden {
                    rule: "a range from a lower to a higher port",
                });
            }
            Ok((first, last))
        };
        let ranges = text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { ranges })
    }
}

impl OptionValue for Ports {
    fn type_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn expected() -> Cow<'static, str> {
        "ports from 0 to 65535 or ranges of them, with , between them".into()
    }

    fn example() -> Cow<'static, str> {
        "50100-50200".into()
    }

    fn parse(text: &str) -> Result<Self, ValueError> {
        text.parse()
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports_and_ranges_and_writes_them_back() {
        for (text, ports) in [
            ("0", vec![0]),
            ("8081", vec![8081]),
            (" 1-3 , 7", vec![1, 2, 3, 7]),
            ("65535", vec![65535]),
        ] {
            let read = Ports::parse(text).unwrap();
            assert_eq!(read.iter().collect::<Vec<_>>(), ports);
            assert_eq!(read.first(), ports[0]);
            assert_eq!(Ports::parse(&read.to_text()), Ok(read));
        }
        assert_eq!(Ports::one(5).to_string(), "5");
    }

    #[test]
    fn refuses_what_is_no_port() {
        for text in ["", "x", "1-", "-1", "70000", "3-1", "0-5", "1,,2"] {
            assert!(Ports::parse(text).is_err(), "{text}");
        }
    }
}
