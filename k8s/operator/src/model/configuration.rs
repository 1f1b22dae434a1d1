//! The settings of a cluster: the user's, those that follow from the resource, and defaults.

use std::collections::BTreeMap;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::cluster::{self, HighAvailabilityType};
use sciurus_core::config::options::{checkpointing, client, metrics, pipeline, taskmanager};
use serde_json::{Map, Value};

use super::names::{
    DATA_PORT, HEALTH_PORT, METRICS_PORT, REST_PORT, RPC_PORT, TASK_MANAGER_RPC_PORT,
};
use super::{Cluster, Job, Names};

/// One start of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The job's id; of a session cluster, an id of its own.
    pub job_id: String,
    /// What the job starts from.
    pub savepoint: Option<String>,
    /// Whether the job may delete it in time: it is a checkpoint that an earlier launch left.
    pub claims_savepoint: bool,
    /// The image.
    pub image: String,
}

/// Lays nested settings flat, as the configuration file has them.
pub fn flatten(settings: &Map<String, Value>) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (key, value) in settings {
        add(key, value, &mut flat);
    }
    flat
}

fn add(key: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(inner) => {
            for (name, value) in inner {
                add(&format!("{key}.{name}"), value, flat);
            }
        }
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(scalar_text).collect();
            flat.insert(key.to_owned(), texts.join(";"));
        }
        value => {
            flat.insert(key.to_owned(), scalar_text(value));
        }
    }
}

pub fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Paths at which the JobManager's pod has volumes of its user's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumePaths(pub Vec<String>);

impl VolumePaths {
    /// Finds them in a cluster's pod template and mounts.
    pub fn of(cluster: &Cluster) -> Self {
        let component = &cluster.job_manager;
        let containers = component.pod_template.get("spec").and_then(|spec| spec.get("containers"));
        let containers = containers.and_then(Value::as_array).into_iter().flatten();
        let main = containers
            .filter(|container| container.get("name").and_then(Value::as_str) == Some(MAIN))
            .filter_map(|container| container.get("volumeMounts")?.as_array())
            .flatten();
        let mounts = main.chain(&component.volume_mounts);
        Self(mounts.filter_map(|mount| Some(mount.get("mountPath")?.as_str()?.into())).collect())
    }

    /// Returns the path that an address names, if it lies on one of them.
    fn path(&self, address: &str) -> Option<String> {
        let path = match address.split_once("://") {
            Some(("file", path)) => path,
            Some(_) => return None,
            None => address.strip_prefix("file:").unwrap_or(address),
        };
        let lies_on = |mount: &String| {
            let mount = mount.trim_end_matches('/');
            path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().any(lies_on).then(|| path.trim_end_matches('/').to_owned())
    }
}

/// The name of the container that runs Sciurus.
pub const MAIN: &str = "flink-main-container";

/// Returns all settings of a cluster's processes.
pub fn effective(
    cluster: &Cluster,
    job: Option<&Job>,
    names: &Names,
    launch: &Launch,
) -> BTreeMap<String, String> {
    let mut all = Configuration::from_pairs(cluster.configuration.clone());
    let set_default = |all: &mut Configuration, key: &str, value: &str| {
        if all.text(key).is_none() {
            all.set_text(key, value);
        }
    };
    if !all.contains(&checkpointing::EXTERNALIZED_CHECKPOINT_RETENTION) {
        // Checkpoints outlive what the operator does to the job, until the user says otherwise.
        all.set_text(RETENTION, "RETAIN_ON_CANCELLATION");
    }
    if !all.contains(&taskmanager::NUM_TASK_SLOTS) {
        all.set(&taskmanager::NUM_TASK_SLOTS, &cluster.slots);
    }
    let directory = all.get_optional(&checkpointing::DIR).ok().flatten();
    let on_volume = directory.and_then(|directory| VolumePaths::of(cluster).path(&directory));
    if let Some(path) = on_volume
        && !all.contains(&cluster::HIGH_AVAILABILITY_TYPE)
    {
        all.set(&cluster::HIGH_AVAILABILITY_TYPE, &HighAvailabilityType::FileSystem);
        if !all.contains(&cluster::HIGH_AVAILABILITY_STORAGE_DIR) {
            all.set(&cluster::HIGH_AVAILABILITY_STORAGE_DIR, &format!("{path}/ha"));
        }
    }
    if let Some(job) = job {
        all.set(&pipeline::DEFAULT_PARALLELISM, &job.parallelism);
        // The result is looked at, and the pod would be started again otherwise.
        all.set(&client::SHUTDOWN_ON_APPLICATION_FINISH, &false);
        all.set(&client::SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR, &true);
    }
    set_default(&mut all, "cluster.services.shutdown-timeout", "20 s");
    // Whoever names a reporter has chosen.
    if !all.iter().any(|(key, _)| key.starts_with("metrics.reporter")) {
        all.set(&metrics::REPORTERS, &"prom".to_owned());
        all.set(&metrics::PROM_FACTORY, &metrics::PROMETHEUS_FACTORY.to_owned());
        all.set_text(metrics::PROM_PORT.key(), METRICS_PORT.to_string());
    }
    let Names { name, namespace, .. } = names;
    for (key, value) in [
        ("jobmanager.rpc.address", format!("{name}.{namespace}")),
        ("jobmanager.rpc.port", RPC_PORT.to_string()),
        ("rest.address", format!("{}.{namespace}", names.rest())),
        ("rest.port", REST_PORT.to_string()),
        ("taskmanager.rpc.port", TASK_MANAGER_RPC_PORT.to_string()),
        ("taskmanager.data.port", DATA_PORT.to_string()),
        ("health.port", HEALTH_PORT.to_string()),
        // Accepted jobs of other launches aren't this one's.
        ("high-availability.cluster-id", launch.job_id.clone()),
    ] {
        all.set_text(key, value);
    }
    all.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

const RETENTION: &str = "execution.checkpointing.externalized-checkpoint-retention";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_settings_lie_flat() {
        let settings = json!({
            "a": {"b": 1, "c": {"d": true}},
            "e.f": "x",
            "list": ["p", "q"],
        });
        let flat = flatten(settings.as_object().unwrap());
        let expected = [("a.b", "1"), ("a.c.d", "true"), ("e.f", "x"), ("list", "p;q")];
        assert_eq!(flat, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn only_addresses_on_a_volume_are_on_a_volume() {
        let paths = VolumePaths(vec!["/flink-data/".to_owned()]);
        assert_eq!(paths.path("file:///flink-data/cp/").as_deref(), Some("/flink-data/cp"));
        assert_eq!(paths.path("/flink-data").as_deref(), Some("/flink-data"));
        for elsewhere in ["file:///tmp/cp", "s3://flink-data/cp", "/flink-data-2"] {
            assert_eq!(paths.path(elsewhere), None, "{elsewhere}");
        }
    }
}
