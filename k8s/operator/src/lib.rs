//! The Kubernetes operator: custom resources and their controllers.
