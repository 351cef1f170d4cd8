//! The table a reader sees, and the file it is kept in.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{Args, Scenario};

/// One measured figure and the bar it has to meet.
pub struct Figure {
    pub what: String,
    pub measured: String,
    pub bar: String,
    /// `None` where there is no bar.
    pub met: Option<bool>,
    /// Where the figure comes from, for whoever doubts it.
    pub detail: String,
}

impl Figure {
    pub fn at_least(what: &str, value: f64, bar: f64, unit: &str, detail: String) -> Self {
        Self::new(what, value, format!("≥ {}", with_unit(bar, unit)), value >= bar, unit, detail)
    }

    pub fn at_most(what: &str, value: f64, bar: f64, unit: &str, detail: String) -> Self {
        Self::new(what, value, format!("≤ {}", with_unit(bar, unit)), value <= bar, unit, detail)
    }

    /// A figure to compare with, not to meet.
    pub fn plain(what: &str, value: f64, unit: &str, detail: String) -> Self {
        let met = None;
        Self { met, ..Self::new(what, value, String::new(), true, unit, detail) }
    }

    fn new(what: &str, value: f64, bar: String, met: bool, unit: &str, detail: String) -> Self {
        let measured = with_unit(value, unit);
        Self { what: what.to_owned(), measured, bar, met: Some(met), detail }
    }
}

pub struct Report {
    head: String,
    figures: Vec<Figure>,
    not_run: usize,
    /// The section of the file that this is kept in; the whole but its sections, when there is none.
    section: Option<&'static str>,
}

impl Report {
    pub fn new(args: &Args, scratch: &Path) -> Self {
        let date = args.date.clone().unwrap_or_else(|| jiff::Zoned::now().date().to_string());
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let disk = scratch.canonicalize().ok();
        let disk = disk.and_then(|path| file_system(&mounts, &path.to_string_lossy()));
        let head = format!(
            "Commit {}, {date}, {processors} processors shared by server and load generator, \
             data on {}, {} s a run, {} connections, {} rounds.",
            args.commit,
            disk.as_deref().unwrap_or("an unknown file system"),
            args.seconds,
            args.connections,
            args.rounds
        );
        let section = args.notifications.then_some("Notifications");
        Self { head, figures: Vec::new(), not_run: 0, section }
    }

    pub fn add(&mut self, figures: Vec<Figure>) {
        for figure in &figures {
            eprintln!("  {}: {} ({})", figure.what, figure.measured, figure.detail);
        }
        self.figures.extend(figures);
    }

    pub fn not_run(&mut self, scenario: Scenario, error: &anyhow::Error) {
        eprintln!("  not run: {error:#}");
        self.not_run += 1;
        let value = scenario.to_possible_value();
        self.figures.push(Figure {
            what: value.map_or_else(String::new, |value| value.get_name().to_owned()),
            measured: "not run".to_owned(),
            bar: String::new(),
            met: Some(false),
            detail: one_line(&format!("{error:#}")),
        });
    }

    /// Prints the table and keeps it; an error when a scenario could not be run.
    pub fn finish(self, keep: Option<&Path>) -> anyhow::Result<()> {
        let table = self.table();
        println!("{table}");
        if let Some(path) = keep {
            let old = std::fs::read_to_string(path).unwrap_or_default();
            std::fs::write(path, kept(&old, self.section, &table))
                .with_context(|| format!("writing {}", path.display()))?;
        }
        if self.not_run > 0 {
            bail!("{} scenarios could not be run", self.not_run);
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut text = format!("{}\n\n", self.head);
        text.push_str("| figure | measured | bar | | detail |\n|---|---:|---:|---|---|\n");
        for Figure { what, measured, bar, met, detail } in &self.figures {
            let verdict = match met {
                Some(true) => "pass",
                Some(false) => "**FAIL**",
                None => "",
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "| {what} | {measured} | {bar} | {verdict} | {detail} |");
        }
        text
    }
}

/// The file with this table in the place of the one before; every other part of it stays.
fn kept(old: &str, section: Option<&str>, table: &str) -> String {
    let mut parts = old.split("\n## ");
    let whole = parts.next().unwrap_or_default().trim_end().to_owned();
    let mut sections: Vec<String> = parts.map(|part| part.trim_end().to_owned()).collect();
    let whole = match section {
        Some(section) => {
            sections.retain(|part| part.lines().next() != Some(section));
            sections.push(format!(
                "{section}\n\nWritten by `cargo xtask bench --{} --write`.\n\n{}",
                section.to_lowercase(),
                table.trim_end()
            ));
            whole
        }
        None => format!(
            "# Results\n\nWritten by `cargo xtask bench --write`. Ratios compare with a bare \
             axum server in the same run; they travel between machines, absolute figures do \
             not.\n\n{}",
            table.trim_end()
        ),
    };
    let sections = sections.iter().map(|part| format!("\n\n## {part}"));
    format!("{whole}{}\n", sections.collect::<String>())
}

fn with_unit(value: f64, unit: &str) -> String {
    let decimals = match (unit, value) {
        ("", _) => 2,
        (_, value) if value < 10.0 && value.fract() != 0.0 => 2,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}").trim_end().to_owned()
}

/// A table cell holds one line and no bar.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "/").chars().take(300).collect()
}

/// The type of the file system with the longest mount point that holds the path.
fn file_system(mounts: &str, path: &str) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        let inside = path.strip_prefix(point.trim_end_matches('/'))?;
        (inside.is_empty() || inside.starts_with('/')).then_some((point.len(), kind))
    });
    mounted.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_know_whether_their_bar_is_met() {
        let ratio = Figure::at_least("create", 0.396, 0.40, "", String::new());
        assert_eq!((ratio.measured.as_str(), ratio.bar.as_str()), ("0.40", "≥ 0.40"));
        assert_eq!(ratio.met, Some(false));
        let p99 = Figure::at_most("p99", 42.4, 50.0, "ms", String::new());
        assert_eq!((p99.measured.as_str(), p99.bar.as_str()), ("42 ms", "≤ 50 ms"));
        assert_eq!(p99.met, Some(true));
        assert_eq!(Figure::plain("hello", 61_000.4, "/s", String::new()).measured, "61000 /s");
    }

    #[test]
    fn a_section_is_kept_apart_from_the_rest() {
        let first = kept("", None, "| a |\n");
        let both = kept(&first, Some("Notifications"), "| b |\n");
        assert!(both.starts_with(first.trim_end()) && both.ends_with("| b |\n"), "{both}");
        assert_eq!(kept(&both, Some("Notifications"), "| b |\n"), both);
        let again = kept(&both, None, "| c |\n");
        assert!(
            again.contains("| c |\n\n## Notifications\n") && !again.contains("| a |"),
            "{again}"
        );
    }

    #[test]
    fn the_file_system_of_a_path_is_the_closest_mount() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/x xfs rw 0 0\n";
        assert_eq!(file_system(mounts, "/tmp/x/y").as_deref(), Some("xfs"));
        assert_eq!(file_system(mounts, "/tmp/xy").as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, "/data").as_deref(), Some("ext4"));
    }
}
