//! `cluster stop`.

use std::time::{Duration, Instant};

use super::LocalError;
use super::directory::Directory;
use super::state::{State, names};
use crate::Error;
use crate::arguments::ClusterStop;

/// How long processes may take to end by themselves: longer than they allow themselves.
const GRACE: Duration = Duration::from_secs(40);

/// How long they may take to end by force.
const FORCE: Duration = Duration::from_secs(10);

/// Ends all processes and makes sure that they have ended.
pub fn run(arguments: &ClusterStop) -> Result<(), Error> {
    let directory = Directory::of(&arguments.directory)?;
    let none = || LocalError::None { path: directory.path().to_owned() };
    if !directory.path().is_dir() {
        return Err(none().into());
    }
    let _guard = directory.lock()?;
    let state = State::read(&directory)?.ok_or_else(none)?;
    let stopped = names(state.running());
    let deadline = Instant::now() + GRACE;
    for process in &state.processes {
        process.terminate();
    }
    for process in &state.processes {
        if !process.wait(deadline) {
            eprintln!("warning: the {} does not end by itself: it is killed", process.name);
            process.kill();
        }
    }
    let deadline = Instant::now() + FORCE;
    for process in &state.processes {
        process.wait(deadline);
    }
    let left = names(state.running());
    if !left.is_empty() {
        return Err(LocalError::StillRunning { processes: left }.into());
    }
    State::delete(&directory)?;
    crate::commands::print(if stopped.is_empty() {
        "The cluster had ended already.".to_owned()
    } else {
        format!("Stopped {stopped}.")
    })
}
