{{/* The settings that the chart makes, flat; `configuration` is laid over them. */}}
{{- define "sciurus.settings" -}}
{{- $name := include "sciurus.name" . -}}
{{- $jobManager := ternary "localhost" (printf "%s-jobmanager" $name) .Values.edge.enabled -}}
jobmanager.rpc.address: {{ $jobManager }}
jobmanager.rpc.port: 6123
rest.address: {{ $jobManager }}
rest.port: 8081
blob.server.port: 6124
health.port: 8085
metrics.reporters: prom
metrics.reporter.prom.factory.class: org.apache.flink.metrics.prometheus.PrometheusReporterFactory
metrics.reporter.prom.port: 9249
taskmanager.numberOfTaskSlots: {{ .Values.taskManager.slots }}
taskmanager.rpc.port: 6122
taskmanager.registration.timeout: 1 d
cluster.services.shutdown-timeout: {{ max 1 (sub (int .Values.terminationGracePeriodSeconds) 10) }} s
io.tmp.dirs: /tmp
{{- if .Values.edge.enabled }}
jobmanager.bind-host: 127.0.0.1
taskmanager.host: localhost
{{- else }}
taskmanager.data.port: 6121-6220
{{- end }}
{{- if include "sciurus.watchesTaskManagers" . }}
kubernetes.taskmanager.service: {{ $name }}-taskmanager
{{- end }}
{{- if .Values.job.jar }}
execution.shutdown-on-application-finish: false
execution.submit-failed-job-on-application-error: true
{{- end }}
{{- with .Values.checkpoints }}
{{- if .enabled }}
execution.checkpointing.interval: {{ .interval }}
execution.checkpointing.dir: file://{{ .mountPath }}/checkpoints
execution.checkpointing.savepoint-dir: file://{{ .mountPath }}/savepoints
high-availability.type: filesystem
high-availability.storageDir: file://{{ .mountPath }}/ha
high-availability.cluster-id: {{ $name }}{{ with $.Values.job.jar }}-{{ include "sciurus.jobId" $ }}{{ end }}
web.upload.dir: {{ .mountPath }}/uploads
{{- end }}
{{- end }}
{{- end -}}

{{/* The job's id: another for another job, so that it doesn't go on as the one before it. */}}
{{- define "sciurus.jobId" -}}
{{- dict "job" .Values.job "image" (include "sciurus.image" .) | toJson | sha256sum | trunc 32 -}}
{{- end -}}

{{/* Nested settings as flat ones: a dictionary that is filled, a prefix, what is below it. */}}
{{- define "sciurus.flatten" -}}
{{- $root := . -}}
{{- range $key, $value := .settings -}}
{{- $path := ternary $key (printf "%s.%s" $root.prefix $key) (empty $root.prefix) -}}
{{- if and (kindIs "map" $value) $value -}}
{{- include "sciurus.flatten" (dict "into" $root.into "prefix" $path "settings" $value) -}}
{{- else -}}
{{- $_ := set $root.into $path $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sciurus.config" -}}
{{- $settings := include "sciurus.settings" . | fromYaml -}}
{{- include "sciurus.flatten" (dict "into" $settings "prefix" "" "settings" .Values.configuration) -}}
{{- toYaml $settings -}}
{{- end -}}
