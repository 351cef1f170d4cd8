//! What every pod and container must be, whatever the schemas allow.
//!
//! A rule is a place and the value that has to stand there. What is not said is a finding too: a
//! default of the cluster is nobody's promise.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Variables that would hold a secret; as files they end in `_FILE`.
const SECRET_VARIABLES: [&str; 4] =
    ["HANSE_STORE_URL", "HANSE_STORE_REPLICA_URL", "HANSE_REDIS_URL", "HANSE_SECRETS_MASTER_KEY"];
/// What tells the platform where its file is, and is no key itself.
const CONFIG: &str = "HANSE_CONFIG";
/// The ports of architecture, section 6.
const PORTS: [(&str, u64); 15] = [
    ("gateway", 3000),
    ("identity", 3001),
    ("ledger", 3003),
    ("notifications", 3004),
    ("audit", 3005),
    ("flags", 3006),
    ("agents", 3007),
    ("projects", 3008),
    ("forms", 3009),
    ("tasks", 3010),
    ("calendar", 3011),
    ("thoughts", 3012),
    ("journals", 3013),
    ("search", 3014),
    ("analytics", 3015),
];

/// The variables that the platform knows, by the schema of its configuration. It refuses others.
pub fn variables(schema: &str) -> anyhow::Result<BTreeSet<String>> {
    fn collect(part: &Value, name: &str, names: &mut BTreeSet<String>) {
        match part.get("properties").and_then(Value::as_object) {
            Some(properties) => properties.iter().for_each(|(key, part)| {
                collect(part, &format!("{name}_{}", key.to_ascii_uppercase()), names);
            }),
            None => drop(names.insert(name.to_owned())),
        }
    }
    let mut names = BTreeSet::from([CONFIG.to_owned()]);
    collect(&serde_json::from_str(schema)?, "HANSE", &mut names);
    Ok(names)
}

/// Is it Istio's rather than Kubernetes' own?
pub fn is_mesh(object: &Value) -> bool {
    text(object, "/apiVersion").contains("istio.io")
}

/// What is wrong with an object of Kubernetes.
pub fn of_object(object: &Value, known: &BTreeSet<String>) -> Vec<String> {
    let found = match text(object, "/kind") {
        "Deployment" => of_deployment(object, known),
        "HorizontalPodAutoscaler" => {
            let least = number(object, "/spec/minReplicas").unwrap_or(0);
            let enough = least >= 3.min(number(object, "/spec/maxReplicas").unwrap_or(0));
            offences([(enough, format!("keeps {least} replicas, not 3"))])
        }
        "Service" => of_service(object),
        "NetworkPolicy" => wrong(object, &[("/spec/policyTypes", json!(["Ingress", "Egress"]))]),
        "ConfigMap" => {
            let text = object.to_string().to_ascii_lowercase();
            let secret =
                ["password", "master_key =", "://:"].iter().any(|word| text.contains(word));
            offences([(!secret, "holds what looks like a secret".to_owned())])
        }
        _ => Vec::new(),
    };
    let name = format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"));
    found.into_iter().map(|finding| format!("{name}: {finding}")).collect()
}

fn of_deployment(object: &Value, known: &BTreeSet<String>) -> Vec<String> {
    let pod = object.pointer("/spec/template/spec").unwrap_or(&Value::Null);
    let mut found = wrong(
        pod,
        &[
            ("/securityContext/runAsNonRoot", json!(true)),
            ("/securityContext/seccompProfile/type", json!("RuntimeDefault")),
            ("/automountServiceAccountToken", json!(false)),
            // Kubernetes' own variables begin with HANSE_ when the release is called so.
            ("/enableServiceLinks", json!(false)),
        ],
    );
    let user = number(pod, "/securityContext/runAsUser").unwrap_or(0);
    let shares = ["hostNetwork", "hostPID", "hostIPC"].iter().any(|key| pod.get(key).is_some());
    let volumes = list(pod, "/volumes");
    let on_host = volumes.iter().any(|volume| volume.get("hostPath").is_some());
    found.extend(offences([
        (user >= 1000, format!("runs as user {user}")),
        (!shares, "shares something with its host".to_owned()),
        (!on_host, "mounts a folder of its host".to_owned()),
    ]));
    let containers = ["/containers", "/initContainers"].map(|kind| list(pod, kind)).concat();
    found.extend(offences([(!containers.is_empty(), "has no container".to_owned())]));
    for container in &containers {
        found.extend(of_container(container, known));
        found.extend(of_end(pod, container));
    }
    found
}

fn of_container(container: &Value, known: &BTreeSet<String>) -> Vec<String> {
    let mut found = wrong(
        container,
        &[
            ("/securityContext/readOnlyRootFilesystem", json!(true)),
            ("/securityContext/allowPrivilegeEscalation", json!(false)),
            ("/securityContext/privileged", json!(false)),
            ("/securityContext/runAsNonRoot", json!(true)),
            ("/securityContext/capabilities", json!({ "drop": ["ALL"] })),
            // M-123, M-124.
            ("/livenessProbe/httpGet/path", json!("/health")),
            ("/livenessProbe/initialDelaySeconds", json!(30)),
            ("/livenessProbe/periodSeconds", json!(10)),
            ("/readinessProbe/httpGet/path", json!("/ready")),
            ("/readinessProbe/initialDelaySeconds", json!(5)),
            ("/readinessProbe/periodSeconds", json!(5)),
            ("/resources/requests", json!({ "memory": "256Mi", "cpu": "250m" })),
            ("/resources/limits", json!({ "memory": "512Mi", "cpu": "500m" })),
        ],
    );
    let latest = text(container, "/image").ends_with(":latest");
    found.extend(offences([(!latest, "its image is of no release".to_owned())]));
    for variable in list(container, "/env") {
        found.extend(of_variable(text(&variable, "/name"), known));
    }
    found
}

/// Whoever is told to stop must have the time to finish.
fn of_end(pod: &Value, container: &Value) -> Vec<String> {
    let variable = |name: &str| {
        let env = list(container, "/env");
        let found = env.iter().find(|variable| text(variable, "/name") == name);
        found.and_then(|variable| text(variable, "/value").parse::<u64>().ok())
    };
    let parts = [
        number(container, "/lifecycle/preStop/sleep/seconds"),
        variable("HANSE_SERVER_DRAIN_DELAY_SECONDS"),
        variable("HANSE_SERVER_DRAIN_SECONDS"),
    ];
    let grace = number(pod, "/terminationGracePeriodSeconds").unwrap_or(0);
    match parts.into_iter().sum::<Option<u64>>() {
        Some(drain) if drain < grace => Vec::new(),
        Some(drain) => vec![format!("is killed after {grace} s, but drains for {drain} s")],
        None => vec!["does not say how long it drains".to_owned()],
    }
}

fn of_variable(name: &str, known: &BTreeSet<String>) -> Vec<String> {
    let foreign = name.starts_with("HANSE_") && !known.contains(name);
    let words = ["PASSWORD", "SECRET", "TOKEN"];
    let secret = SECRET_VARIABLES.contains(&name)
        || (words.iter().any(|word| name.contains(word)) && !name.ends_with("_FILE"));
    offences([
        (!foreign, format!("the platform knows no {name}")),
        (!secret, format!("{name} is a variable; make it a file")),
    ])
}

fn of_service(object: &Value) -> Vec<String> {
    let component = text(object, "/spec/selector/app.kubernetes.io~1component");
    let documented = PORTS.iter().find(|(name, _)| *name == component).map(|(_, port)| *port);
    let port = number(object, "/spec/ports/0/port");
    let mut found = wrong(object, &[("/spec/type", json!("ClusterIP"))]);
    let right = documented.is_some() && port == documented;
    found.extend(offences([(right, format!("port {port:?} is not the documented one"))]));
    found
}

/// M-091 to M-096.
pub fn of_mesh(objects: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let of_kind = |kind: &'static str| objects.iter().filter(move |o| text(o, "/kind") == kind);
    for kind in ["VirtualService", "DestinationRule"] {
        found.extend(offences([(of_kind(kind).next().is_some(), format!("there is no {kind}"))]));
    }
    for service in of_kind("VirtualService") {
        found.extend(wrong(
            service,
            &[
                ("/spec/http/0/match/0/uri/prefix", json!("/api/v1/")),
                ("/spec/http/0/route/0/destination/subset", json!("v1")),
                ("/spec/http/0/timeout", json!("30s")),
                ("/spec/http/0/retries/attempts", json!(3)),
                ("/spec/http/0/retries/perTryTimeout", json!("10s")),
            ],
        ));
    }
    for rule in of_kind("DestinationRule") {
        found.extend(wrong(
            rule,
            &[
                ("/spec/trafficPolicy/loadBalancer/simple", json!("LEAST_CONN")),
                ("/spec/trafficPolicy/outlierDetection/consecutive5xxErrors", json!(5)),
                ("/spec/trafficPolicy/outlierDetection/interval", json!("30s")),
                ("/spec/trafficPolicy/outlierDetection/baseEjectionTime", json!("30s")),
            ],
        ));
    }
    found
}

/// What is wrong with the compose file.
pub fn of_compose(file: &Value, known: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let services = file.get("services").and_then(Value::as_object);
    for (name, service) in services.into_iter().flatten() {
        let mut here = offences([
            (service.get("healthcheck").is_some(), "has no health check".to_owned()),
            (service.get("mem_limit").is_some(), "has no limit of memory".to_owned()),
            (service.get("privileged").is_none(), "is privileged".to_owned()),
        ]);
        for port in list(service, "/ports") {
            let loopback = text(&port, "/host_ip") == "127.0.0.1";
            here.extend(offences([(loopback, format!("publishes {port} to everybody"))]));
        }
        for variable in service.get("environment").and_then(Value::as_object).into_iter().flatten()
        {
            here.extend(of_variable(variable.0, known));
        }
        if text(service, "/image").starts_with("hanse") {
            here.extend(wrong(
                service,
                &[
                    ("/user", json!("10001:10001")),
                    ("/read_only", json!(true)),
                    ("/cap_drop", json!(["ALL"])),
                    ("/security_opt", json!(["no-new-privileges:true"])),
                ],
            ));
        }
        found.extend(here.into_iter().map(|finding| format!("compose {name}: {finding}")));
    }
    found.extend(offences([(services.is_some(), "compose: there is no service".to_owned())]));
    found
}

/// The places where something else stands than has to.
fn wrong(object: &Value, rules: &[(&str, Value)]) -> Vec<String> {
    let wrong = rules.iter().filter(|(place, wanted)| object.pointer(place) != Some(wanted));
    wrong
        .map(|(place, wanted)| {
            let found = object.pointer(place).map_or("nothing".to_owned(), Value::to_string);
            format!("{place} must be {wanted}, found {found}")
        })
        .collect()
}

fn offences<const N: usize>(rules: [(bool, String); N]) -> Vec<String> {
    rules.into_iter().filter(|(kept, _)| !kept).map(|(_, finding)| finding).collect()
}

fn text<'a>(object: &'a Value, place: &str) -> &'a str {
    object.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

fn number(object: &Value, place: &str) -> Option<u64> {
    object.pointer(place).and_then(Value::as_u64)
}

fn list(object: &Value, place: &str) -> Vec<Value> {
    object.pointer(place).and_then(Value::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeSet<String> {
        let schema = json!({ "properties": {
            "server": { "properties": {
                "drain_seconds": {}, "drain_delay_seconds": {}, "only": {} } },
            "store": { "properties": { "url": {}, "url_file": {} } },
        }});
        variables(&schema.to_string()).unwrap()
    }

    fn deployment() -> Value {
        json!({ "kind": "Deployment", "metadata": { "name": "x" }, "spec": { "template": { "spec": {
            "automountServiceAccountToken": false, "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 45,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 10001,
                "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "image": "hanse:1", "lifecycle": { "preStop": { "sleep": { "seconds": 5 } } },
                "env": [{ "name": "HANSE_SERVER_DRAIN_SECONDS", "value": "25" },
                    { "name": "HANSE_SERVER_DRAIN_DELAY_SECONDS", "value": "10" },
                    { "name": "HANSE_STORE_URL_FILE", "value": "/x" }],
                "securityContext": { "readOnlyRootFilesystem": true, "privileged": false,
                    "allowPrivilegeEscalation": false, "runAsNonRoot": true,
                    "capabilities": { "drop": ["ALL"] } },
                "livenessProbe": { "httpGet": { "path": "/health" },
                    "initialDelaySeconds": 30, "periodSeconds": 10 },
                "readinessProbe": { "httpGet": { "path": "/ready" },
                    "initialDelaySeconds": 5, "periodSeconds": 5 },
                "resources": { "requests": { "memory": "256Mi", "cpu": "250m" },
                    "limits": { "memory": "512Mi", "cpu": "500m" } },
            }],
        }}}})
    }

    /// OPS-18: what the rendered chart and the compose file are held to.
    #[test]
    fn a_good_deployment_passes_and_each_fault_is_named() {
        assert_eq!(of_object(&deployment(), &known()), Vec::<String>::new());
        let pod = "/spec/template/spec";
        for (place, value) in [
            ("/securityContext/runAsUser", json!(0)),
            ("/securityContext/runAsNonRoot", json!(false)),
            ("/securityContext/seccompProfile", json!({ "type": "Unconfined" })),
            ("/automountServiceAccountToken", json!(true)),
            ("/enableServiceLinks", json!(true)),
            ("/terminationGracePeriodSeconds", json!(40)),
            ("/containers", json!([])),
            ("/containers/0/image", json!("hanse:latest")),
            ("/containers/0/lifecycle", json!(null)),
            ("/containers/0/securityContext/readOnlyRootFilesystem", json!(false)),
            ("/containers/0/securityContext/privileged", json!(true)),
            ("/containers/0/securityContext/capabilities", json!({ "drop": ["NET_RAW"] })),
            ("/containers/0/livenessProbe", json!(null)),
            ("/containers/0/readinessProbe/httpGet/path", json!("/health")),
            ("/containers/0/resources", json!({})),
            ("/containers/0/env/2/name", json!("HANSE_STORE_URL")),
            ("/containers/0/env/2/name", json!("HANSE_STORE_ULR_FILE")),
        ] {
            let mut broken = deployment();
            *broken.pointer_mut(&format!("{pod}{place}")).unwrap() = value;
            assert!(!of_object(&broken, &known()).is_empty(), "{place}");
        }
        for (key, value) in [("hostNetwork", json!(true)), ("volumes", json!([{ "hostPath": {} }]))]
        {
            let mut broken = deployment();
            broken.pointer_mut(pod).unwrap()[key] = value;
            assert_eq!(of_object(&broken, &known()).len(), 1, "{key}");
        }
    }

    #[test]
    fn a_container_that_is_open_to_everybody_is_found() {
        let good = json!({ "services": { "gateway": {
            "image": "hanse:latest", "user": "10001:10001", "read_only": true, "mem_limit": "1",
            "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "healthcheck": {},
            "ports": [{ "host_ip": "127.0.0.1" }],
            "environment": { "HANSE_SERVER_ONLY": "x", "POSTGRES_PASSWORD_FILE": "/x" },
        }}});
        assert_eq!(of_compose(&good, &known()), Vec::<String>::new());
        for (place, value) in [
            ("/user", json!("0")),
            ("/read_only", json!(false)),
            ("/cap_drop", json!([])),
            ("/ports/0/host_ip", json!("0.0.0.0")),
            ("/environment", json!({ "HANSE_NOTHING": "x" })),
            ("/environment", json!({ "POSTGRES_PASSWORD": "x" })),
        ] {
            let mut broken = good.clone();
            *broken.pointer_mut(&format!("/services/gateway{place}")).unwrap() = value;
            assert_eq!(of_compose(&broken, &known()).len(), 1, "{place}");
        }
        assert!(!of_compose(&json!({}), &known()).is_empty());
        assert_eq!(of_mesh(&[]).len(), 2);
    }
}
