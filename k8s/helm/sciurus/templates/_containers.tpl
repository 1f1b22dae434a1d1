{{- define "sciurus.probes" -}}
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ . }}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 3
livenessProbe:
  httpGet:
    path: /livez
    port: {{ . }}
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{/* Arguments of the JobManager's container. */}}
{{- define "sciurus.jobManager.args" -}}
{{- $job := .root.Values.job -}}
{{- $args := list (ternary "standalone-job" "jobmanager" (not (empty $job.jar))) -}}
{{- if dig "limits" "memory" "" .resources -}}
{{- $args = append $args "-Djobmanager.memory.process.size=$(MEMORY_LIMIT)" -}}
{{- end -}}
{{- if $job.jar -}}
{{- if $job.parallelism -}}
{{- $args = append $args (printf "-Dparallelism.default=%d" (int $job.parallelism)) -}}
{{- end -}}
{{- with $job.fromSavepoint -}}
{{- $args = concat $args (list "--fromSavepoint" .) -}}
{{- end -}}
{{- if $job.allowNonRestoredState -}}
{{- $args = append $args "--allowNonRestoredState" -}}
{{- end -}}
{{- if .root.Values.checkpoints.enabled -}}
{{- $args = concat $args (list "--job-id" (include "sciurus.jobId" .root)) -}}
{{- end -}}
{{- with $job.entryClass -}}
{{- $args = concat $args (list "--job-classname" .) -}}
{{- end -}}
{{- $args = concat $args (list "--jars" $job.jar) -}}
{{- range $job.args -}}
{{- $args = append $args (toString .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $args -}}
{{- end -}}

{{- define "sciurus.jobManager.container" -}}
{{- $values := .root.Values -}}
- name: jobmanager
  image: {{ include "sciurus.image" .root }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args:
    {{- include "sciurus.jobManager.args" . | nindent 4 }}
  env:
    {{- include "sciurus.env" (dict "root" .root "container" "jobmanager" "resources" .resources "env" $values.jobManager.env) | nindent 4 }}
  ports:
    - name: rpc
      containerPort: 6123
    - name: blob
      containerPort: 6124
    - name: webui
      containerPort: 8081
    - name: metrics
      containerPort: 9249
  {{- include "sciurus.probes" "webui" | nindent 2 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  {{- with $values.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "sciurus.mounts" (dict "root" .root "extra" $values.jobManager.extraVolumeMounts) | nindent 4 }}
{{- end -}}

{{- define "sciurus.taskManager.container" -}}
{{- $values := .root.Values -}}
- name: taskmanager
  image: {{ include "sciurus.image" .root }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args:
    - taskmanager
    {{- if dig "limits" "memory" "" .resources }}
    - -Dtaskmanager.memory.process.size=$(MEMORY_LIMIT)
    {{- end }}
    {{- if $values.edge.enabled }}
    # The JobManager is in the same pod.
    - -Dmetrics.reporter.prom.port=9250
    {{- end }}
  env:
    {{- include "sciurus.env" (dict "root" .root "container" "taskmanager" "resources" .resources "env" $values.taskManager.env) | nindent 4 }}
  ports:
    - name: rpc{{ if $values.edge.enabled }}-tm{{ end }}
      containerPort: 6122
    {{- if not $values.edge.enabled }}
    - name: data
      containerPort: 6121
    {{- end }}
    - name: health
      containerPort: 8085
    - name: metrics{{ if $values.edge.enabled }}-tm{{ end }}
      containerPort: {{ ternary 9250 9249 $values.edge.enabled }}
  {{- include "sciurus.probes" "health" | nindent 2 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  {{- with $values.containerSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "sciurus.mounts" (dict "root" .root "extra" $values.taskManager.extraVolumeMounts) | nindent 4 }}
{{- end -}}
