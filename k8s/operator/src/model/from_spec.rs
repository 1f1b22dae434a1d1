//! From what users write to what it means.

use std::collections::BTreeMap;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::cluster::{self as ha, HighAvailabilityType};
use sciurus_core::config::options::{checkpointing, pipeline, taskmanager};
use sciurus_core::config::validate::{self, Strictness};
use serde_json::{Map, Value, json};

use super::configuration::{flatten, scalar_text};
use super::image::{KEEP_IMAGE, is_apache};
use super::{Cluster, Component, Job, Kind, Model, quantity};
use crate::objects::merge;
use crate::resources::{
    ClusterSpec, ComponentSpec, FlinkSessionJobSpec, Image, ImageFields, JobSpec, JobState,
    ResourceSpec, UpgradeMode,
};

/// The longest name of a resource: names of its objects end with more, and Flink has this limit.
const MAX_NAME_BYTES: usize = 45;

/// Says all that is wrong with a specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the specification can't be used: {}", problems.join("; "))]
pub struct SpecError {
    /// What is wrong, each with the field.
    pub problems: Vec<String>,
}

/// Collects what is found while a specification is read.
#[derive(Default)]
struct Findings {
    problems: Vec<String>,
    without_effect: Vec<String>,
}

impl Findings {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn no_effect(&mut self, text: impl Into<String>) {
        self.without_effect.push(text.into());
    }

    /// Checks values and keys of a configuration.
    fn configuration(&mut self, configuration: &BTreeMap<String, String>) -> Configuration {
        let (ours, theirs) = configuration.iter().partition::<Vec<_>, _>(|(key, _)| {
            // The operator's own, some of which have an effect.
            key.starts_with("kubernetes.operator.") || key.starts_with("job.autoscaler.")
        });
        for (key, _) in ours {
            if ![SAVEPOINT_ON_DELETION, RESTART_FAILED].contains(&key.as_str()) {
                self.no_effect(format!("flinkConfiguration {key}"));
            }
        }
        let configuration = Configuration::from_pairs(
            theirs.into_iter().map(|(key, value)| (key.clone(), value.clone())),
        );
        match validate::validate(&configuration, Strictness::Lenient) {
            Ok(warnings) => {
                for warning in warnings {
                    if !matches!(warning, validate::Warning::Deprecated { .. }) {
                        self.no_effect(format!("flinkConfiguration: {warning}"));
                    }
                }
            }
            Err(invalid) => {
                for error in invalid.errors {
                    self.problem(format!("flinkConfiguration: {error}"));
                }
            }
        }
        configuration
    }
}

const SAVEPOINT_ON_DELETION: &str = "kubernetes.operator.job.savepoint-on-deletion";
const RESTART_FAILED: &str = "kubernetes.operator.job.restart.failed";

/// Reads a specification of a cluster.
///
/// # Errors
/// [`SpecError`] with all that is wrong.
pub fn cluster(
    kind: Kind,
    name: &str,
    annotations: &BTreeMap<String, String>,
    spec: &ClusterSpec,
) -> Result<Model, SpecError> {
    let mut found = Findings::default();
    check_name(&mut found, name);
    if kind == Kind::FlinkJob && spec.job.is_none() {
        found.problem("job: a FlinkJob needs one; a cluster without a job is a FlinkCluster");
    }
    let mut settings = flatten(&spec.flink_configuration);
    settings.extend(flatten(&spec.flink_properties));
    let configuration = found.configuration(&settings);
    check_high_availability(&mut found, &configuration, &mut settings);
    let slots = configuration.get_optional(&taskmanager::NUM_TASK_SLOTS).ok().flatten();
    let slots = slots.unwrap_or(1).max(1);
    let empty = ComponentSpec::default();
    let (jm, tm) =
        (spec.job_manager.as_ref().unwrap_or(&empty), spec.task_manager.as_ref().unwrap_or(&empty));
    if jm.replicas.is_some_and(|replicas| replicas != 1) {
        found.no_effect("jobManager.replicas other than 1: there is one JobManager");
    }
    if spec.mode.as_deref() == Some("native") {
        found.no_effect(
            "mode native: the operator makes all pods; taskManager.replicas says how many",
        );
    }
    if !spec.log_configuration.is_empty() {
        found.no_effect("logConfiguration: set sciurus.log.level in flinkConfiguration instead");
    }
    let is_reactive = settings
        .get("scheduler-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("reactive") && spec.job.is_some());
    if is_reactive {
        settings.insert("jobmanager.scheduler".to_owned(), "adaptive".to_owned());
    }
    let job = spec.job.as_ref().map(|job| {
        let asked = match (is_reactive, tm.replicas) {
            (true, Some(replicas)) => Some(replicas.max(1).unsigned_abs() * slots),
            _ => job.parallelism.map(i32::unsigned_abs),
        };
        let of_slots = tm.replicas.map(|replicas| replicas.unsigned_abs() * slots);
        let configured = configuration.get_optional(&pipeline::DEFAULT_PARALLELISM).ok().flatten();
        let parallelism = asked.or(configured).or(of_slots).unwrap_or(1).max(1);
        read_job(&mut found, job, parallelism, &configuration, &settings, true)
    });
    // The operator's own are in the model; processes don't know them.
    settings.retain(|key, _| !key.starts_with("kubernetes.operator."));
    let needed = job.as_ref().map_or(1, |job| job.parallelism.div_ceil(slots));
    let replicas = tm.replicas.unwrap_or_else(|| i32::try_from(needed).unwrap_or(i32::MAX));
    let image = read_image(spec);
    let keeps = annotations.get(KEEP_IMAGE).is_some_and(|value| value == "true");
    let name_of_image = Some(image.name).filter(|name| !name.is_empty());
    let cluster = Cluster {
        image: name_of_image.filter(|name| keeps || !is_apache(name)),
        image_pull_policy: image.pull_policy.unwrap_or_else(|| "IfNotPresent".to_owned()),
        image_pull_secrets: image.pull_secrets,
        service_account: spec.service_account.clone().or(spec.service_account_name.clone()),
        configuration: settings,
        files: spec.log_configuration.clone(),
        ingress: spec.ingress.clone(),
        slots,
        job_manager: component(&mut found, "jobManager", spec, jm, 1),
        task_manager: component(&mut found, "taskManager", spec, tm, replicas.max(0)),
    };
    finish(
        found,
        Model {
            cluster: Some(cluster),
            job,
            restart_nonce: spec.restart_nonce,
            hooks: spec.hooks.clone().unwrap_or_default(),
            without_effect: Vec::new(),
        },
    )
}

/// Reads a specification of a job on a session cluster.
///
/// # Errors
/// [`SpecError`] with all that is wrong.
pub fn session_job(name: &str, spec: &FlinkSessionJobSpec) -> Result<Model, SpecError> {
    let mut found = Findings::default();
    check_name(&mut found, name);
    if spec.deployment_name.is_empty() {
        found.problem("deploymentName: name a session cluster of the same namespace");
    }
    let settings = flatten(&spec.flink_configuration);
    let configuration = found.configuration(&settings);
    let default = JobSpec::default();
    if spec.job.is_none() {
        found.problem("job: say which job is run");
    }
    let job = spec.job.as_ref().unwrap_or(&default);
    let configured = configuration.get_optional(&pipeline::DEFAULT_PARALLELISM).ok().flatten();
    let parallelism = job.parallelism.map(i32::unsigned_abs).or(configured).unwrap_or(1).max(1);
    let mut job = read_job(&mut found, job, parallelism, &configuration, &settings, false);
    job.session_cluster = Some(spec.deployment_name.clone());
    let theirs = settings.into_iter().filter(|(key, _)| !key.starts_with("kubernetes.operator."));
    job.configuration = theirs.collect();
    if spec.job.is_some() && job.package.is_none() {
        found.problem("job.jarURI: name the job's package, as local:///path in the image");
    }
    finish(
        found,
        Model {
            cluster: None,
            job: Some(job),
            restart_nonce: spec.restart_nonce,
            hooks: spec.hooks.clone().unwrap_or_default(),
            without_effect: Vec::new(),
        },
    )
}

fn finish(mut found: Findings, mut model: Model) -> Result<Model, SpecError> {
    for (list, hooks) in [
        ("beforeUpgrade", &model.hooks.before_upgrade),
        ("afterStart", &model.hooks.after_start),
        ("beforeDeletion", &model.hooks.before_deletion),
    ] {
        for hook in hooks {
            if hook.job.is_some() == hook.http.is_some() {
                found.problem(format!("hooks.{list}: '{}' needs either job or http", hook.name));
            }
            if hooks.iter().filter(|other| other.name == hook.name).count() > 1 {
                found.problem(format!("hooks.{list}: there are several called '{}'", hook.name));
            }
        }
    }
    if found.problems.is_empty() {
        model.without_effect = found.without_effect;
        Ok(model)
    } else {
        found.problems.dedup();
        Err(SpecError { problems: found.problems })
    }
}

fn check_name(found: &mut Findings, name: &str) {
    let is_label = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_label || name.len() > MAX_NAME_BYTES {
        found.problem(format!(
            "metadata.name: at most {MAX_NAME_BYTES} lower-case letters, digits and '-', a letter \
             first, as Services are named after it"
        ));
    }
}

/// Takes high availability back where its storage is none that a JobManager can use.
fn check_high_availability(
    found: &mut Findings,
    configuration: &Configuration,
    settings: &mut BTreeMap<String, String>,
) {
    let kind = configuration.get_optional(&ha::HIGH_AVAILABILITY_TYPE).ok().flatten();
    let storage = configuration.get_optional(&ha::HIGH_AVAILABILITY_STORAGE_DIR).ok().flatten();
    let wanted = kind.is_some_and(|kind| kind != HighAvailabilityType::None);
    let is_file = storage.is_some_and(|at| !at.contains("://") || at.starts_with("file://"));
    if wanted && !is_file {
        found.no_effect(
            "flinkConfiguration high-availability.type: accepted jobs are kept in a directory on a \
             volume only; set high-availability.storageDir to one",
        );
        settings.insert("high-availability.type".to_owned(), "NONE".to_owned());
        settings.remove("high-availability");
    }
}

fn read_image(spec: &ClusterSpec) -> ImageFields {
    let mut image = match spec.image.clone() {
        Some(Image::Name(name)) => ImageFields { name, ..ImageFields::default() },
        Some(Image::Fields(fields)) => fields,
        None => ImageFields::default(),
    };
    if let Some(policy) = &spec.image_pull_policy {
        image.pull_policy = Some(policy.clone());
    }
    image
}

fn read_job(
    found: &mut Findings,
    spec: &JobSpec,
    parallelism: u32,
    configuration: &Configuration,
    settings: &BTreeMap<String, String>,
    has_own_cluster: bool,
) -> Job {
    let jar = spec.jar_uri.as_ref().or(spec.jar_file.as_ref()).filter(|jar| !jar.is_empty());
    let package = jar.and_then(|jar| {
        let path = local_path(jar);
        if path.is_none() {
            found.problem(format!(
                "job.jarURI: '{jar}' is no local:// path; put the package into the image or on a \
                 volume, and name its path there"
            ));
        }
        path
    });
    let entry = spec.entry_class.as_ref().or(spec.class_name.as_ref());
    let upgrade_mode = spec.upgrade_mode.unwrap_or_default();
    let text = |option| configuration.get_optional(option).ok().flatten();
    let checkpoint_directory: Option<String> = text(&checkpointing::DIR);
    let savepoint_directory: Option<String> = text(&checkpointing::SAVEPOINT_DIR);
    // A session cluster's settings hold for its jobs, too.
    match upgrade_mode {
        _ if !has_own_cluster => {}
        UpgradeMode::Savepoint if savepoint_directory.is_none() => found.problem(
            "job.upgradeMode savepoint: set execution.checkpointing.savepoint-dir in \
             flinkConfiguration",
        ),
        UpgradeMode::LastState if checkpoint_directory.is_none() => found.problem(
            "job.upgradeMode last-state: set execution.checkpointing.dir in flinkConfiguration",
        ),
        _ => {}
    }
    if spec.autoscaler_reset_nonce.is_some() {
        found.no_effect("job.autoscalerResetNonce: there is no autoscaler");
    }
    let is_on = |key: &str| settings.get(key).is_some_and(|value| value == "true");
    Job {
        package,
        entry: entry.filter(|entry| !entry.is_empty()).cloned(),
        arguments: spec.args.clone(),
        parallelism,
        runs: spec.state.unwrap_or_default() == JobState::Running,
        upgrade_mode,
        initial_savepoint: spec.initial_savepoint_path.clone().or(spec.from_savepoint.clone()),
        allows_non_restored_state: spec.allow_non_restored_state.unwrap_or(false),
        savepoint_nonce: spec.savepoint_trigger_nonce,
        checkpoint_nonce: spec.checkpoint_trigger_nonce,
        redeploy_nonce: spec.savepoint_redeploy_nonce,
        session_cluster: None,
        configuration: BTreeMap::new(),
        checkpoint_directory,
        savepoint_directory,
        savepoint_on_deletion: is_on(SAVEPOINT_ON_DELETION),
        restarts_failed: is_on(RESTART_FAILED),
    }
}

/// Returns the path that `local:///path`, `file:///path` or a path names.
fn local_path(jar: &str) -> Option<String> {
    let path = match jar.split_once(':') {
        Some(("local" | "file", rest)) => rest,
        Some(_) => return None,
        None => jar,
    };
    path.starts_with('/').then(|| format!("/{}", path.trim_start_matches('/')))
}

fn component(
    found: &mut Findings,
    field: &str,
    spec: &ClusterSpec,
    own: &ComponentSpec,
    replicas: i32,
) -> Component {
    let mut template = Value::Object(Map::new());
    for layer in [&spec.pod_template, &own.pod_template].into_iter().flatten() {
        merge::lay_over(&mut template, layer);
    }
    let Value::Object(pod_template) = template else { return Component::default() };
    Component {
        replicas,
        resources: resources(found, field, own),
        pod_template,
        volumes: own.volumes.clone(),
        volume_mounts: own.volume_mounts.clone(),
    }
}

/// Returns requests and limits: those of `resources`, else those that follow from `resource`.
fn resources(found: &mut Findings, field: &str, own: &ComponentSpec) -> Map<String, Value> {
    let mut all = Map::new();
    if let Some(resource) = &own.resource {
        let amounts = amounts(found, field, resource);
        all.insert("limits".to_owned(), Value::Object(amounts.clone()));
        all.insert("requests".to_owned(), Value::Object(amounts));
    }
    if let Some(resources) = &own.resources {
        for (name, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
            if !amounts.is_empty() {
                let texts = amounts.iter().map(|(k, v)| (k.clone(), scalar_text(v).into()));
                all.insert(name.to_owned(), Value::Object(texts.collect()));
            }
        }
    }
    all
}

fn amounts(found: &mut Findings, field: &str, resource: &ResourceSpec) -> Map<String, Value> {
    let mut amounts = Map::new();
    if let Some(cpu) = resource.cpu {
        if cpu > 0.0 && cpu.is_finite() {
            amounts.insert("cpu".to_owned(), json!(format!("{}m", (cpu * 1000.0).round() as i64)));
        } else {
            found.problem(format!("{field}.resource.cpu: {cpu} is no number of cores"));
        }
    }
    for (name, amount) in
        [("memory", &resource.memory), ("ephemeral-storage", &resource.ephemeral_storage)]
    {
        match amount.as_deref().map(quantity::memory) {
            Some(Ok(amount)) => {
                amounts.insert(name.to_owned(), amount.into());
            }
            Some(Err(reason)) => found.problem(format!("{field}.resource.{name}: {reason}")),
            None => {}
        }
    }
    amounts
}
