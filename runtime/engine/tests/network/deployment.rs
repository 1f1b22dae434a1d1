use std::time::{Duration, Instant};

use sciurus_core::element::StreamElement;
use sciurus_engine::TaskError;
use sciurus_engine::exchange::ChannelSender;
use sciurus_engine::exchange::network::{Network, NetworkOptions};

use crate::helper::*;

fn assert_consumer_gone(producer: &mut Producer) {
    let mut error = None;
    eventually("the producer hears that its consumer is gone", || {
        error = producer.send(StreamElement::Watermark(0)).err();
        error.is_some()
    });
    assert!(matches!(error, Some(TaskError::PeerGone { .. })), "{error:?}");
    assert!(producer.sender.has_credit(), "sending says why it can't go on");
}

#[test]
fn either_end_may_come_first() {
    for (source, target) in [(1, 2), (2, 1)] {
        let (one, two) = (worker(source), worker(target));
        let (from, to) = (peer(source, &one), peer(target, &two));
        let mut producer = Producer::new(&one, channel(0, 0), &to, LIMIT);
        producer.send_all(100, 10).unwrap();
        eventually("all has arrived", || two.metrics().frames_received >= 22);
        let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &from);
        consumer.take_all().unwrap();
        let mut consumer = Consumer::new(LIMIT).add(&two, channel(1, 0), &from);
        let mut producer = Producer::new(&one, channel(1, 0), &to, LIMIT);
        producer.send_all(100, 10).unwrap();
        consumer.take_all().unwrap();
    }
}

#[test]
fn a_producer_whose_consumer_never_comes_hears_that() {
    let one = worker(1);
    let options = NetworkOptions { connect_timeout: Duration::from_millis(300), ..options(2) };
    let two = Network::bind(options).unwrap();
    let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), LIMIT);
    producer.send_rows(10).unwrap();
    assert_consumer_gone(&mut producer);
}

#[test]
fn a_producer_whose_consumer_goes_hears_that_and_others_do_not() {
    let (one, two) = (worker(1), worker(2));
    let (from, to) = (peer(1, &one), peer(2, &two));
    let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &from);
    let mut other = Consumer::new(LIMIT).add(&two, channel(0, 1), &from);
    let mut producer = Producer::new(&one, channel(0, 0), &to, LIMIT);
    let mut other_producer = Producer::new(&one, channel(0, 1), &to, LIMIT);
    producer.send_rows(10).unwrap();
    consumer.take().unwrap();
    drop(consumer);
    assert_consumer_gone(&mut producer);
    // Who comes late to an attempt that is gone hears it at once.
    assert_consumer_gone(&mut Producer::new(&one, channel(5, 0), &to, LIMIT));
    other_producer.send_all(10, 10).unwrap();
    other.take_all().unwrap();
}

#[test]
fn a_producer_that_waits_for_credit_hears_that_its_consumer_goes() {
    let (one, two) = (worker(1), worker(2));
    let consumer = Consumer::new(1).add(&two, channel(0, 0), &peer(1, &one));
    let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), 1);
    producer.send_rows(10).unwrap();
    let waiting = std::thread::spawn(move || producer.send_rows(10));
    drop(consumer);
    let error = waiting.join().unwrap().unwrap_err();
    assert!(matches!(error, TaskError::PeerGone { .. }), "{error}");
}

#[test]
fn new_attempts_use_the_same_connection() {
    let (one, two) = (worker(1), worker(2));
    let (from, to) = (peer(1, &one), peer(2, &two));
    for attempt in 0..5 {
        let channel = attempts(0, attempt, 0, attempt);
        // One that the last attempt of the producer has opened too late.
        let mut stale = Producer::new(&one, attempts(9, 0, 0, attempt), &to, LIMIT);
        stale.send_rows(1).unwrap();
        let mut consumer = Consumer::new(LIMIT).add(&two, channel, &from);
        let mut producer = Producer::new(&one, channel, &to, LIMIT);
        producer.send_rows(10).unwrap();
        consumer.take().unwrap();
        // Both fail without an end; the next attempt supersedes whoever waits for this one.
        drop((producer, consumer));
        assert_consumer_gone(&mut stale);
    }
    assert_eq!((one.metrics().reconnects, one.metrics().connections), (0, 1));
}

#[test]
fn a_worker_that_is_not_there_is_lost_at_once() {
    for number in [1, 3] {
        let two = worker(2);
        let nobody = {
            let gone = worker(number);
            peer(number, &gone)
        };
        let start = Instant::now();
        let mut producer = Producer::new(&two, channel(0, 0), &nobody, LIMIT);
        let mut consumer = Consumer::new(LIMIT).add(&two, channel(1, 1), &nobody);
        let error = consumer.take().unwrap_err();
        assert_eq!(reason_of(&error), "nobody listens there any more");
        let text = error.to_string();
        assert!(text.contains(&*nobody.address), "{text}");
        let mut error = None;
        eventually("the producer hears it", || {
            error = producer.send(StreamElement::Watermark(0)).err();
            error.is_some()
        });
        assert_eq!(reason_of(&error.unwrap()), "nobody listens there any more");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn another_worker_at_the_address_is_no_replacement() {
    let (one, two, three) = (worker(1), worker(2), worker(3));
    for address in [two.address(), three.address()] {
        let wrong = peer_at(9, address);
        let mut consumer = Consumer::new(LIMIT).add(&one, channel(0, 0), &wrong);
        let error = consumer.take().unwrap_err();
        assert!(reason_of(&error).contains("listens there, not worker"), "{error}");
    }
    let itself = peer(1, &one);
    let mut consumer = Consumer::new(LIMIT).add(&one, channel(0, 0), &itself);
    assert!(reason_of(&consumer.take().unwrap_err()).contains("it is this worker"));
}

#[test]
fn strangers_are_turned_away() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    let one = worker(1);
    for noise in [&b""[..], b"GET / HTTP/1.1\r\nHost: sciurus\r\n\r\n", &[0xff; 4000]] {
        let mut stream = TcpStream::connect(&**one.address()).unwrap();
        // Where the other side has hung up already writing fails, which is as well.
        let _ = stream.write_all(noise);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    // Those that say nothing keep nobody else out for long, and are let go with the network.
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(&**one.address()).unwrap()).collect();
    let start = Instant::now();
    drop(one);
    assert!(start.elapsed() < Duration::from_secs(2));
    drop(silent);
}
