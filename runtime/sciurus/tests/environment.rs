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
