//! The test bed of `k8s/testbed`.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::command::{self, Output};

/// The test bed: a cluster whose nodes and processes can be killed.
#[derive(Debug)]
pub struct Testbed {
    program: PathBuf,
    /// Whether it was started here, and ends with the tests.
    started: bool,
}

impl Testbed {
    /// Starts the test bed, or takes the one that runs.
    ///
    /// # Errors
    /// Why this machine can't run it.
    pub(crate) fn up() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testbed");
        let none: [&OsStr; 0] = [];
        let preflight = command::run(&folder.join("preflight"), none, &[], None);
        if !preflight.success {
            return Err(preflight.stderr.trim().to_owned());
        }
        let program = folder.join("testbed");
        let started = !command::run(&program, ["status"], &[], None).success;
        let testbed = Self { program, started };
        testbed.command(&["up"]).ok();
        Ok(testbed)
    }

    pub(crate) fn down(&self) {
        if self.started {
            self.command(&["down"]).ok();
        }
    }

    /// Runs its command, see `testbed` for the verbs.
    pub fn command(&self, arguments: &[&str]) -> Output {
        command::run(&self.program, arguments, &[], None)
    }

    pub(crate) fn path(&self, arguments: &[&str]) -> PathBuf {
        PathBuf::from(self.command(arguments).ok().trim())
    }

    /// Cuts a node's power.
    pub fn kill_node(&self, node: &str) {
        self.command(&["kill", node]).ok();
    }

    /// Unplugs a node: what runs on it goes on, and reaches nobody.
    pub fn partition_node(&self, node: &str) {
        self.command(&["partition", node]).ok();
    }

    /// Plugs in a node again.
    pub fn heal_node(&self, node: &str) {
        self.command(&["heal", node]).ok();
    }

    /// Boots a node that was killed.
    pub fn start_node(&self, node: &str) {
        self.command(&["start", node]).ok();
    }

    /// Kills a process of the control plane, `kube-apiserver` for one.
    pub fn stop_process(&self, process: &str) {
        self.command(&["stop", process]).ok();
    }

    /// Starts a process of the control plane.
    pub fn start_process(&self, process: &str) {
        self.command(&["start", process]).ok();
    }
}
