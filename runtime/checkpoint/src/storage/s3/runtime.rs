//! The thread that makes requests.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Once, OnceLock};

use tokio::runtime::{Builder, Runtime};

static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
static TLS: Once = Once::new();

fn runtime() -> io::Result<&'static Runtime> {
    let build = || {
        let built = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sciurus-s3")
            .enable_all()
            .build();
        built.inspect_err(|error| tracing::error!("can't start the thread for S3: {error}")).ok()
    };
    let runtime = RUNTIME.get_or_init(build).as_ref();
    runtime.ok_or_else(|| io::Error::other("its thread can't be started"))
}

/// Chooses the cryptography of TLS, unless the process has chosen.
pub(super) fn install_tls() {
    TLS.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Starts a future; its result is received from what is returned.
pub(super) fn start<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> io::Result<Receiver<T>> {
    let (send, receive) = sync_channel(1);
    runtime()?.spawn(async move {
        let _ = send.send(future.await);
    });
    Ok(receive)
}

/// Waits for a future. Requests have time limits of their own.
pub(super) fn block_on<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    receive(&start(future)?)
}

/// Waits for the result of what was started.
pub(super) fn receive<T>(receiver: &Receiver<T>) -> io::Result<T> {
    receiver.recv().map_err(|_| io::Error::other("the request was broken off"))
}
