//! What an environment executes, and what it refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sciurus::prelude::*;

use crate::support::{environment, run, set};

fn refusal(env: &StreamExecutionEnvironment) -> String {
    match env.execute("test") {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the job should have been refused"),
    }
}

#[test]
fn nothing_to_execute() {
    let env = environment(1);
    let expected = "the job cannot run: the job has no operators: add a source and a sink before \
                    executing it";
    assert_eq!(refusal(&env), expected);
    // A source that nobody reads is nothing to execute.
    let _ = env.from_sequence(1, 10);
    assert_eq!(refusal(&env), expected);
}

#[test]
fn what_was_executed_is_not_executed_again() {
    let env = environment(2);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let numbers = env.from_sequence(1, 10).map(move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        n
    });
    numbers.discard();
    env.execute("first").unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 10);
    let text = refusal(&env);
    assert!(text.contains("the job has no operators"), "{text}");
    // What reads an earlier stream needs all that leads to it, but not what else read it.
    assert_eq!(run(&numbers.map(|n| -n)), (-10..=-1).collect::<Vec<i64>>());
    assert_eq!(runs.load(Ordering::SeqCst), 20);
    assert_eq!(run(&numbers), (1..=10).collect::<Vec<i64>>());
    assert_eq!(runs.load(Ordering::SeqCst), 30);
}

#[test]
fn keys_and_custom_partitioners_find_their_way_into_the_second_job() {
    let env = environment(3);
    env.from_sequence(1, 10).map(|n| (n, n)).key_by(F1).sum(F0).discard();
    let pairs = env.from_sequence(1, 100).map(|n| (n % 3, 1_i64));
    env.execute("first").unwrap();
    let sums = pairs.key_by(F0).sum(F1);
    let greatest = run(&sums).into_iter().fold([0; 3], |mut greatest, (key, sum)| {
        greatest[key as usize] = sum.max(greatest[key as usize]);
        greatest
    });
    assert_eq!(greatest, [33, 34, 33]);
}

#[test]
fn streams_without_a_sink_are_executed() {
    let env = environment(1);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let _ = env.from_sequence(1, 10).map(move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        n
    });
    env.execute("no sink").unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 10);
}

#[test]
fn the_plan_of_a_job_does_not_use_it_up() {
    let env = environment(1);
    env.from_sequence(1, 10).map(|n| n).discard();
    assert_eq!(env.job_graph("plan").unwrap().vertices.len(), 1);
    assert_eq!(env.job_graph("plan").unwrap().vertices.len(), 1);
    env.execute("run").unwrap();
}

#[test]
fn a_job_that_was_refused_can_be_mended() {
    let env = environment(1);
    let numbers = env.from_sequence(1, 10).map(|n| n).uid("same");
    let others = numbers.map(|n| n).uid("same");
    others.discard();
    let text = refusal(&env);
    assert!(text.contains("have the same uid 'same'"), "{text}");
    let _ = others.uid("other");
    env.execute("mended").unwrap();
}

#[test]
fn jobs_of_two_environments_run_side_by_side() {
    let jobs: Vec<JobClient> = (0..4)
        .map(|_| {
            let env = environment(2);
            env.from_sequence(1, 100_000).rebalance().map(|n| n).discard();
            env.execute_async("side by side").unwrap()
        })
        .collect();
    for job in &jobs {
        job.wait().unwrap();
    }
}

#[test]
fn a_parallelism_of_zero() {
    let env = environment(2);
    env.from_sequence(1, 10).map(|n| n).name("narrow").set_parallelism(0).discard();
    let text = refusal(&env);
    assert!(text.contains("'narrow'") && text.contains("has parallelism 0"), "{text}");
    let env = environment(0);
    env.from_sequence(1, 10).map(|n| n).discard();
    let text = refusal(&env);
    assert!(text.contains("parallelism.default") && text.contains("from 1 to 32768"), "{text}");
}

#[test]
fn a_parallelism_above_the_maximum() {
    let env = environment(1);
    env.set_max_parallelism(4);
    env.from_sequence(1, 10).map(|n| n).name("wide").set_parallelism(5).discard();
    let text = refusal(&env);
    assert!(
        text.contains("'wide'") && text.contains("above its maximum parallelism of 4"),
        "{text}"
    );
}

#[test]
fn a_forward_between_unequal_parallelisms() {
    let env = environment(2);
    env.from_sequence(1, 10).forward().map(|n| n).set_parallelism(3).discard();
    let text = refusal(&env);
    assert!(text.contains("needs equal parallelism"), "{text}");
}

#[test]
fn an_unbounded_source_in_batch_mode() {
    let env = environment(1);
    env.set_runtime_mode(RuntimeMode::Batch);
    let source = IteratorSource::new(1_i64..).unbounded();
    env.from_source(source, WatermarkStrategy::no_watermarks(), "endless").discard();
    let text = refusal(&env);
    assert!(text.contains("BATCH") && text.contains("never ends"), "{text}");
}

#[test]
fn a_setting_that_is_none() {
    let env = environment(1);
    set(&env, "execution.buffer-timeout.interval", "soon");
    env.from_sequence(1, 10).map(|n| n).discard();
    let text = refusal(&env);
    assert!(text.contains("execution.buffer-timeout.interval"), "{text}");
    assert!(text.contains("soon"), "{text}");
}

#[test]
fn the_greatest_times_do_no_harm() {
    let env = environment(1);
    for key in ["execution.buffer-timeout.interval", "pipeline.auto-watermark-interval"] {
        set(&env, key, "9223372036854775807 ms");
    }
    let numbers = env.from_sequence(1, 10).rebalance().map(|n| n);
    let client = numbers.execute_and_collect("slow").unwrap();
    assert_eq!(client.map(Result::unwrap).count(), 10);
}

#[test]
fn waiting_for_as_long_as_there_is() {
    let env = environment(1);
    env.from_sequence(1, 10).map(|n| n).discard();
    let client = env.execute_async("wait").unwrap();
    assert!(client.wait_for(std::time::Duration::MAX).unwrap().is_ok());
}

#[test]
fn streams_of_two_environments() {
    let (env, other) = (environment(1), environment(1));
    let (numbers, others) = (env.from_sequence(1, 10), other.from_sequence(1, 10));
    numbers.union(&[&others]).map(|n| n).name("mixed").discard();
    let text = refusal(&env);
    assert!(text.contains("reads a stream of another StreamExecutionEnvironment"), "{text}");
    let (env, other) = (environment(1), environment(1));
    let (numbers, others) = (env.from_sequence(1, 10), other.from_sequence(1, 10));
    numbers.connect(&others).map(|n| n, |n| n).discard();
    let text = refusal(&env);
    assert!(text.contains("'Co-Map' reads a stream of another"), "{text}");
}
