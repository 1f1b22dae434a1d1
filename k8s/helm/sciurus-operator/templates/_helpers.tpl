{{- define "sciurus-operator.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "sciurus-operator.selector" -}}
app.kubernetes.io/name: sciurus-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sciurus-operator.labels" -}}
{{ include "sciurus-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Exactly the verbs that the operator uses. Applying an object that isn't there needs create. */ -}}
{{- define "sciurus-operator.rules" -}}
- apiGroups: [flink.apache.org]
  resources: [flinkclusters, flinkjobs, flinkdeployments, flinksessionjobs]
  verbs: [get, list, watch, patch]
- apiGroups: [flink.apache.org]
  resources: [flinkclusters/status, flinkjobs/status, flinkdeployments/status, flinksessionjobs/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
