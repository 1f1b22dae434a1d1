//! `operator`.

use std::io::Write;
use std::process::ExitCode;

use sciurus_core::config::load::Loaded;
use sciurus_operator::Options;
use tokio::sync::watch;

use super::ProcessError;
use super::logging::Logging;
use super::manager;
use super::signals::End;
use crate::arguments::{Operator, OperatorCommand};
use crate::{Error, configuration};

/// Runs the operator until it is asked to end, or prints its resources' definitions.
pub fn run(arguments: Operator) -> Result<ExitCode, Error> {
    if let Some(OperatorCommand::Crds) = arguments.command {
        return crds();
    }
    let Loaded { configuration, .. } = configuration::load(&arguments.settings)?;
    Logging::start(&configuration, "operator", false)?;
    tracing::info!(
        "Sciurus {} operator starts as process {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    let options = Options {
        namespaces: arguments.namespaces.into_iter().filter(|name| !name.is_empty()).collect(),
        image: arguments.image,
        health_port: arguments.health_port,
        metrics_port: arguments.metrics_port,
        elects_leader: !arguments.no_leader_election,
        namespace: arguments.namespace,
        identity: identity(),
    };
    Ok(manager::block_on(async {
        let mut end = End::new()?;
        let (stop, stopped) = watch::channel(false);
        let running = sciurus_operator::run(options, stopped);
        tokio::pin!(running);
        let asked = tokio::select! {
            ended = &mut running => {
                ended.map_err(ProcessError::Operator)?;
                return Ok(ExitCode::SUCCESS);
            }
            name = end.asked() => name,
        };
        tracing::info!("the operator stops because of {asked}");
        let _ = stop.send(true);
        tokio::select! {
            ended = running => ended.map_err(ProcessError::Operator)?,
            _ = end.asked() => {}
        }
        Ok(ExitCode::SUCCESS)
    })?)
}

/// Returns a name for this process among operators: the pod's, which is the host's.
fn identity() -> String {
    let pod = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    let host = || std::env::var("HOSTNAME").unwrap_or_else(|_| "operator".to_owned());
    format!("{}-{}", pod.unwrap_or_else(host), std::process::id())
}

fn crds() -> Result<ExitCode, Error> {
    let mut text = String::new();
    for crd in sciurus_operator::resources::crds() {
        text.push_str("---\n");
        text.push_str(&sciurus_operator::resources::to_yaml(&crd).map_err(ProcessError::Crds)?);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).map_err(|source| Error::Output { source })?;
    Ok(ExitCode::SUCCESS)
}
