//! NET-07, M-141: every process speaks mutual TLS, and whoever has no certificate of the
//! installation's authority gets nothing from any of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use hanse_e2e::{Authority, Certificate, SERVICES, Split, curl, eventually, json, until};

#[test]
fn a_process_without_a_certificate_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let own = authority.issue("hanse", "DNS:localhost,IP:127.0.0.1", 30);
    let mut split = Split::start(&own.of_a_peer(&authority));
    split.joined();
    let anna = split.register("anna");
    let body = json!({ "text": "The harbour freezes in January", "tags": ["trade/winter"] });
    let written = anna.post("/api/thoughts", &body);
    assert_eq!(written.status, 201, "{}", written.text);
    let position = [("hanse-after", written.header("hanse-position"))];
    for path in ["/api/search?q=harbor", "/api/analytics/overview", "/api/thoughts"] {
        eventually(&format!("{path} shows what was written"), || {
            let answer = anna.send("GET", path, &position, None).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.header("hanse-stale").is_empty().then_some(())
        });
    }

    let ended = authority.issue("ended", "IP:127.0.0.1", -1);
    let foreign = stranger.issue("foreign", "IP:127.0.0.1", 30);
    let ca = authority.file().display().to_string();
    for (service, _) in SERVICES.into_iter().filter(|(name, _)| *name != "gateway") {
        let address = split.url_of(service).replace("http://", "");
        let fetch = |shown: Option<&Certificate>| {
            let url = format!("https://{address}/api/v1/users/me");
            let mut arguments = vec!["--cacert", ca.as_str()];
            let files = shown.map(|shown| {
                [&shown.certificate, &shown.key].map(|path| path.display().to_string())
            });
            if let Some([certificate, key]) = &files {
                arguments.extend(["--cert", certificate, "--key", key]);
            }
            curl(&[&arguments[..], &[&url]].concat())
        };
        for (who, shown) in
            [("nobody", None), ("an ended one", Some(&ended)), ("a stranger", Some(&foreign))]
        {
            let refused = fetch(shown);
            assert!(refused.exit != 0 && refused.status == 0, "{service}, {who}: {refused:?}");
            assert!(refused.body.is_empty(), "{service}, {who}: {refused:?}");
        }
        // The certificate opens the door; what is behind it still asks for a token.
        let entered = fetch(Some(&own));
        assert!(matches!(entered.status, 401 | 404), "{service}: {entered:?}");

        until("plain HTTP is refused and that is logged", || {
            let mut plain = TcpStream::connect(&address).expect("a connection");
            plain.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").expect("written");
            let mut said = Vec::new();
            // It may end with a reset.
            plain.read_to_end(&mut said).ok();
            assert!(said.len() < 16 && !said.starts_with(b"HTTP"), "{said:?}");
            split.process(service).log().contains("it does not speak TLS")
        });
    }
    assert_eq!(anna.get("/api/thoughts").status, 200);
    split.stop_all();
}
