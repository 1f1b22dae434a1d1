//! The checkpoints of a job: written, read, refused, deleted. On a disk, and on object storage where
//! that is built in.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sciurus_core::checkpoint::{CheckpointId, SavepointFormat, SnapshotKind};
use sciurus_core::ids::JobId;

use super::conformance::{Site, on_disk};
use super::samples;
use crate::layout::METADATA_FILE;
use crate::store::{DisposeError, LoadReason};
use crate::{
    CheckpointMetadata, CheckpointStore, KeyedStateHandle, RetainedCheckpoint, StateData,
    Verification,
};

const SAVEPOINT: SnapshotKind =
    SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending: None };

pub fn job() -> JobId {
    JobId::from_bytes([0xaa; 16])
}

pub fn store(site: &Site) -> CheckpointStore {
    CheckpointStore::new(site.storage.clone(), &site.url("ck"), job()).unwrap()
}

/// Makes a checkpoint with a file of its own and a shared one, and doesn't write its metadata.
pub fn make(site: &Site, kind: SnapshotKind, id: u64, folder: &str) -> CheckpointMetadata {
    let mut metadata = samples::small(folder);
    metadata.id = CheckpointId(id);
    metadata.kind = kind;
    let layout = store(site).layout().clone();
    let own = format!("{folder}/{}", crate::layout::file_name());
    let own = site.storage.put(&own, format!("own of {id}").as_bytes()).unwrap();
    let state = metadata.operators[1].subtasks.get_mut(&0).unwrap();
    let range = state.keyed.as_ref().unwrap().range();
    let shared = (!kind.is_savepoint()).then(|| {
        let url = format!("{}/{}", layout.shared(), crate::layout::file_name());
        site.storage.put(&url, format!("shared since {id}").as_bytes()).unwrap()
    });
    state.keyed = Some(KeyedStateHandle::Incremental {
        range,
        metadata: StateData::Inline(Bytes::from_static(b"about the files")),
        shared: shared.into_iter().map(|file| ("1.sst".to_owned(), file)).collect(),
        private: [("CURRENT".to_owned(), StateData::File(own))].into(),
    });
    metadata
}

/// Writes checkpoint `id`.
fn write(site: &Site, id: u64) -> RetainedCheckpoint {
    let folder = store(site).layout().exclusive(CheckpointId(id));
    let metadata = make(site, SnapshotKind::Checkpoint, id, &folder);
    let pointer = store(site).write(&metadata).unwrap();
    assert_eq!(*pointer.url, folder);
    RetainedCheckpoint::new(&metadata, &pointer)
}

/// Runs all tests of the suite.
pub fn suite(site: &Site) {
    what_is_written_is_loaded(site);
    what_is_not_whole_is_refused(site);
    the_newest_whole_one_is_found(site);
    a_job_s_folder_stands_for_its_newest_checkpoint(site);
    a_checkpoint_is_deleted(site);
    only_savepoints_are_disposed_of(site);
    a_savepoint_can_be_moved(site);
    orphans_go_and_what_is_retained_stays(site);
}

fn clear(site: &Site) {
    site.storage.delete_folder(&site.url("ck")).unwrap();
}

fn what_is_written_is_loaded(site: &Site) {
    let store = store(site);
    store.prepare().unwrap();
    let folder = store.layout().exclusive(CheckpointId(3));
    let metadata = make(site, SnapshotKind::Checkpoint, 3, &folder);
    let pointer = store.write(&metadata).unwrap();
    for path in [folder.clone(), format!("{folder}/"), format!("{folder}/{METADATA_FILE}")] {
        for verification in [Verification::Metadata, Verification::Files, Verification::Contents] {
            assert_eq!(store.load(&path, verification).unwrap(), metadata);
        }
    }
    let found = store.scan().unwrap();
    assert_eq!(found, [RetainedCheckpoint::new(&metadata, &pointer)]);
    assert_eq!(store.highest_id().unwrap(), Some(CheckpointId(3)));
    clear(site);
    assert!(store.scan().unwrap().is_empty());
    assert_eq!(store.highest_id().unwrap(), None);
}

fn a_job_s_folder_stands_for_its_newest_checkpoint(site: &Site) {
    let (storage, folder) = (&site.storage, store(site).layout().folder().to_string());
    let latest = |path: &str| storage.load_latest(path, Verification::Files).unwrap();
    assert_eq!(latest(&folder), None);
    let (first, second) = (write(site, 9), write(site, 10));
    let loaded = |path: &str| store(site).load(path, Verification::Files).unwrap();
    assert_eq!(latest(&folder).unwrap().0, loaded(&second.url));
    assert_eq!(latest(&format!("{folder}/")).unwrap().0, loaded(&second.url));
    storage.put(&format!("{}/{METADATA_FILE}", second.url), b"damaged").unwrap();
    assert_eq!(latest(&folder).unwrap().0, loaded(&first.url));
    // Other folders stand for themselves.
    assert_eq!(latest(&first.url), None);
    assert_eq!(latest(&site.url("ck")), None);
    clear(site);
}

fn what_is_not_whole_is_refused(site: &Site) {
    let checkpoint = write(site, 1);
    let (store, storage) = (store(site), &site.storage);
    let reason = |path: &str, verification| {
        let error = store.load(path, verification).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        error.reason
    };
    let metadata = format!("{}/{METADATA_FILE}", checkpoint.url);
    let whole = store.load(&checkpoint.url, Verification::Files).unwrap();
    let bytes = whole.encode();
    // The folder above names what is in it.
    let above = reason(&store.layout().folder().to_string(), Verification::Files);
    assert!(matches!(&above, LoadReason::Folder { folders } if folders == &["chk-1"]), "{above}");
    let none = reason(&site.url("ck/none"), Verification::Files);
    assert!(matches!(none, LoadReason::Missing), "{none}");
    // JVM Flink's, one cut off, one damaged, another file, none.
    for (content, words) in [
        (&b"\x49\x60\x67\x2d\0\0\0\x04rest"[..], "JVM Flink wrote it"),
        (&bytes[..bytes.len() / 2], "its end is missing"),
        (&[&bytes[..100], b"x", &bytes[101..]].concat(), "checksum is wrong"),
        (b"hello", "no checkpoint metadata of Sciurus"),
        (b"", "its end is missing"),
    ] {
        storage.put(&metadata, content).unwrap();
        let reason = reason(&checkpoint.url, Verification::Metadata);
        assert!(matches!(reason, LoadReason::Metadata(_)), "{reason}");
        assert!(reason.to_string().contains(words), "{reason}");
    }
    storage.delete(&metadata).unwrap();
    let incomplete = reason(&checkpoint.url, Verification::Files);
    assert!(matches!(incomplete, LoadReason::Incomplete), "{incomplete}");
    // A file that is damaged, cut off, gone.
    storage.put(&metadata, &bytes).unwrap();
    let file = whole.files().next().unwrap().clone();
    let length = file.bytes as usize;
    storage.put(&file.url, &vec![b'x'; length]).unwrap();
    store.load(&checkpoint.url, Verification::Files).unwrap();
    let damaged = reason(&checkpoint.url, Verification::Contents);
    assert!(matches!(&damaged, LoadReason::File(error) if error.url() == &*file.url), "{damaged}");
    storage.put(&file.url, &vec![b'x'; length - 1]).unwrap();
    let short = reason(&checkpoint.url, Verification::Files);
    assert!(matches!(short, LoadReason::File(_)), "{short}");
    storage.delete(&file.url).unwrap();
    let missing = reason(&checkpoint.url, Verification::Files);
    assert!(matches!(missing, LoadReason::File(_)), "{missing}");
    clear(site);
}

fn the_newest_whole_one_is_found(site: &Site) {
    let retained = [write(site, 2), write(site, 10), write(site, 9)];
    let store = store(site);
    let newest = store.latest_good(&retained, Verification::Files).unwrap();
    assert_eq!(newest.whole[0].1.id, CheckpointId(10));
    assert!(newest.passed_over.is_empty());
    site.storage.put(&format!("{}/{METADATA_FILE}", retained[1].url), b"SCI-CHKP").unwrap();
    let newest = store.latest_good(&retained, Verification::Files).unwrap();
    assert_eq!((newest.whole.len(), newest.whole[0].1.id), (1, CheckpointId(9)));
    assert_eq!(newest.whole[0].0, retained[2].pointer());
    assert_eq!(newest.passed_over[0].0, retained[1]);
    let all = store.load_retained(&retained, Verification::Files).unwrap();
    let ids: Vec<_> = all.whole.iter().map(|(_, metadata)| metadata.id.0).collect();
    assert_eq!((ids, all.passed_over.len()), (vec![2, 9], 1));
    // What the folder shows where nobody remembers.
    let ids: Vec<_> = store.scan().unwrap().iter().map(|checkpoint| checkpoint.id.0).collect();
    assert_eq!(ids, [2, 9]);
    assert_eq!(store.highest_id().unwrap(), Some(CheckpointId(10)));
    clear(site);
}

fn a_checkpoint_is_deleted(site: &Site) {
    let (first, second) = (write(site, 1), write(site, 2));
    let store = store(site);
    let whole = store.load(&first.url, Verification::Files).unwrap();
    let state = whole.operators[1].subtasks[&0].keyed.clone().unwrap();
    let shared: Vec<_> = state.shared_files().cloned().collect();
    for _ in 0..2 {
        store.delete_checkpoint(&first.pointer()).unwrap();
        store.delete_shared(&shared).unwrap();
    }
    store.load(&second.url, Verification::Contents).unwrap();
    assert_eq!(site.files("ck").len(), 3);
    // One that failed.
    let folder = store.layout().exclusive(CheckpointId(3));
    let failed = make(site, SnapshotKind::Checkpoint, 3, &folder);
    store.discard(&folder, failed.files().map(|file| &*file.url)).unwrap();
    assert_eq!(site.files("ck").len(), 3);
    clear(site);
}

fn only_savepoints_are_disposed_of(site: &Site) {
    let checkpoint = write(site, 1);
    let store = store(site);
    let folder = store.layout().savepoint(&site.url("sp")).unwrap();
    let savepoint = make(site, SAVEPOINT, 2, &folder);
    store.write(&savepoint).unwrap();
    let error = site.storage.dispose_savepoint(&checkpoint.url).unwrap_err();
    assert!(matches!(error, DisposeError::NotASavepoint { .. }), "{error}");
    for path in [site.url("sp"), site.url("ck"), site.url("none")] {
        let error = site.storage.dispose_savepoint(&path).unwrap_err();
        assert!(error.to_string().contains("nothing was deleted"), "{error}");
    }
    store.load(&checkpoint.url, Verification::Contents).unwrap();
    // What isn't the savepoint's stays.
    site.storage.put(&format!("{folder}/notes.txt"), b"mine").unwrap();
    site.storage.dispose_savepoint(&format!("{folder}/{METADATA_FILE}")).unwrap();
    assert_eq!(site.files("sp").len(), 1);
    site.storage.delete_folder(&site.url("sp")).unwrap();
    // A claimed one is deleted in the same way, and one that isn't there is no error.
    let pointer = store.write(&make(site, SAVEPOINT, 2, &folder)).unwrap();
    site.storage.put(&format!("{folder}/notes.txt"), b"mine").unwrap();
    store.delete_checkpoint(&pointer).unwrap();
    assert_eq!(site.files("sp").len(), 1);
    site.storage.delete_folder(&site.url("sp")).unwrap();
    store.delete_checkpoint(&pointer).unwrap();
    clear(site);
}

fn a_savepoint_can_be_moved(site: &Site) {
    let store = store(site);
    let folder = store.layout().savepoint(&site.url("sp")).unwrap();
    let savepoint = make(site, SAVEPOINT, 2, &folder);
    store.write(&savepoint).unwrap();
    for listed in site.storage.list(&folder).unwrap() {
        let bytes = site.storage.read_all(&listed.url, 10_000).unwrap();
        site.storage.put(&site.url(&format!("moved/{}", listed.url.name())), &bytes).unwrap();
    }
    site.storage.delete_folder(&folder).unwrap();
    let moved = store.load(&site.url("moved"), Verification::Contents).unwrap();
    assert_eq!((moved.id, &moved.exclusive), (savepoint.id, &site.url("moved")));
    site.storage.dispose_savepoint(&site.url("moved")).unwrap();
    assert!(site.files("moved").is_empty());
    clear(site);
}

fn orphans_go_and_what_is_retained_stays(site: &Site) {
    let kept = write(site, 4);
    let store = store(site);
    let whole = store.load(&kept.url, Verification::Files).unwrap();
    let left = write(site, 3);
    let half = store.layout().exclusive(CheckpointId(5));
    make(site, SnapshotKind::Checkpoint, 5, &half);
    site.storage.put(&site.url("ck/other-job/chk-1/x"), b"not ours").unwrap();
    // What is young stays.
    let hour = Duration::from_secs(3600);
    let young = store.remove_orphans([&whole], Some(SystemTime::now() - hour)).unwrap();
    assert_eq!(young.files, 0);
    // All is older than an hour from now. Of 3: metadata, own, shared; of 5: own, shared.
    let removed = store.remove_orphans([&whole], Some(SystemTime::now() + hour)).unwrap();
    assert_eq!(removed.files, 5);
    store.load(&kept.url, Verification::Contents).unwrap();
    store.load(&left.url, Verification::Metadata).unwrap_err();
    assert_eq!(site.storage.folders(store.layout().folder()).unwrap(), ["chk-4", "shared"]);
    // The job has ended and retains one, then none.
    assert_eq!(store.remove_orphans([&whole], None).unwrap().files, 0);
    store.load(&kept.url, Verification::Contents).unwrap();
    assert_eq!(store.remove_orphans([], None).unwrap().files, 3);
    assert_eq!(site.storage.folders(&site.parsed("ck")).unwrap(), ["other-job"]);
    assert_eq!(site.files("ck").len(), 1);
    clear(site);
}

#[test]
fn a_disk_keeps_checkpoints() {
    let (_directory, site) = on_disk();
    suite(&site);
}

#[test]
fn a_storage_that_fails_is_not_taken_for_a_checkpoint_that_is_gone() {
    let (directory, site) = on_disk();
    let checkpoint = write(&site, 1);
    let older = RetainedCheckpoint { id: CheckpointId(0), ..write(&site, 2) };
    // A file where a folder should be is as good as a disk that fails: the name is too long.
    let broken = RetainedCheckpoint { url: site.url(&"x".repeat(300)), ..checkpoint };
    let error = store(&site).latest_good(&[older, broken], Verification::Files).unwrap_err();
    assert!(matches!(error.reason, LoadReason::Storage(_)), "{error}");
    drop(directory);
}
