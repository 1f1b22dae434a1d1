//! Event time over splits, subtasks, unions and two inputs.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus::prelude::*;
use sciurus_core::Batch;
use sciurus_engine::TaskResult;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::output::Output;

use crate::support::feed::{Feed, FeedSource};
use crate::support::{environment, set, wait_until};

/// Keeps the watermarks that reach it, which runs in one subtask.
#[derive(Clone, Default)]
struct Watch {
    watermarks: Arc<Mutex<Vec<Timestamp>>>,
}

impl Operator for Watch {
    fn process_batch(&mut self, _: usize, _: Batch, _: &mut Output) -> TaskResult {
        Ok(())
    }

    fn process_watermark(&mut self, watermark: Timestamp, _: &mut Output) -> TaskResult {
        self.watermarks.lock().push(watermark);
        Ok(())
    }
}

impl Watch {
    fn of(stream: &DataStream<i64>) -> Self {
        let watch = Self::default();
        let operator = watch.clone();
        let _ = stream
            .transform::<()>("Watch", move |_: &OperatorContext| {
                Ok(Box::new(operator.clone()) as Box<dyn Operator>)
            })
            .set_parallelism(1);
        watch
    }

    fn last(&self) -> Option<Timestamp> {
        self.watermarks.lock().last().copied()
    }

    fn wait_for(&self, watermark: Timestamp) {
        let mut last = None;
        wait_until(&format!("the watermark {watermark} comes"), || {
            last = self.last();
            last >= Some(watermark)
        });
        assert_eq!(last, Some(watermark));
    }
}

/// An environment in which watermarks are made every 5 ms.
fn quick(parallelism: u32) -> StreamExecutionEnvironment {
    let env = environment(parallelism);
    set(&env, "pipeline.auto-watermark-interval", "5 ms");
    env.set_buffer_timeout(Duration::from_millis(1));
    env
}

fn monotonous() -> WatermarkStrategy<i64> {
    WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|n, _| n)
}

fn idle_soon() -> WatermarkStrategy<i64> {
    monotonous().with_idleness(Duration::from_millis(50))
}

fn feeds<const N: usize>() -> [Feed<i64>; N] {
    std::array::from_fn(|_| Feed::default())
}

fn read(
    env: &StreamExecutionEnvironment,
    feeds: &[Feed<i64>],
    strategy: WatermarkStrategy<i64>,
) -> SingleOutputStreamOperator<i64> {
    env.from_source(FeedSource::new(feeds), strategy, "feeds")
}

#[test]
fn the_slowest_split_decides() {
    let env = quick(1);
    let feeds = feeds::<2>();
    let watch = Watch::of(&read(&env, &feeds, monotonous()));
    let client = env.execute_async("splits").unwrap();
    feeds[0].push(100);
    feeds[1].push(10);
    watch.wait_for(9);
    feeds[1].push(50);
    watch.wait_for(49);
    // One that has ended holds back nobody.
    feeds[1].close();
    watch.wait_for(99);
    feeds[0].close();
    client.wait().unwrap();
    assert_eq!(watch.last(), Some(Timestamp::MAX));
}

#[test]
fn a_split_that_goes_quiet_is_idle_and_comes_back() {
    let env = quick(1);
    let feeds = feeds::<2>();
    let watch = Watch::of(&read(&env, &feeds, idle_soon()));
    let client = env.execute_async("quiet split").unwrap();
    feeds[0].push(100);
    feeds[1].push(10);
    // The other one goes on all the time, so that only one is idle.
    let mut n = 100;
    wait_until("the quiet split is idle", || {
        n += 1;
        feeds[0].push(n);
        watch.last() > Some(10)
    });
    feeds[1].push(n + 1_000);
    feeds[0].push(n + 500);
    feeds[0].close();
    feeds[1].close();
    client.wait().unwrap();
    assert!(watch.watermarks.lock().is_sorted());
}

#[test]
fn a_subtask_that_goes_quiet_is_idle() {
    let env = quick(2);
    let feeds = feeds::<2>();
    let watch = Watch::of(&read(&env, &feeds, idle_soon()));
    let client = env.execute_async("quiet subtask").unwrap();
    feeds[0].push(100);
    feeds[1].push(10);
    let mut n = 100;
    wait_until("the quiet subtask is idle", || {
        n += 1;
        feeds[0].push(n);
        watch.last() > Some(100)
    });
    client.cancel();
}

#[test]
fn a_subtask_without_a_split_is_idle_where_the_strategy_knows_idleness() {
    let env = quick(3);
    let feeds = feeds::<1>();
    let watch = Watch::of(&read(&env, &feeds, idle_soon()));
    let client = env.execute_async("no split").unwrap();
    let mut n = 100;
    wait_until("the subtasks without splits are idle", || {
        n += 1;
        feeds[0].push(n);
        watch.last() > Some(100)
    });
    client.cancel();
}

#[test]
fn when_all_are_idle_the_greatest_watermark_counts() {
    let env = quick(2);
    let feeds = feeds::<2>();
    let watch = Watch::of(&read(&env, &feeds, idle_soon()));
    let client = env.execute_async("all idle").unwrap();
    feeds[0].push(100);
    feeds[1].push(10);
    watch.wait_for(99);
    client.cancel();
}

#[test]
fn the_slowest_stream_of_a_union_decides_until_it_is_idle_or_ends() {
    for parallelism in [1, 2] {
        let env = quick(parallelism);
        let feeds = feeds::<3>();
        let [one, two, three] = &feeds;
        let fast = read(&env, std::slice::from_ref(one), idle_soon());
        let slow = read(&env, std::slice::from_ref(two), idle_soon());
        let ended = read(&env, std::slice::from_ref(three), idle_soon());
        let watch = Watch::of(&fast.union(&[&slow.map(|n| n), &ended]));
        let client = env.execute_async("union").unwrap();
        three.push(1);
        three.close();
        let mut n = 100;
        two.push(10);
        wait_until("the slow stream is idle", || {
            n += 1;
            one.push(n);
            watch.last() > Some(100)
        });
        // Subtasks without a split would wait for one for ever.
        client.cancel();
        assert!(watch.watermarks.lock().is_sorted());
    }
}

#[test]
fn an_input_that_ends_does_not_end_time_while_the_other_is_idle() {
    let env = quick(1);
    let feeds = feeds::<2>();
    let one = read(&env, &feeds[..1], idle_soon());
    let other = read(&env, &feeds[1..], idle_soon());
    let watch = Watch::of(&one.union(&[&other]));
    let client = env.execute_async("one ends").unwrap();
    feeds[0].push(10);
    feeds[1].push(20);
    feeds[0].close();
    watch.wait_for(19);
    // The other one is idle by now or soon, and goes on.
    feeds[1].push(30);
    watch.wait_for(29);
    feeds[1].close();
    client.wait().unwrap();
    assert_eq!(watch.last(), Some(Timestamp::MAX));
}

#[test]
fn both_of_two_inputs_decide() {
    let env = quick(1);
    let feeds = feeds::<2>();
    let one = read(&env, &feeds[..1], monotonous());
    let other = read(&env, &feeds[1..], monotonous());
    let watch = Watch::of(&one.connect(&other).map(|n| n, |n| n));
    let client = env.execute_async("two inputs").unwrap();
    feeds[0].push(100);
    feeds[1].push(10);
    watch.wait_for(9);
    feeds[1].close();
    watch.wait_for(99);
    feeds[0].push(200);
    watch.wait_for(199);
    feeds[0].close();
    client.wait().unwrap();
}

#[test]
fn the_last_watermark_comes_once_over_any_exchange() {
    for parallelism in [1, 2, 3] {
        for chaining in [true, false] {
            let env = quick(parallelism);
            if !chaining {
                env.disable_operator_chaining();
            }
            let numbers =
                env.from_source(NumberSequenceSource::new(1, 10_000), monotonous(), "numbers");
            let side = numbers.rebalance().map(|n| n);
            let again = side.union(&[&numbers]).assign_timestamps_and_watermarks(monotonous());
            let watches = [Watch::of(&numbers), Watch::of(&side), Watch::of(&again)];
            env.execute("end").unwrap();
            for watch in watches {
                let watermarks = watch.watermarks.lock();
                let greatest = watermarks.iter().filter(|watermark| **watermark == Timestamp::MAX);
                assert_eq!(greatest.count(), 1);
                assert_eq!(watermarks.last(), Some(&Timestamp::MAX));
            }
        }
    }
}

#[test]
fn batch_execution_has_the_last_watermark_only() {
    let env = quick(2);
    env.set_runtime_mode(RuntimeMode::Batch);
    let slow = (1..=50_i64).inspect(|_| std::thread::sleep(Duration::from_millis(1)));
    let numbers = env.from_source(IteratorSource::new(slow), monotonous(), "slow");
    let watches = [
        Watch::of(&numbers),
        Watch::of(&numbers.assign_timestamps_and_watermarks(monotonous()).rebalance()),
    ];
    env.execute("batch").unwrap();
    for watch in watches {
        assert_eq!(*watch.watermarks.lock(), [Timestamp::MAX]);
    }
}

#[test]
fn an_interval_of_zero_makes_no_periodic_watermarks() {
    let env = quick(1);
    set(&env, "pipeline.auto-watermark-interval", "0 ms");
    let slow = (1..=50_i64).inspect(|_| std::thread::sleep(Duration::from_millis(1)));
    let watch = Watch::of(&env.from_source(IteratorSource::new(slow), monotonous(), "slow"));
    env.execute("no interval").unwrap();
    assert_eq!(*watch.watermarks.lock(), [Timestamp::MAX]);
}
