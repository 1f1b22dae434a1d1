//! Builds the container image without a daemon.
//!
//! The image is a [`Tree`] of files in two parts. [`flink`] is what we make: the executables under
//! Flink's names and paths, its default configuration, the example packages. [`system`] is what
//! distroless base images hold: the C library, certificates, a few files in `/etc`. A Dockerfile
//! puts the first part on such a base; [`oci`] packs both, one layer each, into an archive that
//! containerd and Docker import. The same executables and libraries give the same bytes.

mod error;
pub mod flink;
pub mod layer;
pub mod oci;
pub mod system;
mod tree;

pub use error::ImageError;
pub use tree::{Content, Node, Owner, Tree};
