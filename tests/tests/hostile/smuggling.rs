//! HTTP-03: requests whose end two programs could see in different places. A system behind the gateway
//! writes down what reaches it, through nginx and the gateway, and through the gateway alone: never a
//! request that was hidden in another, never one with two ends, and nobody gets another's answer.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hanse_e2e::{Client, Server, free_port, until};

/// How long a client that means harm waits for an answer before it goes on. It changes only how much
/// it hears, never what is asserted.
const EAR: Duration = Duration::from_millis(150);
/// Clients at the same time.
const CLIENTS: usize = 24;

/// What the system behind the gateway was asked for.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<Result<String, String>>>>);

impl Book {
    fn note(&self, line: Result<String, String>) {
        self.0.lock().expect("the book").push(line);
    }

    fn read(&self) -> Vec<Result<String, String>> {
        self.0.lock().expect("the book").clone()
    }
}

/// The system behind: it answers with the address that it was asked for.
fn system(book: &Book) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let book = book.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let book = book.clone();
            std::thread::spawn(move || while answer(&stream, &book) {});
        }
    });
    address
}

/// One exchange; false when the connection has ended or cannot be read any further.
fn answer(stream: &TcpStream, book: &Book) -> bool {
    // One reader an exchange: bytes that are left over in it would be a second request, which the
    // gateway never sends before it has the answer.
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let before = head.len();
        match reader.read_until(b'\n', &mut head) {
            Ok(1..) => {}
            _ if before == 0 => return false,
            _ => return said_wrong(book, &head, "a head that ends early"),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let target = text.split(' ').nth(1).unwrap_or_default().to_owned();
    match body(&text, &mut reader) {
        Ok(()) if reader.buffer().is_empty() => book.note(Ok(target.clone())),
        Ok(()) => return said_wrong(book, &head, "bytes behind the request"),
        // The client left while it sent.
        Err(None) => return false,
        Err(Some(what)) => return said_wrong(book, &head, what),
    }
    let length = target.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{target}");
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).is_ok()
}

fn said_wrong(book: &Book, head: &[u8], what: &str) -> bool {
    book.note(Err(format!("{what}: {}", String::from_utf8_lossy(head))));
    false
}

/// Reads a body as strictly as can be.
fn body(head: &str, reader: &mut impl std::io::BufRead) -> Result<(), Option<&'static str>> {
    if head.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return Err(Some("a bare line end in the head"));
    }
    let values = |wanted: &str| -> Vec<String> {
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let named = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.trim().to_owned()).collect()
    };
    match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
        ([], []) => Ok(()),
        ([length], []) => {
            let length: usize = length.parse().map_err(|_| Some("a length that is none"))?;
            reader.read_exact(&mut vec![0; length]).map_err(|_| None)
        }
        ([], [coding]) if coding == "chunked" => chunks(reader),
        _ => Err(Some("two ends")),
    }
}

fn chunks(reader: &mut impl std::io::BufRead) -> Result<(), Option<&'static str>> {
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).map_err(|_| None)?;
        if line.is_empty() {
            return Err(None);
        }
        let text = String::from_utf8_lossy(&line);
        let size = text.strip_suffix("\r\n").ok_or(Some("a size with a bare line end"))?;
        let size = usize::from_str_radix(size, 16).map_err(|_| Some("a size that is none"))?;
        let mut data = vec![0; size + 2];
        reader.read_exact(&mut data).map_err(|_| None)?;
        if !data.ends_with(b"\r\n") {
            return Err(Some("a chunk longer than it says, or trailers"));
        }
        if size == 0 {
            return Ok(());
        }
    }
}

/// nginx as an operator has it, and as lenient as it can be made.
struct Nginx {
    process: Child,
    url: String,
}

impl Nginx {
    fn before(gateway: &str, folder: &Path) -> Self {
        let port = free_port().expect("a free port");
        let to = gateway.trim_start_matches("http://");
        let here = folder.display();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log {here}/error.log;\n\
             events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {here}/body;\nproxy_temp_path {here}/proxy;\n\
             fastcgi_temp_path {here}/fastcgi;\nuwsgi_temp_path {here}/uwsgi;\n\
             scgi_temp_path {here}/scgi;\nignore_invalid_headers off;\nunderscores_in_headers on;\n\
             merge_slashes off;\nupstream gateway {{ server {to}; keepalive 4; }}\n\
             server {{ listen 127.0.0.1:{port};\nlocation / {{ proxy_pass http://gateway;\n\
             proxy_http_version 1.1;\nproxy_set_header Connection \"\";\n\
             proxy_request_buffering off; }} }}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).expect("a configuration");
        // Debian keeps it where only root looks for programs.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut nginx = Command::new("nginx");
        nginx.env("PATH", path).arg("-p").arg(folder).arg("-c").arg(&file);
        nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = nginx.spawn().expect("nginx");
        let url = format!("http://127.0.0.1:{port}");
        let nginx = Self { process, url: url.clone() };
        until("nginx reaches the gateway", || {
            let client = Client::new(&url);
            client.send("GET", "/health", &[], None).is_ok_and(|answer| answer.status == 200)
        });
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Spellings of a transfer coding, most of them wrong.
const CODINGS: [&str; 34] = [
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding:chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding:  chunked  \r\n",
    "Transfer-Encoding: chunked\t\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: \x0cchunked\r\n",
    "Transfer-Encoding: \0chunked\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: 'chunked'\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding: \r\n\tchunked\r\n",
    "Transfer-Encoding\r\n: chunked\r\n",
    "X-A: b\nTransfer-Encoding: chunked\r\n",
    "X-A: b\rTransfer-Encoding: chunked\r\n",
    "X-A: b\r\n\rTransfer-Encoding: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chun\u{212a}ed\r\n",
];

/// Spellings of a length: `#` stands for the whole of the body.
const LENGTHS: [&str; 16] = [
    "",
    "Content-Length: #\r\n",
    "Content-Length: #\r\nContent-Length: #\r\n",
    "Content-Length: #\r\nContent-Length: 0\r\n",
    "Content-Length: 0\r\nContent-Length: #\r\n",
    "Content-Length: #, #\r\n",
    "Content-Length: #,0\r\n",
    "Content-Length: +#\r\n",
    "Content-Length: -0\r\nContent-Length: #\r\n",
    "Content-Length: 0x5\r\nContent-Length: #\r\n",
    "Content-Length : #\r\n",
    "Content-Length:\r\n #\r\n",
    "Content-Length: 0#\r\n",
    "Content-Length: # \r\nContent_Length: 0\r\n",
    "X-A: b\nContent-Length: #\r\n",
    "Content-Length: 18446744073709551617\r\nContent-Length: #\r\n",
];

/// Sizes that a chunk with the hidden request may claim to have: `#` is the true one.
const SIZES: [&str; 16] = [
    "#\r\n",
    "#;a=b\r\n",
    "#;a=\"\r\n\"\r\n",
    "#\n",
    "#\r",
    "#;\n",
    "0x#\r\n",
    "+#\r\n",
    " #\r\n",
    "# \r\n",
    "0000000000000000000000000#\r\n",
    "#\r\r\n",
    "#;a\nb\r\n",
    "#g\r\n",
    "1000000000000000#\r\n",
    "#,#\r\n",
];

/// Requests with another hidden in their body. Whoever reads them by any one rule of the standard sees
/// one request, or refuses it.
fn corpus() -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let hidden =
        |number: usize| format!("GET /legacy/hidden{number} HTTP/1.1\r\nHost: gate.test\r\n\r\n");
    let head = |number: usize, lines: &str| {
        format!("POST /legacy/probe{number} HTTP/1.1\r\nHost: gate.test\r\n{lines}\r\n")
    };
    let chunk = |size: &str, inside: &str| {
        let size = size.replace('#', &format!("{:x}", inside.len()));
        format!("{size}{inside}\r\n0\r\n\r\n")
    };
    // Lengths that differ, codings that differ, and both together: by the length the hidden request is
    // inside the body; by the coding it is behind the end, where the connection must end too.
    for coding in CODINGS.into_iter().chain([""]) {
        for length in LENGTHS {
            if coding.is_empty() && length.is_empty() || length.is_empty() && !coding.is_empty() {
                continue;
            }
            let number = made.len();
            let body = format!("0\r\n\r\n{}", hidden(number));
            let length = length.replace('#', &body.len().to_string());
            made.push(head(number, &format!("{coding}{length}")) + &body);
            let number = made.len();
            made.push(
                head(number, &format!("{length}{coding}"))
                    + &body.replace(&format!("hidden{}", number - 1), &format!("hidden{number}")),
            );
        }
        // A coding alone: the hidden request is inside a chunk.
        let number = made.len();
        made.push(head(number, coding) + &chunk("#\r\n", &hidden(number)));
    }
    for size in SIZES {
        for coding in ["Transfer-Encoding: chunked\r\n", "transfer-encoding: chunked\r\nTE: x\r\n"]
        {
            let number = made.len();
            made.push(head(number, coding) + &chunk(size, &hidden(number)));
            let number = made.len();
            let body = format!("1\r\nZ\r\n{}", chunk(size, &hidden(number)));
            made.push(head(number, coding) + &body);
        }
    }
    // A request that leaves HTTP without being asked to, one of an old version, and addresses that
    // could be read as two lines.
    for lines in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: #\r\n",
        "Expect: 100-continue\r\nContent-Length: #\r\n",
        "Connection: Content-Length\r\nContent-Length: #\r\n",
        "Connection: Transfer-Encoding\r\nContent-Length: #\r\n",
        "Connection: close, Content-Length\r\nContent-Length: #\r\n",
    ] {
        let number = made.len();
        let body = hidden(number);
        made.push(head(number, &lines.replace('#', &body.len().to_string())) + &body);
    }
    for line in ["HTTP/1.0", "HTTP/1.1\r", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", ""] {
        let number = made.len();
        let body = hidden(number);
        let text = head(
            number,
            &format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", body.len()),
        );
        made.push(text.replacen("HTTP/1.1", line, 1) + &body);
    }
    for target in [
        "http://gate.test/legacy/probe#",
        "/legacy/probe#\t",
        "/legacy/probe#\x0b",
        "//legacy/probe#",
    ] {
        let number = made.len();
        let body = hidden(number);
        let text = head(number, &format!("Content-Length: {}\r\n", body.len()));
        let target = target.replace('#', &number.to_string());
        made.push(text.replacen(&format!("/legacy/probe{number}"), &target, 1) + &body);
    }
    made.into_iter().map(String::into_bytes).collect()
}

/// Sends it, and whatever comes back for a moment is thrown away.
fn send(url: &str, request: &[u8]) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(EAR)).expect("a timeout");
    stream.write_all(request).ok();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Every one is sent, and in between others ask for what is theirs and must get it.
fn play(url: &str, corpus: &[Vec<u8>]) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let next = &next;
            scope.spawn(move || {
                let victim = Client::new(url);
                while let Some(request) = corpus.get(next.fetch_add(1, Ordering::Relaxed)) {
                    send(url, request);
                    let mine = format!("/legacy/victim{client}-{}", next.load(Ordering::Relaxed));
                    let answer = victim.get(&mine);
                    assert_eq!((answer.status, &answer.text), (200, &mine), "another's answer");
                }
            });
        }
    });
}

#[test]
fn no_request_is_hidden_in_another_through_nginx_or_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = Book::default();
    let config = format!(
        "[limits]\nenabled = false\n[server]\nconnections_per_address = 10000\n\
         [[gateway.upstreams]]\nname = \"old\"\nendpoints = [\"{}\"]\n\
         [gateway.upstreams.settings]\nbreaker_percent = 100\neject_after = 1000000\n\
         [[gateway.routes]]\nprefix = \"/legacy\"\nupstream = \"old\"\naccess = \"public\"\n",
        system(&book)
    );
    let file = folder.path().join("hanse.toml");
    std::fs::write(&file, config).expect("a configuration");
    let config = file.display().to_string();
    let server = Server::start(&folder.path().join("data"), &["--config", &config]);
    let nginx = Nginx::before(&server.url, folder.path());
    let corpus = corpus();
    assert!(corpus.len() > 1_000, "{} are too few", corpus.len());
    for url in [&server.url, &nginx.url] {
        play(url, &corpus);
    }
    let noted = book.read();
    let wrong: BTreeSet<&String> = noted.iter().filter_map(|line| line.as_ref().err()).collect();
    assert!(wrong.is_empty(), "the gateway sends what can be misread: {wrong:#?}");
    let asked: Vec<&String> = noted.iter().filter_map(|line| line.as_ref().ok()).collect();
    let hidden: Vec<_> = asked.iter().filter(|target| target.contains("hidden")).collect();
    assert!(hidden.is_empty(), "hidden requests were carried out: {hidden:?}");
    let probes = asked.iter().filter(|target| target.contains("probe")).count();
    assert!(probes > 0, "every request was refused, also those that are clear");
    println!("{} requests by two ways, {probes} passed on", corpus.len());
    drop(nginx);
    assert!(server.stop().success());
}
