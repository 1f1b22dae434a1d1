//! The TaskManager: slots, packages and the workers of jobs.
//!
//! It runs no user code itself: for each job it starts the job's own executable as a *worker*, and
//! passes on what JobManager and worker have to say to each other.
//!
//! ```text
//!   task_manager    TaskManager::start: what others see
//!   agent           registers, serves, cleans up, registers anew
//!   serve           one session: what comes from the JobManager and from workers
//!   ├── session     reaching and registering; invitations of JobManagers
//!   ├── requests    starting a worker, sending a file
//!   ├── workers     processes of jobs: started, spoken with, watched, ended
//!   │     └── packages   executables: fetched, checked, unpacked, kept
//!   ├── metrics     what is told of processes and tasks
//!   └── files       log files, lists of threads
//!   health          answers who asks whether it is well
//!   settings, memory, machine, procfs, scratch   what it is built on
//! ```
//!
//! All of it runs on one thread, and what takes the disk longer on others. Nothing here waits without
//! a deadline or queues without a limit.

mod agent;
mod error;
mod files;
mod health;
mod machine;
mod memory;
mod metrics;
mod packages;
mod procfs;
mod requests;
mod scratch;
mod serve;
mod session;
mod settings;
mod task_manager;
mod workers;

pub use error::{StartError, TaskManagerError};
pub use memory::{MemoryBudget, MemoryError};
pub use settings::{SetLogLevel, TaskManagerOptions};
pub use task_manager::TaskManager;
