//! How object storage that speaks S3's protocol is reached.

use std::time::Duration;

super::options! {
    title: "S3";

    /// Access key. Without it and `s3.secret-key`: what the environment has (`AWS_ACCESS_KEY_ID`,
    /// web identity tokens, instance roles).
    ACCESS_KEY: String = "s3.access-key"
        .deprecated_keys(&["s3.access.key"])
        .example("minio");

    /// Secret key of the access key.
    SECRET_KEY: String = "s3.secret-key"
        .deprecated_keys(&["s3.secret.key"])
        .example("minio123");

    /// Session token of temporary credentials.
    SESSION_TOKEN: String = "s3.session-token"
        .deprecated_keys(&["s3.session.token"])
        .example("token");

    /// Address of the service; without it, that of AWS.
    ENDPOINT: String = "s3.endpoint"
        .example("http://minio:9000");

    /// Region of the bucket.
    REGION: String = "s3.region"
        .default(|| "us-east-1".to_owned())
        .deprecated_keys(&["s3.endpoint.region"]);

    /// Whether the bucket is the first part of the path, as most services but AWS want it, instead
    /// of a part of the host's name. Without it: where an endpoint is set.
    PATH_STYLE_ACCESS: bool = "s3.path.style.access"
        .deprecated_keys(&["s3.path-style-access"])
        .example("true");

    /// Longest time that one request may take.
    REQUEST_TIMEOUT: Duration = "s3.connection.timeout"
        .default(|| Duration::from_secs(60))
        .rule("at least 1 ms", |timeout| timeout.as_millis() >= 1);
}
