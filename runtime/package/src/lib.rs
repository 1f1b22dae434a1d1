//! Job packages: executables per platform in a zip named `.jar`.
