//! Renders charts.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::repository;

/// The chart of a cluster.
pub const CHART: &str = "k8s/helm/sciurus";

/// A `helm` on this machine.
pub struct Helm(PathBuf);

impl Helm {
    /// Finds one; says so where there is none.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("HELM").map(PathBuf::from);
        let found = named.or_else(of_test_bed).or_else(|| {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|dir| dir.join("helm")).find(|file| file.is_file())
        });
        if found.is_none() {
            eprintln!("skipped: there is no helm here; .make/bootstrap k8s fetches one");
        }
        found.map(Self)
    }

    /// Runs it in the repository: its output, or what it complains about.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.0);
        let output = command.args(arguments).current_dir(repository()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Renders a release of the chart, with these arguments.
    pub fn template(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        self.run(&[&["template", name, CHART, "--namespace", "flink"], arguments].concat())
    }

    /// Renders the objects of a release named `x`.
    pub fn objects(&self, arguments: &[&str]) -> Objects {
        let text = self.template("x", arguments).unwrap_or_else(|error| panic!("{error}"));
        Objects::read(&text)
    }
}

fn of_test_bed() -> Option<PathBuf> {
    let says = |program: &Path, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| PathBuf::from(text.trim()))
    };
    let repository = repository();
    let cache = says(&repository.join(".make/cache"), "k8s")?;
    let set = says(&repository.join("k8s/testbed/build"), "--version")?;
    Some(cache.join(set).join("bin/helm")).filter(|file| file.is_file())
}

/// Objects of Kubernetes.
pub struct Objects(Vec<Value>);

impl Objects {
    /// Reads documents of YAML.
    pub fn read(text: &str) -> Self {
        let documents = text.split("\n---").filter(|text| has_content(text));
        Self(documents.map(|text| serde_saphyr::from_str(text).unwrap()).collect())
    }

    /// Returns the object of a kind and name.
    pub fn get(&self, kind: &str, name: &str) -> &Value {
        let found = self.find(kind, name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}, but {:?}", self.names()))
    }

    pub fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        let mut all = self.0.iter();
        all.find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    /// Returns `kind/name` of each.
    pub fn names(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = |object: &Value| {
            format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
        };
        self.0.iter().map(name).collect()
    }

    /// Returns the specs of all pods.
    pub fn pods(&self) -> Vec<&Value> {
        let of = |object: &'static str, path: &'static str| {
            self.0
                .iter()
                .filter(move |found| found["kind"] == object)
                .filter_map(move |found| found.pointer(path))
        };
        let template = "/spec/template/spec";
        of("Deployment", template)
            .chain(of("StatefulSet", template))
            .chain(of("Pod", "/spec"))
            .collect()
    }
}

fn has_content(text: &str) -> bool {
    text.lines()
        .any(|line| !line.trim_start_matches('-').trim().is_empty() && !line.starts_with('#'))
}
