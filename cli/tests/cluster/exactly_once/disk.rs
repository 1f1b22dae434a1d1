//! A disk that can be filled up.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, in memory, at a folder.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it; only root can, so `None` for others.
    pub fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output()
            .ok()?;
        if !mount.status.success() {
            let why = String::from_utf8_lossy(&mount.stderr);
            eprintln!("no disk of its own for checkpoints, so none that is full: {}", why.trim());
            return None;
        }
        Some(Self { folder: folder.to_owned() })
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        let mut block = vec![0; 1 << 20];
        while !block.is_empty() {
            if file.write_all(&block).is_err() {
                block.truncate(block.len() / 16);
            }
        }
    }

    /// Gives the room back.
    pub fn free(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
