//! What every storage does. The suite runs on a disk, and on object storage where that is built in.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom, Write};

use xxhash_rust::xxh3::xxh3_64;

use crate::storage::{Storage, StorageErrorKind, StorageOptions, StorageUrl};
use crate::{StateData, StateFile};

/// A place in storage that a test may use.
pub struct Site {
    pub storage: Storage,
    /// A folder that nothing else uses, without a slash at the end.
    pub root: String,
}

impl Site {
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    pub fn parsed(&self, path: &str) -> StorageUrl {
        StorageUrl::parse(&self.url(path)).unwrap()
    }

    /// The paths of all files below a folder.
    pub fn files(&self, path: &str) -> BTreeSet<String> {
        let root = StorageUrl::parse(&self.root).unwrap();
        let listed = self.storage.list(&self.url(path)).unwrap();
        listed.iter().map(|listed| listed.url.relative_to(&root).unwrap()).collect()
    }
}

pub fn on_disk() -> (tempfile::TempDir, Site) {
    let directory = tempfile::tempdir().unwrap();
    let root = format!("file://{}/ä b#1", directory.path().display());
    let storage = Storage::open(&root, &StorageOptions::default()).unwrap();
    (directory, Site { storage, root })
}

/// Runs all tests of the suite.
pub fn suite(site: &Site) {
    files_are_put_listed_and_deleted(site);
    what_is_written_is_read(site);
    what_is_not_finished_leaves_nothing(site);
    what_is_damaged_is_noticed(site);
    small_state_is_inline(site);
    files_are_copied(site);
}

fn bytes(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn files_are_put_listed_and_deleted(site: &Site) {
    let Site { storage, .. } = site;
    let names = ["put/a", "put/b/c", "put/b/d/e", "put-not/f"];
    for name in names {
        let file = storage.put(&site.url(name), name.as_bytes()).unwrap();
        let checksum = xxh3_64(name.as_bytes());
        let expected = StateFile { url: site.url(name).into(), bytes: name.len() as u64, checksum };
        assert_eq!(file, expected);
        assert_eq!(storage.size(&site.parsed(name)).unwrap(), Some(file.bytes));
        assert_eq!(storage.read_all(&site.parsed(name), 100).unwrap(), name.as_bytes());
        storage.verify(&file).unwrap();
    }
    let error = storage.read_all(&site.parsed("put/b/c"), 6).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Changed);
    assert_eq!(site.files("put").into_iter().collect::<Vec<_>>(), names[..3]);
    assert_eq!(storage.folders(&site.parsed("put")).unwrap(), ["b"]);
    let listed = storage.list(&site.url("put/b")).unwrap();
    assert_eq!(listed.iter().map(|file| file.bytes).collect::<Vec<_>>(), [7, 9]);
    assert!(listed.iter().all(|file| file.modified.is_some()));
    // Again, with other bytes.
    storage.put(&site.url("put/a"), b"other").unwrap();
    assert_eq!(storage.read_all(&site.parsed("put/a"), 5).unwrap(), &b"other"[..]);
    for _ in 0..2 {
        storage.delete(&site.url("put/a")).unwrap();
        assert_eq!(storage.size(&site.parsed("put/a")).unwrap(), None);
    }
    let urls = [site.url("put/b/c"), site.url("put/none/x"), site.url("put/b/x")];
    storage.delete_all(urls.iter().map(String::as_str)).unwrap();
    assert_eq!(site.files("put").into_iter().collect::<Vec<_>>(), ["put/b/d/e"]);
    assert!(!storage.delete_empty_folder(&site.parsed("put/b")).unwrap());
    for _ in 0..2 {
        storage.delete_folder(&site.url("put")).unwrap();
        assert!(site.files("put").is_empty());
        assert!(storage.folders(&site.parsed("put")).unwrap().is_empty());
    }
    assert!(storage.delete_empty_folder(&site.parsed("put")).unwrap());
    assert_eq!(site.files("put-not").len(), 1);
    let error = storage.read_all(&site.parsed("put/a"), 10).unwrap_err();
    assert_eq!((error.kind(), error.url()), (StorageErrorKind::NotFound, &*site.url("put/a")));
}

fn what_is_written_is_read(site: &Site) {
    // The last is of several parts in object storage.
    for length in [0, 1, 1000, 128 << 10, (1 << 20) + 7, (27 << 20) + 1] {
        let bytes = bytes(length);
        let mut writer = site.storage.create(&site.url("write/file")).unwrap();
        let mut rest = &bytes[..];
        for step in [1, 10, 5_000, 300_000, 3_000_000].into_iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(step));
            writer.write_all(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(writer.bytes(), length as u64);
        let file = writer.finish().unwrap();
        assert_eq!((file.bytes, file.checksum), (length as u64, xxh3_64(&bytes)));
        let mut read = Vec::new();
        site.storage.read(&file).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes, "{length} bytes");
        let mut reader = site.storage.read(&file).unwrap();
        assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), length as u64);
        for position in [length / 2, 0, length / 3, length.saturating_sub(1)] {
            reader.seek(SeekFrom::Start(position as u64)).unwrap();
            let part = &bytes[position..length.min(position + 1000)];
            let mut read = vec![0; part.len()];
            reader.read_exact(&mut read).unwrap();
            assert!(read == part, "at {position} of {length}");
        }
    }
    assert_eq!(site.files("write").len(), 1);
}

fn what_is_not_finished_leaves_nothing(site: &Site) {
    let mut writer = site.storage.create(&site.url("drop/file")).unwrap();
    writer.write_all(&bytes(9 << 20)).unwrap();
    drop(writer);
    drop(site.storage.create(&site.url("drop/other")).unwrap());
    assert!(site.files("drop").is_empty());
}

fn what_is_damaged_is_noticed(site: &Site) {
    let url = site.url("damage/file");
    let mut content = bytes(3_000_000);
    let file = site.storage.put(&url, &content).unwrap();
    content[2_000_000] ^= 1;
    site.storage.put(&url, &content).unwrap();
    let error = site.storage.verify(&file).unwrap_err();
    assert_eq!((error.kind(), error.url()), (StorageErrorKind::Changed, &*url));
    assert!(error.to_string().contains("checksum"), "{error}");
    let mut reader = site.storage.read(&file).unwrap();
    let mut read = Vec::new();
    assert_eq!(reader.read_to_end(&mut read).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    site.storage.put(&url, &content[1..]).unwrap();
    let error = site.storage.read(&file).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Changed);
    assert!(error.to_string().contains("2999999 bytes"), "{error}");
    site.storage.delete(&url).unwrap();
    let error = site.storage.read(&file).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::NotFound);
    assert!(error.to_string().contains(&url), "{error}");
}

fn small_state_is_inline(site: &Site) {
    for (length, is_file) in [(0, false), (100, false), (101, true), (1000, true)] {
        let content = bytes(length);
        let mut writer = site.storage.create_data(site.url("data/file"), 100);
        for part in content.chunks(7) {
            writer.write_all(part).unwrap();
        }
        let data = writer.finish().unwrap();
        assert_eq!(matches!(data, StateData::File(_)), is_file);
        assert_eq!(data.bytes(), length as u64);
        let mut read = Vec::new();
        site.storage.read_data(&data).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }
}

fn files_are_copied(site: &Site) {
    let content = bytes(2_500_000);
    let file = site.storage.put(&site.url("copy/from"), &content).unwrap();
    let copy = site.storage.copy(&file, &site.url("copy/to")).unwrap();
    assert_eq!((copy.bytes, copy.checksum), (file.bytes, file.checksum));
    site.storage.delete(&file.url).unwrap();
    site.storage.verify(&copy).unwrap();
    let damaged = StateFile { checksum: 1, ..copy };
    let error = site.storage.copy(&damaged, &site.url("copy/third")).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Changed);
    assert_eq!(site.files("copy").len(), 1);
}

#[test]
fn a_disk_does_it() {
    let (directory, site) = on_disk();
    suite(&site);
    // Folders that aren't needed any more are gone.
    let root = directory.path().join("ä b#1");
    assert!(!root.join("put").exists() && root.join("drop").exists());
}

#[test]
fn a_root_is_never_deleted() {
    let (_directory, site) = on_disk();
    for url in ["/", "file:///", "s3://bucket"] {
        let error = site.storage.delete_folder(url).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::PermissionDenied, "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let (_directory, site) = on_disk();
    // The folder that it would lie in is there, and still the system says that nothing is.
    let url = "file:///proc/checkpoints/here";
    let errors = [
        site.storage.make_folder(&StorageUrl::parse(url).unwrap()).unwrap_err(),
        site.storage.put(&format!("{url}/state"), b"x").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StorageErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(url), "{error}");
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn what_is_not_built_in_says_how_to_get_it() {
    let error = Storage::open("s3://bucket/x", &StorageOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unsupported);
    assert!(error.to_string().contains("feature `s3`"), "{error}");
}
