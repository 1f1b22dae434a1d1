//! What EndpointSlices say of where TaskManagers are. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};

/// The label of an EndpointSlice that names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// Names of the port on which TaskManagers take invitations: of this project's Service, and of that
/// of Apache's operator.
const PORT_NAMES: [&str; 2] = ["rpc", "taskmanager-rpc"];

/// A Service of Kubernetes that has the TaskManagers' pods behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskManagerService {
    /// Its name.
    pub name: String,
    /// Its namespace; `None` for that of the JobManager's pod.
    pub namespace: Option<String>,
    /// Where TaskManagers take invitations, unless the Service has a port of a known name for that.
    pub port: u16,
}

impl TaskManagerService {
    /// The port on which TaskManagers in containers take invitations.
    pub const USUAL_PORT: u16 = 6122;

    /// Returns what selects the Service's EndpointSlices.
    pub(super) fn selector(&self) -> String {
        format!("{SERVICE_LABEL}={}", self.name)
    }

    /// Returns where its TaskManagers are, one address for each pod.
    ///
    /// Pods that aren't ready are among them, those that are about to end are not. Of a pod in two
    /// slices, as where Services have addresses of two families, the IPv4 address is taken.
    pub(super) fn addresses<'a>(
        &self,
        slices: impl IntoIterator<Item = &'a EndpointSlice>,
    ) -> BTreeSet<String> {
        let mut pods: BTreeMap<Pod<'a>, (IpAddr, u16)> = BTreeMap::new();
        for slice in slices {
            let port = self.port_of(slice.ports.as_deref().unwrap_or_default());
            for endpoint in slice.endpoints.iter().filter(|endpoint| stays(endpoint)) {
                // Kubernetes itself gives each endpoint one address.
                let address = endpoint.addresses.first().and_then(|text| text.parse().ok());
                let Some(address) = address else { continue };
                let found = pods.entry(Pod::of(endpoint, address)).or_insert((address, port));
                // IPv4 comes before IPv6; among equals the choice must not depend on the order.
                *found = (*found).min((address, port));
            }
        }
        pods.into_values().map(|(address, port)| join(address, port)).collect()
    }

    fn port_of(&self, ports: &[EndpointPort]) -> u16 {
        let is_named = |port: &&EndpointPort| {
            port.name.as_deref().is_some_and(|name| PORT_NAMES.contains(&name))
        };
        let named = ports.iter().find(is_named).and_then(|port| port.port);
        named.and_then(|port| u16::try_from(port).ok()).unwrap_or(self.port)
    }
}

/// Tells pods apart: by their names, and where an endpoint names none by the address.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Pod<'a> {
    Named(&'a str),
    At(IpAddr),
}

impl<'a> Pod<'a> {
    fn of(endpoint: &'a Endpoint, address: IpAddr) -> Self {
        let name = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
        name.map_or(Self::At(address), Self::Named)
    }
}

fn stays(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    !conditions.and_then(|conditions| conditions.terminating).unwrap_or(false)
}

fn join(address: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service() -> TaskManagerService {
        TaskManagerService { name: "tm".to_owned(), namespace: None, port: 6122 }
    }

    fn addresses(slices: serde_json::Value) -> Vec<String> {
        let slices: Vec<EndpointSlice> = serde_json::from_value(slices).unwrap();
        let found = service().addresses(&slices);
        let reversed = service().addresses(slices.iter().rev());
        assert_eq!(found, reversed, "the order of slices doesn't matter");
        found.into_iter().collect()
    }

    fn pod(name: &str, address: &str) -> serde_json::Value {
        json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": name}})
    }

    #[test]
    fn all_slices_of_the_service_count() {
        let slices = json!([
            {"addressType": "IPv4", "endpoints": [pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]},
            {"addressType": "IPv4", "endpoints": [pod("c", "10.0.1.1")], "ports": null},
            {"addressType": "IPv4", "endpoints": null},
        ]);
        assert_eq!(addresses(slices), ["10.0.0.1:6122", "10.0.0.2:6122", "10.0.1.1:6122"]);
        assert_eq!(service().selector(), "kubernetes.io/service-name=tm");
    }

    #[test]
    fn pods_that_are_not_ready_are_there_and_those_that_end_are_not() {
        let with =
            |address: &str, conditions| json!({"addresses": [address], "conditions": conditions});
        let endpoints = [
            with("10.0.0.1", json!({"ready": false, "serving": false, "terminating": false})),
            with("10.0.0.2", json!({"ready": false, "serving": true, "terminating": true})),
            with("10.0.0.3", json!({})),
        ];
        let slices = json!([{"addressType": "IPv4", "endpoints": endpoints}]);
        assert_eq!(addresses(slices), ["10.0.0.1:6122", "10.0.0.3:6122"]);
    }

    #[test]
    fn the_port_is_the_services_where_that_has_one_of_a_known_name() {
        let slice = |name: &str, port: i32| {
            let ports =
                [json!({"name": "data", "port": 6121}), json!({"name": name, "port": port})];
            let address = format!("10.0.0.{}", port % 256);
            json!({"addressType": "IPv4", "endpoints": [{"addresses": [address]}], "ports": ports})
        };
        let slices = json!([slice("rpc", 7001), slice("taskmanager-rpc", 7002), slice("x", 7003)]);
        assert_eq!(addresses(slices), ["10.0.0.89:7001", "10.0.0.90:7002", "10.0.0.91:6122"]);
    }

    #[test]
    fn a_pod_with_addresses_of_both_families_is_invited_once() {
        let slices = json!([
            {"addressType": "IPv6", "endpoints": [pod("a", "fd00::1"), pod("b", "fd00::2")]},
            {"addressType": "IPv4", "endpoints": [pod("a", "10.0.0.1")]},
            {"addressType": "FQDN", "endpoints": [pod("c", "c.example")]},
        ]);
        assert_eq!(addresses(slices), ["10.0.0.1:6122", "[fd00::2]:6122"]);
    }
}
