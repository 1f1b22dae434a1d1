{{- define "sciurus.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{- define "sciurus.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion | toString) -}}
{{- end -}}

{{/* Labels that never change, and so can select pods. */}}
{{- define "sciurus.selectorLabels" -}}
app: {{ include "sciurus.name" .root }}
component: {{ .component }}
{{- end -}}

{{/* Labels of pods: none that another version of the chart changes, which would restart them. */}}
{{- define "sciurus.podLabels" -}}
{{ include "sciurus.selectorLabels" . }}
type: flink-standalone-kubernetes
app.kubernetes.io/name: sciurus
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of an object: of a component, or of the cluster as a whole. */}}
{{- define "sciurus.labels" -}}
app: {{ include "sciurus.name" .root }}
{{- with .component }}
component: {{ . }}
{{- end }}
type: flink-standalone-kubernetes
app.kubernetes.io/name: sciurus
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sciurus.jobManagerAccount" -}}
{{- $made := printf "%s-jobmanager" (include "sciurus.name" .) -}}
{{- .Values.serviceAccount.name | default (ternary $made "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "sciurus.taskManagerAccount" -}}
{{- ternary (printf "%s-taskmanager" (include "sciurus.name" .)) "default" .Values.serviceAccount.create -}}
{{- end -}}

{{- define "sciurus.watchesTaskManagers" -}}
{{- if and .Values.discovery (not .Values.edge.enabled) }}true{{ end -}}
{{- end -}}

{{/* The claim that all pods mount. */}}
{{- define "sciurus.claim" -}}
{{- $name := include "sciurus.name" . -}}
{{- if eq .Values.checkpoints.claim "Existing" -}}
{{- required "checkpoints.existingClaim is empty: name the claim that checkpoints.claim=Existing is to use" .Values.checkpoints.existingClaim -}}
{{- else if eq .Values.checkpoints.claim "Template" -}}
{{- printf "state-%s-taskmanager-0" $name -}}
{{- else -}}
{{- printf "%s-state" $name -}}
{{- end -}}
{{- end -}}

{{- define "sciurus.claimSpec" -}}
accessModes: {{ toYaml .Values.checkpoints.accessModes | nindent 2 }}
{{- with .Values.checkpoints.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.checkpoints.size }}
{{- end -}}

{{/* What no schema can say with the reason. */}}
{{- define "sciurus.validate" -}}
{{- if gt (int .Values.jobManager.replicaCount) 1 -}}
{{- fail (printf "jobManager.replicaCount is %v: several JobManagers, one of which leads, are not supported yet. Leave it at 1: a JobManager that is lost is replaced, and with checkpoints.enabled its jobs go on where they stood" .Values.jobManager.replicaCount) -}}
{{- end -}}
{{- if and .Values.checkpoints.enabled (eq .Values.checkpoints.claim "Template") (not .Values.edge.enabled) -}}
{{- if or (gt (int .Values.taskManager.replicaCount) 1) (ne .Values.taskManager.kind "StatefulSet") -}}
{{- fail "checkpoints.claim=Template makes a claim for each TaskManager, and all pods need the same one: set taskManager.kind=StatefulSet and taskManager.replicaCount=1, or checkpoints.claim=Shared" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.checkpoints.enabled .Values.edge.enabled (eq .Values.checkpoints.claim "Template") -}}
{{- fail "checkpoints.claim=Template needs the TaskManagers' StatefulSet, which edge.enabled does without: set checkpoints.claim=Shared" -}}
{{- end -}}
{{- if and .Values.taskManager.volumeClaimTemplates (ne .Values.taskManager.kind "StatefulSet") -}}
{{- fail "taskManager.volumeClaimTemplates needs taskManager.kind=StatefulSet" -}}
{{- end -}}
{{- end -}}
