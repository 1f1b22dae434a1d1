//! The JobManager: dispatcher, resources, jobs and Flink's REST API.
