//! The definitions of the kinds, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::kinds::{FlinkCluster, FlinkDeployment, FlinkJob, FlinkSessionJob};

/// Why a definition can't be written.
pub type YamlError = serde_saphyr::ser::Error;

/// Returns the definitions of all kinds.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![FlinkCluster::crd(), FlinkJob::crd(), FlinkDeployment::crd(), FlinkSessionJob::crd()]
}

/// Writes a definition as YAML.
///
/// # Errors
/// What the serialiser says; it has nothing to complain about in definitions that are generated.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, YamlError> {
    serde_saphyr::to_string(crd)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn crds_are_what_the_types_say() {
        // To be applied, and for Helm, which packs no file from elsewhere.
        for directory in ["../crds", "../helm/sciurus-operator/crds"] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
            for crd in crds() {
                let name = crd.metadata.name.clone().unwrap();
                let path = directory.join(format!("{name}.yaml"));
                let yaml = to_yaml(&crd).unwrap();
                if std::env::var_os("UPDATE_CRDS").is_some() {
                    std::fs::create_dir_all(&directory).unwrap();
                    std::fs::write(&path, &yaml).unwrap();
                }
                let committed = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(
                    committed == yaml,
                    "{} is not what the types say; to write it anew: \
                     UPDATE_CRDS=1 cargo test -p sciurus-operator crds_are",
                    path.display()
                );
            }
        }
    }

    /// What the API server asks of a schema that knows each of its fields: a type everywhere but
    /// where anything may stand.
    #[test]
    fn schemas_are_structural() {
        for crd in crds() {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
            check(&schema["openAPIV3Schema"], &crd.spec.names.kind);
        }
    }

    fn check(schema: &serde_json::Value, at: &str) {
        let is_free = schema.get("x-kubernetes-preserve-unknown-fields").is_some();
        assert!(schema.get("type").is_some() || is_free, "{at} has no type: {schema}");
        for keyword in ["$ref", "oneOf", "definitions"] {
            assert!(schema.get(keyword).is_none(), "{at} has {keyword}");
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            check(inner, &format!("{at}.{name}"));
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
                check(inner, &format!("{at}.{keyword}"));
            }
        }
    }
}
