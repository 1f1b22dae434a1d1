//! The REST API: where it listens, where clients find it, what it bears.

use std::time::Duration;

use crate::config::Ports;

super::options! {
    title: "REST API";

    /// Host under which clients find the REST API.
    ADDRESS: String = "rest.address"
        .fallback_keys(&["jobmanager.rpc.address"])
        .example("localhost");

    /// Port under which clients find the REST API; the server listens on it as well where no other
    /// is set.
    PORT: u16 = "rest.port"
        .default(|| 8081)
        .deprecated_keys(&["web.port"])
        .example("8081");

    /// Address on which the REST server listens; `0.0.0.0` for all. Without it the server listens on
    /// all.
    BIND_ADDRESS: String = "rest.bind-address"
        .deprecated_keys(&["web.address", "jobmanager.web.address"])
        .example("0.0.0.0");

    /// Ports on which the REST server may listen; the first that is free is taken.
    BIND_PORT: Ports = "rest.bind-port"
        .default(|| Ports::one(8081))
        .fallback_keys(&["rest.port"])
        .deprecated_keys(&["jobmanager.web.port"])
        .example("8081-8099");

    /// Largest body of a request that the server reads, in bytes; uploaded packages have a limit of
    /// their own.
    SERVER_MAX_CONTENT_LENGTH: u64 = "rest.server.max-content-length"
        .default(|| 104_857_600)
        .rule("at least 1", |bytes| *bytes >= 1)
        .example("104857600");

    /// Largest answer that a client reads, in bytes.
    CLIENT_MAX_CONTENT_LENGTH: u64 = "rest.client.max-content-length"
        .default(|| 104_857_600)
        .rule("at least 1", |bytes| *bytes >= 1)
        .example("104857600");

    /// Longest time that a client waits for a connection.
    CONNECTION_TIMEOUT: Duration = "rest.connection-timeout"
        .default(|| Duration::from_secs(15));

    /// Longest time that a connection may be silent in the middle of a request.
    IDLENESS_TIMEOUT: Duration = "rest.idleness-timeout"
        .default(|| Duration::from_secs(300));

    /// How many times a client repeats a request that could not be sent.
    RETRY_MAX_ATTEMPTS: u32 = "rest.retry.max-attempts"
        .default(|| 20);

    /// Time that a client waits before it repeats a request.
    RETRY_DELAY: Duration = "rest.retry.delay"
        .default(|| Duration::from_secs(3));

    /// Time for which the result of an operation that a client triggered is kept.
    ASYNC_STORE_DURATION: Duration = "rest.async.store-duration"
        .default(|| Duration::from_secs(300));
}
