//! Signals that ask a process to end.

use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::ProcessError;

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
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
