//! Which images are Apache's.

/// The annotation that keeps an image as it is named.
pub const KEEP_IMAGE: &str = "sciurus/keep-image";

/// Says whether a name is one of Apache Flink's images, under whatever registry: `flink:1.20`,
/// `apache/flink`, `registry.example:5000/library/flink@sha256:…`. They hold a JVM, which can't take
/// part in a cluster of Sciurus.
pub fn is_apache(image: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit('/').next().unwrap_or(name);
    let repository = last.split_once(':').map_or(last, |(repository, _)| repository);
    let parents: Vec<&str> = name.split('/').rev().skip(1).collect();
    // What is left of a repository of one's own that is called `flink`: `example/team/flink`.
    let is_of_docker = match parents.as_slice() {
        [] => true,
        [first, ..] => {
            matches!(*first, "apache" | "library") || parents.len() == 1 && is_registry(first)
        }
    };
    repository == "flink" && is_of_docker
}

/// Says whether the first part of an image's name is a registry.
fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apache_s_images_are_known_under_any_registry() {
        for image in [
            "flink",
            "flink:1.16.0-scala_2.12-java11",
            "apache/flink:2.2.1",
            "docker.io/flink",
            "docker.io/library/flink:2",
            "registry.example:5000/apache/flink:1.20",
            "localhost/flink@sha256:abc",
            "mirror.example/cache/apache/flink",
        ] {
            assert!(is_apache(image), "{image}");
        }
        for image in [
            "sciurus:0.1.0",
            "example/flink:1",
            "registry.example/team/flink",
            "apache/flink-kubernetes-operator:1.9",
            "my-flink",
            "registry.example:5000/sciurus",
        ] {
            assert!(!is_apache(image), "{image}");
        }
    }
}
