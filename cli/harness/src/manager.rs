//! A process of a manager.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::cluster::wait_for;

/// A manager, killed with the test.
pub struct Manager {
    child: Child,
    output: PathBuf,
}

impl Manager {
    /// Starts one; `verb` says which, `folder` is for its output and holds no configuration.
    pub(crate) fn start(
        executable: &Path,
        verb: &str,
        name: &str,
        folder: &Path,
        properties: &[String],
    ) -> Self {
        let output = folder.join(format!("{name}.output"));
        let file = fs::OpenOptions::new().create(true).append(true).open(&output).unwrap();
        let child = Command::new(executable)
            .arg(verb)
            .args(properties.iter().map(|property| format!("-D{property}")))
            .env("FLINK_CONF_DIR", folder)
            .env_remove("FLINK_PROPERTIES")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, output }
    }

    /// The manager's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself, and says how.
    ///
    /// # Panics
    /// Where that takes longer.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        wait_for("the manager to end", within, || self.child.try_wait().unwrap())
    }

    /// What the manager has printed.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Prints what the manager has printed.
    pub(crate) fn show(&self) {
        eprintln!("--- {} ---\n{}", self.output.display(), self.output());
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.kill();
    }
}
