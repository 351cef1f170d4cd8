//! A throwaway Apache Kafka broker, from the artifacts that Maven has.
//!
//! The jars are fetched once by the machine's `mvn` (JDK 17 or newer) into a folder of the target
//! directory. `cargo xtask kafka` starts a broker by hand; the tests find theirs by
//! `HANSE_TEST_KAFKA` and, to start and kill one of their own, the jars by `HANSE_TEST_KAFKA_JARS`.

mod broker;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace::{self, Metadata};
use broker::Broker;

const VERSION: &str = "4.1.1";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Start one Kafka broker on loopback, until Enter or the end of input.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask kafka                       prints what to export, then waits for Enter
  cargo xtask kafka --only-fetch          fetches the jars and prints their folder")]
pub struct Args {
    /// Fetch the jars and start nothing.
    #[arg(long)]
    only_fetch: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.only_fetch {
        println!("{}", jars()?.display());
        return Ok(());
    }
    let cluster = Cluster::start()?;
    for (name, value) in cluster.variables() {
        println!("export {name}={value}");
    }
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

pub struct Cluster {
    broker: Broker,
    jars: PathBuf,
    _folder: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> anyhow::Result<Self> {
        let jars = jars()?;
        let folder = tempfile::Builder::new().prefix("hanse-kafka-").tempdir()?;
        let broker = Broker::start(&jars, folder.path()).context("kafka could not be started")?;
        let pid = broker.pid().unwrap_or_default();
        eprintln!("kafka: throwaway broker on {}, process {pid}", broker.address());
        Ok(Self { broker, jars, _folder: folder })
    }

    /// What the tests read.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("HANSE_TEST_KAFKA", self.broker.address()),
            ("HANSE_TEST_KAFKA_JARS", self.jars.display().to_string()),
        ]
    }

    /// Stops the broker now rather than at the end of the scope.
    pub fn stop(self) {}
}

/// The folder with the broker's jars, fetched when it is not there yet.
fn jars() -> anyhow::Result<PathBuf> {
    let folder = Metadata::load()?.target_directory.join(format!("kafka-{VERSION}"));
    if folder.join(format!("kafka_2.13-{VERSION}.jar")).is_file() {
        return Ok(folder);
    }
    for (program, package) in [("java", "openjdk-17-jre-headless"), ("mvn", "maven")] {
        if Command::new(program).arg("--version").output().is_err() {
            bail!("the tests need `{program}`; on Debian: `apt-get install {package}`");
        }
    }
    eprintln!("kafka: fetching Apache Kafka {VERSION} with Maven");
    fetch(&folder)?;
    Ok(folder)
}

/// Fetches next to the folder first, so that an interrupted fetch leaves nothing half-done.
fn fetch(folder: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().context("the target directory has no parent")?;
    std::fs::create_dir_all(parent)?;
    let temporary = tempfile::Builder::new().prefix("kafka-").tempdir_in(parent)?;
    std::fs::write(temporary.path().join("pom.xml"), project())?;
    let mut maven = Command::new("mvn");
    maven.current_dir(temporary.path()).args(["-q", "-B", COPY, "-DoutputDirectory=jars"]);
    workspace::run(&mut maven)?;
    std::fs::rename(temporary.path().join("jars"), folder).context("keeping Kafka's jars")
}

/// The smallest project that depends on the broker and its command-line tools.
fn project() -> String {
    let dependency = |artifact: &str| {
        format!(
            "<dependency><groupId>org.apache.kafka</groupId>\
             <artifactId>{artifact}</artifactId><version>{VERSION}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>hanse</groupId><artifactId>broker</artifactId><version>1</version>\
         <packaging>pom</packaging><dependencies>{}{}</dependencies></project>",
        dependency("kafka_2.13"),
        dependency("kafka-tools")
    )
}
