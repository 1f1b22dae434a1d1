//! Fetching one package: off the network into a file, checked, unpacked, moved into its place.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use sciurus_package::{
    ExtractOptions, PackageError, Platform, Sha256Digest, platform_of_executable,
};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Channel;

use super::{FetchError, PackageId};

/// The longest time between two pieces of a package.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many pieces may wait to be written.
const PIECES_IN_FLIGHT: usize = 8;

/// Where packages come from: a JobManager.
pub(crate) trait Blobs {
    /// Opens a package; its pieces come in order, each or the last an error's text.
    fn open(
        &self,
        sha256: Sha256Digest,
    ) -> impl Future<Output = Result<impl Stream<Item = Result<Bytes, String>> + Send, String>> + Send;
}

impl Blobs for JobManagerClient<Channel> {
    async fn open(
        &self,
        sha256: Sha256Digest,
    ) -> Result<impl Stream<Item = Result<Bytes, String>> + Send, String> {
        let text = |status: tonic::Status| status.message().to_owned();
        let request = proto::FetchBlobRequest { sha256: Bytes::copy_from_slice(&sha256.0) };
        let stream = self.clone().fetch_blob(request).await.map_err(text)?.into_inner();
        Ok(stream.map(move |piece| piece.map(|piece| piece.data).map_err(text)))
    }
}

/// Fetches a package and unpacks its executable into `target`, a directory that appears as a whole.
/// Returns the executable and how many bytes it takes in there.
pub(super) async fn fetch(
    package: &PackageId,
    blobs: &impl Blobs,
    target: &Path,
    platform: &Platform,
    options: &ExtractOptions,
) -> Result<(PathBuf, u64), FetchError> {
    let failed = |reason: String| FetchError::Fetch { name: package.name.clone(), reason };
    let late = |_| failed(format!("nothing came for {} s", PIECE_TIMEOUT.as_secs()));
    let stream = timeout(PIECE_TIMEOUT, blobs.open(package.sha256)).await.map_err(late)?;
    let mut stream = std::pin::pin!(stream.map_err(failed)?);

    let (sender, pieces) = mpsc::channel(PIECES_IN_FLIGHT);
    let place = Place { target: target.to_owned(), partial: partial_of(target) };
    let (wanted, platform, options) = (package.clone(), platform.clone(), options.clone());
    // If this future is dropped the thread notices that no more pieces come, and cleans up.
    let writer = spawn_blocking(move || place.write(&wanted, pieces, &platform, &options));
    let received = loop {
        match timeout(PIECE_TIMEOUT, stream.next()).await {
            Err(elapsed) => break Err(late(elapsed)),
            Ok(None) => break Ok(()),
            Ok(Some(Err(reason))) => break Err(failed(reason)),
            // If the writer has ended it says why below.
            Ok(Some(Ok(piece))) => {
                if sender.send(Piece::Data(piece)).await.is_err() {
                    break Ok(());
                }
            }
        }
    };
    if received.is_ok() {
        let _ = sender.send(Piece::End).await;
    }
    drop(sender);
    let written = writer.await.map_err(|error| failed(error.to_string()))?;
    received.and(written)
}

enum Piece {
    Data(Bytes),
    /// Without it the package has not come to its end.
    End,
}

/// Where a package is written, and where its executable has to be in the end.
struct Place {
    target: PathBuf,
    partial: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is only there where something went wrong.
        let _ = fs::remove_dir_all(&self.partial);
    }
}

impl Place {
    fn write(
        self,
        package: &PackageId,
        mut pieces: mpsc::Receiver<Piece>,
        platform: &Platform,
        options: &ExtractOptions,
    ) -> Result<(PathBuf, u64), FetchError> {
        let name = || package.name.clone();
        let unusable = |source| FetchError::Package { name: name(), source };
        let io = |path: &Path, source| {
            unusable(PackageError::Io { action: "write", path: path.to_owned(), source })
        };
        let unpacked = self.partial.join("unpacked");
        fs::create_dir_all(&unpacked).map_err(|error| io(&unpacked, error))?;
        let path = self.partial.join(file_name(&package.name));
        let mut file = File::create(&path).map_err(|error| io(&path, error))?;
        let mut hash = Sha256::new();
        let mut received = 0_u64;
        let mut ended = false;
        let damaged = |reason: String| FetchError::Damaged { name: name(), reason };
        while let Some(piece) = pieces.blocking_recv() {
            let Piece::Data(data) = piece else {
                ended = true;
                break;
            };
            received += data.len() as u64;
            if received > package.size_bytes {
                return Err(damaged(format!("more than {} bytes came", package.size_bytes)));
            }
            hash.update(&data);
            file.write_all(&data).map_err(|error| io(&path, error))?;
        }
        drop(file);
        if !ended {
            let reason = "it broke off".to_owned();
            return Err(FetchError::Fetch { name: name(), reason });
        }
        if received != package.size_bytes {
            let expected = package.size_bytes;
            return Err(damaged(format!("{received} bytes came, not {expected}")));
        }
        let found = Sha256Digest(hash.finalize().into());
        if found != package.sha256 {
            let expected = package.sha256;
            return Err(damaged(format!("its SHA-256 is {found}, not {expected}")));
        }
        let found = if platform_of_executable(&path).is_ok_and(|found| found == *platform) {
            // It was written and hashed once; it need not be copied.
            let found = unpacked.join(path.file_name().unwrap_or_default());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .and_then(|()| fs::rename(&path, &found))
                .map_err(|error| io(&found, error))?;
            found
        } else {
            sciurus_package::extract(&path, platform, &unpacked, options).map_err(unusable)?
        };
        let Ok(inside) = found.strip_prefix(&unpacked) else {
            // The package refers to an executable of the machine.
            return Ok((found, 0));
        };
        let size = fs::metadata(&found).map_err(|error| io(&found, error))?.len();
        // Nothing else is there under this name: it is the cache's own directory, and one download
        // at a time.
        fs::rename(&unpacked, &self.target).map_err(|error| io(&self.target, error))?;
        Ok((self.target.join(inside), size))
    }
}

/// Names the directory in which a package is put together.
fn partial_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{:08x}.partial", fastrand::u32(..)));
    name.into()
}

/// Makes a file's name of a package's: a bare executable is called after its file.
fn file_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = name.chars().filter(|c| fits(*c)).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() || name == "unpacked" { "job".to_owned() } else { name.to_owned() }
}
