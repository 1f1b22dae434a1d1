//! How records are printed: as Flink prints them.

use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDate;
use sciurus_core::record::Record;

fn print<T: Record>(record: &T) -> String {
    let mut out = String::new();
    T::format(record.view(), &mut out);
    out
}

#[test]
fn tuples_and_lists_print_like_flinks() {
    assert_eq!(print(&("word".to_owned(), 1_i64)), "(word,1)");
    assert_eq!(print(&vec![1_u8, 2]), "[1, 2]");
    assert_eq!(print(&Vec::<u8>::new()), "[]");
    assert_eq!(print(&((), vec![(1_i32, true)])), "((),[(1,true)])");
}

#[test]
fn an_absent_value_prints_as_null() {
    assert_eq!(print(&(Some("a".to_owned()), None::<i64>)), "(a,null)");
}

#[test]
fn floats_always_show_that_they_are() {
    assert_eq!(print(&(1.0_f64, 0.1_f32)), "(1.0,0.1)");
    assert_eq!(print(&f64::NAN), "NaN");
}

#[test]
fn bytes_print_as_hexadecimal_digits() {
    assert_eq!(print(&Bytes::from_static(b"\x00\xff")), "00ff");
}

#[test]
fn dates_and_times_print_as_iso_8601_says() {
    let at = NaiveDate::from_ymd_opt(2024, 1, 31).unwrap().and_hms_milli_opt(10, 15, 30, 120);
    let at = at.unwrap();
    assert_eq!(print(&at.date()), "2024-01-31");
    assert_eq!(print(&at.time()), "10:15:30.120");
    assert_eq!(print(&at), "2024-01-31T10:15:30.120");
    assert_eq!(print(&at.and_utc()), "2024-01-31T10:15:30.120Z");
    assert_eq!(print(&Duration::from_millis(1_500)), "1.5s");
}
