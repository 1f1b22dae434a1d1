//! The executable `sciurus` as a user meets it: real processes, real sockets.

mod arguments;
mod jobs;
mod local_cluster;
mod managers;
mod real_flink;
mod support;
