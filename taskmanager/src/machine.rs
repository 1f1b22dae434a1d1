//! What the machine, or the container, gives: memory, cores, and whether it ran out of memory.

use std::fs;
use std::path::{Path, PathBuf};

/// Where cgroups are found.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// What a cgroup of the first version has as its limit where there is none: about 2^63.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// Returns how much memory there is for a process that no option limits, in bytes: the limit of its
/// cgroup, else three quarters of the machine's, which it shares with others.
pub(crate) fn available_memory_bytes() -> u64 {
    let physical = physical_memory_bytes();
    let cgroups = Cgroups::of_this_process();
    match cgroups.memory_limit_bytes() {
        Some(limit) if limit < physical => limit,
        _ => physical / 4 * 3,
    }
}

/// Returns the machine's memory, in bytes.
pub(crate) fn physical_memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    let unit = u64::from(info.mem_unit).max(1);
    // Of another type on other platforms.
    #[allow(clippy::useless_conversion)]
    u64::try_from(info.totalram).unwrap_or(0).saturating_mul(unit)
}

/// Returns how many cores there are for this process.
pub(crate) fn cpu_cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// The cgroups that limit this process, from its own up to the root.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    directories: Vec<PathBuf>,
}

impl Cgroups {
    pub(crate) fn of_this_process() -> Self {
        let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::read(&text, Path::new(CGROUP_ROOT))
    }

    /// Reads `/proc/self/cgroup`: of the second version `0::/path`, of the first
    /// `4:memory:/path`.
    fn read(text: &str, root: &Path) -> Self {
        let mut directories = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let root = match controllers {
                "" => root.to_owned(),
                _ if controllers.split(',').any(|name| name == "memory") => root.join("memory"),
                _ => continue,
            };
            let own = root.join(path.trim_start_matches('/'));
            directories.extend(
                own.ancestors().take_while(|dir| dir.starts_with(&root)).map(Path::to_owned),
            );
        }
        Self { directories }
    }

    /// Returns the lowest of the limits, in bytes.
    fn memory_limit_bytes(&self) -> Option<u64> {
        let files = ["memory.max", "memory.limit_in_bytes"];
        let limits = self.directories.iter().flat_map(|dir| files.map(|file| dir.join(file)));
        let limits = limits.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
        limits.filter(|limit| *limit < NO_LIMIT_BYTES).min()
    }

    /// Counts the processes of the cgroup that were killed because memory ran out, or those of the
    /// machine where the cgroup doesn't tell.
    pub(crate) fn oom_kills(&self) -> u64 {
        let files = ["memory.events", "memory.oom_control"];
        let counts = self.directories.iter().flat_map(|dir| files.map(|file| dir.join(file)));
        let found = counts.filter_map(|path| oom_kill_of(&fs::read_to_string(path).ok()?)).max();
        let of_machine = || oom_kill_of(&fs::read_to_string("/proc/vmstat").ok()?);
        found.or_else(of_machine).unwrap_or(0)
    }
}

fn oom_kill_of(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_lowest_limit_on_the_way_to_the_root_holds() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "pods/pod/memory.max", "max\n");
        write(root.path(), "pods/memory.max", "1073741824\n");
        write(root.path(), "pods/pod/memory.events", "low 0\noom 2\noom_kill 1\n");
        let cgroups = Cgroups::read("0::/pods/pod\n", root.path());
        assert_eq!(cgroups.memory_limit_bytes(), Some(1 << 30));
        assert_eq!(cgroups.oom_kills(), 1);
        assert_eq!(Cgroups::read("0::/\n", root.path()).memory_limit_bytes(), None);
    }

    #[test]
    fn cgroups_of_the_first_version_are_read_too() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory/docker/x/memory.limit_in_bytes", "536870912\n");
        write(root.path(), "memory/memory.limit_in_bytes", "9223372036854771712\n");
        write(root.path(), "memory/docker/x/memory.oom_control", "under_oom 0\noom_kill 3\n");
        let text = "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n";
        let cgroups = Cgroups::read(text, root.path());
        assert_eq!((cgroups.memory_limit_bytes(), cgroups.oom_kills()), (Some(512 << 20), 3));
        let cgroups = Cgroups::read("4:memory:/\n", root.path());
        assert_eq!(cgroups.memory_limit_bytes(), None);
    }

    #[test]
    fn this_machine_has_memory_and_cores() {
        assert!(physical_memory_bytes() > 64 << 20 && cpu_cores() > 0);
        assert!(available_memory_bytes() <= physical_memory_bytes());
    }
}
