//! How a task's error reads as the cause of a failure.

use sciurus_engine::TaskError;
use sciurus_job_master::failure::{FailureCause, Fault};

/// Describes a task's error: whose fault it is and whether trying again may help.
pub(super) fn cause_of(error: &TaskError) -> FailureCause {
    let (fault, kind) = match error.root() {
        TaskError::User(_) => (Fault::User, "UserError"),
        TaskError::Panic { .. } => (Fault::User, "Panic"),
        TaskError::Connector(_) => (Fault::Environment, "ConnectorError"),
        TaskError::State(_) => (Fault::User, "StateError"),
        TaskError::Decode(_) => (Fault::Bug, "DecodeError"),
        TaskError::Schema(_) => (Fault::User, "SchemaMismatch"),
        TaskError::PartitionOutOfRange { .. } => (Fault::User, "PartitionOutOfRange"),
        TaskError::SideOutputType { .. } => (Fault::User, "SideOutputType"),
        TaskError::PeerGone { .. } => (Fault::Environment, "PeerGone"),
        TaskError::Cancelled => (Fault::Environment, "Cancelled"),
        TaskError::Defect(_) | TaskError::InOperator { .. } => (Fault::Bug, "Defect"),
    };
    let cause = FailureCause::new(fault, kind, error.root().to_string());
    match error.operator() {
        Some(operator) => cause.in_operator(operator),
        None => cause,
    }
}
