//! How fast the index is: `cargo run --release -p hanse-search-index --example measure`.
//!
//! 100,000 documents of 60 words over 1,000 scopes, words drawn from 20,000 with the skew of
//! natural language, everything from one seed. Prints documents per second, the latency of a
//! commit with twenty documents pending, of searches, and what an idle process keeps resident.

use std::time::{Duration, Instant};

use hanse_search_index::{Change, Document, Id, Index, Options, Query};

const DOCUMENTS: u64 = 100_000;
const SCOPES: u64 = 1_000;

/// A small generator (xorshift), so that every run measures the same.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Rank r comes up about in proportion to 1/r.
    fn word(&mut self) -> String {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (20_000_f64.powf(uniform)) as u64;
        let mut bits = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let length = 3 + bits % 8;
        let letter = |bits: &mut u64| {
            *bits = bits.rotate_left(9).wrapping_mul(31);
            char::from(b'a' + (*bits % 26) as u8)
        };
        (0..length).map(|_| letter(&mut bits)).collect()
    }

    fn document(&mut self, number: u64) -> Document {
        let words = |seeded: &mut Seeded, count: usize| {
            (0..count).map(|_| seeded.word()).collect::<Vec<_>>().join(" ")
        };
        Document {
            key: u128::from(number).to_be_bytes(),
            kind: "thoughts".to_owned(),
            scope: scope(number % SCOPES),
            title: words(self, 5),
            body: words(self, 55),
            tags: vec!["work/atlas".to_owned()],
            time_us: number as i64,
        }
    }
}

fn scope(number: u64) -> Id {
    u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
    let [median, p99] = [at(0.5), at(0.99)].map(Option::unwrap_or_default);
    let worst = times.last().copied().unwrap_or_default();
    println!("{what:<44} median {median:>9.1?}  p99 {p99:>9.1?}  worst {worst:>9.1?}");
}

fn resident(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name| status.lines().find(|line: &&str| line.starts_with(name)).unwrap_or("");
    println!("{when}: {} | {}", line("VmRSS"), line("RssAnon"));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = std::env::args_os().nth(1) {
        let start = Instant::now();
        let (index, opened) = Index::open(folder.as_ref(), Options::default())?;
        println!("opened again as {opened:?} in {:.1?}", start.elapsed());
        resident("fresh process, open");
        search(&index, &mut Seeded(7), "fresh process")?;
        resident("fresh process, searched");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (index, _) = Index::open(folder.path(), Options::default())?;
    resident("opened");
    let mut seeded = Seeded(42);
    let mut spent = Duration::ZERO;
    for batch in 0..DOCUMENTS / 1_000 {
        let numbers = batch * 1_000 + 1..=(batch + 1) * 1_000;
        let documents: Vec<_> = numbers.map(|at| (at, seeded.document(at))).collect();
        let start = Instant::now();
        for (number, document) in documents {
            index.apply(number, Change::Put(document))?;
        }
        index.commit()?;
        spent += start.elapsed();
    }
    println!("{:.0} documents/s, a commit per 1,000", DOCUMENTS as f64 / spent.as_secs_f64());
    let mut change = DOCUMENTS;
    for (what, range) in [("new", 1 << 40), ("changed", DOCUMENTS)] {
        let mut commits = Vec::new();
        for _ in 0..300 {
            for _ in 0..20 {
                change += 1;
                let number = seeded.next() % range;
                index.apply(change, Change::Put(seeded.document(number)))?;
            }
            let start = Instant::now();
            index.commit()?;
            commits.push(start.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
        report(&format!("commit of 20 {what} among 100,000"), commits);
        let files = std::fs::read_dir(folder.path())?.flatten();
        let segments = files.filter(|file| file.path().extension().is_some_and(|e| e == "term"));
        println!("{} segment files", segments.count());
    }
    search(&index, &mut seeded, "before release")?;
    index.release()?;
    println!("{} documents, {} MB on disk", index.len(), index.disk_bytes()? / 1_000_000);
    resident("released");
    search(&index, &mut seeded, "after release")?;
    drop(index);
    std::process::Command::new(std::env::current_exe()?).arg(folder.path()).status()?;
    let (index, _) = Index::open(folder.path(), Options::default())?;
    let start = Instant::now();
    index.purge()?;
    println!("purged in {:.1?}", start.elapsed());
    index.release()?;
    resident("at the end");
    Ok(())
}

fn search(
    index: &Index,
    seeded: &mut Seeded,
    when: &str,
) -> Result<(), hanse_search_index::IndexError> {
    type Ask = fn(&mut Seeded) -> String;
    let asks: [(&str, Ask); 5] = [
        ("one word", |seeded| seeded.word()),
        ("two words", |seeded| format!("{} {}", seeded.word(), seeded.word())),
        ("two letters begun", |seeded| seeded.word().chars().take(2).collect()),
        ("phrase", |seeded| format!("\"{} {}\"", seeded.word(), seeded.word())),
        ("tag", |_| "tag:work".to_owned()),
    ];
    for (name, ask) in asks {
        let mut times = Vec::new();
        for _ in 0..1_000 {
            let text = ask(seeded);
            let query = Query { text, limit: 20, ..Query::default() };
            let start = Instant::now();
            index.search(&[scope(seeded.next() % SCOPES)], &query)?;
            times.push(start.elapsed());
        }
        report(&format!("search: {name} ({when})"), times);
    }
    Ok(())
}
