//! The Job of a hook.

use serde_json::{Value, json};

use super::{Object, ObjectKind, labels, merge, object};
use crate::model::Names;
use crate::resources::HookSpec;

/// How long a Job that has ended can be looked at, in seconds.
const KEPT_SECONDS: i32 = 3600;

/// Returns the name of a hook's Job; `run` tells its runs apart.
pub fn hook_job_name(names: &Names, list: &str, hook: &HookSpec, run: i64) -> String {
    // At most 63 bytes: what is cut off of a long name, the number makes up for.
    let name: String = names.name.chars().take(20).collect();
    format!("{name}-{list}-{}-{run}", hook.name)
}

/// Returns a hook's Job, `None` where the hook is none.
pub fn hook_job(
    names: &Names,
    list: &str,
    hook: &HookSpec,
    run: i64,
    image: &str,
    timeout_seconds: i32,
) -> Option<Object> {
    let job = hook.job.as_ref()?;
    let mut pod = json!({ "restartPolicy": "Never" });
    merge::lay_over(&mut pod, &job.pod_spec);
    let containers = pod.get_mut("containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        if container.get("image").is_none() {
            container["image"] = image.into();
        }
    }
    let body = json!({ "spec": {
        "backoffLimit": job.backoff_limit.unwrap_or(0),
        "activeDeadlineSeconds": timeout_seconds,
        "ttlSecondsAfterFinished": KEPT_SECONDS,
        "template": { "metadata": { "labels": labels(names, "hook") }, "spec": pod },
    }});
    Some(object(ObjectKind::Job, names, hook_job_name(names, list, hook, run), "hook", &body))
}
