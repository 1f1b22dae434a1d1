//! What the environment of a container adds to the settings, where nothing else says otherwise.

use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::{cluster, jobmanager, sciurus, taskmanager};

use super::manager::Kind;

/// The variables that hold a pod's address: the usual one, and that of Flink's clusters.
const POD_ADDRESSES: [&str; 2] = ["POD_IP", "_POD_IP_ADDRESS"];

/// Variables of Flink's images that mean nothing here.
const WITHOUT_EFFECT: [(&str, &str); 2] = [
    ("ENABLE_BUILT_IN_PLUGINS", "nothing is loaded at run time, file systems are built in"),
    ("DISABLE_JEMALLOC", "there is no other memory allocator to choose"),
];

/// How long a manager may take to stop: less than the 30 s that a pod has by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Completes the settings of a manager.
pub fn complete(
    kind: Kind,
    configuration: &mut Configuration,
    environment: impl Fn(&str) -> Option<String>,
) {
    let address = POD_ADDRESSES.into_iter().filter_map(&environment).find(|text| !text.is_empty());
    match kind {
        Kind::JobManager if !configuration.contains(&jobmanager::RPC_ADDRESS) => {
            // Flink's images take the host's name.
            configuration.set(&jobmanager::RPC_ADDRESS, &address.unwrap_or_else(host_name));
        }
        Kind::TaskManager if !configuration.contains(&taskmanager::HOST) => {
            if let Some(address) = address {
                configuration.set(&taskmanager::HOST, &address);
            }
        }
        Kind::JobManager | Kind::TaskManager => {}
    }
    if !configuration.contains(&cluster::SERVICES_SHUTDOWN_TIMEOUT) {
        configuration.set(&cluster::SERVICES_SHUTDOWN_TIMEOUT, &SHUTDOWN_TIMEOUT);
    }
    if kind == Kind::TaskManager && !configuration.contains(&sciurus::WORKER_CONSOLE) {
        configuration.set(&sciurus::WORKER_CONSOLE, &true);
    }
}

/// Logs which variables are set and mean nothing.
pub fn log_variables_without_effect() {
    for (name, reason) in WITHOUT_EFFECT {
        if std::env::var_os(name).is_some() {
            tracing::info!("{name} has no effect: {reason}");
        }
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(kind: Kind, pairs: &[(&str, &str)], variable: &str) -> Configuration {
        let mut configuration = Configuration::from_pairs(pairs.iter().copied());
        complete(kind, &mut configuration, |name| {
            (name == variable).then(|| "10.1.2.3".to_owned())
        });
        configuration
    }

    #[test]
    fn a_pods_address_is_its_managers_unless_one_is_configured() {
        for variable in POD_ADDRESSES {
            let task_manager = completed(Kind::TaskManager, &[], variable);
            assert_eq!(task_manager.text("taskmanager.host"), Some("10.1.2.3"));
            assert_eq!(task_manager.text("jobmanager.rpc.address"), None);
            let job_manager = completed(Kind::JobManager, &[], variable);
            assert_eq!(job_manager.text("jobmanager.rpc.address"), Some("10.1.2.3"));
        }
        let pairs =
            [("jobmanager.rpc.address", "jm"), ("cluster.services.shutdown-timeout", "1 s")];
        let configured = completed(Kind::JobManager, &pairs, "POD_IP");
        assert_eq!(configured, Configuration::from_pairs(pairs));
    }

    #[test]
    fn without_a_pod_the_job_manager_is_found_by_the_hosts_name() {
        let job_manager = completed(Kind::JobManager, &[], "");
        assert_eq!(job_manager.text("jobmanager.rpc.address"), Some(&*host_name()));
        assert_eq!(completed(Kind::TaskManager, &[], "").text("taskmanager.host"), None);
    }
}
