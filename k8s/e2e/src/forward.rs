//! Local ports that lead into the cluster.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A running `kubectl port-forward`, which ends with this value.
#[derive(Debug)]
pub struct PortForward {
    child: Child,
    port: u16,
}

impl PortForward {
    pub(crate) fn start(
        kubectl: &Path,
        kubeconfig: &Path,
        namespace: &str,
        target: &str,
        port: u16,
    ) -> Self {
        let mut child = Command::new(kubectl)
            .env("KUBECONFIG", kubeconfig)
            .args(["-n", namespace, "port-forward", "--address", "127.0.0.1", target])
            .arg(format!(":{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // "Forwarding from 127.0.0.1:39313 -> 8081", once it listens.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let local = first
            .strip_prefix("Forwarding from 127.0.0.1:")
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|local| local.parse().ok());
        let Some(local) = local else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{target} of {namespace} can't be reached at {port}: {first}");
        };
        // It says so for each connection, and must not wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        Self { child, port: local }
    }

    /// Where it listens, as `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of a path at the other end.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
