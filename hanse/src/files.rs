//! How many connections the files that the system allows are enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that stay for stores, the index, logs and engines, whoever connects.
const KEPT: u64 = 512;

/// Asks the system for files for so many connections, each of which takes as many as `each`, and says for
/// how many it gives them. What is taken beyond would be missing where the index opens its next file.
pub fn enough_for(wanted: usize, each: u64) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed =
        u64::try_from(wanted).unwrap_or(u64::MAX).saturating_mul(each).saturating_add(KEPT);
    let more = maximum.map_or(needed, |most| needed.min(most));
    let mut files = current.unwrap_or(u64::MAX);
    if files < more && setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum }).is_ok()
    {
        files = more;
    }
    let left = files.saturating_sub(KEPT.min(files / 2)) / each;
    let connections = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
    if connections < wanted {
        tracing::warn!(
            files,
            connections,
            wanted,
            "the system allows too few open files for server.connections; raise its limit (ulimit -n, LimitNOFILE)"
        );
    }
    connections
}
