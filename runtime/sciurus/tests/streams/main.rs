//! Transformations of streams, run as jobs.

mod broadcast;
mod connect;
mod partition;
mod process;
mod rolling;
mod windows;

use sciurus::prelude::*;

/// Runs the stream's job and returns its records in order.
fn sorted<T: Record + Ord>(stream: &DataStream<T>) -> Result<Vec<T>, JobError> {
    let mut records = stream.execute_and_collect("test")?.collect::<Result<Vec<_>, _>>()?;
    records.sort();
    Ok(records)
}

/// Makes an environment with a parallelism.
fn environment(parallelism: u32) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism);
    env
}
