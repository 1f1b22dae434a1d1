//! Where the REST API is.

use std::fmt;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::rest;

use super::RestError;
use crate::Error;

/// Holds the host and port of a `JobManager`'s REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Creates the address of this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads `host:port`, also as `http://host:port`.
    ///
    /// # Errors
    /// [`RestError::Address`] if the text is none.
    pub fn parse(text: &str) -> Result<Self, RestError> {
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let parts = bare.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok()?;
            let host = host.strip_prefix('[').map_or(host, |host| host.trim_end_matches(']'));
            (!host.is_empty() && !host.contains('/')).then(|| Self::new(host, port))
        });
        parts.ok_or_else(|| RestError::Address { given: text.to_owned() })
    }

    /// Returns the address that the configuration names, if it names one.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn configured(configuration: &Configuration) -> Result<Option<Self>, Error> {
        let host = configuration.get_optional(&rest::ADDRESS)?;
        if host.is_none() && !configuration.contains(&rest::PORT) {
            return Ok(None);
        }
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        Ok(Some(Self::new(host, configuration.get(&rest::PORT)?)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_flinks_option_takes() {
        for (text, address) in [
            ("localhost:8081", Address::new("localhost", 8081)),
            ("http://h:1/", Address::new("h", 1)),
            ("[::1]:8081", Address::new("::1", 8081)),
        ] {
            let read = Address::parse(text).unwrap();
            assert_eq!(read, address);
            assert_eq!(Address::parse(&read.to_string()).unwrap(), address);
        }
        for text in ["localhost", "h:x", ":1", "http://h/x:1", "yarn-cluster"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_configuration_names_an_address_by_host_or_port() {
        let of = |pairs: &[(&str, &str)]| {
            Address::configured(&Configuration::from_pairs(pairs.iter().copied())).unwrap()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("rest.port", "1")]), Some(Address::new("localhost", 1)));
        assert_eq!(of(&[("jobmanager.rpc.address", "jm")]), Some(Address::new("jm", 8081)));
        let both = [("jobmanager.rpc.address", "jm"), ("rest.address", "web")];
        assert_eq!(of(&both), Some(Address::new("web", 8081)));
    }
}
