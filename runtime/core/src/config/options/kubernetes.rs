//! Running in Kubernetes.

super::options! {
    title: "Kubernetes";

    /// Namespace of the cluster's objects. Without it the pod's own.
    NAMESPACE: String = "kubernetes.namespace"
        .example("flink");

    /// Headless Service of the TaskManagers: the JobManager watches its EndpointSlices and asks each
    /// TaskManager that it finds there to register, whatever address the pod has.
    TASKMANAGER_SERVICE: String = "kubernetes.taskmanager.service"
        .example("flink-session-taskmanager");
}
