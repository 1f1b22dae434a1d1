//! The report as tables for a terminal.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use super::{Report, verdict};
use crate::cluster::System;
use crate::statistics::median;

/// Tables of all that was measured.
pub fn tables(report: &Report) -> String {
    let mut parts = Vec::new();
    if !report.workloads.is_empty() {
        parts.push(throughput(report).to_string());
    }
    if !report.peers.is_empty() {
        parts.push(peers(report).to_string());
    }
    if !report.figures.is_empty() {
        parts.push(figures(report).to_string());
    }
    parts.join("\n")
}

fn throughput(report: &Report) -> Table {
    let mut table = begin(&[
        "workload",
        "system",
        "s",
        "CPU s",
        "M records/s",
        "M records/CPU s",
        "ratio",
        "goal",
        "peak MiB",
        "ratio",
        "goal",
    ]);
    for workload in &report.workloads {
        for system in System::BOTH {
            let of = |value: fn(&super::Run) -> f64| median(&workload.values(system, value));
            let mut row = vec![
                if system == System::Sciurus { workload.name.clone() } else { String::new() },
                system.to_string(),
                format!("{:.2}", of(|run| run.wall_s)),
                format!("{:.2}", of(|run| run.cpu_s)),
                format!("{:.2}", workload.per_second(system)),
                format!("{:.2}", workload.per_cpu_second(system)),
            ];
            let (cpu, memory) =
                (workload.ratio(|run| run.cpu_s), workload.ratio(|run| run.peak_mib));
            if system == System::Sciurus {
                row.extend([format!("{cpu:.1}"), verdict(cpu, workload.goal)]);
            } else {
                row.extend([String::new(), String::new()]);
            }
            row.push(format!("{:.0}", of(|run| run.peak_mib)));
            if system == System::Sciurus {
                row.extend([format!("{memory:.1}"), verdict(memory, workload.memory_goal)]);
            }
            table.add_row(row);
        }
    }
    table
}

fn peers(report: &Report) -> Table {
    let mut table =
        begin(&["WordCount on", "what", "s", "CPU s", "M records/CPU s", "ratio", "goal"]);
    for peer in &report.peers {
        let (cpu_s, ratio) = (median(&peer.cpu_s), report.peer_ratio(peer));
        table.add_row([
            peer.name.clone(),
            peer.about.clone(),
            format!("{:.2}", median(&peer.wall_s)),
            format!("{cpu_s:.2}"),
            format!("{:.2}", peer.records as f64 / 1e6 / cpu_s),
            format!("{ratio:.1}"),
            verdict(ratio, peer.goal),
        ]);
    }
    table
}

fn figures(report: &Report) -> Table {
    let mut table = begin(&["figure", "unit", "Sciurus", "Flink", "ratio", "goal"]);
    for figure in &report.figures {
        let ratio = figure.ratio();
        table.add_row([
            figure.what.clone(),
            figure.unit.clone(),
            format!("{:.2}", median(&figure.sciurus)),
            format!("{:.2}", median(&figure.flink)),
            format!("{ratio:.1}"),
            verdict(ratio, figure.goal),
        ]);
    }
    table
}

fn begin(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
