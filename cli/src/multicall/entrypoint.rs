//! The container image's entrypoint: the verbs of Flink's `docker-entrypoint.sh`, and the scripts
//! that it, Kubernetes and operators call.

use std::ffi::OsString;

use super::{Call, IN_CONTAINER, VERBS, file_name, shell};

/// What the image says when it is asked for help.
pub const USAGE: &str = "\
Usage: docker-entrypoint.sh (jobmanager|standalone-job|taskmanager|operator)
    Or docker-entrypoint.sh help
    Or docker-entrypoint.sh PROGRAM [ARGUMENTS]...

jobmanager        a JobManager of a session cluster
standalone-job    a JobManager for one job: --job-classname NAME, --jars PATH, then the job's arguments
taskmanager       a TaskManager
operator          the operator of Kubernetes
PROGRAM           any other, such as flink or sciurus, in place of this one

Settings: /opt/flink/conf, JOB_MANAGER_RPC_ADDRESS, TASK_MANAGER_NUMBER_OF_TASK_SLOTS, FLINK_PROPERTIES,
-Dkey=value. Later ones win.
";

/// Says why something that Flink's images can do isn't done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no history server.
    #[error(
        "there is no history server: a JobManager shows jobs that have ended, as many and as long as \
         jobstore.max-capacity and jobstore.expiration-time say"
    )]
    HistoryServer,
    /// Native mode isn't there yet.
    #[error(
        "{script}: native Kubernetes mode isn't supported yet: a JobManager makes no TaskManager pods. \
         Deploy the cluster in standalone mode (mode: standalone with Apache's operator), with pods \
         for jobmanager or standalone-job, and for taskmanager"
    )]
    NativeMode {
        /// The script, and what it should start.
        script: String,
    },
    /// A script is to start or stop something in the background.
    #[error(
        "{script} {action}: the image runs a manager in the foreground, by start-foreground, and the \
         container's end is the manager's"
    )]
    Background {
        /// The script.
        script: String,
        /// What it is to do.
        action: String,
    },
}

/// Says what the arguments of the entrypoint ask for.
pub fn call(arguments: &[OsString]) -> Call {
    let Some(first) = arguments.first() else { return Call::Usage };
    let rest = &arguments[1..];
    match first.to_str() {
        Some("help") => Call::Usage,
        Some("history-server") => Call::Refused(Refusal::HistoryServer),
        Some(verb) if VERBS.contains(&verb) => manager(verb, rest),
        Some("operator") => {
            let own = ["sciurus", "operator"].map(OsString::from);
            Call::Own(own.into_iter().chain(rest.iter().cloned()).collect())
        }
        _ => {
            // What a shell would be given to run is understood without one.
            let words = shell::command_of(arguments).unwrap_or_else(|| arguments.to_vec());
            let (name, rest) = words
                .split_first()
                .map_or((String::new(), &[][..]), |(name, rest)| (file_name(name), rest));
            script(&name, rest).unwrap_or_else(|| Call::Other(arguments.to_vec()))
        }
    }
}

/// Says what one of Flink's scripts is asked for; `None` where it is none.
pub fn script(name: &str, arguments: &[OsString]) -> Option<Call> {
    let stem = name.strip_suffix(".sh")?;
    if VERBS.contains(&stem) {
        let action = arguments.first().and_then(|action| action.to_str()).unwrap_or_default();
        return Some(match action {
            "start-foreground" => manager(stem, &arguments[1..]),
            "start" | "stop" | "stop-all" => {
                let (script, action) = (name.to_owned(), action.to_owned());
                Call::Refused(Refusal::Background { script, action })
            }
            _ => manager(stem, arguments),
        });
    }
    match stem {
        "historyserver" => Some(Call::Refused(Refusal::HistoryServer)),
        "kubernetes-jobmanager" | "kubernetes-taskmanager" | "kubernetes-session" => {
            // The first word is what is started, unless there is only one thing to start.
            let what = arguments.first().and_then(|word| word.to_str());
            let what = what.filter(|word| !word.starts_with('-'));
            let script = what.map_or_else(|| name.to_owned(), |what| format!("{name} {what}"));
            Some(Call::Refused(Refusal::NativeMode { script }))
        }
        _ => None,
    }
}

fn manager(verb: &str, arguments: &[OsString]) -> Call {
    let own = ["sciurus", verb, IN_CONTAINER].map(OsString::from);
    Call::Own(own.into_iter().chain(arguments.iter().cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call_of(words: &[&str]) -> Call {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        call(&words)
    }

    #[test]
    fn verbs_are_managers_of_a_container() {
        let call = call_of(&["standalone-job", "--job-classname", "E", "-Da=b", "--input", "x"]);
        let words = ["sciurus", "standalone-job", IN_CONTAINER, "--job-classname", "E"];
        let words = words.into_iter().chain(["-Da=b", "--input", "x"]).map(OsString::from);
        assert_eq!(call, Call::Own(words.collect()));
        for words in [&[][..], &["help"]] {
            assert_eq!(call_of(words), Call::Usage);
        }
        let operator = ["sciurus", "operator", "crds"].map(OsString::from);
        assert_eq!(call_of(&["operator", "crds"]), Call::Own(operator.to_vec()));
        let refused = call_of(&["history-server"]);
        assert_eq!(refused, Call::Refused(Refusal::HistoryServer));
    }

    #[test]
    fn any_other_word_is_a_program() {
        for words in
            [&["flink", "run", "x.jar"][..], &["bash", "-c", "echo a | wc"], &["sleep", "1"]]
        {
            let expected = words.iter().map(OsString::from).collect();
            assert_eq!(call_of(words), Call::Other(expected));
        }
    }

    #[test]
    fn commands_of_native_mode_are_understood_without_a_shell_and_refused() {
        let application = "kubernetes-jobmanager.sh kubernetes-application";
        for (words, script) in [
            (
                &["bash", "-c", "kubernetes-jobmanager.sh kubernetes-application -Da='b c'"][..],
                application,
            ),
            (
                &[
                    "/bin/sh",
                    "-c",
                    "exec /opt/flink/bin/kubernetes-jobmanager.sh kubernetes-application",
                ],
                application,
            ),
            (&["bash", "-c", "kubernetes-taskmanager.sh -Da=b -Dc=d"], "kubernetes-taskmanager.sh"),
            (&["kubernetes-jobmanager.sh", "kubernetes-application"], application),
        ] {
            let script = script.to_owned();
            assert_eq!(call_of(words), Call::Refused(Refusal::NativeMode { script }));
        }
    }

    #[test]
    fn a_shell_that_is_to_start_a_manager_isnt_needed() {
        let call = call_of(&["bash", "-c", "taskmanager.sh start-foreground -Da=\"b c\""]);
        let words = ["sciurus", "taskmanager", IN_CONTAINER, "-Da=b c"].map(OsString::from);
        assert_eq!(call, Call::Own(words.to_vec()));
    }
}
