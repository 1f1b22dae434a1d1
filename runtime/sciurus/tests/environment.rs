//! The settings of an environment.

use sciurus::prelude::*;

#[test]
fn the_parallelism_is_what_is_set_or_else_the_number_of_cores() {
    let env = StreamExecutionEnvironment::new();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(env.parallelism().unwrap() as usize, cores);
    env.set_parallelism(3);
    assert_eq!(env.parallelism().unwrap(), 3);
    env.set_parallelism(0);
    assert!(env.parallelism().unwrap_err().to_string().contains("parallelism.default"));
}

#[test]
fn a_job_without_uids_is_refused_where_none_may_be_made_up() {
    let env = StreamExecutionEnvironment::new();
    let mut settings = Configuration::new();
    settings.set_text("pipeline.auto-generate-uids", "false");
    env.configure(&settings);
    env.from_sequence(1, 3).uid("numbers").map(|n| n + 1).name("increment").discard().uid("sink");
    let error = env.execute("uids").unwrap_err().to_string();
    assert!(error.contains("operator 'increment' has no uid"), "{error}");
}

#[cfg(not(feature = "rocksdb"))]
#[test]
fn a_backend_that_is_not_there_is_refused() {
    let env = StreamExecutionEnvironment::new();
    let mut settings = Configuration::new();
    settings.set_text("state.backend.type", "rocksdb");
    env.configure(&settings);
    env.from_sequence(1, 3).discard();
    let error = env.execute("backend").unwrap_err().to_string();
    assert!(error.contains("hashmap"), "{error}");
}
