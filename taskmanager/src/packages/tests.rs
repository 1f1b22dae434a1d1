use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use sciurus_package::{CreateOptions, create, sha256_of_file};
use tempfile::TempDir;
use tokio_stream::{Stream, StreamExt};

use super::*;

/// A JobManager's packages, and what happens to them on the way.
#[derive(Default)]
struct FakeBlobs {
    bytes: HashMap<Sha256Digest, Vec<u8>>,
    opened: AtomicUsize,
    /// How many of the next transfers arrive damaged, and how many break off.
    damaged: AtomicUsize,
    broken: AtomicUsize,
}

impl FakeBlobs {
    fn add(&mut self, bytes: Vec<u8>, dir: &TempDir) -> PackageId {
        let path = dir.path().join("upload");
        fs::write(&path, &bytes).unwrap();
        let (sha256, size_bytes) = sha256_of_file(&path).unwrap();
        self.bytes.insert(sha256, bytes);
        PackageId { sha256, size_bytes, name: "job.jar".to_owned() }
    }
}

fn take(counter: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
}

impl Blobs for FakeBlobs {
    async fn open(
        &self,
        sha256: Sha256Digest,
    ) -> Result<impl Stream<Item = Result<Bytes, String>> + Send, String> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let mut bytes = self.bytes.get(&sha256).ok_or("no such package")?.clone();
        let mut end = Vec::new();
        if take(&self.damaged) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        if take(&self.broken) {
            bytes.truncate(bytes.len() / 2);
            end.push(Err("connection reset".to_owned()));
        }
        let pieces: Vec<_> =
            bytes.chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Ok(tokio_stream::iter(pieces.into_iter().chain(end)).then(|piece| async {
            tokio::task::yield_now().await;
            piece
        }))
    }
}

struct Fixture {
    dir: TempDir,
    cache: PackageCache,
    blobs: FakeBlobs,
}

impl Fixture {
    fn new(limit_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("cache");
        fs::create_dir(&directory).unwrap();
        let cache = PackageCache::new(directory, limit_bytes, ExtractOptions::default());
        Self { dir, cache, blobs: FakeBlobs::default() }
    }

    /// Adds a package whose executable has about so many bytes.
    fn package(&mut self, seed: u64, bytes: usize) -> PackageId {
        let mut code = fs::read(std::env::current_exe().unwrap()).unwrap();
        code.truncate(64);
        let mut random = fastrand::Rng::with_seed(seed);
        code.resize_with(bytes, || random.u8(..));
        let executable = self.dir.path().join("count");
        fs::write(&executable, code).unwrap();
        let package = self.dir.path().join("count.jar");
        let executables = [(Platform::current(), executable)];
        create(&executables, &CreateOptions::default(), &package).unwrap();
        self.blobs.add(fs::read(package).unwrap(), &self.dir)
    }

    async fn get(&self, package: &PackageId) -> Result<Arc<CachedExecutable>, FetchError> {
        self.cache.executable(package, &self.blobs).await
    }

    fn opened(&self) -> usize {
        self.blobs.opened.load(Ordering::Relaxed)
    }

    fn kept(&self) -> usize {
        fs::read_dir(self.dir.path().join("cache")).unwrap().count()
    }
}

#[tokio::test]
async fn a_package_is_fetched_once_for_all_who_want_it() {
    let mut fixture = Fixture::new(1 << 20);
    let package = fixture.package(1, 50_000);
    let (a, b, c) =
        tokio::join!(fixture.get(&package), fixture.get(&package), fixture.get(&package));
    let path = a.unwrap().path.clone();
    assert!(path.ends_with("count") && path.is_file());
    assert_eq!((&b.unwrap().path, &c.unwrap().path), (&path, &path));
    assert_eq!(fixture.get(&package).await.unwrap().path, path);
    assert_eq!((fixture.opened(), fixture.kept()), (1, 1));
}

#[tokio::test]
async fn what_arrives_damaged_is_fetched_again_once() {
    let mut fixture = Fixture::new(1 << 20);
    let package = fixture.package(1, 50_000);
    fixture.blobs.damaged = 1.into();
    fixture.get(&package).await.unwrap();
    assert_eq!(fixture.opened(), 2);

    let package = fixture.package(2, 50_000);
    fixture.blobs.damaged = 2.into();
    let error = fixture.get(&package).await.unwrap_err();
    assert!(matches!(error, FetchError::Damaged { .. }), "{error}");
    let cause = error.to_cause();
    assert!(cause.retriable && cause.fault == Fault::Environment, "{cause:?}");
    // The next who wants it starts afresh.
    fixture.get(&package).await.unwrap();
    assert_eq!(fixture.kept(), 2);
}

#[tokio::test]
async fn a_transfer_that_breaks_off_leaves_nothing_behind() {
    let mut fixture = Fixture::new(1 << 20);
    let package = fixture.package(1, 50_000);
    fixture.blobs.broken = 1.into();
    let error = fixture.get(&package).await.unwrap_err();
    assert!(error.to_string().contains("connection reset"), "{error}");
    assert_eq!(fixture.kept(), 0);
    let absent = PackageId { sha256: Sha256Digest([0; 32]), ..package.clone() };
    let error = fixture.get(&absent).await.unwrap_err();
    assert!(error.to_string().contains("no such package"), "{error}");
    for wrong in [package.size_bytes - 1, package.size_bytes + 1] {
        let error = fixture.get(&PackageId { size_bytes: wrong, ..package.clone() }).await;
        assert!(matches!(error, Err(FetchError::Damaged { .. })));
    }
    let error = fixture.get(&PackageId { size_bytes: u64::MAX, ..package.clone() }).await;
    assert!(matches!(error, Err(FetchError::TooLarge { .. })));
    assert_eq!(fixture.kept(), 0);
    fixture.get(&package).await.unwrap();
}

#[tokio::test]
async fn a_package_that_is_none_is_the_users_fault_and_not_tried_again() {
    let mut fixture = Fixture::new(1 << 20);
    let package = fixture.blobs.add(b"this is no package at all".to_vec(), &fixture.dir);
    let error = fixture.get(&package).await.unwrap_err();
    let cause = error.to_cause();
    assert_eq!((cause.fault, cause.retriable), (Fault::User, false), "{cause:?}");
    assert!(cause.message.contains("job.jar"), "{cause:?}");
    assert_eq!((fixture.opened(), fixture.kept()), (1, 0));
}

#[tokio::test]
async fn a_bare_executable_is_taken_as_it_is() {
    let mut fixture = Fixture::new(1 << 30);
    let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut package = fixture.blobs.add(bytes, &fixture.dir);
    package.name = "3f2a_../count.jar".to_owned();
    let executable = fixture.get(&package).await.unwrap();
    assert!(executable.path.ends_with("3f2a_..count.jar"), "{:?}", executable.path);
    let run = std::process::Command::new(&executable.path).arg("--list").output().unwrap();
    assert!(run.status.success());
    assert_eq!(fixture.kept(), 1);
}

#[tokio::test]
async fn the_cache_keeps_to_its_limit_and_keeps_what_is_in_use() {
    let mut fixture = Fixture::new(120_000);
    let packages = [1, 2, 3, 4].map(|seed| fixture.package(seed, 50_000));
    let held = fixture.get(&packages[0]).await.unwrap();
    for package in &packages {
        fixture.get(package).await.unwrap();
    }
    assert_eq!(fixture.kept(), 2);
    assert!(held.path.exists());
    fixture.get(&packages[0]).await.unwrap();
    assert_eq!(fixture.opened(), 4);
    fixture.get(&packages[1]).await.unwrap();
    assert_eq!(fixture.opened(), 5);
}
