//! Streams that part and meet again.

use sciurus::prelude::*;

use crate::support::{environment, run};

const PARALLELISMS: [u32; 4] = [1, 2, 3, 7];

fn for_each_setting(test: impl Fn(&StreamExecutionEnvironment)) {
    for parallelism in PARALLELISMS {
        for chaining in [true, false] {
            let env = environment(parallelism);
            if !chaining {
                env.disable_operator_chaining();
            }
            test(&env);
        }
    }
}

#[test]
fn a_line_of_operators() {
    for_each_setting(|env| {
        let stream = env
            .from_sequence(1, 10_000)
            .map(|n| n * 3)
            .filter(|n| n % 2 == 0)
            .flat_map::<i64>(|n, out| {
                for copy in 0..n % 4 {
                    out.collect(n + copy);
                }
            })
            .map(|n| n / 3);
        let expected = (1..=10_000_i64).map(|n| n * 3).filter(|n| n % 2 == 0);
        let mut expected: Vec<i64> =
            expected.flat_map(|n| (0..n % 4).map(move |copy| (n + copy) / 3)).collect();
        expected.sort_unstable();
        assert_eq!(run(&stream), expected);
    });
}

#[test]
fn a_union_has_the_records_of_all() {
    for_each_setting(|env| {
        let ones = env.from_sequence(1, 1_000);
        let twos = env.from_sequence(1_001, 2_000).map(|n| n);
        let threes = env.from_elements((2_001..=3_000_i64).collect::<Vec<_>>());
        let all = ones.union(&[&twos, &threes]);
        assert_eq!(run(&all), (1..=3_000).collect::<Vec<i64>>());
    });
}

#[test]
fn a_union_of_a_stream_with_itself_has_each_record_twice() {
    for_each_setting(|env| {
        let numbers = env.from_sequence(1, 1_000);
        let twice = numbers.union(&[&numbers]).map(|n| n);
        assert_eq!(run(&twice), (1..=1_000).flat_map(|n| [n, n]).collect::<Vec<i64>>());
    });
}

#[test]
fn a_union_of_unions_and_of_differently_partitioned_streams() {
    for_each_setting(|env| {
        let numbers = env.from_sequence(1, 500);
        let all = numbers.rebalance().union(&[&numbers.shuffle(), &numbers.union(&[&numbers])]);
        assert_eq!(run(&all.map(|n| n)), (1..=500).flat_map(|n| [n; 4]).collect::<Vec<i64>>());
    });
}

#[test]
fn a_diamond() {
    for_each_setting(|env| {
        let numbers = env.from_sequence(1, 5_000).map(|n| n);
        let even = numbers.filter(|n| n % 2 == 0).map(|n| n * 10);
        let odd = numbers.filter(|n| n % 2 == 1);
        let mut expected: Vec<i64> =
            (1..=5_000).map(|n| if n % 2 == 0 { n * 10 } else { n }).collect();
        expected.sort_unstable();
        assert_eq!(run(&even.union(&[&odd]).map(|n| n)), expected);
    });
}

#[test]
fn a_diamond_with_unequal_sides() {
    for_each_setting(|env| {
        let numbers = env.from_sequence(1, 5_000);
        let short = numbers.map(|n| (n, 1_i64)).set_parallelism(2);
        let long = numbers
            .map(|n| n)
            .set_parallelism(3)
            .rebalance()
            .map(|n| n)
            .set_parallelism(5)
            .map(|n| (n, 10_i64));
        let sums = short.union(&[&long]).key_by(F0).sum(F1);
        let last = run(&sums).into_iter().filter(|(_, sum)| *sum == 11).map(|(n, _)| n);
        assert_eq!(last.collect::<Vec<_>>(), (1..=5_000).collect::<Vec<i64>>());
    });
}

#[test]
fn a_stream_read_by_two_sinks() {
    for_each_setting(|env| {
        let numbers = env.from_sequence(1, 1_000).map(|n| n);
        numbers.map(|n| n * 2).discard();
        assert_eq!(run(&numbers), (1..=1_000).collect::<Vec<i64>>());
    });
}

#[test]
fn an_empty_input() {
    for_each_setting(|env| {
        let nothing = env.from_sequence(1, 0);
        let counts = nothing.map(|n| (n, 1_i64)).key_by(F0).sum(F1);
        let nothing = env.from_elements(Vec::<(i64, i64)>::new()).rebalance();
        assert_eq!(run(&counts.union(&[&nothing])), []);
    });
}

#[test]
fn a_chain_of_many_operators() {
    let env = environment(2);
    let mut stream = env.from_sequence(1, 100);
    for _ in 0..200 {
        stream = stream.map(|n| n + 1);
    }
    assert_eq!(run(&stream), (201..=300).collect::<Vec<i64>>());
}
