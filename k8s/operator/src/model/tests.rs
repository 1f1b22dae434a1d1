//! From specifications to what they mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Kind, Launch, Model, Names, SpecError, cluster, effective, session_job};
use crate::resources::{ClusterSpec, FlinkSessionJobSpec, UpgradeMode};

fn read(kind: Kind, spec: Value) -> Result<Model, SpecError> {
    let spec: ClusterSpec = serde_json::from_value(spec).unwrap();
    cluster(kind, "word-count-job", &BTreeMap::new(), &spec)
}

fn word_count() -> Value {
    json!({
        "image": "flink:1.16.0-scala_2.12-java11",
        "flinkVersion": "v1_16",
        "jobManager": {"replicas": 1, "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "500m", "memory": "512Mi"},
        }},
        "taskManager": {"replicas": 2, "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "500m", "memory": "512Mi"},
        }},
        "job": {
            "jarFile": "local:///opt/flink/examples/streaming/WordCount.jar",
            "parallelism": 2,
            "upgradeMode": "stateless",
        },
    })
}

#[test]
fn a_flink_job_means_what_it_says() {
    let model = read(Kind::FlinkJob, word_count()).unwrap();
    let cluster = model.cluster.unwrap();
    assert_eq!(cluster.image, None, "Apache's image is replaced");
    assert_eq!(cluster.task_manager.replicas, 2);
    assert_eq!(cluster.task_manager.resources["limits"], json!({"cpu": "1", "memory": "1Gi"}));
    let job = model.job.unwrap();
    assert_eq!(job.package.as_deref(), Some("/opt/flink/examples/streaming/WordCount.jar"));
    assert_eq!((job.parallelism, job.runs, job.upgrade_mode), (2, true, UpgradeMode::Stateless));
    assert_eq!(model.without_effect, Vec::<String>::new());
}

#[test]
fn aliases_mean_the_same() {
    let mut other = word_count();
    let job = other["job"].as_object_mut().unwrap();
    let jar = job.remove("jarFile").unwrap();
    job.insert("jarURI".to_owned(), jar);
    job.insert("className".to_owned(), "word_count".into());
    other["image"] = json!({"name": "flink:1.16"});
    other["serviceAccountName"] = "flink".into();
    other["flinkProperties"] = json!({"taskmanager": {"numberOfTaskSlots": 2}});
    let mut plain = word_count();
    plain["job"]["entryClass"] = "word_count".into();
    plain["serviceAccount"] = "flink".into();
    plain["flinkConfiguration"] = json!({"taskmanager.numberOfTaskSlots": "2"});
    assert_eq!(read(Kind::FlinkJob, other), read(Kind::FlinkJob, plain));
}

#[test]
fn an_apache_deployment_means_what_it_says() {
    let model = read(
        Kind::FlinkDeployment,
        json!({
            "image": "flink:1.20",
            "flinkVersion": "v1_20",
            "mode": "native",
            "flinkConfiguration": {
                "taskmanager.numberOfTaskSlots": "2",
                "state.savepoints.dir": "file:///flink-data/savepoints",
                "state.checkpoints.dir": "file:///flink-data/checkpoints",
                "high-availability.type": "kubernetes",
                "high-availability.storageDir": "s3://bucket/ha",
                "job.autoscaler.enabled": "true",
            },
            "serviceAccount": "flink",
            "jobManager": {"resource": {"memory": "2048m", "cpu": 0.5}},
            "taskManager": {"resource": {"memory": "1500m", "cpu": 1}},
            "job": {"jarURI": "local:///x.jar", "parallelism": 5, "upgradeMode": "savepoint"},
        }),
    )
    .unwrap();
    let cluster = model.cluster.unwrap();
    assert_eq!(cluster.task_manager.replicas, 3, "5 subtasks need 3 of 2 slots");
    assert_eq!(cluster.job_manager.resources["requests"], json!({"cpu": "500m", "memory": "2Gi"}));
    assert_eq!(cluster.configuration["high-availability.type"], "NONE");
    let job = model.job.unwrap();
    assert_eq!(job.savepoint_directory.as_deref(), Some("file:///flink-data/savepoints"));
    assert_eq!(job.checkpoint_directory.as_deref(), Some("file:///flink-data/checkpoints"));
    for part in ["mode native", "job.autoscaler.enabled", "high-availability.type"] {
        assert!(
            model.without_effect.iter().any(|text| text.contains(part)),
            "{part}: {:?}",
            model.without_effect
        );
    }
}

#[test]
fn all_that_is_wrong_is_told_together() {
    let error = read(
        Kind::FlinkJob,
        json!({
            "flinkConfiguration": {"rest.port": "-1"},
            "jobManager": {"resource": {"memory": "lots"}},
            "job": {"jarURI": "s3://bucket/x.jar", "upgradeMode": "savepoint"},
            "hooks": {"afterStart": [{"name": "a"}]},
        }),
    )
    .unwrap_err();
    for part in [
        "flinkConfiguration: rest.port: '-1'",
        "jobManager.resource.memory: 'lots'",
        "'s3://bucket/x.jar' is no local:// path",
        "set execution.checkpointing.savepoint-dir",
        "hooks.afterStart: 'a' needs either job or http",
    ] {
        assert!(error.to_string().contains(part), "{part} is not in: {error}");
    }
    let error = read(Kind::FlinkJob, json!({})).unwrap_err().to_string();
    assert!(error.contains("a FlinkJob needs one"), "{error}");
    assert!(read(Kind::FlinkCluster, json!({})).unwrap().is_session_cluster());
    let spec = ClusterSpec::default();
    for name in ["Upper", "1st", "a.b", "a".repeat(46).as_str()] {
        assert!(cluster(Kind::FlinkCluster, name, &BTreeMap::new(), &spec).is_err(), "{name}");
    }
}

#[test]
fn the_annotation_keeps_an_image_of_apache() {
    let spec: ClusterSpec = serde_json::from_value(word_count()).unwrap();
    let annotations = [("sciurus/keep-image".to_owned(), "true".to_owned())].into();
    let model = cluster(Kind::FlinkJob, "a", &annotations, &spec).unwrap();
    let image = model.cluster.unwrap().image;
    assert_eq!(image.as_deref(), Some("flink:1.16.0-scala_2.12-java11"));
}

#[test]
fn replicas_give_the_parallelism_where_nothing_else_does() {
    let parallelism = |spec: Value| read(Kind::FlinkJob, spec).unwrap().job.unwrap().parallelism;
    let slots = json!({"taskmanager.numberOfTaskSlots": 2});
    let mut spec = json!({
        "flinkConfiguration": slots,
        "taskManager": {"replicas": 3},
        "job": {"jarFile": "/x.jar"},
    });
    assert_eq!(parallelism(spec.clone()), 6);
    spec["job"]["parallelism"] = json!(4);
    assert_eq!(parallelism(spec.clone()), 4);
    spec["flinkConfiguration"]["scheduler-mode"] = "reactive".into();
    assert_eq!(parallelism(spec), 6);
}

#[test]
fn a_session_job_names_its_cluster() {
    let read = |spec: Value| {
        session_job("a", &serde_json::from_value::<FlinkSessionJobSpec>(spec).unwrap())
    };
    let model = read(json!({
        "deploymentName": "session",
        "flinkConfiguration": {"execution.checkpointing.interval": "10 s"},
        "job": {"jarURI": "local:///opt/flink/examples/streaming/WordCount.jar", "parallelism": 2,
                "upgradeMode": "savepoint"},
    }))
    .unwrap();
    let job = model.job.unwrap();
    assert_eq!(job.session_cluster.as_deref(), Some("session"));
    assert_eq!(job.configuration["execution.checkpointing.interval"], "10 s");
    let error = read(json!({"deploymentName": "session"})).unwrap_err().to_string();
    assert!(error.contains("job: say which job is run"), "{error}");
}

fn settings(spec: Value) -> BTreeMap<String, String> {
    let model = read(Kind::FlinkJob, spec).unwrap();
    let names = Names {
        kind: Kind::FlinkJob,
        name: "a".to_owned(),
        namespace: "n".to_owned(),
        uid: "0".repeat(32),
    };
    let launch = Launch {
        job_id: "1".repeat(32),
        savepoint: None,
        claims_savepoint: false,
        image: "i".to_owned(),
    };
    effective(model.cluster.as_ref().unwrap(), model.job.as_ref(), &names, &launch)
}

#[test]
fn accepted_jobs_are_kept_where_checkpoints_lie_on_a_volume() {
    let mut spec = word_count();
    spec["flinkConfiguration"] = json!({"execution.checkpointing.dir": "file:///data/cp"});
    assert!(!settings(spec.clone()).contains_key("high-availability.type"));
    spec["podTemplate"] = json!({"spec": {
        "containers": [{
            "name": "flink-main-container",
            "volumeMounts": [{"name": "v", "mountPath": "/data"}],
        }],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    }});
    let found = settings(spec);
    assert_eq!(found["high-availability.type"], "filesystem");
    assert_eq!(found["high-availability.storageDir"], "/data/cp/ha");
    assert_eq!(found["high-availability.cluster-id"], "1".repeat(32));
}

#[test]
fn processes_are_told_where_they_are_and_to_keep_results_and_checkpoints() {
    let found = settings(word_count());
    for (key, value) in [
        ("jobmanager.rpc.address", "a.n"),
        ("rest.address", "a-rest.n"),
        ("taskmanager.rpc.port", "6122"),
        ("taskmanager.numberOfTaskSlots", "1"),
        ("parallelism.default", "2"),
        ("execution.shutdown-on-application-finish", "false"),
        ("execution.submit-failed-job-on-application-error", "true"),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
        ("health.port", "8085"),
        ("metrics.reporters", "prom"),
        ("metrics.reporter.prom.port", "9249"),
    ] {
        assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
    }
}
