//! WordCount on other stream processors and without one: programs of `benches/peers`, which is a
//! workspace of its own and is compiled when it is asked for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sciurus_harness::processes::cpu_seconds_of_own_children;

use crate::arguments::Arguments;
use crate::cluster::{Cluster, Programs, System, cache};
use crate::input::Text;
use crate::outcome::Outcome;
use crate::report::{PeerResult, Report};
use crate::throughput::run;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers");

/// What is compared with: name, what it is, and how many times its records per CPU second are asked of us.
const PEERS: [(&str, &str, Option<f64>); 3] = [
    ("loop", "a loop over bytes with a hash map, one thread", None),
    ("timely", "timely dataflow 0.32, two workers", Some(4.0)),
    ("renoir", "renoir 0.6, two workers", Some(4.0)),
];

/// Measures them and our WordCount in turns, if they are wanted.
pub fn measure(arguments: &Arguments, programs: &Programs, report: &mut Report) {
    if !arguments.wants("peers") {
        return;
    }
    let executable = match build() {
        Ok(executable) => executable,
        Err(reason) => {
            eprintln!("peers are left out: {reason}");
            return;
        }
    };
    let text = Text::cached(arguments);
    let cluster = Cluster::start(programs, System::Sciurus, 1, &[]);
    let job = ["word_count", "--input", text.folder.to_str().unwrap()].map(str::to_owned).to_vec();
    let out = cluster.folder().join("outcome");
    run(&cluster, &[&job[..], &["--out".to_owned(), out.to_str().unwrap().to_owned()]].concat());
    let expected = Outcome::read(&out);

    let mut ours = PeerResult::new("sciurus", "this, a cluster of two slots", text.words, None);
    let mut theirs =
        PEERS.map(|(name, about, goal)| PeerResult::new(name, about, text.words, goal));
    for round in 0..arguments.rounds {
        let ran = run(&cluster, &job);
        ours.add(ran.wall_s, ran.cpu_s);
        for peer in &mut theirs {
            let (wall_s, cpu_s, updates) = run_peer(&executable, &peer.name, &text.folder);
            assert_eq!(updates, (expected.emitted, expected.sum), "{} counts otherwise", peer.name);
            peer.add(wall_s, cpu_s);
            eprintln!("round {}: {}: {wall_s:.2} s, {cpu_s:.2} CPU s", round + 1, peer.name);
        }
    }
    report.peers.push(ours);
    report.peers.extend(theirs);
}

/// Compiles the programs.
fn build() -> Result<PathBuf, String> {
    let target = cache().join("peers");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--locked", "--manifest-path"]);
    cargo.arg(Path::new(SOURCES).join("Cargo.toml")).arg("--target-dir").arg(&target);
    let status = cargo.stdin(Stdio::null()).status();
    let status = status.map_err(|error| format!("cargo can't be started: {error}"))?;
    if !status.success() {
        return Err(format!("{SOURCES} can't be compiled"));
    }
    Ok(target.join("release/sciurus-bench-peers"))
}

/// Runs one; returns seconds by the clock, CPU seconds, and how many updates there were with their sum.
fn run_peer(executable: &Path, name: &str, text: &Path) -> (f64, f64, (u64, u64)) {
    let (before, started) = (cpu_seconds_of_own_children(), Instant::now());
    let output = Command::new(executable).arg(name).arg(text).output().unwrap();
    let wall_s = started.elapsed().as_secs_f64();
    let cpu_s = cpu_seconds_of_own_children() - before;
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let (count, sum) =
        printed.trim().split_once(' ').unwrap_or_else(|| panic!("{name}: {printed}"));
    (wall_s, cpu_s, (count.parse().unwrap(), sum.parse().unwrap()))
}
