//! `cluster status`.

use std::process::ExitCode;

use sciurus_core::config::Configuration;
use serde::Serialize;

use super::directory::Directory;
use super::state::State;
use super::{LocalError, many};
use crate::Error;
use crate::arguments::ClusterStatus;
use crate::rest::Client;
use crate::rest::answers::Overview;

#[derive(Debug, Serialize)]
struct Shown {
    address: String,
    processes: Vec<ShownProcess>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overview: Option<Overview>,
}

#[derive(Debug, Serialize)]
struct ShownProcess {
    name: String,
    pid: u32,
    running: bool,
}

/// Shows the cluster's processes; ends with 0 if all of them run and answer, else with 1.
pub fn run(arguments: &ClusterStatus) -> Result<ExitCode, Error> {
    let directory = Directory::of(&arguments.directory)?;
    let state = State::read(&directory)?;
    let state = state.ok_or_else(|| LocalError::None { path: directory.path().to_owned() })?;
    let client = Client::new(state.address(), &Configuration::new())?;
    let shown = Shown {
        address: format!("http://{}", state.address()),
        processes: state
            .processes
            .iter()
            .map(|process| ShownProcess {
                name: process.name.clone(),
                pid: process.pid,
                running: process.is_running(),
            })
            .collect(),
        overview: client.get("/overview").ok(),
    };
    if arguments.json {
        crate::commands::print_json(&shown)?;
    } else {
        print(&shown)?;
    }
    let is_well = shown.overview.is_some() && shown.processes.iter().all(|process| process.running);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(shown: &Shown) -> Result<(), Error> {
    for ShownProcess { name, pid, running } in &shown.processes {
        let what = if *running { "runs" } else { "has ended" };
        crate::commands::print(format!("{name} ({pid}) {what}"))?;
    }
    crate::commands::print(match &shown.overview {
        Some(overview) => format!(
            "{}: {}, {} of {} free, {} running",
            shown.address,
            many(overview.taskmanagers, "TaskManager"),
            overview.slots_available,
            many(overview.slots_total, "slot"),
            many(overview.jobs_running, "job")
        ),
        None => format!("{} does not answer", shown.address),
    })
}
