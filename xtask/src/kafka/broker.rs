//! One Apache Kafka broker (KRaft mode, its own controller) on loopback.
//!
//! Shared by this tool and by the tests that kill a broker of their own, so it needs nothing but
//! the standard library and `ports.rs`. The broker is ended when the value is dropped; a small shell waiting on a
//! pipe ends it when this process is killed, so that no end of a test run leaves a server behind.

use std::fs::File;
use std::io::{Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_port;

const START_WITHIN: Duration = Duration::from_secs(90);
/// Any id does: the cluster lives alone.
const CLUSTER: &str = "aGFuc2UtdGVzdC1ja2Fma2E";

pub struct Broker {
    libraries: PathBuf,
    folder: PathBuf,
    port: u16,
    running: Option<Running>,
}

struct Running {
    server: Child,
    watchdog: Child,
    /// Closing this pipe without a word makes the watchdog end the server.
    leash: Option<ChildStdin>,
}

/// A second door of a broker, for clients that come through a proxy.
#[derive(Clone, Copy)]
pub struct Door {
    /// Where the broker listens.
    pub listens: u16,
    /// Where it tells clients of this door to come.
    pub advertised: u16,
}

impl Broker {
    /// Formats storage in `folder` and starts a broker from the jars in `libraries`.
    pub fn start(libraries: &Path, folder: &Path) -> Result<Self> {
        Self::start_with(libraries, folder, None)
    }

    /// As [`Broker::start`], with another door.
    pub fn start_with(libraries: &Path, folder: &Path, door: Option<Door>) -> Result<Self> {
        let (port, controller) = (free_port()?, free_port()?);
        let properties = properties(folder, port, controller, door);
        std::fs::write(folder.join("server.properties"), properties)?;
        let mut broker = Self {
            libraries: libraries.to_owned(),
            folder: folder.to_owned(),
            port,
            running: None,
        };
        let arguments = ["format", "--cluster-id", CLUSTER, "--config"];
        let mut format = broker.java("kafka.tools.StorageTool");
        let output = format.args(arguments).arg(folder.join("server.properties")).output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::other(format!("formatting Kafka's storage failed:\n{text}")));
        }
        broker.resume()?;
        Ok(broker)
    }

    /// `host:port` for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the broker again on the same storage and port, and waits until it answers.
    pub fn resume(&mut self) -> Result<()> {
        self.kill()?;
        let log = self.folder.join("log");
        let out = File::create(&log)?;
        let mut java = self.java("kafka.Kafka");
        java.arg(self.folder.join("server.properties"));
        // Its own process group: a Ctrl-C in the terminal is for the parent, which then ends it.
        java.process_group(0).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let mut server = java.spawn()?;
        let (watchdog, leash) = match watch(server.id()) {
            Ok(watchdog) => watchdog,
            Err(error) => {
                server.kill()?;
                return Err(error);
            }
        };
        self.running = Some(Running { server, watchdog, leash: Some(leash) });
        self.wait_until_it_answers(&log)
    }

    /// Ends the broker as a power cut would (`kill -9`).
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        running.server.kill()?;
        running.server.wait()?;
        if let Some(mut leash) = running.leash.take() {
            leash.write_all(b"stopped\n")?;
        }
        running.watchdog.wait().map(drop)
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.server.id())
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4"]);
        java.arg("-cp").arg(format!("{}/*", self.libraries.display())).arg(class);
        java.current_dir(&self.folder);
        java
    }

    fn wait_until_it_answers(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while !answers(self.port) {
            let log = || std::fs::read_to_string(log).unwrap_or_default();
            let ended = self.running.as_mut().and_then(|r| r.server.try_wait().transpose());
            if let Some(status) = ended.transpose()? {
                return Err(Error::other(format!("kafka ended ({status}):\n{}", log())));
            }
            if Instant::now() > deadline {
                return Err(Error::other(format!("kafka does not answer:\n{}", log())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("warning: ending kafka: {error}");
        }
    }
}

fn properties(folder: &Path, port: u16, controller: u16, door: Option<Door>) -> String {
    let data = folder.join("data");
    let listens =
        door.map(|door| format!(",DOOR://127.0.0.1:{}", door.listens)).unwrap_or_default();
    let advertised =
        door.map(|door| format!(",DOOR://127.0.0.1:{}", door.advertised)).unwrap_or_default();
    format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listens}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}\n\
         listener.security.protocol.map=\
         PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DOOR:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1000\n\
         broker.session.timeout.ms=1000\nbroker.heartbeat.interval.ms=200\n\
         log.segment.delete.delay.ms=0\n",
        data.display()
    )
}

/// Starts the shell that ends the server should this process end without doing so.
fn watch(server: u32) -> Result<(Child, ChildStdin)> {
    const SCRIPT: &str = r#"
        trap "" INT TERM HUP
        read -r word
        [ "$word" = stopped ] && exit 0
        kill -KILL "$1" 2>/dev/null
    "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "sh", &server.to_string()]);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut shell = shell.spawn()?;
    let leash = shell.stdin.take().ok_or_else(|| Error::other("the watchdog has no input"))?;
    Ok((shell, leash))
}

/// Asks for the cluster's metadata (API 3, version 1): the broker is up when it lists itself.
fn answers(port: u16) -> bool {
    let talk = || -> Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        // Length, API key, version, correlation id, empty client id, no topics.
        stream.write_all(&[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0])?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let brokers = head.get(8..12).is_some_and(|count| count == [0, 0, 0, 1]);
        Ok(brokers)
    };
    matches!(talk(), Ok(true))
}
