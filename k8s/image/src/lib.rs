//! Builds the container image without a daemon.
