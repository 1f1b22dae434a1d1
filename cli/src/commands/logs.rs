//! `logs`: what the cluster's processes have written.

use std::fmt::Write;
use std::path::Path;

use sciurus_core::ids::JobId;
use serde_json::json;

use super::{connect, output};
use crate::Error;
use crate::arguments::Logs;
use crate::rest::answers::{LogFile, LogList, TaskManagers};
use crate::rest::{Client, RestError};

/// Prints a log, or the list of them.
pub fn run(arguments: &Logs) -> Result<(), Error> {
    let (client, _) = connect(&arguments.target)?;
    if let Some(job) = arguments.job {
        return of_job(&client, job, arguments);
    }
    let place = match &arguments.taskmanager {
        Some(id) => Place::taskmanager(id),
        None => Place::jobmanager(),
    };
    if arguments.list {
        return list(&place.files(&client)?, arguments.target.json);
    }
    let path = match &arguments.file {
        Some(name) => format!("{}/logs/{}", place.path, encoded(name)),
        None if arguments.stdout => format!("{}/stdout", place.path),
        None => format!("{}/log", place.path),
    };
    output::copy(client.open(&path)?)
}

/// Whose files: the `JobManager`'s or a `TaskManager`'s.
struct Place {
    name: String,
    path: String,
}

impl Place {
    fn jobmanager() -> Self {
        Self { name: "JobManager".to_owned(), path: "/jobmanager".to_owned() }
    }

    fn taskmanager(id: &str) -> Self {
        let path = format!("/taskmanagers/{}", encoded(id));
        Self { name: format!("TaskManager {id}"), path }
    }

    fn files(&self, client: &Client) -> Result<Vec<LogFile>, RestError> {
        client.get::<LogList>(&format!("{}/logs", self.path)).map(|list| list.logs)
    }
}

fn list(files: &[LogFile], json: bool) -> Result<(), Error> {
    if json {
        return output::print_json(&files);
    }
    for LogFile { name, size, .. } in files {
        output::print(format!("{size:>12} {name}"))?;
    }
    Ok(())
}

/// Prints the files of all places whose name has the job's id in it: those of its coordinator and
/// its workers.
fn of_job(client: &Client, job: JobId, arguments: &Logs) -> Result<(), Error> {
    let taskmanagers: TaskManagers = client.get("/taskmanagers")?;
    let ids = taskmanagers.taskmanagers.iter().map(|taskmanager| taskmanager.id.as_str());
    let mut found = Vec::new();
    for place in std::iter::once(Place::jobmanager()).chain(ids.map(Place::taskmanager)) {
        let id = job.to_string();
        let is_wanted =
            |file: &LogFile| file.name.contains(&id) && is_wanted(&file.name, arguments);
        match place.files(client) {
            Ok(files) => found.extend(
                files
                    .into_iter()
                    .filter(is_wanted)
                    .map(|file| (place.name.clone(), place.path.clone(), file)),
            ),
            // It may have gone since it was listed, or keep no log files.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if found.is_empty() {
        return Err(Error::NoLogs { job });
    }
    if arguments.list && arguments.target.json {
        let files = found.iter().map(|(place, _, file)| json!({ "process": place, "file": file }));
        return output::print_json(&files.collect::<Vec<_>>());
    }
    for (name, path, file) in found {
        output::print(format!("==> {name}: {} <==", file.name))?;
        if !arguments.list {
            output::copy(client.open(&format!("{path}/logs/{}", encoded(&file.name)))?)?;
        }
    }
    Ok(())
}

fn is_wanted(name: &str, arguments: &Logs) -> bool {
    arguments.list || {
        let is_output = Path::new(name).extension().is_some_and(|extension| extension == "out");
        arguments.stdout == is_output
    }
}

/// Writes a text so that it can stand between two slashes of a path.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_between_two_slashes() {
        assert_eq!(encoded("localhost:38769-78c521"), "localhost:38769-78c521");
        assert_eq!(encoded("../a b"), "..%2Fa%20b");
    }
}
