//! Where TaskManagers are: what a configuration lists, or whatever else knows.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// Knows where TaskManagers are, each as host:port of where it takes invitations.
pub trait Addresses: Send + 'static {
    /// Sets `known` to all addresses whenever they change, for as long as it is polled. Never
    /// returns; who can't find out leaves `known` as it is, says so in the log, and tries on.
    fn follow(
        self,
        known: watch::Sender<BTreeSet<String>>,
    ) -> impl Future<Output = std::convert::Infallible> + Send;
}

/// The addresses that a configuration lists; they never change.
pub struct StaticAddresses(BTreeSet<String>);

impl StaticAddresses {
    /// Takes addresses, each as host:port.
    pub fn new(addresses: impl IntoIterator<Item = String>) -> Self {
        Self(addresses.into_iter().collect())
    }
}

impl Addresses for StaticAddresses {
    async fn follow(self, known: watch::Sender<BTreeSet<String>>) -> std::convert::Infallible {
        known.send_replace(self.0);
        std::future::pending().await
    }
}
