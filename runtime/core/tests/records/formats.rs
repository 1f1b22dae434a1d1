//! The examples of docs/formats.md: these bytes and hashes are in snapshots.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime};
use sciurus_core::key::{hash_key, key_group};
use sciurus_core::record::Record;

fn row<T: Record>(record: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::encode(record.view(), &mut bytes);
    bytes
}

fn key<T: Record>(record: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::encode_key(record.view(), &mut bytes);
    bytes
}

#[test]
fn the_row_form_is_that_of_the_format() {
    assert_eq!(row(&-2_i16), [0xfe, 0xff]);
    assert_eq!(row(&1.0_f32), [0, 0, 0x80, 0x3f]);
    assert_eq!(row(&(true, ())), [1, 0]);
    assert_eq!(row(&Bytes::from_static(b"\xff")), [1, 0, 0, 0, 0xff]);
    assert_eq!(row(&NaiveDate::from_ymd_opt(1970, 1, 3).unwrap()), [2, 0, 0, 0]);
    assert_eq!(row(&NaiveTime::from_hms_micro_opt(0, 0, 0, 7).unwrap()), [7, 0, 0, 0, 0, 0, 0, 0]);
    let before_the_epoch = DateTime::from_timestamp_micros(-1).unwrap();
    assert_eq!(row(&before_the_epoch), [0xff; 8]);
    assert_eq!(row(&before_the_epoch.naive_utc()), [0xff; 8]);
    assert_eq!(row(&Duration::from_nanos(9)), [9, 0, 0, 0, 0, 0, 0, 0]);
    let mixed = ("to".to_owned(), vec![Some(1_i64), None]);
    let mixed_row = b"\x02\0\0\0to\x02\0\0\0\x01\x01\0\0\0\0\0\0\0\0";
    assert_eq!(row(&mixed), mixed_row);
}

#[test]
fn keys_hashes_and_groups_are_those_of_the_format() {
    fn check<T: Record>(record: &T, bytes: &[u8], hash: u64, group: u16) {
        let key = key(record);
        let found = (key.as_slice(), format!("{:016x}", hash_key(&key)));
        assert_eq!(found, (bytes, format!("{hash:016x}")));
        assert_eq!(key_group(hash, 128), group);
    }
    check(&String::new(), b"", 0xf5bb_b786_ac40_58c7, 122);
    check(&"squirrel".to_owned(), b"squirrel", 0xbac0_023f_4379_05c4, 93);
    check(&42_i64, b"*\0\0\0\0\0\0\0", 0x4270_a489_d075_9f63, 33);
    check(&("to".to_owned(), 1_i32), b"\x02\0\0\0to\x01\0\0\0", 0x0a07_868e_ece7_8cc7, 5);
}
