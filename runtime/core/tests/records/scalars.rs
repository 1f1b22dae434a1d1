//! Records of one column.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use sciurus_core::record::Record;

use crate::conformance::check;

/// Microseconds since the epoch, all that a `DateTime` can be.
fn micros() -> impl Strategy<Value = i64> {
    let (least, greatest) =
        (DateTime::<Utc>::MIN_UTC.timestamp_micros(), DateTime::<Utc>::MAX_UTC.timestamp_micros());
    prop_oneof![Just(least), Just(greatest), Just(0), Just(-1), least..=greatest, 0..1_i64 << 51]
}

pub fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    micros().prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

pub fn date() -> impl Strategy<Value = NaiveDate> {
    let days = NaiveDate::MAX.signed_duration_since(NaiveDate::MIN).num_days();
    prop_oneof![Just(0), Just(days), 0..=days]
        .prop_map(|days| NaiveDate::MIN + TimeDelta::days(days))
}

fn time() -> impl Strategy<Value = NaiveTime> {
    (0..86_400_u32, 0..1_000_000_u32).prop_map(|(seconds, micros)| {
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, micros * 1_000).unwrap()
    })
}

fn bytes() -> impl Strategy<Value = Bytes> {
    any::<Vec<u8>>().prop_map(Bytes::from)
}

#[test]
fn integers_conform() {
    check(any::<i8>());
    check(any::<i16>());
    check(any::<i32>());
    check(any::<i64>());
    check(any::<u8>());
    check(any::<u16>());
    check(any::<u32>());
    check(any::<u64>());
}

#[test]
fn floats_and_booleans_conform() {
    check(any::<f32>());
    check(any::<f64>());
    check(any::<bool>());
}

#[test]
fn strings_and_bytes_conform() {
    check("[a-zäß€𝄞]{0,12}");
    check(any::<String>());
    check(bytes());
}

#[test]
fn dates_and_times_conform() {
    check(date());
    check(time());
    check(instant());
    check(instant().prop_map(|instant| instant.naive_utc()));
    check((0..=i64::MAX as u64).prop_map(Duration::from_nanos));
}

#[test]
fn the_unit_record_conforms() {
    check(Just(()));
}

#[test]
fn every_float_keeps_its_bits() {
    for bits in [f64::NAN.to_bits(), (-f64::NAN).to_bits(), 0x7ff0_0000_0000_0001, 1 << 63] {
        let mut bytes = Vec::new();
        f64::encode(f64::from_bits(bits), &mut bytes);
        assert_eq!(f64::decode(&mut bytes.as_slice()).unwrap().to_bits(), bits);
    }
}

#[test]
fn what_a_timestamp_cannot_hold_is_cut_off_before_anyone_sees_it() {
    let day = NaiveDate::from_ymd_opt(1969, 12, 31).unwrap();
    let exact = day.and_hms_nano_opt(23, 59, 59, 1_999).unwrap();
    let held = day.and_hms_nano_opt(23, 59, 59, 1_000).unwrap();
    assert_eq!(exact.view(), held);
    assert_eq!(exact.and_utc().view(), held.and_utc());
    assert_eq!(exact.time().view(), held.time());

    let encoded = |instant: NaiveDateTime| {
        let mut bytes = Vec::new();
        NaiveDateTime::encode(instant, &mut bytes);
        bytes
    };
    assert_eq!(encoded(exact), encoded(held));
}

#[test]
fn leap_seconds_are_the_second_after_and_stay_within_the_day() {
    let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap();
    assert_eq!(leap.view(), NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap());
    let day = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap();
    let next = NaiveDate::from_ymd_opt(2017, 1, 1).unwrap();
    assert_eq!(day.and_time(leap).view(), next.and_hms_milli_opt(0, 0, 0, 500).unwrap());
}

#[test]
fn a_duration_without_end_is_292_years() {
    assert_eq!(Duration::MAX.view(), Duration::from_nanos(i64::MAX as u64));
}
