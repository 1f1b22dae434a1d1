//! The manifest: Java's syntax, read and written.
//!
//! `Name: value` lines; a line that begins with a space goes on with the value before it; an empty
//! line ends a section. The first section is about the package, each later one about a file.

use std::fmt::Write;

use crate::digest::Sha256Digest;
use crate::error::PackageError;
use crate::limits::{MAX_ENTRIES, MAX_NAME_BYTES};
use crate::platform::Platform;

/// Where the manifest lies in the zip.
pub const MANIFEST_PATH: &str = "META-INF/MANIFEST.MF";

/// The longest line, in bytes, that Java's own tools write and read.
const MAX_LINE_BYTES: usize = 72;

/// Holds what the manifest of a package says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `Sciurus-Version`: the version that made the package.
    pub version: String,
    /// `Sciurus-Name`: what the package is called.
    pub name: String,
    /// `Main-Class`: the job that runs where none is asked for; the first argument of the
    /// executable.
    pub entry: Option<String>,
    /// `Sciurus-Entries`: the jobs that the executable holds, with commas in between.
    pub entries: Vec<String>,
    /// `Sciurus-Executable`: an executable of the machine, in place of those in the package.
    pub installed: Option<String>,
    /// One section each: the executables in the package.
    pub executables: Vec<ManifestExecutable>,
}

/// Holds what a manifest says of an executable in the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestExecutable {
    /// `Name`: the path in the zip.
    pub path: String,
    /// `Sciurus-Platform`: what it is for.
    pub platform: Platform,
    /// `Sciurus-SHA-256`: the hash of the unpacked file.
    pub sha256: Sha256Digest,
}

impl Manifest {
    /// Reads a manifest; `None` where it is not one of Sciurus, but of some program for the JVM.
    ///
    /// # Errors
    /// [`PackageError::Manifest`] where it is one of Sciurus and says what it must not.
    pub fn parse(text: &str) -> Result<Option<Self>, PackageError> {
        let mut sections = sections(text)?.into_iter();
        let main = sections.next().unwrap_or_default();
        let Some(version) = get(&main, "Sciurus-Version") else { return Ok(None) };
        let name = get(&main, "Sciurus-Name")
            .ok_or_else(|| PackageError::manifest("it lacks Sciurus-Name"))?;
        check_name("Sciurus-Name", name)?;
        let entry = get(&main, "Main-Class").filter(|entry| !entry.is_empty());
        let entries: Vec<_> = get(&main, "Sciurus-Entries")
            .map(|list| list.split(',').map(|entry| entry.trim().to_owned()).collect())
            .unwrap_or_default();
        if entries.len() > MAX_ENTRIES {
            return Err(PackageError::manifest(format!("it names more than {MAX_ENTRIES} jobs")));
        }
        for entry in entries.iter().map(String::as_str).chain(entry) {
            check_name("an entry", entry)?;
        }
        let executables = sections
            .filter(|section| get(section, "Sciurus-Platform").is_some())
            .map(|section| executable(&section))
            .collect::<Result<Vec<_>, _>>()?;
        let manifest = Self {
            version: version.to_owned(),
            name: name.to_owned(),
            entry: entry.map(ToOwned::to_owned),
            entries,
            installed: get(&main, "Sciurus-Executable").map(ToOwned::to_owned),
            executables,
        };
        manifest.check()?;
        Ok(Some(manifest))
    }

    /// Returns the class that the manifest of a program for the JVM names.
    pub(crate) fn jvm_main_class(text: &str) -> Option<String> {
        let main = sections(text).ok()?.into_iter().next()?;
        get(&main, "Main-Class").map(|class| class.chars().take(MAX_NAME_BYTES).collect())
    }

    fn check(&self) -> Result<(), PackageError> {
        match (&self.installed, self.executables.len()) {
            (None, 0) => return Err(PackageError::manifest("it names no executable")),
            (Some(_), 1..) => {
                let reason = "it names an executable of the machine and some of its own";
                return Err(PackageError::manifest(reason));
            }
            (_, count) if count > MAX_ENTRIES => {
                let reason = format!("it names more than {MAX_ENTRIES} executables");
                return Err(PackageError::manifest(reason));
            }
            _ => {}
        }
        for (position, executable) in self.executables.iter().enumerate() {
            let earlier = &self.executables[..position];
            if earlier.iter().any(|other| other.platform == executable.platform) {
                let reason = format!("it names two executables for {}", executable.platform);
                return Err(PackageError::manifest(reason));
            }
        }
        Ok(())
    }

    /// Writes the manifest.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        put(&mut text, "Manifest-Version", "1.0");
        put(&mut text, "Created-By", &format!("Sciurus {}", self.version));
        put(&mut text, "Sciurus-Version", &self.version);
        put(&mut text, "Sciurus-Name", &self.name);
        if let Some(entry) = &self.entry {
            put(&mut text, "Main-Class", entry);
        }
        if !self.entries.is_empty() {
            put(&mut text, "Sciurus-Entries", &self.entries.join(", "));
        }
        if let Some(installed) = &self.installed {
            put(&mut text, "Sciurus-Executable", installed);
        }
        for executable in &self.executables {
            text.push('\n');
            put(&mut text, "Name", &executable.path);
            put(&mut text, "Sciurus-Platform", executable.platform.as_str());
            put(&mut text, "Sciurus-SHA-256", &executable.sha256.to_string());
        }
        text.push('\n');
        text
    }
}

/// Checks a name that is shown to people and becomes the name of a file or an argument.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), PackageError> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    if fits && !name.starts_with('-') && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let name: String = name.chars().take(40).collect();
    Err(PackageError::manifest(format!(
        "{what} is {name:?}; it has 1 to {MAX_NAME_BYTES} bytes, none of them a control character, \
         and doesn't begin with a dash"
    )))
}

type Section<'a> = Vec<(&'a str, String)>;

fn sections(text: &str) -> Result<Vec<Section<'_>>, PackageError> {
    let mut sections = Vec::new();
    let mut section: Section<'_> = Vec::new();
    for line in text.lines() {
        if line.is_empty() {
            if !section.is_empty() {
                sections.push(std::mem::take(&mut section));
            }
        } else if let Some(rest) = line.strip_prefix(' ') {
            let Some((_, value)) = section.last_mut() else {
                return Err(PackageError::manifest("a line goes on where none has begun"));
            };
            value.push_str(rest);
        } else if let Some((name, value)) = line.split_once(':') {
            section.push((name, value.strip_prefix(' ').unwrap_or(value).to_owned()));
        } else {
            let line: String = line.chars().take(40).collect();
            return Err(PackageError::manifest(format!("{line:?} is no 'Name: value'")));
        }
    }
    if !section.is_empty() {
        sections.push(section);
    }
    Ok(sections)
}

fn get<'a>(section: &'a Section<'_>, name: &str) -> Option<&'a str> {
    let found = section.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn executable(section: &Section<'_>) -> Result<ManifestExecutable, PackageError> {
    let value = |name| {
        get(section, name).ok_or_else(|| {
            PackageError::manifest(format!("the section of an executable lacks {name}"))
        })
    };
    let platform: Platform = value("Sciurus-Platform")?
        .parse()
        .map_err(|error| PackageError::manifest(format!("{error}")))?;
    let sha256 = value("Sciurus-SHA-256")?
        .parse()
        .map_err(|()| PackageError::manifest("Sciurus-SHA-256 is not 64 hexadecimal digits"))?;
    let path = value("Name")?;
    let file = path.strip_prefix("bin/").and_then(|path| path.strip_prefix(platform.as_str()));
    match file.and_then(|path| path.strip_prefix('/')) {
        Some(file) if is_file_name(file) => {}
        _ => {
            let path: String = path.chars().take(80).collect();
            return Err(PackageError::manifest(format!(
                "the executable for {platform} is {path:?} where bin/{platform}/NAME is expected"
            )));
        }
    }
    Ok(ManifestExecutable { path: path.to_owned(), platform, sha256 })
}

/// Tells whether an executable may be called so: never a path, nothing that a shell would expand.
pub(crate) fn is_file_name(name: &str) -> bool {
    let byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(byte)
        && !name.starts_with(['.', '-'])
}

/// Appends a line, divided as Java's tools demand it.
fn put(text: &mut String, name: &str, value: &str) {
    let mut line = format!("{name}: {value}");
    while line.len() > MAX_LINE_BYTES {
        let mut end = MAX_LINE_BYTES;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let rest = line.split_off(end);
        // Writing to a String can't fail.
        let _ = writeln!(text, "{line}");
        line = format!(" {rest}");
    }
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            version: "0.1.0".to_owned(),
            name: "word count".to_owned(),
            entry: Some("word_count".to_owned()),
            entries: vec!["word_count".to_owned(), "é".repeat(60)],
            installed: None,
            executables: vec![ManifestExecutable {
                path: "bin/linux-amd64/word-count".to_owned(),
                platform: Platform::LINUX_AMD64,
                sha256: Sha256Digest([0xab; 32]),
            }],
        }
    }

    #[test]
    fn manifests_are_read_as_they_are_written() {
        let text = manifest().to_text();
        assert!(text.lines().all(|line| line.len() <= MAX_LINE_BYTES), "{text}");
        assert_eq!(Manifest::parse(&text).unwrap(), Some(manifest()));
        let windows = text.replace('\n', "\r\n");
        assert_eq!(Manifest::parse(&windows).unwrap(), Some(manifest()));
    }

    #[test]
    fn manifests_of_programs_for_the_jvm_are_none() {
        let text = "Manifest-Version: 1.0\nMain-Class: com.example.Job\n\n";
        assert_eq!(Manifest::parse(text).unwrap(), None);
        assert_eq!(Manifest::jvm_main_class(text).as_deref(), Some("com.example.Job"));
    }

    #[test]
    fn what_leaves_the_package_or_contradicts_itself_is_refused() {
        let reason = |change: &dyn Fn(&str) -> String| {
            Manifest::parse(&change(&manifest().to_text())).unwrap_err().to_string()
        };
        let error = reason(&|text| text.replace("amd64/word", "amd64/../../word"));
        assert!(error.contains("bin/linux-amd64/NAME is expected"), "{error}");
        let error = reason(&|text| text.replace("Name: bin/linux-amd64", "Name: bin/linux-arm64"));
        assert!(error.contains("is expected"), "{error}");
        let error = reason(&|text| text.replace("Sciurus-Name", "Name-of-it"));
        assert!(error.contains("lacks Sciurus-Name"), "{error}");
        let error = reason(&|text| text.replace("Sciurus-SHA-256: ab", "Sciurus-SHA-256: xy"));
        assert!(error.contains("hexadecimal"), "{error}");
        let error = reason(&|text| format!("{text}\n{}", text.split_once("\n\n").unwrap().1));
        assert!(error.contains("two executables for linux-amd64"), "{error}");
        let error = reason(&|text| text.replace("\n\n", "\nSciurus-Executable: /opt/flink/x\n\n"));
        assert!(error.contains("and some of its own"), "{error}");
        let error = reason(&|text| text.replace("Main-Class: word", "Main-Class: --word"));
        assert!(error.contains("an entry is"), "{error}");
        let error = reason(&|text| format!(" {text}"));
        assert!(error.contains("none has begun"), "{error}");
    }
}
