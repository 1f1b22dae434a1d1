//! What we add to a system: Sciurus where Flink's images have Flink.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sciurus_package::{CreateOptions, Platform, create, platform_of_executable};
use tempfile::TempDir;

use crate::ImageError;
use crate::tree::{Node, Owner, Tree};

/// Where Flink's images have Flink.
pub const HOME: &str = "/opt/flink";

/// The user that images run as, and whom what can be changed belongs to. Its group is root's, which
/// any other user has that a cluster chooses.
pub const USER: Owner = Owner { uid: 9999, gid: 0 };

/// The configuration that images have unless another is mounted.
const CONFIGURATION: &str = include_str!("../config.yaml");

const LICENCE: &[u8] = include_bytes!("../../../LICENSE");

const PASSWORDS: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
    flink:x:9999:9999:flink:/opt/flink:/sbin/nologin\n";

const GROUPS: &str = "root:x:0:\nnogroup:x:65534:\nflink:x:9999:\n";

/// The executable of all verbs, in `bin`.
const SCIURUS: &str = "sciurus";

/// The executable of all examples, in `bin`.
const EXAMPLES: &str = "sciurus-examples";

/// Further names of [`SCIURUS`], which knows itself by them.
const NAMES: [&str; 9] = [
    "flink",
    "jobmanager.sh",
    "taskmanager.sh",
    "standalone-job.sh",
    "historyserver.sh",
    "kubernetes-jobmanager.sh",
    "kubernetes-taskmanager.sh",
    "kubernetes-session.sh",
    "sleep",
];

/// Directories that users mount or write into.
const DIRECTORIES: [&str; 7] = ["", "conf", "lib", "log", "opt", "plugins", "usrlib"];

/// Where Flink has its examples of the `DataStream` API.
const EXAMPLES_DIRECTORY: &str = "examples/streaming";

/// The packages of examples, and Flink's class of each where there is one.
pub const PACKAGES: [(&str, Option<&str>); 9] = [
    ("Billing", None),
    ("IotAlerts", None),
    ("LastSeen", None),
    ("SessionWindowing", Some("windowing.SessionWindowing")),
    ("SocketWindowWordCount", Some("socket.SocketWindowWordCount")),
    ("StateMachineExample", Some("statemachine.StateMachineExample")),
    ("TopSpeedWindowing", Some("windowing.TopSpeedWindowing")),
    ("WindowWordCount", Some("windowing.WindowWordCount")),
    ("WordCount", Some("wordcount.WordCount")),
];

/// What Flink's classes of examples begin with.
const CLASSES: &str = "org.apache.flink.streaming.examples.";

/// The executables of an image.
#[derive(Debug)]
pub struct Executables {
    sciurus: PathBuf,
    examples: PathBuf,
    platform: Platform,
    /// What goes with the value.
    _stripped: Option<TempDir>,
}

impl Executables {
    /// Finds both executables in a directory; with `strip` they are used without their symbols,
    /// which nobody reads in a container.
    ///
    /// # Errors
    /// [`ImageError`] where one is missing or they are for different machines.
    pub fn find(directory: &Path, strip: bool) -> Result<Self, ImageError> {
        let [sciurus, examples] = [SCIURUS, EXAMPLES].map(|name| directory.join(name));
        let platform = platform_of_executable(&sciurus)?;
        let other = platform_of_executable(&examples)?;
        if platform != other {
            return Err(ImageError::Platforms {
                path: examples,
                found: other.to_string(),
                expected: platform.to_string(),
            });
        }
        if !strip {
            return Ok(Self { sciurus, examples, platform, _stripped: None });
        }
        let folder = temporary()?;
        let sciurus = stripped(&sciurus, folder.path())?;
        let examples = stripped(&examples, folder.path())?;
        Ok(Self { sciurus, examples, platform, _stripped: Some(folder) })
    }

    /// Returns the executables.
    pub fn paths(&self) -> [PathBuf; 2] {
        [self.sciurus.clone(), self.examples.clone()]
    }

    /// Returns what they are for.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

fn temporary() -> Result<TempDir, ImageError> {
    tempfile::tempdir().map_err(ImageError::io("make a directory in", &std::env::temp_dir()))
}

fn stripped(executable: &Path, into: &Path) -> Result<PathBuf, ImageError> {
    let to = into.join(executable.file_name().unwrap_or_default());
    let output =
        Command::new("strip").arg("--strip-all").arg("-o").arg(&to).arg(executable).output();
    let output = output.map_err(|source| ImageError::Program {
        program: "strip",
        comes_with: "binutils",
        source,
    })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let path = executable.to_owned();
        return Err(ImageError::ProgramFailed { program: "strip", path, message });
    }
    Ok(to)
}

/// Returns the tree that is the same on every base.
///
/// # Errors
/// [`ImageError`] where the examples can't be packed.
pub fn tree(executables: &Executables) -> Result<Tree, ImageError> {
    let mut tree = Tree::new();
    let home = Path::new(HOME);
    tree.file("/etc/passwd", PASSWORDS);
    tree.file("/etc/group", GROUPS);
    for directory in DIRECTORIES {
        tree.put(home.join(directory), Node::Directory, 0o775, USER);
    }
    tree.file(home.join("LICENSE"), LICENCE);
    tree.file(home.join("conf/config.yaml"), CONFIGURATION);
    let bin = home.join("bin");
    tree.program(bin.join(SCIURUS), &executables.sciurus);
    tree.program(bin.join(EXAMPLES), &executables.examples);
    for name in NAMES {
        tree.link(bin.join(name), SCIURUS);
    }
    // Relative: whoever looks into the file system from outside finds the executable as well.
    tree.link("/docker-entrypoint.sh", "opt/flink/bin/sciurus");
    let folder = temporary()?;
    for (name, class) in PACKAGES {
        let name = format!("{name}.jar");
        let bytes = package(&folder.path().join(&name), &bin.join(EXAMPLES), class)?;
        tree.file(home.join(EXAMPLES_DIRECTORY).join(name), bytes);
    }
    Ok(tree)
}

/// Makes the package of the example that a file is named after, and returns its bytes.
fn package(path: &Path, executable: &Path, class: Option<&str>) -> Result<Vec<u8>, ImageError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let class = class.map(|class| format!("{CLASSES}{class}"));
    let options = CreateOptions {
        entries: [name.clone()].into_iter().chain(class).collect(),
        entry: Some(name.clone()),
        name: Some(name),
        installed: Some(executable.to_string_lossy().into_owned()),
    };
    create(&[], &options, path)?;
    fs::read(path).map_err(ImageError::io("read", path))
}

#[cfg(test)]
mod tests {
    use sciurus_package::{PackageKind, inspect};

    use super::*;
    use crate::tree::Content;

    fn tree_of_this() -> Tree {
        let folder = tempfile::tempdir().unwrap();
        for name in [SCIURUS, EXAMPLES] {
            fs::copy(std::env::current_exe().unwrap(), folder.path().join(name)).unwrap();
        }
        tree(&Executables::find(folder.path(), false).unwrap()).unwrap()
    }

    #[test]
    fn flinks_paths_are_there() {
        let tree = tree_of_this();
        for path in ["/docker-entrypoint.sh", "/opt/flink/bin/flink", "/opt/flink/usrlib"] {
            assert!(tree.get(path).is_some(), "{path}");
        }
        let log = tree.get("/opt/flink/log").unwrap();
        assert_eq!((log.mode, log.owner), (0o775, Owner { uid: 9999, gid: 0 }));
    }

    #[test]
    fn an_examples_package_names_the_installed_executable() {
        let tree = tree_of_this();
        let entry = tree.get("/opt/flink/examples/streaming/WordCount.jar").unwrap();
        let Node::File(Content::Bytes(bytes)) = &entry.node else { panic!("{entry:?}") };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("WordCount.jar");
        fs::write(&path, bytes).unwrap();
        let info = inspect(&path).unwrap();
        let executable = PathBuf::from("/opt/flink/bin/sciurus-examples");
        assert_eq!(info.kind, PackageKind::Installed(executable));
        assert_eq!(info.entry.as_deref(), Some("WordCount"));
        let class = "org.apache.flink.streaming.examples.wordcount.WordCount";
        assert_eq!(info.entries, ["WordCount", class]);
    }

    #[test]
    fn the_configuration_is_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.yaml"), CONFIGURATION).unwrap();
        let environment = |_: &str| None;
        let origins = sciurus_core::config::load::Origins {
            directory: Some(folder.path()),
            environment: &environment,
            properties: &[],
        };
        let strict = sciurus_core::config::validate::Strictness::Strict;
        let loaded = sciurus_core::config::load::load(&origins, strict).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert_eq!(loaded.configuration.text("health.port"), Some("8085"));
    }
}
