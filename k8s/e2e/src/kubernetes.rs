//! The cluster under test.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{self, Output};
use crate::forward::PortForward;
use crate::namespace::Namespace;
use crate::testbed::Testbed;

/// How long a test waits for what should take a moment; the machine may be busy.
pub const LONG: Duration = Duration::from_secs(120);

static CLUSTER: OnceLock<Result<Kubernetes, String>> = OnceLock::new();

/// Polls until `is_there` returns something.
///
/// # Panics
/// After `timeout`, saying what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, timeout: Duration, mut is_there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The cluster under test, and the commands that ask it.
#[derive(Debug)]
pub struct Kubernetes {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    helm: PathBuf,
    testbed: Option<Testbed>,
}

impl Kubernetes {
    /// Returns the cluster that `KUBECONFIG` names, or the test bed, which is started for it.
    ///
    /// # Panics
    /// Where there is none: [`run`](crate::run) skips the tests then.
    pub fn get() -> &'static Self {
        Self::try_get().unwrap_or_else(|why| panic!("{why}"))
    }

    /// Like [`Kubernetes::get`], with why there is none.
    ///
    /// # Errors
    /// Why this machine can't run the test bed.
    pub fn try_get() -> Result<&'static Self, String> {
        CLUSTER.get_or_init(Self::connect).as_ref().map_err(Clone::clone)
    }

    /// The cluster, if it was needed already.
    pub(crate) fn started() -> Option<&'static Self> {
        CLUSTER.get().and_then(|cluster| cluster.as_ref().ok())
    }

    fn connect() -> Result<Self, String> {
        if let Some(kubeconfig) = env::var_os("KUBECONFIG").filter(|path| !path.is_empty()) {
            let tool = |variable: &str, name: &str| {
                env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from)
            };
            return Ok(Self {
                kubeconfig: kubeconfig.into(),
                kubectl: tool("KUBECTL", "kubectl"),
                helm: tool("HELM", "helm"),
                testbed: None,
            });
        }
        let testbed = Testbed::up()?;
        let cluster = Self {
            kubeconfig: testbed.path(&["kubeconfig"]),
            kubectl: testbed.path(&["tool", "kubectl"]),
            helm: testbed.path(&["tool", "helm"]),
            testbed: Some(testbed),
        };
        if let Some(archive) = env::var_os("SCIURUS_IMAGE_ARCHIVE") {
            cluster.load_image(Path::new(&archive));
        }
        Ok(cluster)
    }

    /// The kubeconfig of a user who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The image under test: `SCIURUS_IMAGE`, or the one that `make image` builds.
    pub fn image(&self) -> String {
        env::var("SCIURUS_IMAGE").unwrap_or_else(|_| "sciurus:0.1.0".to_owned())
    }

    /// Runs `kubectl`.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_with(arguments, None)
    }

    /// Runs `kubectl` with something on its standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let environment = [("KUBECONFIG", self.kubeconfig.as_os_str())];
        command::run(&self.kubectl, arguments, &environment, input)
    }

    /// Runs `helm`.
    pub fn helm(&self, arguments: &[&str]) -> Output {
        let environment = [("KUBECONFIG", self.kubeconfig.as_os_str())];
        command::run(&self.helm, arguments, &environment, None)
    }

    /// Applies manifests.
    ///
    /// # Panics
    /// Where the API server refuses them.
    #[track_caller]
    pub fn apply(&self, yaml: &str) {
        self.kubectl_with(&["apply", "-f", "-"], Some(yaml)).ok();
    }

    /// Asks for an object, or a list of them, as `kubectl get` does: `["pods", "-n", "flink"]`. There
    /// may be none.
    pub fn find(&self, what: &[&str]) -> Option<Value> {
        let output = self.kubectl(&[&["get", "-o", "json"], what].concat());
        output.success.then(|| output.json())
    }

    /// Makes a namespace for one test, whose pods are restricted.
    pub fn namespace(&self, name: &str) -> Namespace<'_> {
        Namespace::create(self, name)
    }

    /// Listens on a local port for a port of a Service or pod, named `svc/x` or `pod/x`.
    pub fn port_forward(&self, namespace: &str, target: &str, port: u16) -> PortForward {
        PortForward::start(&self.kubectl, &self.kubeconfig, namespace, target, port)
    }

    /// Asks a Service's REST API through the API server, which tells a failure from an answer by
    /// `None`.
    pub fn rest_get(&self, namespace: &str, service: &str, port: u16, path: &str) -> Option<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}");
        let output = self.kubectl(&["get", "--raw", &path]);
        output.success.then(|| output.json())
    }

    /// The names of all nodes.
    pub fn nodes(&self) -> Vec<String> {
        let list = self.kubectl(&["get", "nodes", "-o", "name"]).ok();
        list.lines().map(|line| line.trim_start_matches("node/").to_owned()).collect()
    }

    /// Whether a node is ready.
    pub fn is_node_ready(&self, node: &str) -> bool {
        let path = r#"-ojsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        let output = self.kubectl(&["get", "node", node, path]);
        output.success && output.stdout == "True"
    }

    /// Waits until all nodes are ready.
    pub fn wait_for_nodes(&self) {
        for node in self.nodes() {
            wait_for(&format!("{node} is ready"), LONG, || self.is_node_ready(&node).then_some(()));
        }
    }

    /// Gives all nodes an image. A cluster that isn't the test bed must have it already.
    pub fn load_image(&self, archive: &Path) {
        if let Some(testbed) = &self.testbed {
            testbed.command(&["load", archive.to_str().unwrap()]).ok();
        }
    }

    /// The test bed, if this cluster is one.
    pub fn testbed(&self) -> Option<&Testbed> {
        self.testbed.as_ref()
    }

    /// The test bed, for a test that is only run [there](crate::Test::on_testbed).
    ///
    /// # Panics
    /// Where the cluster isn't one.
    pub fn nodes_to_break(&self) -> &Testbed {
        self.testbed().expect("a test that breaks nodes runs on the test bed only")
    }

    /// Cuts a node's power, see [`Testbed::kill_node`].
    pub fn kill_node(&self, node: &str) {
        self.nodes_to_break().kill_node(node);
    }

    /// Unplugs a node, see [`Testbed::partition_node`].
    pub fn partition_node(&self, node: &str) {
        self.nodes_to_break().partition_node(node);
    }

    /// Plugs in a node again.
    pub fn heal_node(&self, node: &str) {
        self.nodes_to_break().heal_node(node);
    }

    /// Boots a node that was killed.
    pub fn start_node(&self, node: &str) {
        self.nodes_to_break().start_node(node);
    }
}
