//! Who is slow holds back those before it, within bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::support::{environment, set, wait_until};

#[test]
fn a_sink_that_stands_still_stops_the_source() {
    let env = environment(1);
    set(&env, "taskmanager.memory.segment-size", "4 kb");
    set(&env, "sciurus.batch.max-rows", "100");
    let made = Arc::new(AtomicI64::new(0));
    let is_open = Arc::new(AtomicBool::new(false));
    let (counter, gate) = (made.clone(), is_open.clone());
    env.from_iter((0..1_000_000_i64).inspect(move |n| counter.store(*n, Ordering::SeqCst)))
        .rebalance()
        .map(|n| n)
        .rebalance()
        .map(move |n| {
            while !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            n
        })
        .discard();
    let client = env.execute_async("back pressure").unwrap();
    let mut before = -1;
    let mut unchanged = 0;
    wait_until("the source stands still", || {
        let now = made.load(Ordering::SeqCst);
        unchanged = if now > 0 && now == before { unchanged + 1 } else { 0 };
        before = now;
        unchanged == 50
    });
    // Two channels of 10 segments each, and what is on its way between.
    let on_the_way = 8 * made.load(Ordering::SeqCst);
    assert!(on_the_way < 4 * 10 * 4096, "{on_the_way} bytes are on their way");
    is_open.store(true, Ordering::SeqCst);
    client.wait().unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 999_999);
}

#[test]
fn a_client_that_takes_nothing_stops_the_source_and_one_that_goes_on_gets_all() {
    let env = environment(2);
    let made = Arc::new(AtomicI64::new(0));
    let counter = made.clone();
    let texts = env.from_iter((0..20_000_i64).map(move |n| {
        counter.store(n, Ordering::SeqCst);
        format!("{n:01000}")
    }));
    let mut records = texts.rebalance().execute_and_collect("slow client").unwrap();
    assert!(records.next().is_some());
    wait_until("the job is held back", || {
        let metrics = records.client().metrics();
        metrics.tasks().next().is_some_and(|task| task.back_pressured_time_ms_per_second > 0.0)
    });
    let held_back_at = made.load(Ordering::SeqCst);
    assert!(held_back_at < 19_999, "nothing held back the source");
    assert_eq!(records.map(Result::unwrap).count(), 19_999);
}
