//! TaskManagers in Kubernetes: the pods behind a Service, found through its EndpointSlices.
//!
//! A pod is there as soon as it has an address, ready or not: it becomes ready by registering.

mod endpoints;
mod watch;

pub use endpoints::TaskManagerService;
pub use watch::EndpointSliceAddresses;
