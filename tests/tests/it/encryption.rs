//! HTTP-15: TLS at the public door and towards other systems. The clients are curl and OpenSSL.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hanse_e2e::{Authority, Certificate, Fetched, Server, curl, json, until};
use rustix::process::Signal;

fn serve(folder: &Path, name: &str, config: &str) -> Server {
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, config).expect("a configuration");
    Server::start(&folder.join(name), &["--config", &file.display().to_string()])
}

/// Where it listens, as somebody writes who knows it by a name.
fn named(server: &Server, name: &str) -> (String, String, String) {
    let address = server.url.strip_prefix("https://").expect("the door says that it speaks TLS");
    let port = address.rsplit_once(':').expect("a port").1;
    (address.to_owned(), format!("https://{name}:{port}"), format!("{name}:{port}:127.0.0.1"))
}

fn fetch(server: &Server, name: &str, more: &[&str]) -> Fetched {
    let (_, url, resolve) = named(server, name);
    let url = format!("{url}/health");
    curl(&[&["--resolve", &resolve][..], more, &[&url]].concat())
}

fn says(server: &Server, words: &str) {
    until(&format!("the log says: {words}"), || server.log().contains(words));
}

#[test]
fn the_door_shows_its_certificate_and_speaks_nothing_old() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = authority.issue("door", "DNS:hanse.test", 30);
    let server = serve(folder.path(), "door", &certificate.of_the_door());
    let ca = authority.file().display().to_string();
    let known = ["--cacert", ca.as_str()];

    for (more, version) in [
        (&[][..], "2"),
        (&["--http1.1"], "1.1"),
        (&["--tls-max", "1.2"], "2"),
        (&["--tlsv1.3"], "2"),
    ] {
        let answer = fetch(&server, "hanse.test", &[&known, more].concat());
        assert_eq!((answer.status, answer.version.as_str()), (200, version), "{answer:?}");
    }
    let (address, url, resolve) = named(&server, "hanse.test");
    let body = json!({
        "email": "anna@example.com", "password": "kogge anna 1358", "name": "Anna",
    });
    let registered = curl(&[
        "--cacert",
        &ca,
        "--resolve",
        &resolve,
        "--json",
        &body.to_string(),
        &format!("{url}/auth/register"),
    ]);
    assert_eq!(registered.status, 201, "{registered:?}");

    // Whoever does not know the authority, or expects somebody else, goes no further.
    assert_eq!(fetch(&server, "hanse.test", &[]).exit, 60);
    assert_eq!(fetch(&server, "other.test", &known).exit, 60);

    let old = ["--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT:@SECLEVEL=0"];
    let refused = fetch(&server, "hanse.test", &[&known[..], &old].concat());
    assert_eq!((refused.exit, refused.status), (35, 0), "{refused:?}");
    says(&server, "a TLS handshake was refused");

    // A client that does not speak TLS learns nothing but that.
    until("plain HTTP is refused and that is logged", || {
        let mut plain = TcpStream::connect(&address).expect("a connection");
        plain.write_all(b"GET /health HTTP/1.1\r\nhost: hanse.test\r\n\r\n").expect("written");
        let mut said = Vec::new();
        // It may end with a reset.
        plain.read_to_end(&mut said).ok();
        assert!(said.len() < 16 && !said.starts_with(b"HTTP"), "{said:?}");
        server.log().contains("it does not speak TLS")
    });

    // One that says nothing has its time.
    let mut silent = TcpStream::connect(&address).expect("a connection");
    assert_eq!(silent.read(&mut [0; 16]).expect("its end"), 0);
    says(&server, "it took too long");
    assert!(server.stop().success());
}

/// A connection that OpenSSL keeps open.
struct Session {
    client: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Session {
    fn open(address: &str, ca: &Path) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-servername", "hanse.test"]);
        command.args(["-verify_hostname", "hanse.test", "-alpn", "http/1.1"]);
        command.args(["-connect", address, "-CAfile"]).arg(ca);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = command.spawn().expect("openssl");
        let say = client.stdin.take().expect("a pipe");
        let hear = BufReader::new(client.stdout.take().expect("a pipe"));
        Self { client, say, hear }
    }

    /// The status line of an answer, whose body is read too.
    fn ask(&mut self) -> String {
        self.say.write_all(b"GET /health HTTP/1.1\r\nhost: hanse.test\r\n\r\n").expect("said");
        let mut line = || {
            let mut line = String::new();
            self.hear.read_line(&mut line).expect("a line");
            line.trim_end().to_owned()
        };
        let status = line();
        let mut length = 0;
        loop {
            let header = line().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        self.hear.read_exact(&mut vec![0; length]).expect("a body");
        status
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.client.kill().ok();
        self.client.wait().ok();
    }
}

#[test]
fn a_renewed_certificate_is_shown_and_no_connection_is_dropped() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let first = authority.issue("first", "DNS:hanse.test", 30);
    let second = authority.issue("second", "DNS:renewed.test", 30);
    let elsewhere = authority.issue("elsewhere", "DNS:hanse.test", 30);
    let shown = Certificate {
        certificate: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
    };
    first.replace(&shown);
    let server = serve(folder.path(), "door", &shown.of_the_door());
    let (address, ..) = named(&server, "hanse.test");
    let ca = authority.file();
    let known = ["--cacert", &ca.display().to_string()];
    let mut session = Session::open(&address, &ca);
    assert_eq!(session.ask(), "HTTP/1.1 200 OK");

    // A key of another certificate: what was there stays.
    std::fs::copy(&elsewhere.key, &shown.key).expect("a copy");
    server.signal(Signal::HUP);
    says(&server, "renewed certificates cannot be used; the old ones stay");
    assert_eq!(session.ask(), "HTTP/1.1 200 OK");
    assert_eq!(fetch(&server, "hanse.test", &known).status, 200);

    second.replace(&shown);
    server.signal(Signal::HUP);
    // Somebody who asks now and then, as a connection that is idle is let go.
    until("the new one is shown", || {
        assert_eq!(session.ask(), "HTTP/1.1 200 OK", "who was there stays");
        fetch(&server, "renewed.test", &known).status == 200
    });
    assert_eq!(fetch(&server, "hanse.test", &known).exit, 60, "the old one is shown no more");
    assert_eq!(session.ask(), "HTTP/1.1 200 OK", "who was there stays");

    // Without a signal too, a little later.
    first.replace(&shown);
    until("the files are looked at", || {
        assert_eq!(session.ask(), "HTTP/1.1 200 OK", "who was there stays");
        fetch(&server, "hanse.test", &known).status == 200
    });
    assert_eq!(session.ask(), "HTTP/1.1 200 OK");
    drop(session);
    assert!(server.stop().success());
}

#[test]
fn a_system_behind_a_rule_must_be_who_it_is_to_be() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().expect("a folder");
    let behind = [
        ("good", authority.issue("good", "DNS:localhost", 30)),
        ("http2", authority.issue("http2", "IP:127.0.0.1", 30)),
        ("ended", authority.issue("ended", "IP:127.0.0.1", -1)),
        ("other", authority.issue("other", "DNS:other.test", 30)),
        ("foreign", stranger.issue("foreign", "IP:127.0.0.1", 30)),
    ];
    let behind = behind
        .map(|(name, certificate)| (name, serve(folder.path(), name, &certificate.of_the_door())));
    let mut config = String::new();
    for (name, server) in &behind {
        let port = server.url.rsplit_once(':').expect("a port").1;
        let (host, protocol) = match *name {
            "http2" => ("127.0.0.1", "http2"),
            "good" => ("localhost", "http1"),
            _ => ("127.0.0.1", "http1"),
        };
        config.push_str(&format!(
            "[[gateway.upstreams]]\nname = \"{name}\"\nendpoints = [\"https://{host}:{port}\"]\n\
             [gateway.upstreams.settings]\nca_file = \"{}\"\nprotocol = \"{protocol}\"\n\
             [[gateway.routes]]\nprefix = \"/{name}\"\nupstream = \"{name}\"\naddress = \
             \"stripped\"\naccess = \"public\"\n",
            authority.file().display()
        ));
    }
    let gate = serve(folder.path(), "gate", &config);
    let guest = gate.guest();
    for name in ["good", "http2"] {
        until(&format!("{name} is known"), || {
            let answer = guest.get(&format!("/{name}/health"));
            assert!(matches!(answer.status, 200 | 503), "{name}: {}", answer.text);
            answer.status == 200
        });
    }
    for name in ["ended", "other", "foreign"] {
        until(&format!("{name} is refused"), || {
            let answer = guest.get(&format!("/{name}/health"));
            assert!(!answer.text.contains("ertificate"), "{}", answer.text);
            answer.summary() == "502 UPS-002"
        });
    }
    // The stranger calls itself like the authority, but its key is another.
    for cause in
        ["certificate: Expired", "certificate not valid for name", "certificate: BadSignature"]
    {
        until(&format!("{cause}\n{}", gate.log()), || gate.log().contains(cause));
    }
    for (_, server) in behind {
        assert!(server.stop().success());
    }
}
