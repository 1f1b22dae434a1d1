//! The table of endpoints: where each is, what answers it, and how it is met.
//!
//! `docs/rest-api.md` is written from it.

use axum::routing::{MethodRouter, delete, get, patch, post, put};

use super::{
    Rest, applications, checkpoints, cluster, health, jars, job_manager, jobs, log_level, metrics,
    rescale, task_managers, vertices,
};

/// An endpoint.
pub struct Endpoint {
    /// The HTTP method.
    pub method: &'static str,
    /// The path as Flink writes it: `/jobs/:jobid`.
    pub path: &'static str,
    /// How it is met, for users.
    pub met: &'static str,
    pub(super) handler: MethodRouter<Rest>,
}

/// A group of endpoints, as a section of the documentation.
pub struct EndpointGroup {
    /// The section's title.
    pub title: &'static str,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

macro_rules! group {
    ($title:literal: $($method:ident $path:literal $handler:expr, $met:literal;)+) => {
        EndpointGroup {
            title: $title,
            endpoints: vec![$(Endpoint {
                method: method!($method),
                path: $path,
                met: $met,
                handler: $method($handler),
            }),+],
        }
    };
}

macro_rules! method {
    (get) => {
        "GET"
    };
    (post) => {
        "POST"
    };
    (put) => {
        "PUT"
    };
    (patch) => {
        "PATCH"
    };
    (delete) => {
        "DELETE"
    };
}

/// Returns all endpoints, by subject.
pub fn groups() -> Vec<EndpointGroup> {
    let mut groups = vec![cluster_group(), jars_group(), jobs_group(), vertices_group()];
    groups.extend([checkpoints_group(), rescaling_group(), applications_group()]);
    groups.extend([task_managers_group(), job_manager_group(), health_group()]);
    groups
}

fn cluster_group() -> EndpointGroup {
    group! { "Cluster":
        get "/config" cluster::config,
            "As in Flink. `flink-version` is the version of Flink whose API this is, \
             `flink-revision` says which Sciurus runs. `web-submit` and `web-cancel` follow \
             `web.submit.enable` and `web.cancel.enable`.";
        get "/overview" cluster::overview,
            "As in Flink.";
        get "/log-level" log_level::show,
            "Not Flink's: answers what the JobManager logs, as in `{\"level\": \"info\"}`.";
        put "/log-level" log_level::change,
            "Not Flink's: changes it, by the same body, in the JobManager, all TaskManagers and all \
             processes of jobs; also of parts of the program, as in `info,sciurus_engine=debug`.";
        delete "/cluster" cluster::shut_down,
            "As in Flink: the JobManager gives its jobs up and ends; TaskManagers wait for the next one.";
        get "/datasets" cluster::data_sets,
            "Always empty: no results outlive their jobs.";
        delete "/datasets/:datasetid" cluster::delete_data_set,
            "Done at once: there is nothing to delete.";
        get "/datasets/delete/:triggerid" cluster::data_set_deletion,
            "As in Flink.";
    }
}

fn jars_group() -> EndpointGroup {
    group! { "Job packages":
        get "/jars" jars::list,
            "As in Flink; `entry` names the jobs that a package holds.";
        post "/jars/upload" jars::upload,
            "As in Flink, for job packages (zips named `.jar`). What can't run here (a JVM jar, a \
             package that is broken or for another platform) is refused with the reason.";
        delete "/jars/:jarid" jars::delete,
            "As in Flink.";
        get "/jars/:jarid/plan" jars::plan,
            "As in Flink: the package's executable is asked for its plan.";
        post "/jars/:jarid/plan" jars::plan,
            "As in Flink.";
        post "/jars/:jarid/run" jars::run,
            "As in Flink. `entryClass` chooses one of the package's jobs. A savepoint that can't be \
             restored is refused with the reason. Besides what was uploaded, `jarid` may be \
             `local://PATH` (with `%2F` for `/`), a package below one of the directories of \
             `sciurus.package.installed-directories`.";
        post "/jars/:jarid/run-application" jars::run_application,
            "As in Flink. The application has one job, and its id.";
    }
}

fn jobs_group() -> EndpointGroup {
    group! { "Jobs":
        get "/jobs" jobs::jobs,
            "As in Flink.";
        post "/jobs" jobs::submit,
            "Refused: a JVM job's plan can't run here; the message says what to do instead.";
        get "/jobs/overview" jobs::overview,
            "As in Flink, and `slot-shortage` with what a job waits for that lacks slots. Such a job \
             is `CREATED`, where Flink calls it `RUNNING`.";
        get "/jobs/metrics" metrics::jobs,
            "As in Flink.";
        get "/jobs/:jobid" jobs::details,
            "As in Flink, and `slot-shortage` as in the overview.";
        patch "/jobs/:jobid" jobs::cancel,
            "As in Flink.";
        get "/jobs/:jobid/yarn-cancel" jobs::yarn_cancel,
            "As in Flink; forbidden where `web.cancel.enable` is false.";
        get "/jobs/:jobid/yarn-stop" jobs::yarn_stop,
            "As in Flink: gone.";
        get "/jobs/:jobid/accumulators" jobs::accumulators,
            "As in Flink; there are no serialised values.";
        get "/jobs/:jobid/config" jobs::config,
            "As in Flink.";
        get "/jobs/:jobid/exceptions" jobs::exceptions,
            "As in Flink. Failures have one label, `TYPE`: `USER`, `ENVIRONMENT` or `BUG`.";
        get "/jobs/:jobid/execution-result" jobs::execution_result,
            "As in Flink; accumulators are at `/jobs/:jobid/accumulators` only. A failure's cause \
             can be read by Flink's Java clients.";
        get "/jobs/:jobid/metrics" metrics::job_metrics,
            "As in Flink, and `numMissingSlots`. Metrics of a job that has ended stay.";
        get "/jobs/:jobid/plan" jobs::plan,
            "As in Flink.";
        get "/jobs/:jobid/status" jobs::status,
            "As in Flink.";
        get "/jobs/:jobid/jobmanager/config" job_manager::job_config,
            "The JobManager's, which all jobs share.";
        get "/jobs/:jobid/jobmanager/environment" job_manager::job_environment,
            "The JobManager's, which all jobs share.";
        get "/jobs/:jobid/jobmanager/log-url" job_manager::job_log_url,
            "As in Flink.";
        get "/jobs/:jobid/taskmanagers/:taskmanagerid/log-url" job_manager::task_manager_log_url,
            "As in Flink.";
        patch "/jobs/:jobid/clientHeartbeat" jobs::client_heartbeat,
            "Accepted; no job is cancelled for want of clients.";
        post "/jobs/:jobid/coordinators/:operatorUid" jobs::coordinators,
            "Refused: the request is a Java object.";
    }
}

fn vertices_group() -> EndpointGroup {
    group! { "Vertices and subtasks":
        get "/jobs/:jobid/vertices/:vertexid" vertices::details,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/accumulators" vertices::vertex_accumulators,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/backpressure" vertices::back_pressure,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/flamegraph" vertices::flame_graph,
            "One node that says that native threads aren't sampled, and what to use instead.";
        get "/jobs/:jobid/vertices/:vertexid/jm-operator-metrics" metrics::operator_coordinators,
            "As in Flink, for sources.";
        get "/jobs/:jobid/vertices/:vertexid/metrics" metrics::vertex,
            "As in Flink: records, bytes, times and their rates, watermarks, queues. There are no \
             metrics of network buffers, mailboxes and single splits.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/accumulators" vertices::subtasks_accumulators,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/metrics" metrics::vertex_subtasks,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex" vertices::subtask,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/attempts/:attempt"
            vertices::attempt,
            "As in Flink, for the attempts that `jobmanager.execution.attempts-history-size` keeps.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/attempts/:attempt/accumulators"
            vertices::attempt_accumulators,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/metrics" metrics::subtask,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/subtasktimes" vertices::subtask_times,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/taskmanagers" vertices::task_managers,
            "As in Flink.";
        get "/jobs/:jobid/vertices/:vertexid/watermarks" vertices::watermarks,
            "As in Flink.";
    }
}

fn checkpoints_group() -> EndpointGroup {
    group! { "Checkpoints and savepoints":
        get "/jobs/:jobid/checkpoints" checkpoints::checkpoints,
            "As in Flink.";
        post "/jobs/:jobid/checkpoints" checkpoints::trigger_checkpoint,
            "As in Flink; full checkpoints refer to no file of an earlier one.";
        get "/jobs/:jobid/checkpoints/config" checkpoints::config,
            "As in Flink.";
        get "/jobs/:jobid/checkpoints/details/:checkpointid" checkpoints::details,
            "As in Flink.";
        get "/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid"
            checkpoints::subtasks,
            "As in Flink.";
        get "/jobs/:jobid/checkpoints/:triggerid" checkpoints::checkpoint_status,
            "As in Flink.";
        post "/jobs/:jobid/savepoints" checkpoints::trigger_savepoint,
            "As in Flink.";
        get "/jobs/:jobid/savepoints/:triggerid" checkpoints::savepoint_status,
            "As in Flink.";
        post "/jobs/:jobid/stop" checkpoints::stop,
            "As in Flink.";
        post "/savepoint-disposal" checkpoints::dispose,
            "As in Flink. What is no savepoint of Sciurus is left alone, and so are a job's \
             checkpoints.";
        get "/savepoint-disposal/:triggerid" checkpoints::disposal_status,
            "As in Flink.";
    }
}

fn rescaling_group() -> EndpointGroup {
    group! { "Rescaling":
        patch "/jobs/:jobid/rescaling" rescale::rescaling,
            "As in Flink: switched off.";
        get "/jobs/:jobid/rescaling/:triggerid" rescale::rescaling,
            "As in Flink: switched off.";
        post "/jobs/:jobid/rescale" rescale::rescale,
            "Not Flink's: changes the parallelism of any job, whatever its scheduler. The body is \
             `{\"vertices\":{ID:N}}`; vertices that it doesn't name keep what they have. Answers \
             with a `request-id`.";
        get "/jobs/:jobid/rescale/:triggerid" rescale::rescale_status,
            "Not Flink's: how that stands; it is `COMPLETED` once the job runs with its new \
             parallelism.";
        get "/jobs/:jobid/resource-requirements" rescale::get_requirements,
            "As in Flink: refused where the scheduler isn't adaptive.";
        put "/jobs/:jobid/resource-requirements" rescale::put_requirements,
            "As in Flink: refused where the scheduler isn't adaptive.";
        get "/jobs/:jobid/rescales/config" rescale::config,
            "As in Flink. `maximumDelayForTriggeringRescaleInMillis` and \
             `rescaleOnFailedCheckpointCount` are 0: a change of parallelism takes a checkpoint of \
             its own.";
        get "/jobs/:jobid/rescales/details/:rescaleuuid" rescale::details,
            "As in Flink, without states of the scheduler; resource profiles say nothing.";
        get "/jobs/:jobid/rescales/history" rescale::history,
            "As in Flink.";
        get "/jobs/:jobid/rescales/overview" rescale::overview,
            "As in Flink.";
        get "/jobs/:jobid/rescales/summary" rescale::summary,
            "As in Flink, of the changes that are remembered.";
    }
}

fn applications_group() -> EndpointGroup {
    group! { "Applications":
        get "/applications/overview" applications::overview,
            "As in Flink; each job is an application of its own.";
        get "/applications/:applicationid" applications::details,
            "As in Flink.";
        post "/applications/:applicationid/cancel" applications::cancel,
            "As in Flink.";
        get "/applications/:applicationid/exceptions" applications::exceptions,
            "As in Flink.";
        get "/applications/:applicationid/jobmanager/config" applications::config,
            "The JobManager's, which all applications share.";
    }
}

fn task_managers_group() -> EndpointGroup {
    group! { "TaskManagers":
        get "/taskmanagers" task_managers::list,
            "As in Flink. Memory that Flink divides into heap and other memory is all in the first \
             of the two; `dataPort` is 0, since each worker has a port of its own.";
        get "/taskmanagers/metrics" metrics::task_managers,
            "As in Flink. What only a JVM has is answered by the closest that there is: the heap is \
             the resident memory, its maximum the memory limit; class loaders, garbage collectors \
             and the metaspace are 0.";
        get "/taskmanagers/:taskmanagerid" task_managers::details,
            "As in Flink; lost TaskManagers are unknown at once.";
        get "/taskmanagers/:taskmanagerid/log" task_managers::log,
            "As in Flink.";
        get "/taskmanagers/:taskmanagerid/logs" task_managers::logs,
            "As in Flink; the files of job workers are among them.";
        get "/taskmanagers/:taskmanagerid/logs/:filename" task_managers::log_file,
            "As in Flink.";
        get "/taskmanagers/:taskmanagerid/metrics" metrics::task_manager,
            "As in Flink, with what only a JVM has as above.";
        get "/taskmanagers/:taskmanagerid/profiler" job_manager::profiler,
            "Switched off, as in Flink by default.";
        post "/taskmanagers/:taskmanagerid/profiler" job_manager::profiler,
            "Switched off, as in Flink by default.";
        get "/taskmanagers/:taskmanagerid/profiler/:filename" job_manager::profiler,
            "Switched off, as in Flink by default.";
        get "/taskmanagers/:taskmanagerid/stdout" task_managers::stdout,
            "As in Flink.";
        get "/taskmanagers/:taskmanagerid/thread-dump" task_managers::thread_dump,
            "The threads with their states, without stacks.";
    }
}

fn job_manager_group() -> EndpointGroup {
    group! { "JobManager":
        get "/jobmanager/config" job_manager::config,
            "As in Flink; secrets are hidden.";
        get "/jobmanager/environment" job_manager::environment,
            "As in Flink; where it shows its JVM the native process is described.";
        get "/jobmanager/log" job_manager::log,
            "As in Flink; empty where the log goes to the console.";
        get "/jobmanager/logs" job_manager::logs,
            "As in Flink; the files of job coordinators are among them.";
        get "/jobmanager/logs/:filename" job_manager::log_file,
            "As in Flink.";
        get "/jobmanager/metrics" metrics::job_manager,
            "As in Flink, with what only a JVM has as for TaskManagers.";
        get "/jobmanager/profiler" job_manager::profiler,
            "Switched off, as in Flink by default.";
        post "/jobmanager/profiler" job_manager::profiler,
            "Switched off, as in Flink by default.";
        get "/jobmanager/profiler/:filename" job_manager::profiler,
            "Switched off, as in Flink by default.";
        get "/jobmanager/stdout" job_manager::stdout,
            "As in Flink.";
        get "/jobmanager/thread-dump" job_manager::thread_dump,
            "The threads with their states, without stacks.";
    }
}

fn health_group() -> EndpointGroup {
    group! { "Health":
        get "/livez" health::live,
            "Not Flink's: answers 200 `ok` while the JobManager works.";
        get "/readyz" health::ready,
            "Not Flink's: answers 200 `ok` while the JobManager takes jobs and TaskManagers, else 503. \
             A TaskManager answers both at `health.port`.";
    }
}
