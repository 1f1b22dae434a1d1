//! Signals that ask a process to end.

use std::process::ExitCode;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::ProcessError;

const INTERRUPT: &str = "SIGINT";

/// Calls the function whenever the process is asked to end (`SIGINT`, `SIGTERM`), in place of
/// ending it.
///
/// # Errors
/// [`ProcessError::Signals`] if signals can't be received.
pub fn watch(mut asked: impl FnMut() + Send + 'static) -> Result<(), ProcessError> {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|source| ProcessError::Signals { source })?;
    // Registered here, so that no signal is missed that comes after this function.
    let mut end = {
        let _inside = runtime.enter();
        End::new()?
    };
    let watching = move || {
        runtime.block_on(async {
            loop {
                end.asked().await;
                asked();
            }
        });
    };
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(watching);
    thread.map(drop).map_err(|source| ProcessError::Signals { source })
}

/// Receives signals that ask the process to end.
pub struct End {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl End {
    /// Receives them from now on, within a runtime.
    ///
    /// # Errors
    /// [`ProcessError::Signals`] if signals can't be received.
    pub fn new() -> Result<Self, ProcessError> {
        let receive = |kind| signal(kind).map_err(|source| ProcessError::Signals { source });
        Ok(Self {
            interrupt: receive(SignalKind::interrupt())?,
            terminate: receive(SignalKind::terminate())?,
        })
    }

    /// Waits for one, and returns its name.
    pub async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Stops a manager. If a signal comes meanwhile, returns at once what the process has to end with.
pub async fn stop(
    reason: &str,
    mut end: End,
    stopping: impl Future<Output = ()>,
) -> Option<ExitCode> {
    tracing::info!("stops because of {reason}");
    tokio::select! {
        () = stopping => {
            tracing::info!("has stopped");
            None
        }
        name = end.asked() => {
            tracing::warn!("ends at once because of {name}");
            Some(ExitCode::from(if name == INTERRUPT { 130 } else { 143 }))
        }
    }
}
