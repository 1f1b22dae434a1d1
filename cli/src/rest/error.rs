//! Why a request failed.

use super::Address;

/// Says what became of a request to the REST API.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The address makes no sense.
    #[error("'{given}' is no address of a JobManager: expected HOST:PORT, as in -m localhost:8081")]
    Address {
        /// The address as given.
        given: String,
    },
    /// Nobody answers there.
    #[error(
        "cannot reach a JobManager at http://{address}: {reason}. Start a cluster on this machine \
         by 'sciurus cluster start', or name another one by -m HOST:PORT or rest.address and \
         rest.port"
    )]
    Unreachable {
        /// Where it was looked for.
        address: Address,
        /// Why it can't be reached.
        reason: String,
    },
    /// The answer didn't come, or not all of it.
    #[error("the JobManager at http://{address} did not answer {method} {path}: {reason}")]
    Broken {
        /// The JobManager's address.
        address: Address,
        /// The request's method.
        method: &'static str,
        /// The request's path.
        path: String,
        /// What happened.
        reason: String,
    },
    /// The JobManager refused.
    #[error("{message}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What the `JobManager` says.
        message: String,
    },
    /// The answer isn't what Flink's REST API answers.
    #[error(
        "what answers {method} {path} at http://{address} is no JobManager: {reason}. Is the \
         address right?"
    )]
    NotUnderstood {
        /// The address.
        address: Address,
        /// The request's method.
        method: &'static str,
        /// The request's path.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl RestError {
    /// Tells whether what was asked for isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
