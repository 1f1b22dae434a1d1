//! What `/proc` tells of a process: CPU time, memory, threads.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// The longest list of threads that is made.
const MAX_THREADS: usize = 4096;

/// Holds what a process has used so far and uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessSample {
    /// CPU time since its start, in nanoseconds.
    pub(crate) cpu_ns: u64,
    pub(crate) threads: u64,
    /// Memory that is its own: heap and stacks; bytes.
    pub(crate) anonymous_bytes: u64,
    /// Memory that comes from files or is shared; bytes.
    pub(crate) shared_bytes: u64,
    /// Its code; bytes.
    pub(crate) text_bytes: u64,
}

impl ProcessSample {
    /// Looks at a process; `None` where there is none or it isn't told.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let mut pages = statm.split_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
        let page_bytes = rustix::param::page_size() as u64;
        let resident = pages.nth(1)?;
        let shared = pages.next()?;
        Some(Self {
            cpu_ns: stat.cpu_ns(),
            threads: stat.threads,
            anonymous_bytes: resident.saturating_sub(shared) * page_bytes,
            shared_bytes: shared * page_bytes,
            text_bytes: pages.next()? * page_bytes,
        })
    }
}

/// Returns when a process started, in the kernel's ticks since the machine did: with its id it names
/// a process for ever.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    Some(Stat::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?.start_time)
}

/// Counts the open files of this process.
pub(crate) fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1) as u64)
}

/// The fields of `/proc/PID/stat` that matter here.
struct Stat {
    state: char,
    user_ticks: u64,
    system_ticks: u64,
    threads: u64,
    start_time: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // The name is in parentheses and may hold anything, parentheses included.
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |position: usize| fields.get(position)?.parse().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            user_ticks: number(11)?,
            system_ticks: number(12)?,
            threads: number(17)?,
            start_time: number(19)?,
        })
    }

    fn cpu_ns(&self) -> u64 {
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
        (self.user_ticks + self.system_ticks).saturating_mul(1_000_000_000 / ticks_per_second)
    }
}

/// Lists the threads of a process: name, id, state and CPU time of each, busiest first.
pub(crate) fn list_threads(title: &str, pid: u32, text: &mut String) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{title} (process {pid})");
    let directory = PathBuf::from(format!("/proc/{pid}/task"));
    let Ok(threads) = fs::read_dir(&directory) else {
        text.push_str("  has ended\n\n");
        return;
    };
    let mut rows = Vec::new();
    for thread in threads.flatten().take(MAX_THREADS) {
        let path = thread.path();
        let stat = fs::read_to_string(path.join("stat")).ok();
        let Some(stat) = stat.as_deref().and_then(Stat::read) else { continue };
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        let waits = fs::read_to_string(path.join("wchan")).unwrap_or_default();
        let id = thread.file_name().to_string_lossy().into_owned();
        rows.push((stat.cpu_ns(), name.trim_end().to_owned(), id, state_name(stat.state), waits));
    }
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    for (cpu_ns, name, id, state, waits) in rows {
        let cpu_ms = cpu_ns / 1_000_000;
        let waits = match waits.trim() {
            "" | "0" => String::new(),
            waits => format!(" in {waits}"),
        };
        let _ = writeln!(text, "  \"{name}\" #{id} {state}{waits}, {cpu_ms} ms of CPU time");
    }
    text.push('\n');
}

fn state_name(state: char) -> &'static str {
    match state {
        'R' => "running",
        'S' | 'I' => "waiting",
        'D' => "waiting for the disk",
        'T' | 't' => "stopped",
        'Z' | 'X' => "ended",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_has_threads() {
        let sample = ProcessSample::of(std::process::id()).unwrap();
        assert!(sample.threads >= 1 && sample.anonymous_bytes > 0 && sample.text_bytes > 0);
        assert!(start_time(std::process::id()).is_some() && open_files() > 0);
        assert_eq!(ProcessSample::of(0), None);
    }

    #[test]
    fn a_name_with_parentheses_confuses_nothing() {
        let text = "7 (a) b) R 1 7 7 0 -1 4 1 2 3 4 150 50 0 0 20 0 3 0 999 1 2";
        let stat = Stat::read(text).unwrap();
        assert_eq!((stat.state, stat.threads, stat.start_time), ('R', 3, 999));
        assert_eq!((stat.user_ticks, stat.system_ticks), (150, 50));
        for text in ["", "7 (x)", "7 (x) R 1"] {
            assert!(Stat::read(text).is_none());
        }
    }

    #[test]
    fn threads_are_listed_by_name() {
        let named = std::thread::Builder::new().name("some-thread".to_owned());
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let thread = named.spawn(move || receiver.recv()).unwrap();
        let mut text = String::new();
        // The thread names itself when it begins to run.
        for _ in 0..1000 {
            text.clear();
            list_threads("test", std::process::id(), &mut text);
            if text.contains("some-thread") {
                break;
            }
            std::thread::yield_now();
        }
        assert!(text.starts_with("test (process ") && text.contains("\"some-thread\" #"), "{text}");
        drop(sender);
        thread.join().unwrap().unwrap_err();
        text.clear();
        list_threads("gone", 0, &mut text);
        assert!(text.contains("has ended"));
    }
}
