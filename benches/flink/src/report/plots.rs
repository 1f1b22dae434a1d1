//! The report as plots: bars of both systems side by side.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Report;
use crate::cluster::System;
use crate::statistics::median;

/// The file of records per CPU second.
pub const THROUGHPUT: &str = "flink-throughput.svg";
/// The file of peak memory.
pub const MEMORY: &str = "flink-memory.svg";
/// The file of latencies.
pub const LATENCY: &str = "flink-latency.svg";

const WIDTH: u32 = 860;
const LINE_HEIGHT: u32 = 46;
const MARGIN: u32 = 70;
/// Where bars begin, and where they end at the latest.
const LABELS: i32 = 260;
const RIGHT: i32 = 780;
const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(0xD9, 0x6B, 0x2B);
const THEIRS: RGBColor = RGBColor(0x8A, 0x93, 0xA3);
const INK: RGBColor = RGBColor(0x30, 0x34, 0x3B);

/// What stands for one line of a plot: its name, our value and Flink's.
type Line = (String, [f64; 2]);

/// All plots by file name.
pub fn all(report: &Report) -> Vec<(&'static str, String)> {
    let of_workloads = |value: &dyn Fn(&super::WorkloadResult, System) -> f64| -> Vec<Line> {
        let line = |workload| System::BOTH.map(|system| value(workload, system));
        report.workloads.iter().map(|workload| (workload.name.clone(), line(workload))).collect()
    };
    let latencies: Vec<Line> = report
        .figures
        .iter()
        .filter(|figure| figure.group == "latency")
        .map(|figure| {
            let name = figure.what.replace(" of Flink's highest rate", "");
            (name, [median(&figure.sciurus), median(&figure.flink)])
        })
        .collect();
    let per_cpu_second = of_workloads(&|workload, system| workload.per_cpu_second(system));
    let peak =
        of_workloads(&|workload, system| median(&workload.values(system, |run| run.peak_mib)));
    [
        (THROUGHPUT, "Million records per CPU second (more is better)", per_cpu_second),
        (MEMORY, "Peak memory, MiB (less is better)", peak),
        (LATENCY, "Latency, ms (less is better)", latencies),
    ]
    .into_iter()
    .filter(|(_, _, lines)| !lines.is_empty())
    .map(|(name, title, lines)| (name, bars(title, &lines)))
    .collect()
}

/// Bars by logarithm, since one system's would be too short to see otherwise; each has its number.
fn bars(title: &str, lines: &[Line]) -> String {
    let mut svg = String::new();
    let size = (WIDTH, MARGIN + LINE_HEIGHT * lines.len() as u32);
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area, title, lines).unwrap();
        area.present().unwrap();
    }
    svg
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    area.fill(&WHITE)?;
    let style = |size: i32| (FONT, size).into_font().color(&INK);
    area.draw(&Text::new(title.to_owned(), (16, 14), style(18)))?;
    let text = "bars are logarithmic";
    area.draw(&Text::new(text, (RIGHT - 90, 18), style(12)))?;
    for (index, (system, colour)) in System::BOTH.into_iter().zip([OURS, THEIRS]).enumerate() {
        let x = LABELS + 100 * index as i32;
        area.draw(&Rectangle::new([(x, 44), (x + 12, 56)], colour.filled()))?;
        area.draw(&Text::new(system.to_string(), (x + 18, 43), style(14)))?;
    }
    let values = || lines.iter().flat_map(|(_, values)| values).copied();
    let most = values().fold(f64::MIN_POSITIVE, f64::max);
    let least = values().filter(|value| *value > 0.0).fold(most, f64::min);
    // The shortest bar is a tenth of what is below the next power of ten.
    let from = least.log10().floor() - 0.1;
    let scale = f64::from(RIGHT - LABELS) / (most.log10() - from).max(f64::MIN_POSITIVE);
    for (index, (name, values)) in lines.iter().enumerate() {
        let top = (MARGIN + LINE_HEIGHT * index as u32) as i32;
        // Long names take two lines.
        let (first, second) = name.split_once(", ").unwrap_or((name, ""));
        area.draw(&Text::new(first.to_owned(), (16, top + 4), style(13)))?;
        area.draw(&Text::new(second.to_owned(), (16, top + 20), style(12)))?;
        for (row, (value, colour)) in values.iter().zip([OURS, THEIRS]).enumerate() {
            let top = top + 17 * row as i32;
            let length = if *value > 0.0 { (value.log10() - from) * scale } else { 0.0 };
            let end = LABELS + length.round() as i32;
            area.draw(&Rectangle::new([(LABELS, top), (end, top + 15)], colour.filled()))?;
            let number = if *value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
            area.draw(&Text::new(number, (end + 6, top), style(13)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn each_workload_has_two_bars_with_their_numbers() {
        let plots = all(&sample());
        let names: Vec<&str> = plots.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [THROUGHPUT, MEMORY, LATENCY]);
        let (_, svg) = &plots[0];
        for text in ["word_count", "rocksdb", "Sciurus", "Flink", "12", "1.00", "2.50", "0.25"] {
            assert!(svg.lines().any(|line| line.trim() == text), "no {text} in {svg}");
        }
        // Two for each workload, two of the legend, the background.
        assert_eq!(svg.matches("<rect").count(), 2 * 2 + 2 + 1);
    }

    #[test]
    fn a_greater_value_has_a_longer_bar() {
        let svg = bars("", &[("a".to_owned(), [1.0, 1000.0])]);
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("<rect") && line.contains("height=\"15\""))
            .filter_map(|line| line.split_once("width=\"")?.1.split('"').next()?.parse().ok())
            .collect();
        assert!(matches!(widths[..], [short, long] if 0.0 < short && short < long), "{widths:?}");
    }
}
