//! The form of a snapshot.

use std::io::Cursor;

use proptest::prelude::*;
use sciurus_core::key::{KeyGroupRange, hash_key, key_group};
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::descriptor::StateKind;
use crate::namespace::Namespace;
use crate::timer::{TimeDomain, Timer};

fn header(stamped: bool) -> SnapshotHeader {
    SnapshotHeader {
        max_parallelism: 1,
        range: KeyGroupRange { start: 0, end: 1 },
        states: vec![SnapshotState {
            name: "count".into(),
            kind: StateKind::Value,
            stamped,
            type_name: "i64".into(),
        }],
    }
}

fn small() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = SnapshotWriter::new(&mut bytes, &header(false)).unwrap();
    let kind = SectionKind::State { state: 0, namespace: Namespace(1) };
    writer.entry(0, kind, b"nut", |out| out.extend_from_slice(&7_i64.to_le_bytes())).unwrap();
    let timer = Timer { timestamp: 5, key: b"nut"[..].into(), namespace: Namespace::VOID };
    writer.timer(0, TimeDomain::Event, &timer).unwrap();
    let stats = writer.finish().unwrap();
    assert_eq!((stats.bytes, stats.entries, stats.timers), (bytes.len() as u64, 1, 1));
    bytes
}

/// The example of docs/formats.md, without the comments.
fn documented() -> Vec<u8> {
    let text = include_str!("../../../../docs/formats.md");
    let (_, section) = text.split_once("## Keyed state snapshot").unwrap();
    let (_, example) = section.split_once("```\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let digits = example
        .lines()
        .flat_map(|line| line.split("  ").next().unwrap_or_default().split_ascii_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn the_form_is_the_documented_one() {
    assert_eq!(format!("{:02x?}", small()), format!("{:02x?}", documented()));
    assert_eq!(key_group(hash_key(b"nut"), 1), 0);
}

#[test]
fn what_was_written_is_read() {
    let mut reader = SnapshotReader::open(Cursor::new(small())).unwrap();
    assert_eq!(*reader.header(), header(false));
    let blocks = reader.blocks().to_vec();
    let block = reader.read_block(blocks[0]).unwrap();
    let sections = block.sections().unwrap();
    let entries: Vec<_> = sections[0].entries().map(Result::unwrap).collect();
    assert_eq!(entries, [(&b"nut"[..], &7_i64.to_le_bytes()[..])]);
    let timers: Vec<_> = sections[1].timers().map(Result::unwrap).collect();
    assert_eq!((timers[0].timestamp, &*timers[0].key), (5, &b"nut"[..]));
    assert_eq!((sections.len(), blocks.len(), entries.len(), timers.len()), (2, 1, 1, 1));
}

#[test]
fn later_versions_and_other_files_are_told_apart() {
    let mut later = small();
    later[8] = 2;
    let error = SnapshotReader::open(Cursor::new(later)).unwrap_err();
    assert!(matches!(error, SnapshotError::Version { found: 2, known: 1 }), "{error}");
    let error = SnapshotReader::open(Cursor::new(vec![b'x'; 200])).unwrap_err();
    assert!(matches!(error, SnapshotError::NotASnapshot), "{error}");
}

/// Reads everything; returns whether it made sense.
fn read(bytes: &[u8]) -> Result<(), SnapshotError> {
    let mut reader = SnapshotReader::open(Cursor::new(bytes))?;
    for entry in reader.blocks().to_vec() {
        let block = reader.read_block(entry)?;
        for section in block.sections()? {
            match section.kind {
                SectionKind::State { .. } => section.entries().try_for_each(|e| e.map(|_| ()))?,
                SectionKind::Timers(_) => section.timers().try_for_each(|t| t.map(|_| ()))?,
            }
        }
    }
    Ok(())
}

/// Sets the checksum of `bytes[start..end]`, which stands behind it.
fn seal(bytes: &mut [u8], start: usize, end: usize) {
    let checksum = xxh3_64(&bytes[start..end]);
    bytes[end..end + CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

proptest! {
    #[test]
    fn damage_behind_right_checksums_is_no_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = small();
        let reader = SnapshotReader::open(Cursor::new(&bytes)).unwrap();
        let block = reader.blocks()[0];
        let (start, end) = (block.offset as usize, (block.offset + block.length) as usize);
        for (index, byte) in changes {
            let position = index.index(bytes.len());
            bytes[position] = byte;
        }
        seal(&mut bytes, 0, start - CHECKSUM_BYTES);
        seal(&mut bytes, start, end - CHECKSUM_BYTES);
        seal(&mut bytes, end, end + INDEX_ENTRY_BYTES);
        let _ = read(&bytes);
    }
}

#[test]
fn a_sound_snapshot_makes_sense() {
    read(&small()).unwrap();
}
