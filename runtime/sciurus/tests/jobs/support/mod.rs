//! What the tests of jobs have in common.

pub mod feed;

use std::time::{Duration, Instant};

use sciurus::prelude::*;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes an environment with a parallelism.
pub fn environment(parallelism: u32) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism);
    env
}

/// Runs the job and returns the records of a stream, sorted.
pub fn run<T: Record + Ord>(stream: &DataStream<T>) -> Vec<T> {
    let records: Result<Vec<T>, _> = stream.execute_and_collect("test").unwrap().collect();
    let mut records = records.unwrap();
    records.sort();
    records
}

/// Runs the job, which must fail, and returns how its failure reads.
pub fn failure(env: &StreamExecutionEnvironment) -> String {
    match env.execute("test") {
        Err(error @ JobError::Failed { .. }) => error.to_string(),
        other => panic!("the job should have failed: {other:?}"),
    }
}

/// Waits until something holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sets an option of the configuration.
pub fn set(env: &StreamExecutionEnvironment, key: &str, value: &str) {
    env.configure(&Configuration::from_pairs([(key, value)]));
}
