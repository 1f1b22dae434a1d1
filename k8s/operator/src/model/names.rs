//! What the objects of a cluster are called, as on Flink.

use super::Kind;

/// The port of the REST API.
pub const REST_PORT: i32 = 8081;
/// The JobManager's port for TaskManagers.
pub const RPC_PORT: i32 = 6123;
/// Flink's port for packages, which is only declared.
pub const BLOB_PORT: i32 = 6124;
/// The TaskManagers' port for the JobManager.
pub const TASK_MANAGER_RPC_PORT: i32 = 6122;
/// The TaskManagers' port for each other.
pub const DATA_PORT: i32 = 6121;
/// The port of a TaskManager's health.
pub const HEALTH_PORT: i32 = 8085;
/// The port on which Prometheus finds the metrics of a process.
pub const METRICS_PORT: i32 = 9249;

/// The names of a resource's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The resource's kind.
    pub kind: Kind,
    /// The resource's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
}

impl Names {
    /// The JobManager's Deployment, and its headless Service.
    pub fn job_manager(&self) -> &str {
        &self.name
    }

    /// The Service of the REST API.
    pub fn rest(&self) -> String {
        format!("{}-rest", self.name)
    }

    /// The TaskManagers' Deployment, and their headless Service.
    pub fn task_manager(&self) -> String {
        format!("{}-taskmanager", self.name)
    }

    /// The configuration.
    pub fn config_map(&self) -> String {
        format!("flink-config-{}", self.name)
    }

    /// Returns the labels that select a component's pods, as a selector.
    pub fn selector(&self, component: &str) -> String {
        format!("app={},component={component}", self.name)
    }

    /// Returns the id of a resource's job for a launch: another one each time, so that launches
    /// don't share folders of checkpoints, and the same one for whoever asks.
    pub fn job_id(&self, launch: i64) -> String {
        // A uid is 32 hexadecimal digits; any other text would still give an id.
        let digits: String = self.uid.chars().filter(char::is_ascii_hexdigit).take(32).collect();
        let number = u128::from_str_radix(&digits, 16).unwrap_or_default();
        format!("{:032x}", number.wrapping_add(u128::from(launch.unsigned_abs())))
    }

    /// Returns the id of an operation at the JobManager, the same for whoever asks.
    pub fn trigger_id(&self, number: i64) -> String {
        let digits: String = self.uid.chars().filter(char::is_ascii_hexdigit).take(32).collect();
        let uid = u128::from_str_radix(&digits, 16).unwrap_or_default();
        format!("{:032x}", !uid ^ u128::from(number.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_launch_has_an_id_of_its_own() {
        let names = Names {
            kind: Kind::FlinkJob,
            name: "a".to_owned(),
            namespace: "b".to_owned(),
            uid: "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned(),
        };
        assert_eq!(names.job_id(0), "f".repeat(32));
        assert_eq!(names.job_id(3), format!("{:032x}", 2));
        assert_ne!(names.trigger_id(1), names.trigger_id(2));
    }
}
