//! The TaskManager: slots, packages and the workers of jobs.
