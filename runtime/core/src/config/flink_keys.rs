//! Keys that Flink knows and [`options`](super::options) lacks, to tell them from misspelt ones.

/// Keys (or families of them, with `*`) that only concern a JVM or what runs in it: class loading,
/// heap and metaspace, Java serialisation, Pekko, Netty. A native runtime has no use for them, and
/// ignoring them changes nothing about a job.
pub(super) const JVM_ONLY: [&str; 41] = [
    "akka.*",
    "classloader.*",
    "cluster.intercept-user-system-exit",
    "cluster.processes.halt-on-fatal-error",
    "cluster.thread-dump.*",
    "cluster.uncaught-exception-handling",
    "compiler.delimited-informat.*",
    "containerized.heap-cutoff-min",
    "containerized.heap-cutoff-ratio",
    "env.hadoop.conf.dir",
    "env.hbase.conf.dir",
    "env.java.*",
    "env.ssh.opts",
    "env.yarn.conf.dir",
    "jmx.*",
    "jobmanager.heap.*",
    "jobmanager.memory.enable-jvm-direct-memory-limit",
    "jobmanager.memory.heap.size",
    "jobmanager.memory.jvm-*",
    "jobmanager.memory.off-heap.size",
    "library-cache-manager.*",
    "mesos.*",
    "pekko.*",
    "pipeline.closure-cleaner-level",
    "pipeline.default-kryo-serializers",
    "pipeline.force-avro",
    "pipeline.force-kryo",
    "pipeline.force-kryo-avro",
    "pipeline.generic-types",
    "pipeline.registered-kryo-types",
    "pipeline.registered-pojo-types",
    "pipeline.serialization-config",
    "plugin.classloader.*",
    "taskmanager.heap.*",
    "taskmanager.jvm-exit-on-oom",
    "taskmanager.memory.framework.*",
    "taskmanager.memory.jvm-*",
    "taskmanager.network.bind-policy",
    "taskmanager.network.netty.*",
    "taskmanager.runtime.large-record-handler",
    "yarn.*",
];

/// Keys that clients and operators of Flink pass on to its processes; they concern no user.
const INTERNAL: &str = "$internal.*";

/// Keys of Flink that have no effect here, one a line, the same notation: all that the classes of
/// Flink 2.3.0 declare, with their deprecated keys, less those above and the table's own.
static WITHOUT_EFFECT: &str = include_str!("flink_keys.txt");

/// Says how a key that the table lacks is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForeignKey {
    /// One that only concerns a JVM.
    JvmOnly,
    /// One between Flink's own processes.
    Internal,
    /// One that Flink obeys and Sciurus doesn't.
    WithoutEffect,
    /// One that neither knows.
    Unknown,
}

/// Says how a key that the table lacks is to be taken.
pub(super) fn classify(key: &str) -> ForeignKey {
    if JVM_ONLY.iter().any(|pattern| matches(pattern, key)) {
        ForeignKey::JvmOnly
    } else if matches(INTERNAL, key) {
        ForeignKey::Internal
    } else if without_effect().any(|pattern| matches(pattern, key)) {
        ForeignKey::WithoutEffect
    } else {
        ForeignKey::Unknown
    }
}

/// Returns Flink's keys that have no effect here, families of keys left out.
pub(super) fn single_keys() -> impl Iterator<Item = &'static str> {
    without_effect().filter(|pattern| !pattern.ends_with('*'))
}

fn without_effect() -> impl Iterator<Item = &'static str> {
    WITHOUT_EFFECT.lines().filter(|line| !line.starts_with('#'))
}

/// Tells whether the key is the pattern, or begins with what stands before the pattern's `*`.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => key.len() > prefix.len() && key.starts_with(prefix),
        None => pattern == key,
    }
}

#[cfg(test)]
mod tests {
    use super::super::options;
    use super::*;

    #[test]
    fn tells_the_kinds_of_keys_apart() {
        for (key, kind) in [
            ("env.java.opts.all", ForeignKey::JvmOnly),
            ("taskmanager.memory.jvm-metaspace.size", ForeignKey::JvmOnly),
            ("$internal.pipeline.job-id", ForeignKey::Internal),
            ("security.kerberos.login.keytab", ForeignKey::WithoutEffect),
            ("kubernetes.jobmanager.labels.team", ForeignKey::WithoutEffect),
            ("env.java.", ForeignKey::Unknown),
            ("security.kerberos.login.keytap", ForeignKey::Unknown),
        ] {
            assert_eq!(classify(key), kind, "{key}");
        }
    }

    #[test]
    fn no_option_of_the_table_is_listed_as_foreign() {
        for option in options::all() {
            for key in [option.key()].iter().chain(option.deprecated_keys()) {
                assert_eq!(classify(key), ForeignKey::Unknown, "take {key} off the lists");
            }
        }
    }

    #[test]
    fn the_list_is_sorted() {
        let patterns: Vec<_> = without_effect().collect();
        assert!(patterns.is_sorted() && patterns.iter().all(|pattern| !pattern.is_empty()));
        assert!(JVM_ONLY.is_sorted());
    }
}
