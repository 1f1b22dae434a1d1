//! How many records are in a batch, and how many bytes in a channel, changes no result.

use sciurus::prelude::*;

use crate::support::{environment, run, set};

/// A job of every kind of operator and exchange.
fn results(env: &StreamExecutionEnvironment) -> Vec<(String, i64)> {
    let numbers = env.from_sequence(1, 300);
    let words = numbers.rebalance().flat_map::<(String, i64)>(|n, out| {
        for part in 0..n % 4 {
            out.collect((&format!("word {}", (n + part) % 20), 1));
        }
    });
    let counts = words.key_by(F0).sum(F1).filter(|(_, count)| count % 2 == 0);
    let shouted = words.rescale().map(|(word, count)| (word.to_uppercase(), -count));
    let twice = counts.union(&[&shouted.shuffle(), &counts.global()]);
    run(&twice.broadcast().map(|(word, count)| (word.to_owned(), count)).set_parallelism(2))
}

#[test]
fn tiny_batches_give_the_same_results() {
    let expected = results(&environment(1));
    for parallelism in [1, 2, 3] {
        for rows in ["1", "2", "3", "1000"] {
            let env = environment(parallelism);
            set(&env, "sciurus.batch.max-rows", rows);
            assert!(results(&env) == expected, "{rows} rows, parallelism {parallelism}");
        }
    }
}

#[test]
fn tiny_channels_give_the_same_results() {
    let expected = results(&environment(1));
    for parallelism in [1, 2, 3] {
        for timeout in ["0 ms", "1 ms", "1 h"] {
            let env = environment(parallelism);
            set(&env, "execution.buffer-timeout.interval", timeout);
            set(&env, "sciurus.batch.max-rows", "10");
            make_channels_tiny(&env);
            assert!(results(&env) == expected, "timeout {timeout}, parallelism {parallelism}");
        }
    }
}

#[test]
fn records_larger_than_a_channel_get_through() {
    for parallelism in [1, 2, 3] {
        let env = environment(parallelism);
        make_channels_tiny(&env);
        let large = env.from_sequence(1, 200).map(|n| "x".repeat(20_000 + n as usize)).rebalance();
        let lengths = large.broadcast().map(|text| text.len() as i64).set_parallelism(2);
        let expected: Vec<i64> = (1..=200).flat_map(|n| [20_000 + n; 2]).collect();
        assert!(run(&lengths) == expected, "parallelism {parallelism}");
    }
}

#[test]
fn a_diamond_through_tiny_channels_does_not_lock_up() {
    for parallelism in [1, 2, 3] {
        let env = environment(parallelism);
        make_channels_tiny(&env);
        let numbers = env.from_sequence(1, 50_000);
        let one = numbers.rebalance().map(|n| n).set_parallelism(2);
        // Most of this side's records come when the other one's are through.
        let other = numbers.shuffle().filter(|n| n % 100 == 0).rebalance().map(|n| n);
        let met = one.union(&[&other]).map(|n| (n % 10, 1_i64)).key_by(F0).sum(F1);
        assert_eq!(run(&met).len(), 50_500);
    }
}

/// Gives channels the least memory there is.
fn make_channels_tiny(env: &StreamExecutionEnvironment) {
    set(env, "taskmanager.memory.segment-size", "4 kb");
    set(env, "taskmanager.network.memory.buffers-per-channel", "1");
    set(env, "taskmanager.network.memory.floating-buffers-per-gate", "0");
}
