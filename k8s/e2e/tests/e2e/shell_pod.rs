//! A pod that looks at a volume.

use sciurus_e2e::{LONG, Namespace, wait_for};

/// Describes a pod that runs a shell script with a claim mounted at `folder`, within what a
/// restricted namespace allows.
pub fn shell_pod(name: &str, claim: &str, folder: &str, script: &str) -> String {
    format!(
        r"
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsNonRoot: true, runAsUser: 9999, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: main
      image: busybox:1.35
      command: [sh, -c, '{script}']
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
      volumeMounts: [{{name: data, mountPath: {folder}}}]
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: {claim}}}}}]
"
    )
}

/// Waits until a pod has ended well, and returns its log.
#[track_caller]
pub fn output(space: &Namespace<'_>, pod: &str) -> String {
    wait_for(&format!("the end of the pod {pod}"), LONG, || {
        let phase = space.kubectl(&["get", "pod", pod, "-ojsonpath={.status.phase}"]).ok();
        assert_ne!(phase, "Failed", "{}", space.kubectl(&["logs", pod]).stdout);
        (phase == "Succeeded").then_some(())
    });
    space.kubectl(&["logs", pod]).ok()
}
