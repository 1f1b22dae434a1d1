//! Where the configuration of a process comes from: a file, the environment, the command line.

use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use super::error::ConfigError;
use super::file::{self, FileError};
use super::validate::{self, InvalidConfiguration, Strictness, Warning};

/// The environment's name for the directory of the configuration file.
pub const CONF_DIR: &str = "FLINK_CONF_DIR";

/// The environment's name for where the program lies; its `conf` holds the configuration file.
pub const HOME: &str = "FLINK_HOME";

/// The environment's name for further settings, one `key: value` a line.
pub const PROPERTIES: &str = "FLINK_PROPERTIES";

/// Directories that are looked at where none is given.
const USUAL_DIRECTORIES: [&str; 2] = ["/opt/flink/conf", "conf"];

/// Settings that have a name of their own in the environment of Flink's images.
const VARIABLES: [(&str, &str); 2] = [
    ("JOB_MANAGER_RPC_ADDRESS", "jobmanager.rpc.address"),
    ("TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "taskmanager.numberOfTaskSlots"),
];

/// Says where to look for settings. Later ones win: the file, the environment's variables,
/// `FLINK_PROPERTIES`, the command line.
pub struct Origins<'a> {
    /// The directory of the configuration file, if the command line names one.
    pub directory: Option<&'a Path>,
    /// Looks up a variable of the environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// What follows each `-D` of the command line: `key=value`.
    pub properties: &'a [String],
}

/// Holds a configuration that was found and checked.
#[derive(Debug)]
pub struct Loaded {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// All settings.
    pub configuration: Configuration,
    /// What is odd about them.
    pub warnings: Vec<Warning>,
}

/// Says why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The directory that the command line or `FLINK_CONF_DIR` names is not there.
    #[error("there is no configuration directory {}: correct {named_by}", path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// What names it.
        named_by: &'static str,
    },
    /// The file can't be read or makes no sense.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line of `FLINK_PROPERTIES` is no setting. The line isn't shown: it may hold a secret.
    #[error("in the environment variable {PROPERTIES}, line {line}: expected 'key: value'")]
    Properties {
        /// The line, counted from 1.
        line: usize,
    },
    /// An argument of the command line is no setting.
    #[error(transparent)]
    Argument(#[from] ConfigError),
    /// Some values can't be used.
    #[error(transparent)]
    Invalid(#[from] InvalidConfiguration),
}

/// Finds all settings and checks them.
///
/// # Errors
/// [`LoadError`] if a place can't be read or a value can't be used. That there is no file is fine.
pub fn load(origins: &Origins<'_>, strictness: Strictness) -> Result<Loaded, LoadError> {
    let (file, mut configuration) = read_file(origins)?.unzip();
    let configuration = configuration.get_or_insert_default();
    for (variable, key) in VARIABLES {
        if let Some(value) = given(origins, variable) {
            configuration.merge(&Configuration::from_pairs([(key, value)]));
        }
    }
    if let Some(text) = given(origins, PROPERTIES) {
        configuration.merge(&properties(&text, origins.environment)?);
    }
    for property in origins.properties {
        configuration.merge(&Configuration::from_property(property)?);
    }
    let configuration = std::mem::take(configuration);
    let warnings = validate::validate(&configuration, strictness)?;
    Ok(Loaded { file, configuration, warnings })
}

fn given(origins: &Origins<'_>, variable: &str) -> Option<String> {
    (origins.environment)(variable).filter(|value| !value.trim().is_empty())
}

fn read_file(origins: &Origins<'_>) -> Result<Option<(PathBuf, Configuration)>, LoadError> {
    let by_argument = origins.directory.map(|directory| (directory.to_owned(), "--configDir"));
    let by_environment = || Some((PathBuf::from(given(origins, CONF_DIR)?), CONF_DIR));
    if let Some((path, named_by)) = by_argument.or_else(by_environment) {
        if !path.is_dir() {
            return Err(LoadError::NoDirectory { path, named_by });
        }
        return Ok(file::read_directory(&path)?);
    }
    let home = given(origins, HOME).map(|home| Path::new(&home).join("conf"));
    for directory in home.into_iter().chain(USUAL_DIRECTORIES.map(PathBuf::from)) {
        if let Some(found) = file::read_directory(&directory)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Reads `FLINK_PROPERTIES`: one `key: value` a line, variables in values replaced as `envsubst`
/// does it.
fn properties(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Configuration, LoadError> {
    let mut configuration = Configuration::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if !key.trim().is_empty() => {
                let value = substitute(value.trim(), environment);
                configuration.set_text(key.trim(), value);
            }
            _ => return Err(LoadError::Properties { line: index + 1 }),
        }
    }
    Ok(configuration)
}

/// Replaces `$NAME` and `${NAME}` by the environment's values; what isn't set becomes nothing, and
/// a `$` before anything else stays.
fn substitute(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let (name, end) = match behind.strip_prefix('{') {
            Some(braced) => {
                let name = name_at_start(braced);
                let closed = braced[name.len()..].starts_with('}');
                (if closed { name } else { "" }, name.len() + 2)
            }
            None => (name_at_start(behind), name_at_start(behind).len()),
        };
        if name.is_empty() {
            out.push('$');
            rest = behind;
        } else {
            out.push_str(&environment(name).unwrap_or_default());
            rest = &behind[end..];
        }
    }
    out.push_str(rest);
    out
}

fn name_at_start(text: &str) -> &str {
    let is_part = |(index, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || (index > 0 && c.is_ascii_digit())
    };
    let end = text.char_indices().find(|&place| !is_part(place)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load_from(
        directory: Option<&Path>,
        variables: &[(&str, &str)],
        properties: &[&str],
    ) -> Result<Loaded, LoadError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let environment = |name: &str| variables.get(name).map(|&value| value.to_owned());
        let properties: Vec<_> = properties.iter().map(|&text| text.to_owned()).collect();
        let origins = Origins { directory, environment: &environment, properties: &properties };
        load(&origins, Strictness::Lenient)
    }

    #[test]
    fn later_origins_win_over_earlier_ones() {
        let directory = tempfile::tempdir().unwrap();
        let text = "jobmanager: {rpc: {address: file, port: 1}}\n\
                    taskmanager.numberOfTaskSlots: 1\nparallelism.default: 1\nrest.port: 1\n";
        std::fs::write(directory.path().join("config.yaml"), text).unwrap();
        let path = directory.path().to_str().unwrap();
        let variables = [
            (CONF_DIR, path),
            ("JOB_MANAGER_RPC_ADDRESS", "variable"),
            ("TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "2"),
            (PROPERTIES, "taskmanager.numberOfTaskSlots: 3\nparallelism.default:3\n"),
        ];
        let loaded = load_from(None, &variables, &["parallelism.default=4"]).unwrap();
        assert!(loaded.file.unwrap().starts_with(directory.path()));
        for (key, value) in [
            ("rest.port", "1"),
            ("jobmanager.rpc.address", "variable"),
            ("taskmanager.numberOfTaskSlots", "3"),
            ("parallelism.default", "4"),
        ] {
            assert_eq!(loaded.configuration.text(key), Some(value), "{key}");
        }
    }

    #[test]
    fn the_command_lines_directory_comes_before_the_environments() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        std::fs::write(first.path().join("config.yaml"), "rest.port: 1").unwrap();
        std::fs::write(second.path().join("flink-conf.yaml"), "rest.port: 2").unwrap();
        let variables = [(CONF_DIR, second.path().to_str().unwrap())];
        let port = |directory| {
            let loaded = load_from(directory, &variables, &[]).unwrap();
            loaded.configuration.text("rest.port").map(str::to_owned)
        };
        assert_eq!(port(Some(first.path())).as_deref(), Some("1"));
        assert_eq!(port(None).as_deref(), Some("2"));
    }

    #[test]
    fn a_missing_file_is_fine_and_a_missing_directory_that_is_named_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let loaded = load_from(Some(path), &[], &[]).unwrap();
        assert!(loaded.file.is_none() && loaded.configuration.is_empty());
        let gone = path.join("gone");
        let error = load_from(None, &[(CONF_DIR, gone.to_str().unwrap())], &[]).unwrap_err();
        assert!(error.to_string().ends_with("gone: correct FLINK_CONF_DIR"), "{error}");
        let error = load_from(Some(&gone), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("there is no configuration directory "), "{error}");
        assert!(error.ends_with("gone: correct --configDir"), "{error}");
    }

    #[test]
    fn a_home_has_its_configuration_below_conf() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("conf")).unwrap();
        std::fs::write(home.path().join("conf/config.yaml"), "rest.port: 7").unwrap();
        let loaded = load_from(None, &[(HOME, home.path().to_str().unwrap())], &[]).unwrap();
        assert_eq!(loaded.configuration.text("rest.port"), Some("7"));
    }

    #[test]
    fn properties_of_the_environment_replace_variables() {
        let environment = |name: &str| (name == "HOST").then(|| "h1".to_owned());
        for (given, replaced) in [
            ("$HOST", "h1"),
            ("a-${HOST}:1", "a-h1:1"),
            ("${HOST", "${HOST"),
            ("$ $1 $HOSTS|${NONE}|", "$ $1 ||"),
            ("é$HOST", "éh1"),
        ] {
            assert_eq!(substitute(given, &environment), replaced);
        }
    }

    #[test]
    fn a_line_of_properties_without_colon_is_named_but_not_shown() {
        let text = "# comment\n\nrest.port: 1\n my-password hunter2\n";
        let error = load_from(None, &[(PROPERTIES, text)], &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "in the environment variable FLINK_PROPERTIES, line 4: expected 'key: value'"
        );
    }

    #[test]
    fn all_unusable_values_are_told_together_and_odd_keys_are_warnings() {
        let properties = ["rest.port=-1", "parallelism.default=many"];
        let error = load_from(None, &[], &properties).unwrap_err().to_string();
        assert!(error.contains("rest.port: '-1'") && error.contains("'many'"), "{error}");
        let loaded = load_from(None, &[], &["rest.prot=1", "env.java.home=/x"]).unwrap();
        assert_eq!(loaded.warnings.len(), 2);
        assert!(loaded.warnings[0].to_string().contains("did you mean 'rest.port'?"));
    }
}
