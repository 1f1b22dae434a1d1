//! Records of records.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sciurus_core::record::ListView;
use sciurus_derive::Record;

use crate::conformance::check;
use crate::scalars::{date, instant};

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
pub struct Reading {
    pub sensor: String,
    pub value: f64,
    pub at: DateTime<Utc>,
    pub battery: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
struct Station {
    id: u64,
    last: Option<Reading>,
    all: Vec<Reading>,
    tags: Vec<(String, Option<i64>)>,
    at: Place,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
struct Place(f64, f64);

pub fn reading() -> impl Strategy<Value = Reading> {
    ("[a-c]{0,3}", any::<f64>(), instant(), any::<Option<u8>>())
        .prop_map(|(sensor, value, at, battery)| Reading { sensor, value, at, battery })
}

fn station() -> impl Strategy<Value = Station> {
    let tags = vec(("[a-c]{0,3}", any::<Option<i64>>()), 0..3);
    let place = (any::<f64>(), any::<f64>()).prop_map(|(lat, lon)| Place(lat, lon));
    (any::<u64>(), option::of(reading()), vec(reading(), 0..3), tags, place)
        .prop_map(|(id, last, all, tags, at)| Station { id, last, all, tags, at })
}

#[test]
fn options_conform() {
    check(any::<Option<bool>>());
    check(any::<Option<i64>>());
    check(any::<Option<String>>());
    check(option::of(any::<Vec<u8>>().prop_map(Bytes::from)));
    check(option::of(date()));
    check(option::of(instant()));
}

#[test]
fn lists_conform() {
    check(vec(any::<i64>(), 0..5));
    check(vec(any::<bool>(), 0..5));
    check(vec("[a-cä]{0,3}", 0..5));
    check(vec(Just(()), 0..5));
    check(vec(vec(any::<u8>(), 0..3), 0..3));
    check(vec(any::<Option<String>>(), 0..5));
}

#[test]
fn tuples_conform() {
    check((any::<i64>(),));
    check(("[a-c]{0,3}", any::<i64>()));
    check((Just(()), any::<bool>()));
    check((("[a-c]{0,3}", any::<bool>()), (any::<i32>(), (any::<u8>(), any::<String>()))));
    let many = (any::<i8>(), any::<u8>(), any::<i16>(), any::<u16>(), any::<i32>(), any::<u32>());
    check(many.prop_map(|(a, b, c, d, e, f)| (a, b, c, d, e, f, a, b, c, d, e, f)));
}

#[test]
fn structs_conform() {
    check(reading());
    check(station());
}

#[test]
fn options_of_nested_records_conform() {
    check(option::of(("[a-c]{0,3}", any::<i64>())));
    check(option::of((any::<Option<i64>>(), Just(()))));
    check(option::of(reading()));
    check(option::of(station()));
    check(option::of(vec(("[a-c]{0,3}", any::<Option<i64>>()), 0..3)));
    check(vec(option::of(vec(option::of(reading()), 0..3)), 0..3));
}

#[test]
fn lists_of_structs_conform() {
    check(vec(reading(), 0..4));
    check(vec(station(), 0..3));
    check(("[a-c]{0,3}", vec((any::<u8>(), vec(reading(), 0..3)), 0..3)));
}

#[test]
fn a_view_is_built_of_parts_of_others() {
    let station = Station {
        id: 1,
        last: None,
        all: Vec::new(),
        tags: vec![("a".to_owned(), Some(1))],
        at: Place(0.0, 0.0),
    };
    let tags = ListView::from(&station.tags);
    let view = StationView { id: 2, at: PlaceView(1.0, 2.0), ..StationView::from(&station) };
    assert_eq!((view.id, view.tags, view.last), (2, tags, None));
    assert_eq!(view.tags.get(0), Some(("a", Some(1))));
}
