//! Few records don't wait for company longer than the buffer timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sciurus::prelude::*;
use sciurus_core::Batch;
use sciurus_engine::TaskResult;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::output::Output;

use crate::support::feed::{Feed, FeedSource};
use crate::support::{environment, set, wait_until};

/// Counts the batches and rows that reach it.
#[derive(Clone, Default)]
struct Arrivals {
    batches: Arc<AtomicUsize>,
    rows: Arc<AtomicUsize>,
}

impl Arrivals {
    fn rows(&self) -> usize {
        self.rows.load(Ordering::SeqCst)
    }

    fn batches(&self) -> usize {
        self.batches.load(Ordering::SeqCst)
    }

    fn count(&self, stream: &DataStream<i64>) {
        let arrivals = self.clone();
        stream.transform::<()>("Arrivals", move |_: &OperatorContext| {
            Ok(Box::new(arrivals.clone()) as Box<dyn Operator>)
        });
    }
}

impl Operator for Arrivals {
    fn process_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> TaskResult {
        self.rows.fetch_add(batch.len(), Ordering::SeqCst);
        self.batches.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Starts a job that sends what is fed over two exchanges.
fn start(env: &StreamExecutionEnvironment) -> (Feed<i64>, Arrivals, JobClient) {
    let feed = Feed::default();
    let source = FeedSource::new(std::slice::from_ref(&feed));
    let records = env.from_source(source, WatermarkStrategy::no_watermarks(), "feed");
    let arrivals = Arrivals::default();
    arrivals.count(&records.rebalance().map(|n| n).set_parallelism(2).rebalance());
    (feed, arrivals, env.execute_async("latency").unwrap())
}

#[test]
fn a_record_goes_out_when_the_timeout_is_over_though_none_follows() {
    let env = environment(1);
    env.set_buffer_timeout(Duration::from_millis(20));
    let (feed, arrivals, client) = start(&env);
    for n in 1..=3 {
        feed.push(n as i64);
        wait_until("the record arrives", || arrivals.rows() == n);
    }
    client.cancel();
}

#[test]
fn without_timeout_each_record_goes_out_at_once() {
    let env = environment(1);
    env.set_buffer_timeout(Duration::ZERO);
    let (feed, arrivals, client) = start(&env);
    for n in 0..100 {
        feed.push(n);
    }
    feed.close();
    client.wait().unwrap();
    assert_eq!((arrivals.rows(), arrivals.batches()), (100, 100));
}

#[test]
fn with_the_timeout_disabled_records_wait_for_the_end() {
    let env = environment(1);
    set(&env, "execution.buffer-timeout.enabled", "false");
    let (feed, arrivals, client) = start(&env);
    for n in 0..100 {
        feed.push(n);
        wait_until("the record is taken", || feed.is_taken());
    }
    assert_eq!(arrivals.rows(), 0);
    feed.close();
    client.wait().unwrap();
    // A batch from each of the two subtasks before it.
    assert_eq!((arrivals.rows(), arrivals.batches()), (100, 2));
}

#[test]
fn an_iterator_that_blocks_holds_back_no_record() {
    let env = environment(1);
    env.set_buffer_timeout(Duration::from_millis(5));
    let arrivals = Arrivals::default();
    let seen = arrivals.rows.clone();
    let slow = (0..1_000_i64).map(move |n| {
        std::thread::sleep(Duration::from_millis(1));
        // How many had arrived when this one was made.
        n - seen.load(Ordering::SeqCst) as i64
    });
    let records = env.from_iter(slow);
    arrivals.count(&records.rebalance());
    let records = records.execute_and_collect("latency").unwrap();
    let on_the_way = records.map(Result::unwrap).max().unwrap();
    assert!(on_the_way < 500, "{on_the_way} were on their way");
}

#[test]
fn a_source_that_waits_for_its_next_row_holds_back_no_record() {
    let env = environment(1);
    env.set_buffer_timeout(Duration::from_millis(1));
    let start = Instant::now();
    let source = DataGeneratorSource::new(move |_| start.elapsed().as_millis() as i64)
        .count(8)
        .rows_per_second(5.0);
    let ages = env
        .from_source(source, WatermarkStrategy::no_watermarks(), "slow")
        .rebalance()
        .map(move |made| start.elapsed().as_millis() as i64 - made);
    let ages: Vec<_> = ages.execute_and_collect("latency").unwrap().map(Result::unwrap).collect();
    // Behind the last one the source ends. A busy machine may delay some, but not each one for as
    // long as the source waits: 200 ms.
    assert!(ages[..7].iter().any(|age| *age < 100), "{ages:?} ms old");
}

#[test]
fn a_batch_that_is_full_does_not_wait() {
    let env = environment(1);
    set(&env, "execution.buffer-timeout.enabled", "false");
    let (feed, arrivals, client) = start(&env);
    for n in 0..10_000 {
        feed.push(n);
    }
    wait_until("full batches arrive", || arrivals.rows() > 5_000);
    client.cancel();
}
