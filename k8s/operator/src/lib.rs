//! The Kubernetes operator: custom resources, and what keeps clusters as they say.
//!
//! [`resources`] are what users write and read. [`model`] is what that means, checked and the same
//! for all kinds. [`objects`] are the Kubernetes objects that follow. [`decide`] says what to do
//! next about a resource, from all that is seen of it. All of these are pure; [`shell`] does the
//! seeing and the doing: it speaks with the API server and with `JobManager`s.

pub mod decide;
pub mod model;
pub mod objects;
mod options;
pub mod resources;
pub mod shell;

pub use options::Options;
pub use shell::{OperatorError, run};
