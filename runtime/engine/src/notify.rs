//! Waking a task thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes one task thread: data arrived, a channel has credit again, a mail came.
///
/// A notification that comes before the wait is kept, so that none is lost.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    notified: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Notifier {
    /// Names the calling thread as the one to wake. Later calls have no effect.
    pub fn attach(&self) {
        let _ = self.0.thread.set(thread::current());
    }

    /// Wakes the thread, or lets its next wait return at once.
    pub fn notify(&self) {
        if !self.0.notified.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.0.thread.get()
        {
            thread.unpark();
        }
    }

    /// Waits until notified or until `timeout` has passed; the attached thread alone may call it.
    pub fn wait(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while !self.0.notified.swap(false, Ordering::AcqRel) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}
