//! The objects of clusters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FINGERPRINT, Object, ObjectKind, Scale, cluster_objects, hook_job, hook_job_name};
use crate::model::{self, Kind, Launch, Names};
use crate::resources::{ClusterSpec, HookSpec};

fn names() -> Names {
    Names {
        kind: Kind::FlinkJob,
        name: "wc".to_owned(),
        namespace: "flink".to_owned(),
        uid: "6f2b6d1c-0000-4000-8000-000000000001".to_owned(),
    }
}

fn objects(spec: Value, savepoint: Option<&str>) -> Vec<Object> {
    let spec: ClusterSpec = serde_json::from_value(spec).unwrap();
    let model = model::cluster(Kind::FlinkJob, "wc", &BTreeMap::new(), &spec).unwrap();
    let launch = Launch {
        job_id: names().job_id(1),
        savepoint: savepoint.map(str::to_owned),
        claims_savepoint: false,
        image: "sciurus:0.1.0".to_owned(),
    };
    let cluster = model.cluster.unwrap();
    let task_managers = cluster.task_manager.replicas;
    let scale = Scale { has_job_manager: true, task_managers };
    cluster_objects(&cluster, model.job.as_ref(), &names(), &launch, scale)
}

fn find<'a>(objects: &'a [Object], kind: ObjectKind, name: &str) -> &'a Value {
    &objects.iter().find(|object| object.kind == kind && object.name == name).unwrap().body
}

fn spec() -> Value {
    json!({
        "taskManager": {"replicas": 2, "resource": {"memory": "1g", "cpu": 1}},
        "job": {
            "jarURI": "local:///opt/flink/examples/streaming/WordCount.jar",
            "entryClass": "word_count",
            "args": ["--input", "/x"],
            "parallelism": 2,
        },
    })
}

#[test]
fn a_job_s_job_manager_is_told_what_to_run() {
    let objects = objects(spec(), Some("file:///sp/1"));
    let deployment = find(&objects, ObjectKind::Deployment, "wc");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], "flink-main-container");
    assert_eq!(container["image"], "sciurus:0.1.0");
    assert_eq!(container["command"], json!(["/docker-entrypoint.sh"]));
    assert_eq!(
        container["args"],
        json!([
            "standalone-job",
            "--job-id",
            "6f2b6d1c000040008000000000000002",
            "--jars",
            "/opt/flink/examples/streaming/WordCount.jar",
            "--job-classname",
            "word_count",
            "--fromSavepoint",
            "file:///sp/1",
            "--input",
            "/x",
        ])
    );
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let owner = &deployment["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("FlinkJob"), &json!("wc")));
    let selector = &deployment["spec"]["selector"]["matchLabels"];
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for (key, value) in selector.as_object().unwrap() {
        assert_eq!(&labels[key], value);
    }
}

#[test]
fn task_managers_are_as_many_and_as_large_as_specified() {
    let objects = objects(spec(), None);
    let deployment = find(&objects, ObjectKind::Deployment, "wc-taskmanager");
    assert_eq!(deployment["spec"]["replicas"], 2);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["taskmanager"]));
    assert_eq!(container["resources"]["limits"], json!({"cpu": "1000m", "memory": "1Gi"}));
}

#[test]
fn pods_are_let_into_restricted_namespaces() {
    for name in ["wc", "wc-taskmanager"] {
        let objects = objects(spec(), None);
        let pod = &find(&objects, ObjectKind::Deployment, name)["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["automountServiceAccountToken"], false);
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        }
    }
}

#[test]
fn a_pod_template_is_kept_but_for_what_has_to_be() {
    let mut spec = spec();
    spec["podTemplate"] = json!({
        "metadata": {"annotations": {"mine": "1"}},
        "spec": {
            "containers": [
                {"name": "sidecar", "image": "side:1"},
                {
                    "name": "flink-main-container",
                    "image": "other:1",
                    "args": ["nonsense"],
                    "env": [{"name": "MINE", "value": "2"}],
                    "volumeMounts": [{"name": "v", "mountPath": "/data"}],
                    "securityContext": {"readOnlyRootFilesystem": false},
                },
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "nodeSelector": {"disk": "ssd"},
        },
    });
    spec["jobManager"] = json!({"podTemplate": {"spec": {"nodeSelector": {"zone": "a"}}}});
    let objects = objects(spec, None);
    let template = &find(&objects, ObjectKind::Deployment, "wc")["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["mine"], "1");
    let pod = &template["spec"];
    assert_eq!(pod["nodeSelector"], json!({"disk": "ssd", "zone": "a"}));
    let containers = pod["containers"].as_array().unwrap();
    let main = containers.iter().find(|c| c["name"] == "flink-main-container").unwrap();
    assert_eq!(
        (&main["image"], &main["args"][0]),
        (&json!("sciurus:0.1.0"), &json!("standalone-job"))
    );
    assert_eq!(main["securityContext"]["readOnlyRootFilesystem"], false);
    assert_eq!(main["securityContext"]["allowPrivilegeEscalation"], false);
    let has = |list: &str, key: &str, value: &str| {
        main[list].as_array().unwrap().iter().any(|item| item[key] == value)
    };
    assert!(has("env", "name", "MINE") && has("env", "name", "POD_IP"));
    assert!(has("volumeMounts", "mountPath", "/data") && has("volumeMounts", "mountPath", "/tmp"));
    assert!(containers.iter().any(|container| container["name"] == "sidecar"));
}

#[test]
fn only_what_a_process_has_to_be_started_again_for_changes_its_pods() {
    let template = |objects: &[Object], name: &str| {
        find(objects, ObjectKind::Deployment, name)["spec"]["template"].clone()
    };
    let before = objects(spec(), None);
    let mut scaled = spec();
    scaled["taskManager"]["replicas"] = json!(4);
    scaled["job"]["parallelism"] = json!(4);
    let scaled = objects(scaled, None);
    for name in ["wc", "wc-taskmanager"] {
        assert_eq!(template(&before, name), template(&scaled, name));
    }
    let mut set = spec();
    set["flinkConfiguration"] = json!({"execution.checkpointing.interval": "1 s"});
    let set = objects(set, None);
    assert_ne!(template(&before, "wc"), template(&set, "wc"));
    assert_eq!(template(&before, "wc-taskmanager"), template(&set, "wc-taskmanager"));
    let mut slots = spec();
    slots["flinkConfiguration"] = json!({"taskmanager.numberOfTaskSlots": "2"});
    let slots = objects(slots, None);
    assert_ne!(template(&before, "wc-taskmanager"), template(&slots, "wc-taskmanager"));
}

#[test]
fn the_configuration_is_yaml_that_is_read_back() {
    let mut spec = spec();
    let odd = "a: \"b\" # c";
    spec["flinkConfiguration"] = json!({"pipeline.name": odd});
    let objects = objects(spec, None);
    let text = find(&objects, ObjectKind::ConfigMap, "flink-config-wc")["data"]["config.yaml"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = sciurus_core::config::file::parse_yaml(&text).unwrap();
    assert_eq!(read.text("pipeline.name"), Some(odd));
    assert_eq!(read.text("jobmanager.rpc.address"), Some("wc.flink"));
}

#[test]
fn an_ingress_leads_to_the_rest_api() {
    let mut spec = spec();
    spec["ingress"] = json!({
        "template": "{{name}}.{{namespace}}.example.org/ui(/|$)(.*)",
        "className": "nginx",
        "annotations": {"a": "b"},
    });
    let objects = objects(spec, None);
    let ingress = find(&objects, ObjectKind::Ingress, "wc-rest");
    let rule = &ingress["spec"]["rules"][0];
    assert_eq!(rule["host"], "wc.flink.example.org");
    let path = &rule["http"]["paths"][0];
    assert_eq!(path["path"], "/ui(/|$)(.*)");
    assert_eq!(path["backend"]["service"]["name"], "wc-rest");
    assert_eq!(ingress["metadata"]["annotations"]["a"], "b");
    assert!(ingress["metadata"]["annotations"][FINGERPRINT].is_string());
}

#[test]
fn a_hook_s_job_has_the_cluster_s_image_where_it_names_none() {
    let hook: HookSpec = serde_json::from_value(json!({
        "name": "warm",
        "job": {"podSpec": {"containers": [{"name": "a"}, {"name": "b", "image": "x"}]}},
    }))
    .unwrap();
    let job = hook_job(&names(), "start", &hook, 3, "sciurus:0.1.0", 60).unwrap();
    assert_eq!(job.name, "wc-start-warm-3");
    let spec = &job.body["spec"];
    assert_eq!(spec["activeDeadlineSeconds"], 60);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["containers"][0]["image"], "sciurus:0.1.0");
    assert_eq!(pod["containers"][1]["image"], "x");
    let long = Names { name: "n".repeat(45), ..names() };
    let hook = HookSpec { name: "h".repeat(20), ..hook };
    assert!(hook_job_name(&long, "upgrade", &hook, 99_999).len() <= 63);
}
