{{/* Requests and limits: what `resources` says, else CPU and memory, requested and granted. */}}
{{- define "sciurus.resources" -}}
{{- if .resources -}}
{{- toYaml .resources -}}
{{- else -}}
{{- $amounts := dict "cpu" (toString .cpu) "memory" (toString .memory) -}}
{{- toYaml (dict "requests" $amounts "limits" $amounts) -}}
{{- end -}}
{{- end -}}

{{/* Environment of a container; with a limit of the memory it is known there. */}}
{{- define "sciurus.env" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- if dig "limits" "memory" "" .resources }}
- name: MEMORY_LIMIT
  valueFrom:
    resourceFieldRef:
      containerName: {{ .container }}
      resource: limits.memory
{{- end }}
{{- with .root.Values.secretConfiguration }}
{{- if .secretName }}
- name: FLINK_PROPERTIES
  valueFrom:
    secretKeyRef:
      name: {{ .secretName }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sciurus.mounts" -}}
- name: config
  mountPath: /opt/flink/conf
  readOnly: true
- name: tmp
  mountPath: /tmp
- name: log
  mountPath: /opt/flink/log
{{- with .root.Values.checkpoints }}
{{- if .enabled }}
- name: state
  mountPath: {{ .mountPath }}
{{- end }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sciurus.volumes" -}}
- name: config
  configMap:
    name: {{ include "sciurus.name" .root }}-config
- name: tmp
  emptyDir: {}
- name: log
  emptyDir: {}
{{- if and .root.Values.checkpoints.enabled (not .claimIsMade) }}
- name: state
  persistentVolumeClaim:
    claimName: {{ include "sciurus.claim" .root }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where pods that share a claim of one node have to be. */}}
{{- define "sciurus.affinity" -}}
{{- $checkpoints := .root.Values.checkpoints -}}
{{- $isOneNode := and $checkpoints.enabled (ne $checkpoints.claim "Existing") (not (has "ReadWriteMany" $checkpoints.accessModes)) -}}
{{- $affinity := deepCopy .affinity -}}
{{- if $isOneNode -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (dict "app" (include "sciurus.name" .root))) -}}
{{- $given := dig "podAffinity" "requiredDuringSchedulingIgnoredDuringExecution" (list) $affinity -}}
{{- $pods := merge (dict "requiredDuringSchedulingIgnoredDuringExecution" (append $given $term)) (dig "podAffinity" (dict) $affinity) -}}
{{- $affinity = set $affinity "podAffinity" $pods -}}
{{- end -}}
{{- with $affinity }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* What all pods have in common. */}}
{{- define "sciurus.podSpec" -}}
{{- $values := .root.Values -}}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
enableServiceLinks: false
{{- if $values.hostNetwork }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
{{- with $values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "sciurus.affinity" (dict "root" .root "affinity" .part.affinity) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with .part.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .part.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sciurus.podMetadata" -}}
labels:
  {{- include "sciurus.podLabels" . | nindent 2 }}
  {{- with .part.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include "sciurus.config" .root | sha256sum }}
  {{- with .part.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
