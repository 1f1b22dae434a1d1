//! Changes of a running job's parallelism: what a job may have, those that clients trigger, and
//! those that there were.

mod body;
mod history;
mod operation;
mod requirements;

pub use history::{config, details, history, overview, summary};
pub use operation::{rescale, rescale_status};
pub use requirements::{get_requirements, put_requirements, rescaling};
