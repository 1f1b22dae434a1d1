//! What is answered in another way than Flink answers, and why.

/// Recordings whose names begin so, and the reason.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    ("adaptive_err_jobmanager_profiler", PROFILER),
    ("adaptive_err_taskmanager_profiler", PROFILER),
    ("adaptive_jobmanager_profiler", PROFILER),
    ("adaptive_taskmanager_profiler", PROFILER),
    ("index_html", PAGES),
    ("root_index_html", PAGES),
    ("static_if_modified", PAGES),
    (
        "jobs_id_vertices_v0_backpressure_canceled",
        "Flink answered 500, for it couldn't look any more",
    ),
    ("sql_vertices_v0_backpressure", "Flink hadn't looked at the job's back pressure yet"),
    ("sql_vertices_v1_backpressure", "Flink hadn't looked at the job's back pressure yet"),
];

const PAGES: &str = "the pages are others: tests/rest/web.rs";

const PROFILER: &str = "recorded with 'rest.profiling.enabled', which there isn't";

/// Returns the exception that a recording falls under.
pub fn exception_for(name: &str) -> Option<usize> {
    EXCEPTIONS.iter().position(|(prefix, _)| name.starts_with(prefix))
}
