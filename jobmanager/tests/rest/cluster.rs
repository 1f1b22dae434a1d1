//! A JobManager within the test.

use std::net::SocketAddr;

use sciurus_core::config::Configuration;
use sciurus_jobmanager::rest::{RestOptions, RestServer};
use sciurus_jobmanager::{JobManager, JobManagerOptions};
use tokio::runtime::Runtime;

/// A JobManager without TaskManagers, with directories of its own.
pub struct Cluster {
    runtime: Runtime,
    manager: Option<JobManager>,
    rest: RestServer,
    _directory: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Serves the REST API with other options than those of the configuration.
    pub fn start_with(change: impl FnOnce(&mut RestOptions)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        let configuration = Configuration::from_pairs([
            ("rest.bind-port", "0"),
            ("rest.bind-address", "127.0.0.1"),
            ("jobmanager.rpc.port", "0"),
            ("jobmanager.bind-host", "127.0.0.1"),
            ("io.tmp.dirs", &path),
            ("web.upload.dir", &path),
            ("s3.secret-key", "hunter2"),
        ]);
        let mut options = RestOptions::from_configuration(&configuration).unwrap();
        change(&mut options);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (manager, rest) = runtime.block_on(async {
            let options_of_manager =
                JobManagerOptions { configuration, ..JobManagerOptions::default() };
            let manager = JobManager::start(options_of_manager).await.unwrap();
            let rest = RestServer::start(manager.dispatcher().clone(), options).await.unwrap();
            (manager, rest)
        });
        Self { runtime, manager: Some(manager), rest, _directory: directory }
    }

    pub fn rest(&self) -> SocketAddr {
        self.rest.address()
    }

    /// Waits until the JobManager has been told to end.
    pub fn wait_for_end(&self) {
        let manager = self.manager.as_ref().unwrap();
        self.runtime.block_on(async {
            tokio::time::timeout(super::http::PATIENCE, manager.shutdown_requested()).await.unwrap()
        });
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(manager) = self.manager.take() {
            self.runtime.block_on(manager.shut_down());
        }
    }
}
