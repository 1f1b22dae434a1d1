//! A pod that looks at a volume.

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
