//! `cargo xtask deploy`: the chart and the compose file, judged without a cluster or a daemon.
//!
//! Helm renders the chart, the schemas of Kubernetes say whether what comes out is well formed, a
//! policy of our own says whether it is safe, and compose-go reads the compose file. Helm and
//! compose-go are built from the Go module proxy, the schemas come from the Python package index;
//! nothing else is asked, and all of it is kept in the build folder.

mod policy;
mod tools;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace::{self, root};
use tools::Tools;

const CHART: &str = "deploy/helm/hanse";
const COMPOSE: &str = "deploy/compose.yaml";
/// The release of Kubernetes whose schemas are asked.
const KUBERNETES: &str = "1.37";

/// Check the deployment files: render the chart, validate what comes out, apply the policy.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask deploy
  cargo xtask deploy --show istio.enabled=true    print what the chart renders with this value")]
pub struct Args {
    /// Print what the chart renders with these values and check nothing.
    #[arg(long, value_name = "KEY=VALUE", num_args = 0..)]
    show: Option<Vec<String>>,
}

/// How the chart is rendered: the least that it asks for, and everything turned the other way.
const VARIANTS: [(&str, &[&str]); 3] = [
    ("as it is", &["secret.storeUrl=postgres://host/db", "secret.masterKey=key"]),
    (
        "with everything",
        &[
            "existingSecret=own",
            "istio.enabled=true",
            "kafka.brokers={kafka:9092}",
            "config.limits.user_burst=10",
            "networkPolicy.clients[0].podSelector.matchLabels.app=edge",
            "networkPolicy.monitoring[0].podSelector.matchLabels.app=metrics",
            "podAnnotations.note=x",
        ],
    ),
    (
        "with less",
        &[
            "existingSecret=own",
            "autoscaling.enabled=false",
            "disruptionBudget.enabled=false",
            "networkPolicy.enabled=false",
            "replicas=1",
        ],
    ),
];

pub fn run(args: &Args) -> anyhow::Result<()> {
    let tools = Tools::ensure()?;
    if let Some(values) = &args.show {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        print!("{}", render(&tools, &values)?);
        return Ok(());
    }
    let mut findings = Vec::new();
    let keys =
        policy::variables(&std::fs::read_to_string(root().join("docs/config.schema.json"))?)?;
    for (name, values) in VARIANTS {
        let rendered = render(&tools, values)?;
        let objects = objects(&tools, &rendered)?;
        let mut found = validate(&tools, &objects)?;
        found.extend(objects.iter().flat_map(|object| policy::of_object(object, &keys)));
        if name == "with everything" {
            found.extend(policy::of_mesh(&objects));
        }
        println!("{} chart {name}: {} objects", verdict(&found), objects.len());
        findings.extend(found.into_iter().map(|finding| format!("chart {name}: {finding}")));
    }
    let compose = compose(&tools)?;
    let found = policy::of_compose(&compose, &keys);
    println!("{} compose file", verdict(&found));
    findings.extend(found);
    for finding in &findings {
        println!("       {finding}");
    }
    if !findings.is_empty() {
        bail!("{} finding(s) in the deployment files", findings.len());
    }
    Ok(())
}

fn verdict(findings: &[String]) -> &'static str {
    if findings.is_empty() { "ok    " } else { "FAILED" }
}

fn render(tools: &Tools, values: &[&str]) -> anyhow::Result<String> {
    let mut helm = Command::new(&tools.helm);
    helm.current_dir(root()).args(["template", "hanse", CHART, "--namespace", "hanse"]);
    helm.args(["--kube-version", KUBERNETES]);
    for value in values {
        helm.args(["--set", value]);
    }
    workspace::output(&mut helm)
}

/// The objects of a stream of YAML documents.
fn objects(tools: &Tools, yaml: &str) -> anyhow::Result<Vec<Value>> {
    const READ: &str = "import json,sys,yaml\n\
                        json.dump([d for d in yaml.safe_load_all(sys.stdin) if d], sys.stdout)";
    let mut python = Command::new(tools.python.join("bin/python"));
    let mut child = python
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("python could not be started")?;
    let Some(mut input) = child.stdin.take() else { bail!("python has no input") };
    input.write_all(yaml.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("what the chart renders is not YAML");
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the schemas of Kubernetes say, of the objects that are Kubernetes' own.
fn validate(tools: &Tools, objects: &[Value]) -> anyhow::Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("objects.yaml");
    let own = objects.iter().filter(|object| !policy::is_mesh(object));
    // JSON is YAML.
    let text: String = own.map(|object| format!("---\n{object}\n")).collect();
    std::fs::write(&file, text)?;
    let mut validator = Command::new(tools.python.join("bin/kubernetes-validate"));
    let output = validator
        .args(["--strict", "--kubernetes-version", KUBERNETES])
        .arg(&file)
        .output()
        .context("kubernetes-validate could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let mut found: Vec<String> = said
        .lines()
        .filter(|line| !line.starts_with("INFO") && !line.trim().is_empty())
        .map(|line| line.replace(&format!("{} ", file.display()), ""))
        .collect();
    if found.is_empty() && !output.status.success() {
        found.push(format!("kubernetes-validate failed ({})", output.status));
    }
    Ok(found)
}

/// The compose file as its own library reads it: anchors merged, names resolved, schema checked.
fn compose(tools: &Tools) -> anyhow::Result<Value> {
    let mut read = Command::new(&tools.compose);
    // Relative paths would be looked for here.
    read.current_dir(root().join(Path::new(COMPOSE).parent().unwrap_or(Path::new(""))));
    read.args(["-format", "json", "compose.yaml"]);
    Ok(serde_json::from_str(&workspace::output(&mut read)?)?)
}
