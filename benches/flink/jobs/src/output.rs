//! Files that subtasks leave for the one who measures.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::id;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Makes a new file in a folder, which is made as well.
pub fn new_file(folder: &Path, extension: &str) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    // Subtasks of a process are told apart by the count, attempts by process and time.
    let (now, count) = (now_micros(), COUNT.fetch_add(1, Ordering::Relaxed));
    File::create_new(folder.join(format!("{}-{now}-{count}.{extension}", id())))
}

/// Microseconds since the Unix epoch.
pub fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64
}
