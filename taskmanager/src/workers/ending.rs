//! Why a worker ended: from its exit status to what users read. Pure.

use std::process::ExitStatus;

use sciurus_job_master::failure::{FailureCause, Fault};

/// What is known of the end of a process.
pub(crate) struct Ending<'a> {
    pub(crate) pid: u32,
    /// Exit code, or signal.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Whether it had reported that it is ready.
    pub(crate) was_ready: bool,
    /// Whether the kernel killed processes meanwhile because memory ran out.
    pub(crate) out_of_memory: bool,
    pub(crate) budget_bytes: u64,
    /// What it wrote last.
    pub(crate) tail: Option<&'a str>,
}

const SIGKILL: i32 = 9;

impl Ending<'_> {
    /// Describes the end of a worker that nobody had told to end.
    pub(crate) fn to_cause(&self) -> FailureCause {
        let mut cause = match (self.signal, self.code) {
            (Some(signal), _) => self.of_signal(signal),
            (None, Some(code)) => self.of_code(code),
            (None, None) => FailureCause::new(
                Fault::Environment,
                "WorkerLost",
                format!("the job's worker (process {}) has ended, nobody knows how", self.pid),
            ),
        };
        cause.details = self.tail.map(|tail| format!("The worker's last words:\n{tail}"));
        cause
    }

    fn of_signal(&self, signal: i32) -> FailureCause {
        let name = signal_name(signal);
        let mut message = format!(
            "the job's worker (process {}) was killed by signal {signal} ({name})",
            self.pid
        );
        let fault = match signal {
            SIGKILL if self.out_of_memory => {
                message.push_str(
                    ": the kernel ran out of memory; give the TaskManager more \
                     (taskmanager.memory.process.size and the container's limit), or the job less \
                     work for each slot",
                );
                Fault::Environment
            }
            SIGKILL => {
                message.push_str(": by a person, a program, or the kernel when memory ran out");
                Fault::Environment
            }
            // What a crash of the program itself gives: abort, illegal instruction, bad memory
            // access, arithmetic.
            4 | 6 | 7 | 8 | 11 | 31 => Fault::User,
            _ => Fault::Environment,
        };
        if signal == SIGKILL && self.budget_bytes > 0 {
            message = format!("{message}; its share of memory is {} MiB", self.budget_bytes >> 20);
        }
        FailureCause::new(fault, "WorkerKilled", message)
    }

    fn of_code(&self, code: i32) -> FailureCause {
        let pid = self.pid;
        let message = match (code, self.was_ready) {
            (0, false) => format!(
                "the job's main (process {pid}) returned without executing a job: it never called \
                 execute, or the entry chose nothing"
            ),
            (101, false) => format!("the job's main (process {pid}) panicked"),
            (101, true) => format!("the job's worker (process {pid}) ended after a panic"),
            (_, false) => {
                format!(
                    "the job's main (process {pid}) exited with code {code} before it was ready"
                )
            }
            (_, true) => format!("the job's worker (process {pid}) exited with code {code}"),
        };
        FailureCause::new(Fault::User, "WorkerExited", message)
    }
}

/// Takes an exit status apart: code and signal.
pub(crate) fn code_and_signal(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    use std::os::unix::process::ExitStatusExt;

    (status.code(), status.signal())
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL, illegal instruction",
        6 => "SIGABRT, abort",
        7 => "SIGBUS, bad memory access",
        8 => "SIGFPE, arithmetic",
        SIGKILL => "SIGKILL",
        11 => "SIGSEGV, bad memory access",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        31 => "SIGSYS, forbidden system call",
        _ => "of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(code: Option<i32>, signal: Option<i32>, ready: bool, oom: bool) -> FailureCause {
        let ending = Ending {
            pid: 7,
            code,
            signal,
            was_ready: ready,
            out_of_memory: oom,
            budget_bytes: 64 << 20,
            tail: Some("oops"),
        };
        ending.to_cause()
    }

    #[test]
    fn a_kill_says_which_signal_and_what_may_be_behind_it() {
        let killed = cause(None, Some(9), true, true);
        assert_eq!((&*killed.kind, killed.fault), ("WorkerKilled", Fault::Environment));
        assert!(killed.message.contains("signal 9 (SIGKILL): the kernel ran out of memory"));
        assert!(killed.message.contains("64 MiB") && killed.retriable);
        assert_eq!(killed.details.as_deref(), Some("The worker's last words:\noops"));
        assert!(cause(None, Some(9), true, false).message.contains("when memory ran out"));
        let crashed = cause(None, Some(11), true, false);
        assert_eq!(crashed.fault, Fault::User);
        assert!(crashed.message.contains("SIGSEGV"), "{}", crashed.message);
    }

    #[test]
    fn an_exit_says_whether_there_was_a_job_at_all() {
        let message = |code, ready| cause(Some(code), None, ready, false).message;
        assert!(message(0, false).contains("returned without executing a job"));
        assert!(message(101, false).contains("panicked"));
        assert!(message(2, false).contains("code 2 before it was ready"));
        assert!(message(3, true).ends_with("exited with code 3"));
    }
}
