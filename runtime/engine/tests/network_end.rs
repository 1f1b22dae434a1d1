//! What is left of a network when it has ended. Alone in its process, so that all threads and files
//! in it can be counted.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

#[allow(dead_code, reason = "the other tests of networks use all of it")]
#[path = "network/helper.rs"]
mod helper;

use std::fs;

use helper::{Consumer, LIMIT, Producer, channel, eventually, peer, reason_of, worker};

fn count(path: &str) -> usize {
    fs::read_dir(path).unwrap().count()
}

#[test]
fn threads_and_sockets_end_with_the_network() {
    let before = (count("/proc/self/task"), count("/proc/self/fd"));
    for turn in 0..20 {
        let (one, two) = (worker(1), worker(2));
        let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &peer(1, &one));
        let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), LIMIT);
        producer.send_rows(10).unwrap();
        consumer.take().unwrap();
        if turn % 2 == 0 {
            one.shutdown();
            let error = producer.send_rows(10).unwrap_err();
            assert_eq!(reason_of(&error), "this worker ends");
            let error = consumer.take().unwrap_err();
            assert_eq!(reason_of(&error), "nobody listens there any more");
        } else {
            two.shutdown();
            assert_eq!(reason_of(&consumer.take().unwrap_err()), "this worker ends");
        }
    }
    eventually("all threads and sockets are gone", || {
        (count("/proc/self/task"), count("/proc/self/fd")) == before
    });
}
