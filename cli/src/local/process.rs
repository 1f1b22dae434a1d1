//! Processes that outlive the command which started them: known by id and start, ended for sure.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// Time between two looks at a process that is ending.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Names a process so that another one which has got the same id is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is: `jobmanager`, `taskmanager-1`.
    pub name: String,
    /// Its id.
    pub pid: u32,
    /// When it started, in the system's ticks since it was booted.
    start_ticks: u64,
    /// Which run of the system that is.
    boot: String,
}

impl Process {
    /// Describes a process that runs.
    ///
    /// # Errors
    /// What the operating system says if there is no such process.
    pub fn of(name: impl Into<String>, pid: u32) -> io::Result<Self> {
        let stat = Stat::read(pid)?;
        Ok(Self { name: name.into(), pid, start_ticks: stat.start_ticks, boot: boot()? })
    }

    /// Tells whether the process still runs. One that has ended and whose parent doesn't know yet
    /// doesn't.
    pub fn is_running(&self) -> bool {
        let is_same = |stat: Stat| stat.start_ticks == self.start_ticks && stat.state != 'Z';
        Stat::read(self.pid).is_ok_and(is_same) && boot().is_ok_and(|boot| boot == self.boot)
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends the process by force.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal to this process and to no other: the handle is taken before the process is
    /// looked at, and stays with it whoever gets its id.
    fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return };
        if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_running()
        {
            // It may have ended meanwhile, which is what is wanted.
            let _ = pidfd_send_signal(&handle, signal);
        }
    }

    /// Waits until the process has ended, and returns whether it has.
    pub fn wait(&self, deadline: Instant) -> bool {
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK_INTERVAL);
        }
        true
    }
}

/// What `/proc` tells of a process.
struct Stat {
    state: char,
    start_ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// Reads the fields behind the program's name, which may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let start_ticks = fields.nth(18)?.parse().ok()?;
        Some(Self { state, start_ticks })
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_processs_start_is_read_whatever_its_name() {
        let text = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20\n";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.state, stat.start_ticks), ('S', 777));
        assert!(Stat::parse("42 (a) S 1").is_none());
    }

    #[test]
    fn a_process_that_has_ended_does_not_run() {
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let process = Process::of("sleep", child.id()).unwrap();
        assert!(process.is_running());
        assert!(!process.wait(Instant::now()));
        process.terminate();
        // Nobody has waited for it yet.
        assert!(process.wait(Instant::now() + Duration::from_secs(60)));
        child.wait().unwrap();
        assert!(!process.is_running());
        process.kill();
    }

    #[test]
    fn another_process_with_the_same_id_is_not_taken_for_it() {
        let process = Process::of("self", std::process::id()).unwrap();
        assert!(process.is_running());
        let earlier = Process { start_ticks: process.start_ticks - 1, ..process.clone() };
        assert!(!earlier.is_running());
        // Would end the test.
        earlier.kill();
        assert!(!Process { boot: "another".to_owned(), ..process }.is_running());
    }
}
