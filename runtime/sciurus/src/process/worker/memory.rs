//! Watches how much memory the process takes, and slows its sources down near the limit: better
//! late than killed by the operating system.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_engine::task::{Pace, SourceThrottle};

use super::pressure::{PAUSES_FROM, Pressure};

/// The memory of the process, as it was last seen.
#[derive(Debug)]
pub(super) struct Memory {
    /// What the process may take, where that is limited.
    pub(super) limit_bytes: Option<u64>,
    used_bytes: AtomicU64,
    pub(super) throttle: Arc<SourceThrottle>,
}

impl Memory {
    /// Begins to watch, where there is a limit. `exceeded` is called each time the limit was nearly
    /// reached for `timeout`, although sources didn't read.
    ///
    /// # Errors
    /// Where the operating system refuses a thread.
    pub(super) fn watch(
        limit_bytes: Option<u64>,
        timeout: Duration,
        throttle: Arc<SourceThrottle>,
        mut exceeded: impl FnMut() + Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let memory = Arc::new(Self { limit_bytes, used_bytes: AtomicU64::new(0), throttle });
        memory.look();
        let (Some(limit_bytes), watched) = (limit_bytes, memory.clone()) else {
            return Ok(memory);
        };
        let mut pressure = Pressure::new(limit_bytes, timeout);
        let watch = move || {
            let mut next_look = Duration::ZERO;
            loop {
                thread::sleep(next_look);
                // Where the system doesn't tell there is nothing to go by.
                let Some(used_bytes) = watched.look() else { return };
                let verdict = pressure.observe(used_bytes, Instant::now());
                next_look = verdict.next_look;
                let before = watched.throttle.pace();
                if level_changes(before, verdict.pace) {
                    tracing::info!(
                        "{used_bytes} of {limit_bytes} bytes of memory are taken: sources are {}",
                        describe(verdict.pace)
                    );
                }
                watched.throttle.set(verdict.pace);
                if verdict.is_exceeded {
                    exceeded();
                }
            }
        };
        thread::Builder::new().name("memory".to_owned()).spawn(watch)?;
        Ok(memory)
    }

    /// Returns how much memory the process takes, of which nothing can be taken back: what it reads
    /// files into doesn't count. Where there is a limit that is what was seen last.
    pub(super) fn used_bytes(&self) -> u64 {
        if self.limit_bytes.is_none() {
            self.look();
        }
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Returns whether so much is taken that sources are slowed down.
    pub(super) fn is_short(&self) -> bool {
        self.look();
        let used = self.used_bytes() as f64;
        self.limit_bytes.is_some_and(|limit| used >= PAUSES_FROM * limit as f64)
    }

    fn look(&self) -> Option<u64> {
        let used_bytes = anonymous_bytes(&std::fs::read_to_string("/proc/self/statm").ok()?)?;
        self.used_bytes.store(used_bytes, Ordering::Relaxed);
        Some(used_bytes)
    }
}

/// Reads the pages that are in memory, without those shared with files.
fn anonymous_bytes(statm: &str) -> Option<u64> {
    let mut numbers = statm.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

/// Returns whether sources begin or end to pause, or to stop.
fn level_changes(before: Pace, after: Pace) -> bool {
    std::mem::discriminant(&before) != std::mem::discriminant(&after)
}

fn describe(pace: Pace) -> &'static str {
    match pace {
        Pace::Free => "free to read",
        Pace::Paused(_) => "slowed down",
        Pace::Stopped => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_shared_with_files_does_not_count() {
        let page = rustix::param::page_size() as u64;
        assert_eq!(anonymous_bytes("900 300 100 1 0 0 0\n"), Some(200 * page));
        assert_eq!(anonymous_bytes("900 x 100"), None);
        assert_eq!(anonymous_bytes(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_written_to_counts() {
        let memory = Memory::watch(None, Duration::ZERO, Arc::default(), || {}).unwrap();
        let before = memory.used_bytes();
        let taken = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(memory.used_bytes() >= before + taken.len() as u64 / 2);
        assert!(!memory.is_short());
    }
}
