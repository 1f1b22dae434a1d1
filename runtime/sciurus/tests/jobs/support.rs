//! What the tests of jobs have in common.

use sciurus::prelude::*;

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
