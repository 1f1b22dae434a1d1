//! How a task's error reads as the cause of a failure.

use std::error::Error;

use sciurus_engine::TaskError;
use sciurus_job_master::failure::{FailureCause, Fault};

/// Describes a task's error: whose fault it is and whether trying again may help.
pub(crate) fn cause_of(error: &TaskError) -> FailureCause {
    let innermost = error.innermost();
    let (fault, kind) = match innermost {
        TaskError::User(_) => (Fault::User, "UserError"),
        TaskError::Panic { .. } => (Fault::User, "Panic"),
        TaskError::Connector(_) => (Fault::Environment, "ConnectorError"),
        TaskError::State(_) => (Fault::User, "StateError"),
        TaskError::Decode(_) => (Fault::Bug, "DecodeError"),
        TaskError::Schema(_) => (Fault::User, "SchemaMismatch"),
        TaskError::PartitionOutOfRange { .. } => (Fault::User, "PartitionOutOfRange"),
        TaskError::SideOutputType { .. } => (Fault::User, "SideOutputType"),
        TaskError::PeerGone { .. } | TaskError::WorkerGone { .. } => {
            (Fault::Environment, "PeerGone")
        }
        TaskError::Frame { .. } => (Fault::Environment, "CorruptFrame"),
        TaskError::CheckpointUnreadable { .. } => (Fault::Environment, "CheckpointUnreadable"),
        TaskError::Restore { .. } => (Fault::Environment, "RestoreError"),
        TaskError::StopFailed { .. } => (Fault::Environment, "StopFailed"),
        TaskError::Cancelled => (Fault::Environment, "Cancelled"),
        TaskError::Defect(_) | TaskError::InOperator { .. } | TaskError::Partitioning { .. } => {
            (Fault::Bug, "Defect")
        }
    };
    let mut message = error.root().to_string();
    if let TaskError::User(error) | TaskError::Connector(error) = innermost {
        append_sources(&mut message, error.as_ref());
    }
    let mut cause = FailureCause::new(fault, kind, message);
    if let TaskError::Panic { backtrace: Some(backtrace), .. } = innermost {
        cause.details = Some(backtrace.to_string());
    }
    match error.operator() {
        Some(operator) => cause.in_operator(operator),
        None => cause,
    }
}

/// Appends the causes of an error, as far as the message doesn't tell them already.
fn append_sources(message: &mut String, error: &(dyn Error + 'static)) {
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Layer { text, source: layers(rest) }))
    }

    fn message(texts: &[&'static str]) -> String {
        cause_of(&TaskError::user(layers(texts).unwrap())).message
    }

    #[test]
    fn the_message_tells_all_causes_once() {
        assert_eq!(message(&["a file", "a line", "a digit"]), "a file: a line: a digit");
        assert_eq!(message(&["a file: a line", "a line", "a digit"]), "a file: a line: a digit");
    }
}
