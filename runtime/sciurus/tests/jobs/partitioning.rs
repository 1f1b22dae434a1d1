//! Every partitioning hands on every record once, at any parallelism, chained or not.

use sciurus::prelude::*;

use crate::support::{environment, run};

const PARALLELISMS: [u32; 4] = [1, 2, 3, 7];
const LAST: i64 = 5_000;

/// Runs a job with each pair of parallelisms, chained and unchained.
fn at_all_parallelisms(
    job: impl Fn(&SingleOutputStreamOperator<i64>, u32) -> DataStream<i64>,
    expected: impl Fn(u32) -> Vec<i64>,
) {
    for producers in PARALLELISMS {
        for consumers in PARALLELISMS {
            for chaining in [true, false] {
                let env = environment(producers);
                if !chaining {
                    env.disable_operator_chaining();
                }
                let numbers = env.from_sequence(1, LAST);
                let results = run(&job(&numbers, consumers));
                let expected = expected(consumers);
                assert!(results == expected, "{producers} to {consumers}, chaining {chaining}");
            }
        }
    }
}

fn each_once(_: u32) -> Vec<i64> {
    (1..=LAST).collect()
}

fn echo(stream: &DataStream<i64>, parallelism: u32) -> DataStream<i64> {
    (*stream.map(|n| n).set_parallelism(parallelism)).clone()
}

#[test]
fn rebalance() {
    at_all_parallelisms(|numbers, consumers| echo(&numbers.rebalance(), consumers), each_once);
}

#[test]
fn rescale() {
    at_all_parallelisms(|numbers, consumers| echo(&numbers.rescale(), consumers), each_once);
}

#[test]
fn shuffle() {
    at_all_parallelisms(|numbers, consumers| echo(&numbers.shuffle(), consumers), each_once);
}

#[test]
fn global() {
    at_all_parallelisms(|numbers, consumers| echo(&numbers.global(), consumers), each_once);
}

#[test]
fn without_a_choice() {
    at_all_parallelisms(|numbers, consumers| echo(numbers, consumers), each_once);
}

#[test]
fn broadcast_reaches_every_subtask() {
    at_all_parallelisms(
        |numbers, consumers| echo(&numbers.broadcast(), consumers),
        |consumers| (1..=LAST).flat_map(|n| vec![n; consumers as usize]).collect(),
    );
}

#[test]
fn keys_meet_in_one_subtask() {
    for producers in PARALLELISMS {
        for consumers in PARALLELISMS {
            let env = environment(producers);
            let sums = env
                .from_sequence(1, LAST)
                .map(|n| (n % 10, 1_i64))
                .key_by(F0)
                .sum(F1)
                .set_parallelism(consumers);
            let updates = run(&sums);
            let expected: Vec<(i64, i64)> =
                (0..10).flat_map(|key| (1..=LAST / 10).map(move |count| (key, count))).collect();
            assert!(updates == expected, "{producers} to {consumers}");
        }
    }
}

#[test]
fn computed_keys_meet_in_one_subtask() {
    for parallelism in PARALLELISMS {
        let env = environment(parallelism);
        let counts =
            env.from_sequence(1, LAST).map(|n| (n, 1_i64)).key_by_fn::<i64>(|(n, _)| n % 2).sum(F1);
        let mut last = [0; 2];
        for (n, count) in run(&counts) {
            let last = &mut last[(n % 2) as usize];
            *last = count.max(*last);
        }
        assert_eq!(last, [LAST / 2; 2], "parallelism {parallelism}");
    }
}

#[test]
fn forward_keeps_subtask_and_order() {
    for parallelism in PARALLELISMS {
        let env = environment(parallelism);
        env.disable_operator_chaining();
        let sent = env.from_sequence(1, LAST).map(|n| (n, 0_i64)).process(Subtask::default());
        let received = sent.forward().process(Subtask::default());
        let mut last = vec![0; parallelism as usize];
        for record in received.execute_and_collect("test").unwrap() {
            let (n, subtasks) = record.unwrap();
            let (sender, receiver) = (subtasks / 100, subtasks % 100);
            assert_eq!(sender, receiver);
            assert!(std::mem::replace(&mut last[receiver as usize], n) < n);
        }
    }
}

#[test]
fn rebalance_shares_evenly() {
    let env = environment(1);
    let records = env.from_sequence(1, 9_000).map(|n| (n, 0_i64)).rebalance();
    let mut counts = [0; 3];
    for (_, subtask) in run(&records.process(Subtask::default()).set_parallelism(3)) {
        counts[subtask as usize] += 1;
    }
    assert_eq!(counts, [3_000; 3]);
}

/// Notes in each record, in two decimal digits, in which subtask it was.
#[derive(Clone, Default)]
struct Subtask {
    index: i64,
}

impl ProcessFunction for Subtask {
    type In = (i64, i64);
    type Out = (i64, i64);

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        self.index = ctx.task_info().index.into();
        Ok(())
    }

    fn process_element(
        &mut self,
        (n, earlier): (i64, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, (i64, i64)>,
    ) -> Result<(), BoxError> {
        out.collect((n, earlier * 100 + self.index));
        Ok(())
    }
}
