//! Log files: listed, and sent to the JobManager when it asks for one.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use rustix::fs::OFlags;
use sciurus_rpc::proto;

use crate::procfs;
use crate::settings::LogSettings;

/// How much of a file is sent at once, in bytes.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// The most files that are listed: the most recent ones.
const MAX_LISTED: usize = 2000;

/// The longest name of a file.
const MAX_NAME_BYTES: usize = 255;

/// Says why a file is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("there is no file '{0}' in the log directory")]
    NoSuchFile(String),
    #[error("the TaskManager writes no {0}")]
    NotWritten(&'static str),
    #[error("can't read '{name}': {source}")]
    Io { name: String, source: io::Error },
    #[error("files of the kind {0} don't exist")]
    Kind(i32),
}

/// The files that may be seen.
#[derive(Clone, Debug)]
pub(crate) struct LogFiles {
    directory: PathBuf,
    log_file: Option<PathBuf>,
    stdout_file: Option<PathBuf>,
}

impl LogFiles {
    pub(crate) fn new(directory: PathBuf, settings: &LogSettings) -> Self {
        let (log_file, stdout_file) = (settings.log_file.clone(), settings.stdout_file.clone());
        Self { directory, log_file, stdout_file }
    }

    /// Lists plain files of the log directory, most recent first.
    pub(crate) fn list(&self) -> Vec<proto::LogFile> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let describe = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok().filter(|name| is_plain(name))?;
            // Of the entry itself: links are not followed.
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            Some(proto::LogFile { name, size_bytes: metadata.len(), modified })
        };
        let mut files: Vec<_> = entries.flatten().filter_map(describe).collect();
        files.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.name.cmp(&b.name)));
        files.truncate(MAX_LISTED);
        files
    }

    /// Opens what is asked for. `processes` are those that a list of threads is made of.
    pub(crate) fn open(
        &self,
        request: &proto::ReadFile,
        processes: &[(String, u32)],
    ) -> Result<OpenFile, FileError> {
        let source = match proto::FileKind::try_from(request.kind) {
            Ok(proto::FileKind::Log) => {
                let path = self.log_file.as_deref().ok_or(FileError::NotWritten("log file"))?;
                open_file(path, "the log")?
            }
            Ok(proto::FileKind::Stdout) => {
                let path = self.stdout_file.as_deref();
                let path = path.ok_or(FileError::NotWritten("file of its standard output"))?;
                open_file(path, "the standard output")?
            }
            Ok(proto::FileKind::Named) => {
                if !is_plain(&request.name) {
                    let name = request.name.chars().take(MAX_NAME_BYTES).collect();
                    return Err(FileError::NoSuchFile(name));
                }
                open_file(&self.directory.join(&request.name), &request.name)?
            }
            Ok(proto::FileKind::ThreadDump) => Source::Text(thread_dump(processes)),
            Ok(proto::FileKind::Unspecified) | Err(_) => {
                return Err(FileError::Kind(request.kind));
            }
        };
        OpenFile::new(source, request.offset, request.length)
            .map_err(|source| FileError::Io { name: request.name.clone(), source })
    }
}

/// Tells whether a name is that of a file in the directory itself.
fn is_plain(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
}

fn open_file(path: &Path, name: &str) -> Result<Source, FileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FileError::NoSuchFile(name.to_owned()),
        _ => FileError::Io { name: name.to_owned(), source },
    };
    // Links are not followed, and opening waits for nobody, whatever kind of file it is.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(FileError::NoSuchFile(name.to_owned()));
    }
    Ok(Source::File(file))
}

fn thread_dump(processes: &[(String, u32)]) -> String {
    let mut text = String::new();
    for (title, pid) in processes {
        procfs::list_threads(title, *pid, &mut text);
    }
    text
}

enum Source {
    File(File),
    Text(String),
}

/// A part of a file on its way.
pub(crate) struct OpenFile {
    source: Box<dyn Read + Send>,
    /// How much of it is still to be read.
    left: u64,
    /// The size of the whole file.
    pub(crate) total_bytes: u64,
}

impl OpenFile {
    fn new(source: Source, offset: u64, length: u64) -> io::Result<Self> {
        let (source, total_bytes): (Box<dyn Read + Send>, u64) = match source {
            Source::File(mut file) => {
                // What is appended from now on doesn't count: the end stays where it is.
                let total = file.metadata()?.len();
                file.seek(SeekFrom::Start(offset.min(total)))?;
                (Box::new(file), total)
            }
            Source::Text(text) => {
                let total = text.len() as u64;
                let mut text = io::Cursor::new(text.into_bytes());
                text.set_position(offset.min(total));
                (Box::new(text), total)
            }
        };
        let rest = total_bytes.saturating_sub(offset);
        let left = if length == 0 { rest } else { rest.min(length) };
        Ok(Self { source, left, total_bytes })
    }

    /// Reads the next chunk; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; self.left.min(CHUNK_BYTES as u64) as usize];
        let mut filled = 0;
        while filled < chunk.len() {
            match self.source.read(&mut chunk[filled..]) {
                // It was shortened meanwhile.
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.left = if filled < chunk.len() { 0 } else { self.left - filled as u64 };
        chunk.truncate(filled);
        Ok((filled > 0).then(|| chunk.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Fixture {
        dir: tempfile::TempDir,
        files: LogFiles,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let log = dir.path().join("log");
            fs::create_dir(&log).unwrap();
            let files =
                LogFiles { log_file: Some(log.join("tm.log")), stdout_file: None, directory: log };
            Self { dir, files }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.files.directory.join(name), text).unwrap();
        }

        fn read(
            &self,
            kind: proto::FileKind,
            name: &str,
            (offset, length): (u64, u64),
        ) -> Result<(u64, String), FileError> {
            let kind = kind.into();
            let request =
                proto::ReadFile { request: 1, kind, name: name.to_owned(), offset, length };
            let mut file = self.files.open(&request, &[("test".to_owned(), std::process::id())])?;
            let mut bytes = Vec::new();
            while let Some(chunk) = file.next().unwrap() {
                bytes.extend_from_slice(&chunk);
            }
            Ok((file.total_bytes, String::from_utf8(bytes).unwrap()))
        }
    }

    #[test]
    fn files_are_listed_and_read_whole_or_in_part() {
        let fixture = Fixture::new();
        fixture.write("tm.log", "0123456789");
        fixture.write("other.out", &"x".repeat(200_000));
        let mut names: Vec<_> = fixture.files.list().into_iter().map(|file| file.name).collect();
        names.sort();
        assert_eq!(names, ["other.out", "tm.log"]);
        let read = |range| fixture.read(proto::FileKind::Log, "", range).unwrap();
        assert_eq!(read((0, 0)), (10, "0123456789".to_owned()));
        assert_eq!(read((8, 0)), (10, "89".to_owned()));
        assert_eq!(read((2, 3)), (10, "234".to_owned()));
        assert_eq!(read((99, u64::MAX)), (10, String::new()));
        let (total, text) = fixture.read(proto::FileKind::Named, "other.out", (0, 0)).unwrap();
        assert_eq!((total, text.len()), (200_000, 200_000));
        let (_, text) = fixture.read(proto::FileKind::ThreadDump, "", (0, 0)).unwrap();
        assert!(text.starts_with("test (process "), "{text}");
    }

    #[test]
    fn nothing_outside_the_directory_can_be_had() {
        let fixture = Fixture::new();
        let secret = fixture.dir.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        symlink(&secret, fixture.files.directory.join("link")).unwrap();
        fixture.write(".hidden", "hidden");
        fs::create_dir(fixture.files.directory.join("folder")).unwrap();
        let fifo = fixture.files.directory.join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(fixture.files.list(), []);
        for name in ["../secret", "..", "", "link", ".hidden", "folder", "fifo", "a\0b", "absent"] {
            let error = fixture.read(proto::FileKind::Named, name, (0, 0));
            assert!(error.is_err(), "{name}");
        }
        let absolute = fixture.read(proto::FileKind::Named, secret.to_str().unwrap(), (0, 0));
        assert!(matches!(absolute, Err(FileError::NoSuchFile(_))));
        let stdout = fixture.read(proto::FileKind::Stdout, "", (0, 0)).unwrap_err().to_string();
        assert_eq!(stdout, "the TaskManager writes no file of its standard output");
        assert!(fixture.read(proto::FileKind::Unspecified, "", (0, 0)).is_err());
    }
}
