//! The protocols between the processes of a cluster: messages, services, and the only conversions
//! between them and what the rest of Sciurus works with.
//!
//! - [`proto`] is generated from the `.proto` files of this crate, which also say what the messages
//!   mean: `cluster.proto` between JobManager and TaskManagers, `job.proto` between a manager and a
//!   process of a job, `common.proto` what both share. A test holds it up to date.
//! - [`convert`] turns messages into domain types and back; what comes from outside is checked
//!   there.
//! - [`framing`] writes and reads the messages of `job.proto` on a socket.

pub mod convert;
pub mod framing;
/// The generated messages and, with the feature `grpc`, services.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    include!("generated/sciurus.v1.rs");
}

/// The version of both protocols. Processes of different versions refuse each other and say so.
pub const PROTOCOL_VERSION: u32 = 2;
