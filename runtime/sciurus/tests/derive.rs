//! `#[derive(Record)]` in a crate that depends on `sciurus` alone.

use sciurus::prelude::*;

#[derive(Debug, Clone, PartialEq, Record)]
struct Reading {
    sensor: String,
    value: f64,
}

#[test]
fn a_struct_becomes_a_record_without_an_attribute() {
    let view = ReadingView { sensor: "a", value: 1.0 };
    assert_eq!(Reading::from(view).view(), view);
}
