//! The operator and its custom resources.

mod install;
mod jobs;
mod mistakes;
mod state;

use std::time::Duration;

use sciurus_e2e::{LONG, Namespace, Test, wait_for};
use serde_json::Value;

use crate::shell_pod::shell_pod;
use install::Operator;

pub fn tests() -> Vec<Test> {
    [install::tests(), jobs::tests(), state::tests(), mistakes::tests()].concat()
}

/// Resources in a namespace of their own, and the operator that looks after them.
struct Scene<'k> {
    space: Namespace<'k>,
    /// Goes after the namespace: it has to end what is deleted with it.
    _operator: Operator<'k>,
}

impl<'k> Scene<'k> {
    fn new(kubernetes: &'k sciurus_e2e::Kubernetes, name: &str) -> Self {
        let operator = Operator::install(kubernetes);
        Self { space: kubernetes.namespace(name), _operator: operator }
    }

    fn get(&self, what: &str) -> Value {
        self.space.kubectl(&["get", what, "-o", "json"]).json()
    }

    fn events(&self) -> Vec<Value> {
        let events = self.get("events");
        events["items"].as_array().unwrap().clone()
    }

    /// Waits until a resource's status satisfies something, and returns the resource.
    #[track_caller]
    fn wait(&self, what: &str, why: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_long(what, why, LONG, holds)
    }

    #[track_caller]
    fn wait_long(
        &self,
        what: &str,
        why: &str,
        timeout: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let last = std::cell::RefCell::new(Value::Null);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(&format!("{what}: {why}"), timeout, || {
                let output = self.space.kubectl(&["get", what, "-o", "json"]);
                let found = output.success.then(|| output.json())?;
                let is_there = holds(&found);
                *last.borrow_mut() = found["status"].clone();
                is_there.then_some(found)
            })
        }));
        found.unwrap_or_else(|panic| {
            let status = serde_json::to_string_pretty(&*last.borrow()).unwrap();
            eprintln!("the status of {what} is {status}");
            std::panic::resume_unwind(panic)
        })
    }

    fn job_is(&self, what: &str, state: &str) -> Value {
        self.wait(what, state, |found| found["status"]["jobStatus"]["state"] == state)
    }

    fn lifecycle_is(&self, what: &str, state: &str) -> Value {
        self.wait(what, state, |found| found["status"]["lifecycleState"] == state)
    }

    /// Deletes a resource and checks that nothing of it is left.
    #[track_caller]
    fn delete_without_trace(&self, what: &str) {
        self.space.kubectl(&["delete", what, "--timeout=90s"]).ok();
        let kinds =
            "deployments,replicasets,pods,services,configmaps,ingresses,jobs,endpointslices";
        let selector = "app.kubernetes.io/managed-by=sciurus-operator";
        // What the garbage collector takes away (replica sets) may take a moment longer.
        wait_for("nothing is left", LONG, || {
            let left = self.space.kubectl(&["get", kinds, "-o", "name", "-l", selector]).ok();
            left.is_empty().then_some(())
        });
    }
}

/// A pod that runs a shell script with a claim at `/data`.
fn data_pod(name: &str, claim: &str, script: &str) -> String {
    shell_pod(name, claim, "/data", script)
}
