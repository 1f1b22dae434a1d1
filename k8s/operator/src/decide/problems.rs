//! What keeps pods from running, in the words of whoever has to mend it.

use std::borrow::Cow;

use serde_json::Value;

use super::{DeploymentSeen, PodSeen};

/// Reasons for which a container waits that pass by themselves.
const NO_PROBLEM: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Finds out what keeps a cluster's pods from running: of several problems the one to mend first.
pub(super) fn of_pods(
    deployments: &[&Option<DeploymentSeen>],
    pods: &[PodSeen],
    is_up: bool,
) -> Option<String> {
    let refused = deployments.iter().find_map(|found| found.as_ref()?.failure.as_ref());
    if let Some(reason) = refused {
        return Some(format!("pods can't be made: {reason}"));
    }
    pods.iter().filter(|pod| !pod.is_deleted).find_map(|pod| of_pod(pod, is_up))
}

fn of_pod(pod: &PodSeen, is_up: bool) -> Option<String> {
    let name = &pod.name;
    if let Some(reason) = &pod.unschedulable {
        return Some(format!("no node can take the pod {name}: {reason}"));
    }
    let (reason, message) = pod
        .waiting
        .as_ref()
        .filter(|(reason, _)| !NO_PROBLEM.contains(&reason.as_str()) && !reason.is_empty())?;
    match reason.as_str() {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => Some(format!(
            "the image {} of the pod {name} can't be had: {}; correct spec.image, or make the image \
             available to the nodes",
            pod.image,
            or(message, reason)
        )),
        "CrashLoopBackOff" => {
            let Some(end) = &pod.terminated else {
                return Some(format!("the pod {name} ends again and again"));
            };
            if end.reason == "OOMKilled" {
                return Some(format!(
                    "the pod {name} takes more memory than its limit and is killed again and \
                     again: raise the limit"
                ));
            }
            // A process that ended in order while others came up is started again at once.
            if end.exit_code == 0 && is_up {
                return None;
            }
            let said = last_lines(&end.message);
            Some(format!(
                "the pod {name} ends again and again with code {}{}",
                end.exit_code,
                if said.is_empty() { String::new() } else { format!(": {said}") }
            ))
        }
        _ => Some(format!("the pod {name} can't start: {reason}: {message}")),
    }
}

fn or<'a>(message: &'a str, reason: &'a str) -> &'a str {
    if message.is_empty() { reason } else { message }
}

/// The longest quotation of a log, in bytes.
const MAX_QUOTED_BYTES: usize = 700;

/// Returns what a line of a log says, which may be a JSON object.
fn said(line: &str) -> Cow<'_, str> {
    let object: Option<Value> = serde_json::from_str(line).ok();
    match object.as_ref().and_then(|object| object.get("message")?.as_str()) {
        Some(message) => Cow::Owned(message.trim().to_owned()),
        None => Cow::Borrowed(line.trim()),
    }
}

/// Returns the end of what a process said: the lines with errors if there are some.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(said).filter(|line| !line.is_empty()).collect();
    let error = lines.iter().rposition(|line| line.starts_with("error:"));
    let from = error.unwrap_or_else(|| lines.len().saturating_sub(3));
    let quoted = lines.get(from..).unwrap_or_default().join(" | ");
    let end = quoted.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_QUOTED_BYTES);
    match end {
        Some(end) => format!("{}…", quoted.get(..end).unwrap_or_default()),
        None => quoted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Terminated;

    fn pod() -> PodSeen {
        PodSeen { name: "p".to_owned(), image: "i:1".to_owned(), ..PodSeen::default() }
    }

    fn waiting(reason: &str, message: &str) -> PodSeen {
        PodSeen { waiting: Some((reason.to_owned(), message.to_owned())), ..pod() }
    }

    #[test]
    fn a_wrong_image_names_the_image_and_what_to_do() {
        let pods = [waiting("ImagePullBackOff", "not found")];
        let told = of_pods(&[], &pods, false).unwrap();
        assert!(told.starts_with("the image i:1 of the pod p can't be had: not found"), "{told}");
        assert!(told.contains("correct spec.image"), "{told}");
    }

    #[test]
    fn what_a_process_said_last_is_told() {
        let mut pod = waiting("CrashLoopBackOff", "back-off 10s");
        pod.terminated = Some(Terminated {
            reason: "Error".to_owned(),
            exit_code: 1,
            message: "INFO starts\nerror: rest.port: '-1' is no port\n".to_owned(),
        });
        let told = of_pods(&[], &[pod.clone()], true).unwrap();
        assert_eq!(
            told,
            "the pod p ends again and again with code 1: error: rest.port: '-1' is no port"
        );
        pod.terminated.as_mut().unwrap().reason = "OOMKilled".to_owned();
        assert!(of_pods(&[], &[pod], true).unwrap().ends_with("raise the limit"));
    }

    #[test]
    fn of_logs_for_programs_the_messages_are_told() {
        let log = "{\"level\":\"INFO\",\"message\":\"starts\"}\n{\"message\":\"is full\"}\nplain\n";
        assert_eq!(last_lines(log), "starts | is full | plain");
    }

    #[test]
    fn what_passes_by_itself_and_what_is_ending_is_no_problem() {
        let ending = PodSeen { is_deleted: true, ..waiting("ImagePullBackOff", "x") };
        assert_eq!(of_pods(&[], &[waiting("ContainerCreating", ""), ending, pod()], false), None);
    }

    #[test]
    fn refused_pods_and_pods_without_a_node_are_told() {
        let refused =
            Some(DeploymentSeen { failure: Some("quota".to_owned()), ..DeploymentSeen::default() });
        assert_eq!(of_pods(&[&None, &refused], &[], false).unwrap(), "pods can't be made: quota");
        let pod = PodSeen { unschedulable: Some("0/1 nodes: cpu".to_owned()), ..pod() };
        let told = of_pods(&[], &[pod], false).unwrap();
        assert_eq!(told, "no node can take the pod p: 0/1 nodes: cpu");
    }
}
