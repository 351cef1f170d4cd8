//! What a gateway keeps of another system's answers, and what two gateways keep together.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hanse_e2e::{Client, Engines, Redis, Split, until};

/// An old system with a price that can be changed, and what it was asked.
#[derive(Clone, Default)]
struct Old {
    price: Arc<Mutex<u32>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Old {
    fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let old = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let old = old.clone();
                std::thread::spawn(move || old.answer(stream));
            }
        });
        address
    }

    fn answer(&self, mut stream: TcpStream) {
        let (mut text, mut piece) = (Vec::new(), [0; 2048]);
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            text.extend_from_slice(&piece[..read]);
            if !text.ends_with(b"\r\n\r\n") {
                continue;
            }
            let head = String::from_utf8_lossy(&text).into_owned();
            let line = head.split(" HTTP").next().unwrap_or_default().to_owned();
            let mut price = self.price.lock().expect("the price");
            *price += u32::from(line.starts_with("PUT "));
            let own = if line.contains("/own") { "cache-control: private\r\n" } else { "" };
            let body = price.to_string();
            self.asked.lock().expect("what was asked").push(line);
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\n{own}content-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).ok();
            text.clear();
        }
    }

    /// How often it was asked since the last time; looking whether it is well is no asking.
    fn asked(&self) -> usize {
        self.asked
            .lock()
            .expect("what was asked")
            .drain(..)
            .filter(|line| line.contains(" /old/"))
            .count()
    }
}

/// An answer to somebody who knows both gateways by the one name of the installation.
fn ask(gate: &Client, method: &str, path: &str) -> String {
    let body = (method == "PUT").then(|| ("text/plain", String::new()));
    let answer = gate.send(method, path, &[("host", "hanse.example")], body).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

/// Two gateways ask an old system once for what everybody may know, and a change that passes one of them
/// is seen by both at once; what is somebody's own is never shared. Without Redis each asks for itself.
#[test]
fn two_gateways_ask_once_and_hear_of_changes() {
    let (old, redis) = (Old::default(), Redis::start());
    let config = format!(
        "[redis]\nurl = \"{}\"\n[[gateway.upstreams]]\nname = \"old\"\nendpoints = [\"{}\"]\n\
         [[gateway.routes]]\nprefix = \"/old\"\nupstream = \"old\"\naccess = \"public\"\ncache_seconds = 3600\n",
        redis.url(),
        old.start(),
    );
    let mut split = Split::plan(&Engines::shared(), &config, &[("gateway-2", "gateway")]);
    for process in ["identity", "gateway", "gateway-2"] {
        split.run(process);
    }
    split.ready();
    let gates = ["gateway", "gateway-2"].map(|name| Client::new(&split.url_of(name)));
    for (name, gate) in ["gateway", "gateway-2"].into_iter().zip(&gates) {
        let operations = Client::new(&format!("http://{}", split.operations_of(name)));
        until("redis is reached", || {
            let ready = operations.get("/ready").json();
            let all = ready["dependencies"].as_array().expect("a list").clone();
            all.iter().any(|it| it["name"] == "redis" && it["ready"] == true)
        });
        assert_eq!(ask(gate, "GET", "/old/price"), "0");
    }
    assert_eq!(old.asked(), 1, "once for both");

    assert_eq!(ask(&gates[1], "PUT", "/old/price"), "1");
    assert_eq!(ask(&gates[1], "GET", "/old/price"), "1", "who changed it sees it");
    until("the other gateway has heard of it", || ask(&gates[0], "GET", "/old/price") == "1");
    assert_eq!(old.asked(), 2, "the change, and once for both");

    // What is said to be somebody's own, and what is asked by somebody who says who they are.
    let anna = split.register("anna");
    for (number, gate) in gates.iter().enumerate() {
        for _ in 0..2 {
            assert_eq!(ask(gate, "GET", "/old/own"), "1");
        }
        assert_eq!(old.asked(), 2, "never kept");
        let anna = anna.clone().at(&split.url_of(["gateway", "gateway-2"][number]));
        for _ in 0..2 {
            assert_eq!(ask(&anna, "GET", "/old/price"), "1");
        }
        assert_eq!(old.asked(), 1, "kept for her by each gateway");
    }

    // Redis is away: changes of others could not be heard, so nothing is kept for longer than a moment.
    drop(redis);
    assert_eq!(ask(&gates[0], "PUT", "/old/price"), "2");
    for gate in &gates {
        until("the new price is seen", || ask(gate, "GET", "/old/price") == "2");
    }
    for process in ["gateway", "gateway-2", "identity"] {
        split.stop(process);
    }
}
