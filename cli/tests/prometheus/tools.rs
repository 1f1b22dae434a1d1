//! Prometheus' own programs.

use std::path::{Path, PathBuf};

/// Finds a program of Prometheus: on the path, else where `.make/bootstrap test` has put it. Says so
/// where there is none.
pub fn find(program: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cached = cache.or_else(home).map(|cache| cache.join("sciurus/prometheus/usr/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(cached);
    let found = folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()));
    if found.is_none() {
        eprintln!("skipped: there is no {program} here; .make/bootstrap test gets one on Debian");
    }
    found
}

/// The folder of the alerts and the dashboard.
pub fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/monitoring")
}
