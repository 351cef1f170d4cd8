//! Runs the platform split on the documented ports until Ctrl-C. `cargo xtask cluster` starts the
//! engines and calls it.

#![expect(clippy::expect_used, reason = "a developer's tool says what is missing by panicking")]

use std::path::PathBuf;
use std::sync::mpsc;

use hanse_e2e::{Engines, Ports, SERVICES, Split};

fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: cluster <folder>");
        std::process::exit(2);
    };
    let (sender, stopped) = mpsc::channel::<()>();
    // Ctrl-C reaches every process of the terminal: they stop by themselves, and so do we.
    ctrlc::set_handler(move || {
        sender.send(()).ok();
    })
    .expect("the only handler");
    let mut split = Split::prepare(&folder, Ports::Documented, &Engines::shared(), "", &[]);
    for (name, port) in SERVICES {
        split.run(name);
        println!("{name:<10} http://127.0.0.1:{port}   operations http://127.0.0.1:{}", port + 100);
    }
    split.ready();
    println!("all are ready; the platform is at {}; Ctrl-C stops all", split.url());
    stopped.recv().ok();
    split.stop_all();
}
