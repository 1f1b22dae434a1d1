//! Job packages: executables per platform in a zip named `.jar`.
//!
//! A package is a zip, so that every tool that uploads, lists, runs or mounts a jar works unchanged.
//! Its manifest says what is inside ([`Manifest`], Java's syntax); `docs/formats.md` specifies it.
//! A bare ELF executable is accepted in its place and treated like a package of one.
//!
//! - [`create()`] makes a package of executables, [`inspect()`] tells what one holds, [`extract()`]
//!   takes the executable for a platform out of it.
//! - [`limits`] bounds what is read: packages come from outside and nothing in them is trusted.
//!   Whatever a file holds, these functions end with a result or with a [`PackageError`].
//!
//! Files are read and written synchronously; managers call these functions on threads of their own.

mod archive;
mod create;
mod digest;
mod elf;
mod error;
mod extract;
mod info;
pub mod limits;
mod manifest;
mod platform;

pub use create::{CreateOptions, create};
pub use digest::{Sha256Digest, sha256_of_file};
pub use elf::platform_of_executable;
pub use error::PackageError;
pub use extract::{ExtractOptions, extract};
pub use info::{Executable, PackageInfo, PackageKind, inspect};
pub use manifest::{MANIFEST_PATH, Manifest};
pub use platform::{Platform, PlatformError};
