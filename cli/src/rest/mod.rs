//! The `JobManager`'s REST API, as commands use it: Flink's paths and bodies.

mod address;
pub mod answers;
mod client;
mod error;
mod multipart;

pub use address::Address;
pub use client::Client;
pub use error::RestError;
pub use multipart::Upload;
