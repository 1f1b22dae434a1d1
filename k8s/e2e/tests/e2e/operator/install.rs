//! The operator by its chart.

use std::path::Path;

use sciurus_e2e::{Kubernetes, LONG, Test, test, wait_for};

use super::Scene;

pub fn tests() -> Vec<Test> {
    vec![test!(the_operator_is_small_and_has_the_rights_it_needs)]
}

const NAMESPACE: &str = "sciurus-operator";

/// An operator that is installed, and goes with this value.
pub struct Operator<'k>(&'k Kubernetes);

fn in_repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).display().to_string()
}

impl<'k> Operator<'k> {
    pub fn install(kubernetes: &'k Kubernetes) -> Self {
        let image = kubernetes.image();
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let chart = in_repository("k8s/helm/sciurus-operator");
        let crds = in_repository("k8s/crds");
        // Those of an earlier version stay where the chart is installed again.
        kubernetes.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &crds]).ok();
        let installed = kubernetes.helm(&[
            "upgrade",
            "--install",
            "sciurus-operator",
            &chart,
            "-n",
            NAMESPACE,
            "--create-namespace",
            "--set",
            &format!("image.repository={repository}"),
            "--set",
            &format!("image.tag={tag}"),
            "--wait",
            "--timeout",
            "120s",
        ]);
        if !installed.success {
            let pods = kubernetes.kubectl(&["-n", NAMESPACE, "describe", "pods"]);
            eprintln!("{}", pods.stdout);
        }
        installed.ok();
        Self(kubernetes)
    }

    pub fn log(kubernetes: &Kubernetes) -> String {
        kubernetes.kubectl(&["-n", NAMESPACE, "logs", "deployment/sciurus-operator"]).stdout
    }
}

impl Drop for Operator<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the operator's log:\n{}", Self::log(self.0));
        }
        let gone = self.0.helm(&["uninstall", "sciurus-operator", "-n", NAMESPACE, "--wait"]);
        let crds = in_repository("k8s/crds");
        self.0.kubectl(&["delete", "-f", &crds, "--ignore-not-found", "--timeout=60s"]);
        self.0.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=60s"]);
        assert!(gone.success || std::thread::panicking(), "{}", gone.stderr);
    }
}

/// The most memory that an operator with little to do may take, in bytes.
const MAX_IDLE_BYTES: f64 = 30.0 * 1024.0 * 1024.0;

fn the_operator_is_small_and_has_the_rights_it_needs(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-operator");
    scene.space.apply(
        "{apiVersion: flink.apache.org/v1beta1, kind: FlinkCluster, metadata: {name: session}, spec: {}}",
    );
    scene.lifecycle_is("flinkcluster/session", "STABLE");
    let metrics = || {
        let path = format!(
            "/api/v1/namespaces/{NAMESPACE}/pods/{}:9249/proxy/metrics",
            pod_name(kubernetes)
        );
        kubernetes.kubectl(&["get", "--raw", &path]).ok()
    };
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok())
    };
    let text = wait_for("the operator leads", LONG, || {
        let text = metrics();
        (value(&text, "sciurus_operator_leader") == Some(1.0)).then_some(text)
    });
    let bytes = value(&text, "process_resident_memory_bytes").unwrap();
    eprintln!("the operator takes {:.1} MiB", bytes / 1024.0 / 1024.0);
    assert!(bytes <= MAX_IDLE_BYTES, "{bytes}");
    let states = r#"sciurus_operator_resources{kind="FlinkCluster",state="STABLE"} 1"#;
    assert!(text.contains(states), "{text}");
    let log = Operator::log(kubernetes);
    assert!(!log.contains("forbidden"), "{log}");
    // It may do what its role says, and nothing else.
    let may = |verb: &str, what: &str| {
        let user = format!("--as=system:serviceaccount:{NAMESPACE}:sciurus-operator");
        kubernetes.kubectl(&["auth", "can-i", verb, what, &user, "-n", "default"]).success
    };
    assert!(may("patch", "deployments") && may("list", "pods"));
    for (verb, what) in
        [("delete", "pods"), ("get", "secrets"), ("create", "pods"), ("update", "deployments")]
    {
        assert!(!may(verb, what), "{verb} {what}");
    }
    scene.delete_without_trace("flinkcluster/session");
}

fn pod_name(kubernetes: &Kubernetes) -> String {
    let pods = kubernetes.kubectl(&["-n", NAMESPACE, "get", "pods", "-o", "json"]).json();
    pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
}
