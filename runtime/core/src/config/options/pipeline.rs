//! What a job is: its name, its width and how its operators are put together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::key::MAX_KEY_GROUPS;

super::options! {
    title: "Pipeline";

    /// Number of parallel subtasks of every operator that doesn't set its own.
    DEFAULT_PARALLELISM: u32 = "parallelism.default"
        .default(|| 1)
        .rule("from 1 to 32768", |parallelism| (1..=MAX_KEY_GROUPS).contains(parallelism));

    /// Number of key groups of every operator that doesn't set its own: the most subtasks it can
    /// ever be scaled to. With -1 it is derived from the parallelism.
    MAX_PARALLELISM: i32 = "pipeline.max-parallelism"
        .default(|| -1)
        .rule("-1 or from 1 to 32768", |max| *max == -1 || (1..=MAX_KEY_GROUPS as i32).contains(max))
        .example("128");

    /// Numbers of parallel subtasks of single vertices, by their ids, in place of what the job's
    /// program says; the numbers of key groups stay.
    JOBVERTEX_PARALLELISM_OVERRIDES: BTreeMap<String, u32> = "pipeline.jobvertex-parallelism-overrides"
        .default(BTreeMap::new)
        .example("6d2677a0ecc3fd8df0b72ec675edf8f4:4");

    /// Name of the job, as shown in lists, logs and metrics.
    NAME: String = "pipeline.name"
        .example("word-count");

    /// Accepted and without effect: operators of one chain always hand records on without copying.
    OBJECT_REUSE: bool = "pipeline.object-reuse"
        .default(|| false);

    /// Time between two watermarks that a source's watermark strategy emits; 0 turns periodic
    /// watermarks off.
    AUTO_WATERMARK_INTERVAL: Duration = "pipeline.auto-watermark-interval"
        .default(|| Duration::from_millis(200))
        .example("200 ms");

    /// Whether operators that can share a thread are chained into one task.
    OPERATOR_CHAINING: bool = "pipeline.operator-chaining.enabled"
        .default(|| true)
        .deprecated_keys(&["pipeline.operator-chaining"]);

    /// Whether operators with different numbers of key groups may be chained.
    CHAIN_OPERATORS_WITH_DIFFERENT_MAX_PARALLELISM: bool =
        "pipeline.operator-chaining.chain-operators-with-different-max-parallelism"
        .default(|| true);

    /// Whether operators without a uid get one from their place in the job. If not, a job with
    /// such an operator is refused, which keeps savepoints safe from changes of the job.
    AUTO_GENERATE_UIDS: bool = "pipeline.auto-generate-uids"
        .default(|| true);
}
