//! The cluster itself has what the other tests rely on.

use sciurus_e2e::{Kubernetes, LONG, Test, test, wait_for};

use crate::shell_pod::{output, shell_pod};

pub fn tests() -> Vec<Test> {
    vec![
        test!(pods_share_a_claim_and_find_each_other_by_name),
        test!(pods_that_are_not_restricted_are_refused),
        test!(a_killed_node_is_lost_and_comes_back).on_testbed(),
        test!(a_claim_of_limited_size_fills_up).on_testbed(),
    ]
}

/// A pod with the claim that all pods of a test share; `more` goes on with its specification.
fn pod(name: &str, script: &str, more: &str) -> String {
    shell_pod(name, "shared", "/shared", script) + more
}

fn claim(class: &str, size: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: PersistentVolumeClaim\n\
         metadata: {{name: shared}}\n\
         spec:\n  accessModes: [ReadWriteMany]\n{class}  \
         resources: {{requests: {{storage: {size}}}}}\n"
    )
}

fn pods_share_a_claim_and_find_each_other_by_name(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-cluster");
    let service = "\
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: server}, ports: [{port: 8080}]}
";
    space.apply(&claim("", "1Gi"));
    space.apply(service);
    space.apply(&pod("server", "echo found > /shared/index.html; httpd -f -p 8080 -h /shared", ""));
    // Through the Service's address, the pod's own, and the claim; on another node where there is one.
    let apart = "  affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: \
                 [{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname, \
                 labelSelector: {matchLabels: {app: server}}}}]}}\n";
    let script = "get() { until printf \"GET /index.html HTTP/1.0\\r\\n\\r\\n\" | \
                  nc -w 2 $1 $2 | grep found; do sleep 0.2; done; }; get server 80 && \
                  get headless.e2e-cluster.svc.cluster.local 8080 && cat /shared/index.html";
    space.apply(&pod("client", script, apart));
    assert_eq!(output(&space, "client"), "found\n".repeat(3));
    let path = "/api/v1/namespaces/e2e-cluster/services/server:80/proxy/";
    assert_eq!(kubernetes.kubectl(&["get", "--raw", path]).ok(), "found\n");
    let forward = kubernetes.port_forward(space.name(), "svc/server", 80);
    let body = ureq::get(forward.url("/")).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(body, "found\n");
}

fn pods_that_are_not_restricted_are_refused(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-restricted");
    let refused = space.kubectl(&["run", "root", "--image=busybox:1.35"]).refused();
    assert!(refused.contains("violates PodSecurity"), "{refused}");
}

fn a_killed_node_is_lost_and_comes_back(kubernetes: &Kubernetes) {
    let node = kubernetes.nodes().pop().unwrap();
    kubernetes.kill_node(&node);
    wait_for("the node is lost", LONG, || (!kubernetes.is_node_ready(&node)).then_some(()));
    kubernetes.start_node(&node);
    kubernetes.wait_for_nodes();
}

fn a_claim_of_limited_size_fills_up(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-limited");
    space.apply(&claim("  storageClassName: limited\n", "1Mi"));
    space.apply(&pod("filler", "dd if=/dev/zero of=/shared/file bs=64k count=32", ""));
    wait_for("the filler to end", LONG, || {
        let phase = space.kubectl(&["get", "pod", "filler", "-ojsonpath={.status.phase}"]).ok();
        assert_ne!(phase, "Succeeded");
        (phase == "Failed").then_some(())
    });
    let log = space.kubectl(&["logs", "filler"]).ok();
    assert!(log.contains("No space left on device"), "{log}");
}
