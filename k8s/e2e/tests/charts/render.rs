//! What the chart makes of its values.

use serde_json::{Value, json};

use crate::helm::{CHART, Helm};

/// The arguments of the quick start.
const QUICK_START: [&str; 10] = [
    "--set",
    "image.tag=0.1.0",
    "--set",
    "jobManager.replicaCount=1",
    "--set",
    "taskManager.replicaCount=2",
    "--set",
    "taskManager.cpu=1",
    "--set",
    "taskManager.memory=1Gi",
];

fn container<'a>(object: &'a Value, name: &str) -> &'a Value {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    containers.iter().find(|container| container["name"] == name).unwrap()
}

fn config(object: &Value) -> Value {
    serde_saphyr::from_str(object["data"]["config.yaml"].as_str().unwrap()).unwrap()
}

fn args(container: &Value) -> Vec<&str> {
    container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect()
}

#[test]
fn the_chart_is_fine_with_and_without_all_it_has() {
    let Some(helm) = Helm::find() else { return };
    for set in [
        "image.tag=1",
        "edge.enabled=true",
        "checkpoints.enabled=true,job.jar=local:///x.jar",
        "hostNetwork=true,ingress.enabled=true,ingress.tlsSecret=tls,ingress.host=a.example",
        "taskManager.kind=Deployment,podDisruptionBudget.jobManager.minAvailable=1",
    ] {
        let said = helm.run(&["lint", "--strict", "--set", set, CHART]);
        assert!(said.is_ok(), "{set}: {said:?}");
    }
}

#[test]
fn the_quick_start_makes_a_session_cluster() {
    let Some(helm) = Helm::find() else { return };
    let objects = helm.objects(&QUICK_START);
    let workers = objects.get("StatefulSet", "x-taskmanager");
    assert_eq!(workers["spec"]["replicas"], 2);
    let worker = container(workers, "taskmanager");
    let amounts = json!({"cpu": "1", "memory": "1Gi"});
    assert_eq!(worker["resources"], json!({"limits": amounts, "requests": amounts}));
    // The memory follows the limit, whoever changes it.
    assert_eq!(args(worker)[1], "-Dtaskmanager.memory.process.size=$(MEMORY_LIMIT)");
    let master = objects.get("Deployment", "x-jobmanager");
    assert_eq!(args(container(master, "jobmanager"))[0], "jobmanager");
    let ports = objects.get("Service", "x-jobmanager")["spec"]["ports"].as_array().unwrap();
    let ports: Vec<_> = ports.iter().map(|port| port["port"].as_u64().unwrap()).collect();
    assert_eq!(ports, [6123, 6124, 8081, 8080]);
    let config = config(objects.get("ConfigMap", "x-config"));
    assert_eq!(config["jobmanager.rpc.address"], "x-jobmanager");
    assert_eq!(config["kubernetes.taskmanager.service"], "x-taskmanager");
}

#[test]
fn the_job_manager_may_list_and_watch_endpoint_slices_and_nothing_else() {
    let Some(helm) = Helm::find() else { return };
    let objects = helm.objects(&[]);
    let rules = json!([{
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    }]);
    assert_eq!(objects.get("Role", "x-jobmanager")["rules"], rules);
    for name in objects.names() {
        assert!(!name.starts_with("Cluster"), "{name} goes beyond the namespace");
    }
    // Only the JobManager's pod has a token.
    let token = "automountServiceAccountToken";
    let with_token = objects.pods().into_iter().filter(|pod| pod[token] != false).count();
    assert_eq!(with_token, 1);
    for set in ["discovery=false", "edge.enabled=true"] {
        let objects = helm.objects(&["--set", set]);
        assert!(objects.find("Role", "x-jobmanager").is_none(), "{set}");
        assert!(objects.pods().iter().all(|pod| pod[token] == false), "{set}");
    }
}

#[test]
fn all_pods_are_restricted_and_cannot_write_their_root() {
    let Some(helm) = Helm::find() else { return };
    for set in ["image.tag=1", "edge.enabled=true", "job.jar=local:///x.jar"] {
        let objects = helm.objects(&["--set", set]);
        assert!(objects.pods().len() >= 2, "{set}");
        for pod in objects.pods() {
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{container}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
            }
        }
    }
}

#[test]
fn settings_of_ones_own_win_nested_or_flat() {
    let Some(helm) = Helm::find() else { return };
    let set = r"configuration.rest.port=9,configuration.parallelism\.default=3";
    let flat = config(helm.objects(&["--set", set]).get("ConfigMap", "x-config"));
    assert_eq!((&flat["rest.port"], &flat["parallelism.default"]), (&json!(9), &json!(3)));
    assert!(flat.get("rest").is_none(), "{flat}");
}

#[test]
fn checkpoints_lie_on_a_claim_that_all_pods_mount() {
    let Some(helm) = Helm::find() else { return };
    let on = ["--set", "checkpoints.enabled=true"];
    let claim_of = |pod: &Value| {
        let volumes = pod["volumes"].as_array().unwrap();
        let state = volumes.iter().find(|volume| volume["name"] == "state");
        state.map(|volume| volume["persistentVolumeClaim"]["claimName"].clone())
    };
    let objects = helm.objects(&on);
    assert_eq!(
        objects.get("PersistentVolumeClaim", "x-state")["spec"]["accessModes"],
        json!(["ReadWriteMany"])
    );
    let claims: Vec<_> = objects.pods().into_iter().filter_map(claim_of).collect();
    assert_eq!(claims, ["x-state", "x-state"]);
    let config = config(objects.get("ConfigMap", "x-config"));
    assert_eq!(config["execution.checkpointing.dir"], "file:///opt/flink/state/checkpoints");
    assert_eq!(config["high-availability.type"], "filesystem");

    // A volume of one node keeps all pods there.
    let once = [&on[..], &["--set", "checkpoints.accessModes={ReadWriteOnce}"]].concat();
    let objects = helm.objects(&once);
    for (kind, name) in [("Deployment", "x-jobmanager"), ("StatefulSet", "x-taskmanager")] {
        let affinity = &objects.get(kind, name)["spec"]["template"]["spec"]["affinity"];
        let terms = &affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(terms[0]["labelSelector"]["matchLabels"]["app"], "x", "{name}");
    }

    // The StatefulSet's own claim, which the JobManager mounts as well.
    let template = [&on[..], &["--set", "checkpoints.claim=Template"]].concat();
    let objects = helm.objects(&template);
    assert!(objects.find("PersistentVolumeClaim", "x-state").is_none());
    let made = &objects.get("StatefulSet", "x-taskmanager")["spec"]["volumeClaimTemplates"];
    assert_eq!(made[0]["metadata"]["name"], "state");
    let master = &objects.get("Deployment", "x-jobmanager")["spec"]["template"]["spec"];
    assert_eq!(claim_of(master), Some(json!("state-x-taskmanager-0")));
}

#[test]
fn an_application_cluster_runs_its_job() {
    let Some(helm) = Helm::find() else { return };
    let set = "job.jar=local:///j.jar,job.entryClass=billing,job.args={--rps,5},job.parallelism=2,\
               job.fromSavepoint=/s";
    let objects = helm.objects(&["--set", set]);
    let args = args(container(objects.get("Deployment", "x-jobmanager"), "jobmanager"));
    let memory = "-Djobmanager.memory.process.size=$(MEMORY_LIMIT)";
    let expected = [
        "standalone-job",
        memory,
        "-Dparallelism.default=2",
        "--fromSavepoint",
        "/s",
        "--job-classname",
        "billing",
        "--jars",
        "local:///j.jar",
        "--rps",
        "5",
    ];
    assert_eq!(args, expected);
    // How it ended can be looked at.
    let config = config(objects.get("ConfigMap", "x-config"));
    assert_eq!(config["execution.shutdown-on-application-finish"], false);
}

#[test]
fn the_edge_profile_is_one_pod_of_64_mib() {
    let Some(helm) = Helm::find() else { return };
    let objects = helm.objects(&["--set", "edge.enabled=true"]);
    assert!(objects.find("StatefulSet", "x-taskmanager").is_none());
    let pod = objects.get("Deployment", "x-jobmanager");
    let limit = |name| {
        let memory = &container(pod, name)["resources"]["limits"]["memory"];
        memory.as_str().unwrap().trim_end_matches("Mi").parse::<u64>().unwrap()
    };
    assert_eq!(limit("jobmanager") + limit("taskmanager"), 64);
}

#[test]
fn network_policies_open_what_a_port_is_there_for() {
    let Some(helm) = Helm::find() else { return };
    let rest_from = |set: &str| {
        let objects = helm.objects(&["--set", set]);
        let policy = &objects.get("NetworkPolicy", "x-jobmanager")["spec"];
        assert_eq!(policy["ingress"][0]["ports"], json!([{"port": 6123}, {"port": 6124}]));
        policy["ingress"][1].get("from").cloned()
    };
    assert_eq!(rest_from("image.tag=1"), Some(json!([{"podSelector": {}}])));
    assert_eq!(rest_from("jobManager.webService.type=NodePort"), None);
    assert_eq!(rest_from("ingress.enabled=true"), None);
    let named = rest_from("networkPolicy.restFrom[0].ipBlock.cidr=10.0.0.0/8,ingress.enabled=true");
    assert_eq!(named, Some(json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}])));
    let objects = helm.objects(&["--set", "networkPolicy.enabled=false"]);
    assert!(objects.names().iter().all(|name| !name.starts_with("NetworkPolicy")));
}

#[test]
fn what_cannot_work_is_refused_with_the_reason() {
    let Some(helm) = Helm::find() else { return };
    for (set, reason) in [
        (
            "jobManager.replicaCount=2",
            "several JobManagers, one of which leads, are not supported yet",
        ),
        (
            "checkpoints.enabled=true,checkpoints.claim=Existing",
            "checkpoints.existingClaim is empty",
        ),
        (
            "checkpoints.enabled=true,checkpoints.claim=Template,taskManager.replicaCount=2",
            "all pods need the same one",
        ),
        ("jobManager.replicas=1", "'replicas' not allowed"),
        ("taskManager.memory=lots", "does not match pattern"),
        ("jobManager.webService.type=Public", "value must be one of 'ClusterIP'"),
    ] {
        let error = helm.template("x", &["--set", set]).unwrap_err();
        assert!(error.contains(reason), "{set}: {error}");
    }
}

#[test]
fn monitoring_finds_the_pods_and_has_the_alerts() {
    let Some(helm) = Helm::find() else { return };
    let on = "monitoring.enabled=true,monitoring.labels.release=p";
    let objects = helm.objects(&["--set", on]);
    for (kind, component) in [("Deployment", "jobmanager"), ("StatefulSet", "taskmanager")] {
        let monitor = objects.get("PodMonitor", &format!("x-{component}"));
        assert_eq!(monitor["metadata"]["labels"]["release"], "p");
        assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], "metrics");
        let pods = objects.get(kind, &format!("x-{component}"));
        let labels = &pods["spec"]["template"]["metadata"]["labels"];
        let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
        assert!(wanted.iter().all(|(name, value)| labels[name] == *value), "{labels}");
        let ports = container(pods, component)["ports"].as_array().unwrap();
        assert!(ports.contains(&json!({"name": "metrics", "containerPort": 9249})), "{ports:?}");
        let policy = objects.get("NetworkPolicy", &format!("x-{component}"));
        let ingress = policy["spec"]["ingress"].as_array().unwrap();
        assert!(ingress.contains(&json!({"ports": [{"port": 9249}]})), "{ingress:?}");
    }
    let alerts = std::fs::read_to_string(crate::repository().join("k8s/monitoring/alerts.yaml"));
    let alerts: Value = serde_saphyr::from_str(&alerts.unwrap()).unwrap();
    assert_eq!(objects.get("PrometheusRule", "x")["spec"], alerts);
    let config = config(objects.get("ConfigMap", "x-config"));
    assert_eq!(config["metrics.reporters"], "prom");

    let edge = helm.objects(&["--set", &format!("{on},edge.enabled=true,monitoring.rules=false")]);
    let endpoints = &edge.get("PodMonitor", "x-jobmanager")["spec"]["podMetricsEndpoints"];
    assert_eq!(endpoints[1]["port"], "metrics-tm");
    assert!(!edge.names().iter().any(|name| name.contains("PrometheusRule")));
}
