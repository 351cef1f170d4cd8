{{- define "hanse.labels" -}}
app.kubernetes.io/name: hanse
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "hanse.secret" -}}
{{ .Values.existingSecret | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{- define "hanse.redis" -}}
{{- if or .Values.existingSecret .Values.secret.redisUrl }}true{{ end }}
{{- end }}
