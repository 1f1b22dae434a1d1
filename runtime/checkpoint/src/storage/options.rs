//! What storage has to be told.

use std::fmt;
use std::time::Duration;

use sciurus_core::config::options::s3;
use sciurus_core::config::{ConfigError, Configuration, HIDDEN};

use super::retry::RetryPolicy;

/// How storage is reached.
#[derive(Clone, Debug, Default)]
pub struct StorageOptions {
    /// How object storage is reached.
    pub s3: S3Options,
    /// How long and how often a call that failed is tried again.
    pub retry: RetryPolicy,
}

impl StorageOptions {
    /// Takes what a configuration says.
    ///
    /// # Errors
    /// Where a value is unusable.
    pub fn from_configuration(configuration: &Configuration) -> Result<Self, ConfigError> {
        let endpoint = configuration.get_optional(&s3::ENDPOINT)?;
        let path_style = configuration.get_optional(&s3::PATH_STYLE_ACCESS)?;
        let secret = |option| configuration.get_optional(option).map(|value| value.map(Secret));
        let s3 = S3Options {
            access_key: secret(&s3::ACCESS_KEY)?,
            secret_key: secret(&s3::SECRET_KEY)?,
            session_token: secret(&s3::SESSION_TOKEN)?,
            region: configuration.get(&s3::REGION)?,
            path_style: path_style.unwrap_or(endpoint.is_some()),
            request_timeout: configuration.get(&s3::REQUEST_TIMEOUT)?,
            endpoint,
        };
        Ok(Self { s3, retry: RetryPolicy::default() })
    }
}

/// How object storage that speaks S3's protocol is reached.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The access key; without keys, what the environment has.
    pub access_key: Option<Secret>,
    /// Its secret key.
    pub secret_key: Option<Secret>,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// The service's address; without it, AWS.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: String,
    /// Whether the bucket stands in the path and not in the host's name.
    pub path_style: bool,
    /// Longest time of one request.
    pub request_timeout: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            access_key: None,
            secret_key: None,
            session_token: None,
            endpoint: None,
            region: "us-east-1".to_owned(),
            path_style: false,
            request_timeout: Duration::from_secs(60),
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to be given to the service that asks for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() {
        let configuration = Configuration::from_pairs([
            ("s3.access-key", "squirrel"),
            ("s3.secret.key", "hunter2"),
            ("s3.endpoint", "http://127.0.0.1:9000"),
        ]);
        let options = StorageOptions::from_configuration(&configuration).unwrap();
        assert_eq!(options.s3.secret_key.as_ref().map(Secret::reveal), Some("hunter2"));
        assert!(options.s3.path_style);
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("squirrel"), "{shown}");
    }
}
