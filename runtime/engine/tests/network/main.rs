//! Channels between workers: two networks and more in one process, over loopback and through a
//! proxy that does to connections what real networks do.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod broken;
mod codec;
mod deployment;
mod flow;
mod helper;
mod proxy;
