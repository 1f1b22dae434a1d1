//! A namespace for one test.

use std::thread;

use serde_json::Value;

use crate::command::Output;
use crate::kubernetes::{Kubernetes, LONG, wait_for};

/// A namespace, deleted with this value. When its test fails, what was in it is printed first.
#[derive(Debug)]
pub struct Namespace<'k> {
    kubernetes: &'k Kubernetes,
    name: String,
}

impl<'k> Namespace<'k> {
    /// Makes the namespace anew; one that an earlier run left is deleted first.
    pub(crate) fn create(kubernetes: &'k Kubernetes, name: &str) -> Self {
        kubernetes.kubectl(&["delete", "namespace", name, "--ignore-not-found"]).ok();
        kubernetes.apply(&format!(
            "apiVersion: v1\n\
             kind: Namespace\n\
             metadata:\n  name: {name}\n  labels:\n    \
             pod-security.kubernetes.io/enforce: restricted\n"
        ));
        let space = Self { kubernetes, name: name.to_owned() };
        // Without it no pod is let in.
        wait_for("the default service account", LONG, || {
            space.kubectl(&["get", "serviceaccount", "default"]).success.then_some(())
        });
        space
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `kubectl` in this namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubernetes.kubectl(&[&["-n", &self.name], arguments].concat())
    }

    /// Applies manifests in this namespace.
    ///
    /// # Panics
    /// Where the API server refuses them.
    #[track_caller]
    pub fn apply(&self, yaml: &str) {
        self.kubernetes.kubectl_with(&["-n", &self.name, "apply", "-f", "-"], Some(yaml)).ok();
    }

    /// Runs `helm` in this namespace.
    pub fn helm(&self, arguments: &[&str]) -> Output {
        self.kubernetes.helm(&[&["-n", &self.name], arguments].concat())
    }

    /// The pods that a selector such as `component=taskmanager` picks.
    pub fn pods(&self, selector: &str) -> Vec<Value> {
        let list = self.kubectl(&["get", "pods", "-o", "json", "-l", selector]).json();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The pods of a selector that are ready and not about to end.
    pub fn ready_pods(&self, selector: &str) -> Vec<Value> {
        let mut pods = self.pods(selector);
        pods.retain(|pod| {
            let conditions = pod["status"]["conditions"].as_array();
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            ready && pod["metadata"]["deletionTimestamp"].is_null()
        });
        pods
    }

    /// Asks a Service's REST API, see [`Kubernetes::rest_get`].
    pub fn rest_get(&self, service: &str, port: u16, path: &str) -> Option<Value> {
        self.kubernetes.rest_get(&self.name, service, port, path)
    }

    /// What a person would look at after a failure.
    fn describe(&self) {
        for arguments in [
            &["get", "all,pvc,endpointslices", "-o", "wide"][..],
            &["get", "events", "--sort-by=.lastTimestamp"],
        ] {
            let output = self.kubectl(arguments);
            eprintln!("$ {}\n{}{}", output.command, output.stdout, output.stderr);
        }
        let names = self.kubectl(&["get", "pods", "-o", "name"]);
        for name in names.stdout.lines() {
            for more in [&[][..], &["--previous"]] {
                let logs = self
                    .kubectl(&[&["logs", name, "--all-containers", "--tail=60"], more].concat());
                if logs.success && !logs.stdout.is_empty() {
                    eprintln!("$ {}\n{}", logs.command, logs.stdout);
                }
            }
        }
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.describe();
        }
        let deleted =
            self.kubernetes.kubectl(&["delete", "namespace", &self.name, "--timeout=90s"]);
        // A second panic would end the run.
        let fine = deleted.success || thread::panicking();
        assert!(fine, "namespace {} doesn't go away: {}", self.name, deleted.stderr);
    }
}
