//! TaskManagers that Kubernetes knows of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sciurus_core::ids::LeaderId;
use sciurus_jobmanager::inbox::JobPorts;
use sciurus_jobmanager::resource_manager::{Placement, ResourceManager};
use sciurus_jobmanager::task_managers::{
    Addresses, EndpointSliceAddresses, HeartbeatSettings, TaskManagerService, TaskManagers,
    dial_task_managers,
};
use sciurus_rpc::proto::task_manager_server::TaskManagerServer;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;

use crate::common::PATIENCE;
use crate::common::api_server::{ApiServer, NAMESPACE, SERVICE, failure, slice};
use crate::lives::Invited;

/// The addresses that are found through an API server.
struct Found(watch::Receiver<BTreeSet<String>>);

impl Found {
    fn through(server: &ApiServer) -> Self {
        let (sender, receiver) = watch::channel(BTreeSet::new());
        let addresses = addresses(server);
        tokio::spawn(async move { addresses.follow(sender).await });
        Self(receiver)
    }

    async fn become_known(&mut self, expected: &[&str]) {
        let expected: BTreeSet<_> = expected.iter().map(|&address| address.to_owned()).collect();
        let known = timeout(PATIENCE, self.0.wait_for(|known| *known == expected)).await.is_ok();
        assert!(known, "{expected:?} never became known; {:?} is", *self.0.borrow());
    }
}

fn addresses(server: &ApiServer) -> EndpointSliceAddresses {
    let service = TaskManagerService { name: SERVICE.to_owned(), namespace: None, port: 6122 };
    EndpointSliceAddresses::with_client(service, server.client(), NAMESPACE)
}

#[tokio::test]
async fn what_is_listed_and_what_changes_is_known() {
    let server = ApiServer::start(vec![slice("s1", &[("a", "10.0.0.1")], 6122)]).await;
    let mut found = Found::through(&server);
    found.become_known(&["10.0.0.1:6122"]).await;
    server.is_watched().await;
    // A pod that is rescheduled has another address.
    server.tell("MODIFIED", &slice("s1", &[("a", "10.0.0.7"), ("b", "10.0.0.2")], 6122));
    found.become_known(&["10.0.0.7:6122", "10.0.0.2:6122"]).await;
    server.tell("ADDED", &slice("s2", &[("c", "10.0.0.3")], 6122));
    found.become_known(&["10.0.0.7:6122", "10.0.0.2:6122", "10.0.0.3:6122"]).await;
    server.tell("DELETED", &slice("s1", &[], 6122));
    found.become_known(&["10.0.0.3:6122"]).await;
}

#[tokio::test]
async fn a_watch_that_has_expired_begins_with_a_new_list() {
    let server = ApiServer::start(vec![slice("s1", &[("a", "10.0.0.1")], 6122)]).await;
    let mut found = Found::through(&server);
    found.become_known(&["10.0.0.1:6122"]).await;
    server.is_watched().await;
    server.list(vec![slice("s9", &[("b", "10.0.0.2")], 6122)]);
    server.tell("ERROR", &failure(410, "Expired"));
    found.become_known(&["10.0.0.2:6122"]).await;
}

#[tokio::test]
async fn rights_that_are_granted_later_are_made_use_of() {
    let server = ApiServer::start(vec![slice("s1", &[("a", "10.0.0.1")], 6122)]).await;
    server.forbid(true);
    let mut found = Found::through(&server);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(found.0.borrow().is_empty());
    server.forbid(false);
    found.become_known(&["10.0.0.1:6122"]).await;
}

#[tokio::test]
async fn what_is_known_holds_while_the_api_server_is_away() {
    let server = ApiServer::start(vec![slice("s1", &[("a", "10.0.0.1")], 6122)]).await;
    let mut found = Found::through(&server);
    found.become_known(&["10.0.0.1:6122"]).await;
    server.is_watched().await;
    let address = server.address;
    // Its connections end, and nobody listens any more.
    drop(server);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(found.0.borrow().len(), 1);
    let server = ApiServer::start_at(address, Vec::new()).await;
    // Who watches goes on where it stood, and is told what has changed since.
    server.is_watched().await;
    server.tell("ADDED", &slice("s2", &[("b", "10.0.0.2")], 6122));
    server.tell("DELETED", &slice("s1", &[], 6122));
    found.become_known(&["10.0.0.2:6122"]).await;
}

#[tokio::test]
async fn the_pods_of_the_service_are_invited() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, mut invitations) = mpsc::unbounded_channel();
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(
        TaskManagerServer::new(Invited(sender)),
        TcpListenerStream::new(listener),
    ));
    let server = ApiServer::start(vec![slice("s1", &[("a", "127.0.0.1")], port)]).await;
    let ports = JobPorts::default();
    let resources = Arc::new(ResourceManager::new(Placement::Fill, ports.clone()));
    let heartbeat = HeartbeatSettings { interval: PATIENCE, timeout: PATIENCE };
    let leader = LeaderId::random();
    let task_managers = TaskManagers::new(leader, heartbeat, resources, ports);
    tokio::spawn(dial_task_managers(task_managers, addresses(&server), "10.0.0.9:6123".to_owned()));
    let invitation = timeout(PATIENCE, invitations.recv()).await.unwrap().unwrap();
    assert_eq!(invitation.job_manager, "10.0.0.9:6123");
    assert_eq!(invitation.leader, leader.to_bytes().as_slice());
}
