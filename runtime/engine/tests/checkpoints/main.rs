//! Tasks that take checkpoints and are restored from them, over real channels and real storage.
//!
//! [`job`] is what runs: a diamond of sources, a relay, counters with two inputs, and sinks that
//! commit. [`cluster`] runs it in this process, takes its checkpoints, kills it and restores it.

#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod cluster;
mod faults;
mod job;
mod operators;
mod recovery;
mod savepoints;
mod source;
