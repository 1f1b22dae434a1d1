//! What the operator is told.

/// What the operator is told when it is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespaces to look after; all where none is named.
    pub namespaces: Vec<String>,
    /// The image of clusters that name none, or one of Apache's.
    pub image: String,
    /// The port of the health endpoints; 0 for none.
    pub health_port: u16,
    /// The port of the metrics; 0 for none.
    pub metrics_port: u16,
    /// Whether of several operators one is elected to act.
    pub elects_leader: bool,
    /// The namespace of the lease by which it is elected.
    pub namespace: String,
    /// The name of this process among operators.
    pub identity: String,
}
