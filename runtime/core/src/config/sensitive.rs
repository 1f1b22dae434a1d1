//! Which keys hold secrets: Flink's list and more; a value under such a key is never shown.

/// Stands in for a secret wherever a configuration is shown.
pub const HIDDEN: &str = "******";

/// Flink's `GlobalConfiguration.SENSITIVE_KEYS`, and the access keys of object storage.
const SENSITIVE: [&str; 13] = [
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
    "access-key",
    "access.key",
];

/// Tells whether the value of this key is a secret: whether the key has one of Flink's words for
/// secrets in it, in any case.
pub fn is_sensitive(key: &str) -> bool {
    let key = key.to_lowercase();
    SENSITIVE.iter().any(|word| key.contains(word))
}

/// Returns the value as it may be shown: itself, or [`HIDDEN`].
pub fn shown<'value>(key: &str, value: &'value str) -> &'value str {
    if is_sensitive(key) { HIDDEN } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_words_anywhere_in_any_case() {
        for key in
            ["security.ssl.key-password", "My-SECRET", "s3.apikey", "s3.access-key", "x.token.y"]
        {
            assert_eq!(shown(key, "hunter2"), HIDDEN, "{key}");
        }
        assert_eq!(shown("parallelism.default", "4"), "4");
    }
}
