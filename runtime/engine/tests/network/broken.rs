use std::thread;
use std::time::{Duration, Instant};

use sciurus_engine::TaskResult;
use sciurus_engine::exchange::network::{Network, NetworkOptions};

use crate::helper::*;
use crate::proxy::{Mischief, Proxy};

/// Two workers of which each finds the other behind a proxy of its own.
struct Pair {
    one: Network,
    two: Network,
    to_one: Proxy,
    to_two: Proxy,
}

impl Pair {
    fn new(seed: u64, reconnect_timeout: Duration) -> Self {
        let bind = |number| {
            Network::bind(NetworkOptions { reconnect_timeout, ..options(number) }).unwrap()
        };
        let (one, two) = (bind(1), bind(2));
        let (to_one, to_two) = (Proxy::new(seed), Proxy::new(seed + 1000));
        to_one.lead_to(one.address());
        to_two.lead_to(two.address());
        Self { one, two, to_one, to_two }
    }

    /// Sends rows over one channel each way while `disturb` does what it does.
    fn exchange(&self, rows: i64, disturb: impl FnOnce(&Self) + Send) -> [TaskResult; 4] {
        let (one, two) = (peer_at(1, &self.to_one.address), peer_at(2, &self.to_two.address));
        thread::scope(|scope| {
            let mut forth = Consumer::new(LIMIT).add(&self.two, channel(0, 0), &one);
            let mut back = Consumer::new(LIMIT).add(&self.one, channel(1, 1), &two);
            let takers =
                [scope.spawn(move || forth.take_all()), scope.spawn(move || back.take_all())];
            let senders = [
                scope.spawn(|| {
                    Producer::new(&self.one, channel(0, 0), &two, LIMIT).send_all(rows, 300)
                }),
                scope.spawn(|| {
                    Producer::new(&self.two, channel(1, 1), &one, LIMIT).send_all(rows, 300)
                }),
            ];
            scope.spawn(|| disturb(self));
            let [forth, back] = takers.map(|taker| taker.join().unwrap());
            let [there, here] = senders.map(|sender| sender.join().unwrap());
            [forth, back, there, here]
        })
    }
}

fn assert_all_well(results: [TaskResult; 4]) {
    for result in results {
        result.unwrap();
    }
}

#[test]
fn nothing_is_lost_or_doubled_however_often_a_connection_breaks() {
    for seed in 0..3 {
        let pair = Pair::new(seed, Duration::from_secs(20));
        let mut random = fastrand::Rng::with_seed(seed);
        let results = pair.exchange(400_000, |pair| {
            for turn in 0..12 {
                thread::sleep(Duration::from_millis(random.u64(1..60)));
                match turn % 3 {
                    0 => pair.to_two.break_all(),
                    1 => pair.to_two.reset(),
                    _ => pair.to_two.half_close(),
                }
            }
        });
        assert_all_well(results);
        assert!(pair.one.metrics().reconnects > 0, "nothing was disturbed");
    }
}

#[test]
fn a_connection_that_is_cut_for_a_second_is_made_anew() {
    let pair = Pair::new(1, Duration::from_secs(20));
    let results = pair.exchange(300_000, |pair| {
        thread::sleep(Duration::from_millis(30));
        pair.to_two.cut();
        pair.to_one.cut();
        thread::sleep(Duration::from_secs(1));
        pair.to_two.mend();
        pair.to_one.mend();
    });
    assert_all_well(results);
    assert_eq!(pair.one.metrics().reconnects, 1);
    assert_eq!(pair.two.metrics().reconnects, 1);
}

#[test]
fn frames_may_come_in_pieces_of_any_size_and_late() {
    for (seed, pieces, delay) in [(1, 7, Duration::ZERO), (2, 3000, Duration::from_millis(2))] {
        let pair = Pair::new(seed, Duration::from_secs(20));
        for proxy in [&pair.to_one, &pair.to_two] {
            proxy.make(Mischief { pieces: Some(pieces), delay });
        }
        assert_all_well(pair.exchange(if pieces < 10 { 3_000 } else { 20_000 }, |_| {}));
    }
}

#[test]
fn a_peer_that_cannot_be_reached_for_too_long_is_lost() {
    let pair = Pair::new(1, Duration::from_millis(300));
    let start = Instant::now();
    let results = pair.exchange(i64::MAX, |pair| {
        thread::sleep(Duration::from_millis(100));
        pair.to_two.cut();
        pair.to_one.cut();
    });
    for result in results {
        let error = result.unwrap_err();
        assert!(!reason_of(&error).is_empty());
        assert!(error.to_string().starts_with("the worker at 127.0.0.1:"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(pair.to_two.accepted() > 2, "it is tried more than once");
    assert_eq!(pair.one.metrics().connections, 0);
    // With the network mended the next attempts find each other anew.
    pair.to_one.mend();
    pair.to_two.mend();
    let (one, two) = (peer_at(1, &pair.to_one.address), peer_at(2, &pair.to_two.address));
    let id = attempts(0, 1, 0, 1);
    let mut consumer = Consumer::new(LIMIT).add(&pair.two, id, &one);
    Producer::new(&pair.one, id, &two, LIMIT).send_all(100, 10).unwrap();
    consumer.take_all().unwrap();
}

#[test]
fn a_peer_that_falls_silent_is_noticed() {
    let pair = Pair::new(1, Duration::from_millis(400));
    let results = pair.exchange(i64::MAX, |pair| {
        thread::sleep(Duration::from_millis(100));
        // Nothing comes through any more, and nobody is told.
        for proxy in [&pair.to_one, &pair.to_two] {
            proxy.make(Mischief { pieces: Some(1), delay: Duration::from_secs(3600) });
        }
        thread::sleep(Duration::from_secs(3));
        pair.to_one.cut();
        pair.to_two.cut();
    });
    for result in results {
        assert!(result.is_err());
    }
}

#[test]
fn a_quiet_connection_stays() {
    let pair = Pair::new(1, Duration::from_millis(400));
    let (one, two) = (peer_at(1, &pair.to_one.address), peer_at(2, &pair.to_two.address));
    let mut consumer = Consumer::new(LIMIT).add(&pair.two, channel(0, 0), &one);
    let mut producer = Producer::new(&pair.one, channel(0, 0), &two, LIMIT);
    producer.send_rows(1).unwrap();
    consumer.take().unwrap();
    thread::sleep(Duration::from_millis(1500));
    producer.send_all(100, 10).unwrap();
    consumer.take_all().unwrap();
    assert_eq!(pair.one.metrics().reconnects, 0);
}

#[test]
fn a_process_that_ends_is_lost_at_once_by_both_kinds_of_peers() {
    let (one, two, three) = (worker(1), worker(2), worker(3));
    let dying = peer(2, &two);
    let mut consumers = Vec::new();
    for (number, network) in [(1, &one), (3, &three)] {
        let id = channel(u32::from(number), 0);
        let mut consumer = Consumer::new(LIMIT).add(network, id, &dying);
        let mut producer = Producer::new(&two, id, &peer(number, network), LIMIT);
        producer.send_rows(10).unwrap();
        consumer.take().unwrap();
        consumers.push((consumer, producer));
    }
    let start = Instant::now();
    drop(two);
    for (consumer, _) in &mut consumers {
        let error = consumer.take().unwrap_err();
        assert_eq!(reason_of(&error), "nobody listens there any more");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "long before the deadline of 5 s");
}
