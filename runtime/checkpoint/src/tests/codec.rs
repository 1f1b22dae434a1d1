//! The form of metadata and handles.

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::samples;
use crate::codec::{FLINK_METADATA_MAGIC, MetadataError};
use crate::{CheckpointMetadata, StorageUrl, SubtaskRestore, SubtaskState};

/// The example of docs/formats.md, without the comments.
fn documented() -> Vec<u8> {
    let text = include_str!("../../../../docs/formats.md");
    let (_, section) = text.split_once("## Checkpoint metadata").unwrap();
    let (_, example) = section.split_once("Example").unwrap();
    let (_, example) = example.split_once("```\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let digits = example
        .lines()
        .flat_map(|line| line.split("  ").next().unwrap_or_default().split_ascii_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn the_form_is_the_documented_one() {
    let bytes = samples::small(samples::FOLDER).encode();
    assert_eq!(format!("{bytes:02x?}"), format!("{:02x?}", documented()));
    assert_eq!(CheckpointMetadata::decode(&bytes).unwrap(), samples::small(samples::FOLDER));
}

#[test]
fn a_folder_can_be_moved_as_a_whole() {
    let bytes = samples::small(samples::FOLDER).encode();
    for folder in ["s3://bucket/x/savepoint-1", "file:///elsewhere"] {
        let moved =
            CheckpointMetadata::decode_at(&bytes, &StorageUrl::parse(folder).unwrap()).unwrap();
        assert_eq!(moved, samples::small(folder));
    }
}

#[test]
fn what_is_none_is_told_from_what_is_damaged() {
    let bytes = samples::small(samples::FOLDER).encode();
    let decode = |bytes: &[u8]| CheckpointMetadata::decode(bytes).unwrap_err();
    let mut flink = FLINK_METADATA_MAGIC.to_vec();
    flink.extend([0, 0, 0, 4, 1, 2, 3]);
    assert_eq!(decode(&flink), MetadataError::Flink);
    assert!(matches!(decode(b"PK\x03\x04 a zip of something"), MetadataError::Foreign { .. }));
    let state = SubtaskState::default().encode();
    assert!(matches!(decode(&state), MetadataError::Foreign { .. }));
    let mut later = bytes.clone();
    later[8] = 2;
    assert_eq!(decode(&later), MetadataError::Version { found: 2, known: 1 });
    for end in 0..bytes.len() {
        let error = decode(&bytes[..end]);
        assert!(matches!(error, MetadataError::Truncated { .. }), "{end}: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode(&longer), MetadataError::Checksum);
}

/// Makes the checksum of changed bytes right, so that what is behind it is met.
fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - 8;
    let checksum = xxh3_64(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&checksum);
}

#[test]
fn a_count_reserves_no_memory_and_a_path_leads_nowhere_else() {
    let bytes = samples::small(samples::FOLDER).encode();
    for position in 20..bytes.len() - 8 {
        for value in [0xff, 0x7f, b'/', b'.'] {
            let mut damaged = bytes.clone();
            damaged[position..(position + 3).min(bytes.len() - 8)].fill(value);
            seal(&mut damaged);
            let Ok(metadata) = CheckpointMetadata::decode(&damaged) else { continue };
            for file in metadata.files() {
                let url = StorageUrl::parse(&file.url).unwrap();
                assert_eq!(url.to_string(), *file.url);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn metadata_reads_back(metadata in samples::metadata()) {
        let bytes = metadata.encode();
        prop_assert_eq!(&CheckpointMetadata::decode(&bytes).unwrap(), &metadata);
        let folder = StorageUrl::parse(samples::FOLDER).unwrap();
        prop_assert_eq!(&CheckpointMetadata::decode_at(&bytes, &folder).unwrap(), &metadata);
    }

    #[test]
    fn state_of_a_subtask_reads_back(state in samples::subtask_state()) {
        prop_assert_eq!(&SubtaskState::decode(&state.encode()).unwrap(), &state);
    }

    #[test]
    fn what_a_subtask_starts_with_reads_back(restore in samples::subtask_restore()) {
        prop_assert_eq!(&SubtaskRestore::decode(&restore.encode()).unwrap(), &restore);
    }

    #[test]
    fn damage_is_noticed_and_never_panics(
        metadata in samples::metadata(),
        restore in samples::subtask_restore(),
        position in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let mut bytes = metadata.encode();
        let position = position.index(bytes.len());
        bytes[position] ^= change;
        prop_assert!(CheckpointMetadata::decode(&bytes).is_err());
        seal(&mut bytes);
        let _ = CheckpointMetadata::decode(&bytes);
        let mut bytes = restore.encode();
        let position = position % bytes.len();
        bytes[position] ^= change;
        prop_assert!(SubtaskRestore::decode(&bytes).is_err());
        seal(&mut bytes);
        let _ = SubtaskRestore::decode(&bytes);
    }

    #[test]
    fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 28..200)) {
        let _ = CheckpointMetadata::decode(&bytes);
        // With a right head and checksum.
        let mut head = SubtaskState::default().encode();
        head.truncate(12);
        head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        for magic in [b"SCI-SUBT", b"SCI-CHKP", b"SCI-REST"] {
            head[..8].copy_from_slice(magic);
            bytes[..20].copy_from_slice(&head);
            seal(&mut bytes);
            let _ = SubtaskState::decode(&bytes);
            let _ = CheckpointMetadata::decode(&bytes);
            let _ = SubtaskRestore::decode(&bytes);
        }
    }
}
