//! The operator's arguments.

use clap::{Args, Subcommand};

use super::Settings;

/// The image of this version.
const IMAGE: &str = concat!("sciurus:", env!("CARGO_PKG_VERSION"));

/// Runs the Kubernetes operator, which looks after clusters and jobs that are described by Flink's
/// custom resources.
///
/// It reaches the API server by its pod's service account, else by KUBECONFIG.
#[derive(Debug, Args)]
pub struct Operator {
    #[command(subcommand)]
    pub command: Option<OperatorCommand>,
    /// The namespaces to look after [default: all].
    #[arg(
        long = "watch-namespaces",
        value_name = "NAMES",
        value_delimiter = ',',
        env = "WATCH_NAMESPACES"
    )]
    pub namespaces: Vec<String>,
    /// The image of clusters that name none, or one of Apache's.
    #[arg(long, value_name = "IMAGE", default_value = IMAGE, env = "SCIURUS_IMAGE")]
    pub image: String,
    /// The port of /livez and /readyz; 0 for none.
    #[arg(long, value_name = "PORT", default_value_t = 8085)]
    pub health_port: u16,
    /// The port of /metrics; 0 for none.
    #[arg(long, value_name = "PORT", default_value_t = 9249)]
    pub metrics_port: u16,
    /// Acts without being elected among several operators.
    #[arg(long)]
    pub no_leader_election: bool,
    /// The namespace of the lease by which an operator is elected.
    #[arg(long, value_name = "NAME", default_value = "default", env = "POD_NAMESPACE")]
    pub namespace: String,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum OperatorCommand {
    /// Prints the definitions of the custom resources, to be installed by kubectl apply.
    Crds,
}
