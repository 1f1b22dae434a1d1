//! How old records are when they come to the sink, at fixed rates.

use std::fs;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::cluster::{Cluster, Programs, System};
use crate::outcome::read_ages;
use crate::report::{Figure, Report};

/// Records of the run that tells Flink's own maximum rate.
const UNPACED_RECORDS: u64 = 30_000_000;

/// How many keys there are.
const KEYS: &str = "100000";

/// For how long a job makes records, and for how long they aren't looked at in the beginning.
const SECONDS: u64 = 20;
const SKIPPED_MS: &str = "5000";

/// Parts of Flink's maximum rate.
const PARTS: [(u64, &str); 2] = [(2, "half"), (10, "a tenth")];

/// How long a batch that isn't full may wait: the default, and little.
const TIMEOUTS: [&str; 2] = ["100 ms", "1 ms"];

/// Measures latencies if they are wanted.
pub fn measure(arguments: &Arguments, programs: &Programs, report: &mut Report) {
    if !arguments.wants("latency") {
        return;
    }
    let mut rate = None;
    for timeout in TIMEOUTS {
        let settings = [("execution.buffer-timeout.interval", timeout)];
        let clusters = System::BOTH.map(|system| Cluster::start(programs, system, 1, &settings));
        let rate = *rate.get_or_insert_with(|| highest_rate(arguments, &clusters[1]));
        for (part, name) in PARTS {
            let rate = rate / part;
            let mut quantiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].map(|(what, of)| {
                let goal = (part == 2 && what == "p99").then_some(10.0);
                let what = format!("{what} at {name} of Flink's highest rate ({rate}/s), buffer timeout {timeout}");
                (of, Figure::new("latency", &what, "ms", goal))
            });
            // The JVM compiles what a rate makes hot: the first round isn't counted.
            for round in 0..=arguments.rounds.div_ceil(2) {
                for cluster in &clusters {
                    let ages = ages_at(cluster, rate, round);
                    for (of, figure) in quantiles.iter_mut().filter(|_| round > 0) {
                        figure.add(cluster.system, ages.value_at_quantile(*of) as f64 / 1e3);
                    }
                }
            }
            report.figures.extend(quantiles.map(|(_, figure)| figure));
        }
    }
}

/// How many records a second Flink's job gets through, unpaced.
fn highest_rate(arguments: &Arguments, flink: &Cluster) -> u64 {
    let records = arguments.scaled(UNPACED_RECORDS);
    let mut rate = 0;
    // The first run warms up.
    for _ in 0..2 {
        let out = flink.folder().join("unpaced");
        let job = flink.submit(&paced(0, records, out.to_str().unwrap(), "no"));
        flink.rest.wait_for_state(&job, "FINISHED", Duration::from_millis(100));
        let duration = flink.rest.get(&format!("/jobs/{job}"))["duration"].as_u64().unwrap_or(0);
        rate = records * 1000 / duration.max(1);
    }
    eprintln!("Flink's highest rate: {rate} records a second");
    rate
}

/// The ages of records, microseconds.
fn ages_at(cluster: &Cluster, rate: u64, round: u32) -> hdrhistogram::Histogram<u64> {
    let out = cluster.folder().join(format!("ages-{rate}-{round}"));
    let job = cluster.submit(&paced(rate, rate * SECONDS, out.to_str().unwrap(), "no"));
    cluster.rest.wait_for_state(&job, "FINISHED", Duration::from_millis(100));
    cluster.rest.check_parallelism(&job);
    cluster.wait_until_idle();
    let ages = read_ages(&out);
    let _ = fs::remove_dir_all(&out);
    let ms = |quantile| ages.value_at_quantile(quantile) as f64 / 1e3;
    let system = cluster.system;
    eprintln!(
        "{system} at {rate}/s: p50 {:.2} ms, p99 {:.2} ms, of {}",
        ms(0.5),
        ms(0.99),
        ages.len()
    );
    ages
}

/// The arguments of the job.
pub fn paced(rate: u64, count: u64, out: &str, stamps: &str) -> Vec<String> {
    let (rate, count) = (rate.to_string(), count.to_string());
    let words = [
        "paced",
        "--rate",
        &rate,
        "--count",
        &count,
        "--keys",
        KEYS,
        "--out",
        out,
        "--skip-ms",
        SKIPPED_MS,
        "--stamps",
        stamps,
    ];
    words.map(str::to_owned).to_vec()
}
