//! The report as a page of the documentation.

use std::fmt::Write as _;

use super::{Checkpoints, Figure, Report, Run, WorkloadResult, plots, verdict};
use crate::cluster::System;
use crate::machine::Machine;
use crate::statistics::{median, range};

const HEAD: &str = "\
# Measured against JVM Flink

<!-- Written by `make bench-flink ARGS='--publish docs'`; what is changed here is lost with the next run. -->

`make bench-flink` runs JVM Flink and Sciurus in turns on the same inputs on one machine. Both are local clusters of a
JobManager and a TaskManager with two slots, with one configuration file for both, and jobs come to them over the REST API.
[benches/flink/README.md](../benches/flink/README.md) says how it is measured and how Flink was tuned. Ratios are medians of
the rounds' own; more is better for Sciurus. The machine may have had other work to do: compare within a line.
";

/// The sections of figures, by their groups.
const SECTIONS: [(&str, &str); 5] = [
    ("start", "Start, idle memory, submission"),
    ("jobs", "Many small jobs, one after another"),
    ("latency", "Latency"),
    ("recovery", "Recovery"),
    ("rescale", "Rescaling"),
];

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    machine(&mut page, &report.machine);
    if !report.workloads.is_empty() {
        throughput(&mut page, report);
        memory(&mut page, report);
        checkpoints(&mut page, report);
    }
    if !report.peers.is_empty() {
        peers(&mut page, report);
    }
    for (group, title) in SECTIONS {
        let figures: Vec<&Figure> =
            report.figures.iter().filter(|figure| figure.group == group).collect();
        if !figures.is_empty() {
            let _ = write!(page, "\n## {title}\n");
            if group == "latency" {
                image(&mut page, plots::LATENCY, "Latencies of both");
            }
            section(&mut page, &figures);
        }
    }
    page
}

fn machine(page: &mut String, machine: &Machine) {
    let Machine { sciurus, flink, java, processor, cores, memory_gib, kernel, .. } = machine;
    let Machine { date, load_before, load_after, .. } = machine;
    let _ = write!(
        page,
        "\n| | |\n|---|---|\n| measured | {date} |\n| Sciurus | {sciurus} |\n| Flink | {flink}, {java} |\n\
         | machine | {cores} cores of {processor}, {memory_gib:.0} GiB, {kernel} |\n\
         | load averages before and after | {load_before}; {load_after} |\n"
    );
}

fn throughput(page: &mut String, report: &Report) {
    page.push_str("\n## Throughput\n");
    image(page, plots::THROUGHPUT, "Records per CPU second of both");
    page.push_str(
        "\nCPU time is that of all processes of a system, from the submission to the end of the job. Least and most \
         are in brackets.\n\n\
         | workload | records | system | M records a CPU second | ratio | goal | M records/s | CPU s | s |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for workload in &report.workloads {
        let ratio = workload.ratio(|run| run.cpu_s);
        for system in System::BOTH {
            let (about, records, ratio, verdict) = if system == System::Sciurus {
                let records = format!("{:.1} M", workload.records as f64 / 1e6);
                let about = format!("`{}`: {}", workload.name, workload.about);
                (about, records, format!("**{ratio:.1}**"), verdict(ratio, workload.goal))
            } else {
                Default::default()
            };
            let _ = writeln!(
                page,
                "| {about} | {records} | {system} | {:.2} | {ratio} | {verdict} | {:.2} | {} | {} |",
                workload.per_cpu_second(system),
                workload.per_second(system),
                spread(&workload.values(system, |run| run.cpu_s)),
                spread(&workload.values(system, |run| run.wall_s)),
            );
        }
    }
}

fn memory(page: &mut String, report: &Report) {
    page.push_str("\n## Peak memory\n");
    image(page, plots::MEMORY, "Peak memory of both");
    page.push_str(
        "\nResident memory of all processes of a system together, MiB, the most during a run.\n\n\
         | workload | Sciurus | Flink | ratio | goal |\n|---|---|---|---|---|\n",
    );
    for workload in &report.workloads {
        let of = |system| median(&workload.values(system, |run| run.peak_mib));
        let ratio = workload.ratio(|run| run.peak_mib);
        let _ = writeln!(
            page,
            "| `{}` | {:.0} | {:.0} | **{ratio:.1}** | {} |",
            workload.name,
            of(System::Sciurus),
            of(System::Flink),
            verdict(ratio, workload.memory_goal)
        );
    }
}

fn checkpoints(page: &mut String, report: &Report) {
    let with_checkpoints: Vec<&WorkloadResult> = report
        .workloads
        .iter()
        .filter(|workload| workload.rounds.iter().any(|round| round.flink.checkpoints.is_some()))
        .collect();
    if with_checkpoints.is_empty() {
        return;
    }
    page.push_str(
        "\n## Checkpoints\n\nMedians of what was completed while a workload ran. A shorter run has fewer checkpoints, and \
         less of its state in them.\n\n\
         | workload | system | checkpoints a run | ms | written, MiB | state, MiB |\n|---|---|---|---|---|---|\n",
    );
    for workload in with_checkpoints {
        for system in System::BOTH {
            let of = |value: fn(&Checkpoints) -> f64| {
                let value = |run: &Run| run.checkpoints.as_ref().map_or(f64::NAN, value);
                let mut values = workload.values(system, value);
                values.retain(|value| !value.is_nan());
                let median = median(&values);
                if median.is_nan() { "–".to_owned() } else { number(median) }
            };
            let _ = writeln!(
                page,
                "| `{}` | {system} | {} | {} | {} | {} |",
                workload.name,
                of(|checkpoints| checkpoints.count as f64),
                of(|checkpoints| checkpoints.ms),
                of(|checkpoints| checkpoints.mib),
                of(|checkpoints| checkpoints.state_mib),
            );
        }
    }
}

fn peers(page: &mut String, report: &Report) {
    page.push_str(
        "\n## Other stream processors\n\nThe same WordCount, every update emitted and dropped, in processes of their own; \
         `benches/peers` has the programs. They read lines into strings and make a string of each word, as their \
         examples do. The ratio is their CPU time by ours.\n\n\
         | on | M records a CPU second | ratio | goal | CPU s | s |\n|---|---|---|---|---|---|\n",
    );
    for peer in &report.peers {
        let ratio = report.peer_ratio(peer);
        let _ = writeln!(
            page,
            "| `{}`: {} | {:.2} | **{ratio:.2}** | {} | {} | {} |",
            peer.name,
            peer.about,
            peer.records as f64 / 1e6 / median(&peer.cpu_s),
            verdict(ratio, peer.goal),
            spread(&peer.cpu_s),
            spread(&peer.wall_s),
        );
    }
}

fn section(page: &mut String, figures: &[&Figure]) {
    page.push_str(
        "\n| figure | unit | Sciurus | Flink | ratio | goal |\n|---|---|---|---|---|---|\n",
    );
    for figure in figures {
        let ratio = figure.ratio();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | **{}** | {} |",
            figure.what,
            figure.unit,
            spread(&figure.sciurus),
            spread(&figure.flink),
            number(ratio),
            verdict(ratio, figure.goal)
        );
    }
}

fn image(page: &mut String, name: &str, what: &str) {
    let _ = write!(page, "\n![{what}](images/{name})\n");
}

/// The median, with the least and the most where there are several.
fn spread(values: &[f64]) -> String {
    let (least, most) = range(values);
    let median = number(median(values));
    if values.len() < 2 {
        return median;
    }
    format!("{median} ({}–{})", number(least), number(most))
}

/// A number with three digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn a_page_has_machine_ratios_and_verdicts() {
        let page = page(&sample());
        for expected in [
            "2 cores of A processor, 24 GiB, Linux 6.1",
            "0.10, 0.20, 0.30; 2.00, 1.00, 0.50",
            "| `word_count`: WordCount STREAMING | 10.0 M | Sciurus | 12.50 | **12.5** | ≥ 12: met | 20.00 |",
            "|  |  | Flink | 1.00 |  |  | 2.00 | 10.0 (8.00–20.0) |",
            "| `word_count` | 51 | 2001 | **39.2** | ≥ 10: met |",
            "| `rocksdb` | Flink | 4.00 | 500 | 12.0 | 48.0 |",
            "| `timely`: a peer | 1.82 | **5.00** | ≥ 4: met | 5.50 (5.00–6.00) | 3.00 (3.00–3.00) |",
            "| start of the JobManager to REST's answer | ms | 8.00 (7.00–9.00) | 8000 (7000–9000) | **1000** | ≥ 20: met |",
        ] {
            assert!(page.contains(expected), "no {expected:?} in:\n{page}");
        }
        // Only workloads with checkpoints have a line of them.
        assert!(!page.contains("| `word_count` | Sciurus |"));
    }

    #[test]
    fn what_was_not_measured_has_no_section() {
        let mut report = sample();
        report.workloads.clear();
        report.peers.clear();
        report.figures.truncate(1);
        let page = page(&report);
        assert!(!page.contains("## Throughput") && !page.contains("## Latency"));
        assert!(page.contains("## Start"));
    }

    #[test]
    fn numbers_have_three_digits_or_so() {
        assert_eq!([0.123, 12.34, 1234.5].map(number), ["0.12", "12.3", "1234"]);
    }
}
