//! The examples with windows, run as users run them.

mod common;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;

use common::{command, golden, run};

#[test]
fn words_are_counted_in_windows_of_their_occurrences() {
    for (parallelism, mode) in [("1", "STREAMING"), ("3", "STREAMING"), ("2", "BATCH")] {
        let arguments = ["windowed_word_count", "-p", parallelism, "--execution-mode", mode];
        let records = run(&arguments).successful().records();
        assert_eq!(records, golden("windowed_word_count.txt"), "{parallelism} {mode}");
    }
}

#[test]
fn windows_of_words_have_the_size_and_slide_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    fs::write(&file, "nut ".repeat(10) + "leaf leaf").unwrap();
    let input = file.to_str().unwrap();
    let windows = |arguments: &[&str]| {
        let all = ["windowed_word_count", "--input", input];
        run(&[&all, arguments].concat()).successful().records()
    };
    assert_eq!(windows(&["--window", "4", "--slide", "3"]), ["(nut,3)", "(nut,4)", "(nut,4)"]);
    let by_two = ["(leaf,2)", "(nut,2)", "(nut,2)", "(nut,2)", "(nut,2)", "(nut,2)"];
    assert_eq!(windows(&["--window", "2", "--slide", "2"]), by_two);
    run(&["windowed_word_count", "--slide", "0"]).fails_saying(&["'0'", "--slide"]);
}

#[test]
fn sessions_end_when_nobody_clicks_for_a_while() {
    let expected = ["(a,1,1)", "(a,10,1)", "(b,1,3)", "(c,11,1)", "(c,6,1)"];
    for (parallelism, mode) in [("1", "STREAMING"), ("3", "STREAMING"), ("2", "BATCH")] {
        let arguments = ["session_windowing", "-p", parallelism, "--execution-mode", mode];
        assert_eq!(run(&arguments).successful().records(), expected, "{parallelism} {mode}");
    }
}

#[test]
fn sessions_are_told_in_the_order_in_which_they_end() {
    let run = run(&["session_windowing"]).successful();
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines, ["(a,1,1)", "(b,1,3)", "(c,6,1)", "(a,10,1)", "(c,11,1)"]);
}

/// The top speeds, as the description of Flink's example says: every 50 metres that of the last
/// ten seconds.
fn top_speeds(cars: &[(i32, i32, f64, i64)]) -> Vec<String> {
    let mut triggered_at = HashMap::new();
    let mut top_speeds = Vec::new();
    for (index, car) in cars.iter().enumerate() {
        let last = triggered_at.entry(car.0).or_insert(car.2);
        if car.2 - *last > 50.0 {
            *last = car.2;
            let recent = cars[..=index].iter().filter(|c| c.0 == car.0 && c.3 > car.3 - 10_000);
            let top = recent.rev().max_by_key(|car| car.1).unwrap_or(car);
            top_speeds.push(format!("({},{},{:?},{})", top.0, top.1, top.2, top.3));
        }
    }
    top_speeds.sort();
    top_speeds
}

#[test]
fn top_speeds_are_those_of_the_last_ten_seconds() {
    let speeds = |n: i32| 30 + (n * n * 7 + n * 13) % 90;
    let mut distances = [0.0; 3];
    let cars: Vec<_> = (0..300)
        .map(|n| {
            let (car, speed) = (n % 3, speeds(n));
            distances[car as usize] += f64::from(speed) / 3.6;
            (car, speed, distances[car as usize], 1_424_951_918_000 + i64::from(n / 3) * 1000)
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    for (car, speed, distance, time) in &cars {
        writeln!(file.as_file(), "({car},{speed},{distance},{time})").unwrap();
    }
    let expected = top_speeds(&cars);
    assert!(expected.len() > 30, "{}", expected.len());
    let input = file.path().to_str().unwrap();
    for (parallelism, mode) in [("1", "STREAMING"), ("3", "STREAMING"), ("2", "BATCH")] {
        let options = ["-p", parallelism, "--execution-mode", mode];
        let run = run(&[&["top_speed_windowing", "--input", input], &options[..]].concat());
        assert_eq!(run.successful().records(), expected, "{parallelism} {mode}");
    }
}

#[test]
fn made_up_cars_are_the_same_for_the_same_seed() {
    for parallelism in ["1", "2"] {
        let arguments = ["top_speed_windowing", "--seed", "5", "-p", parallelism];
        assert_eq!(run(&arguments).successful().records(), golden("top_speed_windowing.txt"));
    }
}

#[test]
fn a_line_that_is_no_car_fails_the_job() {
    let file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file.as_file(), "(0,fast,1.0,2)").unwrap();
    let input = file.path().to_str().unwrap();
    run(&["top_speed_windowing", "--input", input]).fails_saying(&[
        "cars",
        "'fast'",
        "(0,fast,1.0,2)",
    ]);
}

#[test]
fn words_from_a_socket_are_counted_by_the_second() {
    let server = TcpListener::bind("localhost:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let mut job = command(&["socket_window_word_count", "--port", &port, "--window", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut connection, _) = server.accept().unwrap();
    connection.write_all(b"nuts  and\tnuts\nand leaves\n").unwrap();
    // The words may fall into two windows, at the worst.
    let mut counts = HashMap::new();
    for line in BufReader::new(job.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let (word, count) = line.split_once(" : ").unwrap();
        *counts.entry(word.to_owned()).or_insert(0) += count.parse::<i64>().unwrap();
        if counts.values().sum::<i64>() == 5 {
            break;
        }
    }
    drop(connection);
    assert!(job.wait().unwrap().success());
    let expected = [("and", 2), ("leaves", 1), ("nuts", 2)].map(|(word, n)| (word.to_owned(), n));
    assert_eq!(counts, HashMap::from(expected));
}

#[test]
fn a_socket_that_nobody_listens_to_fails_the_job() {
    let server = TcpListener::bind("localhost:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    drop(server);
    run(&["socket_window_word_count", "--port", &port]).fails_saying(&["localhost", &port]);
    run(&["socket_window_word_count"]).fails_saying(&["--port"]);
}
