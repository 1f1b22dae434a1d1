//! Processes that stand still for a while.

use std::time::{Duration, Instant};

use fastrand::Rng;
use sciurus_harness::processes::signal_if_there;

/// Processes that stand still, and when they go on.
#[derive(Default)]
pub struct Stopped(Vec<(u32, Instant)>);

impl Stopped {
    /// Stops a process and returns for how long: mostly too short to be noticed, at times not.
    pub fn stop(&mut self, pid: u32, rng: &mut Rng) -> Duration {
        let millis = if rng.u8(..4) == 0 { 3_500 } else { rng.u64(50..600) };
        let time = Duration::from_millis(millis);
        self.0.push((pid, Instant::now() + time));
        signal_if_there(pid, "STOP");
        time
    }

    /// Lets those go on whose time is over, or all.
    pub fn let_go(&mut self, all: bool) {
        let now = Instant::now();
        let due = self.0.extract_if(.., |(_, until)| all || *until <= now);
        due.for_each(|(pid, _)| signal_if_there(pid, "CONT"));
    }

    /// No longer counts a process that is about to be killed.
    pub fn forget(&mut self, pid: u32) {
        self.0.retain(|(stopped, _)| *stopped != pid);
    }
}
