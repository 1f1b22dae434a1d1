//! The sensors' alerts, run as users run them.

mod common;

use std::fs;

use common::{golden, run};

const READINGS: [(&str, &str, f64); 8] = [
    ("oven", "2026-05-04T12:00:00Z", 70.0),
    ("oven", "2026-05-04T12:00:02Z", 91.5),
    ("oven", "2026-05-04T12:00:04Z", 92.5),
    ("lamp", "2026-05-04T12:00:04Z", 40.0),
    ("oven", "2026-05-04T12:00:08Z", 93.5),
    ("oven", "2026-05-04T12:00:13Z", 60.0),
    ("oven", "2026-05-04T12:00:20Z", 60.0),
    ("lamp", "2026-05-04T12:00:25Z", 41.0),
];

const ALERTS: [&str; 6] = [
    "2026-05-04T12:00:07Z oven: HOT, above 90.0 °C since 2026-05-04T12:00:02Z",
    "2026-05-04T12:00:13Z oven: no longer hot, 60.0 °C",
    "2026-05-04T12:00:19Z lamp: SILENT since 2026-05-04T12:00:04Z",
    "2026-05-04T12:00:25Z lamp: heard from again",
    "2026-05-04T12:00:35Z oven: SILENT since 2026-05-04T12:00:20Z",
    "2026-05-04T12:00:40Z lamp: SILENT since 2026-05-04T12:00:25Z",
];

/// The arguments of a job that finds [`ALERTS`] in the file.
fn arguments(file: &str) -> Vec<&str> {
    vec!["iot_alerts", "--hot", "90", "--hot-for", "5", "--silent-for", "15", "--input", file]
}

#[test]
fn made_up_sensors_raise_the_same_alerts_at_any_parallelism() {
    for parallelism in ["1", "2", "4"] {
        let run = run(&["iot_alerts", "-p", parallelism]).successful();
        assert_eq!(run.records(), golden("iot_alerts.txt"), "parallelism {parallelism}");
    }
}

#[test]
fn json_lines_and_csv_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let json = READINGS.map(|(sensor, time, celsius)| {
        format!("{{\"sensor\":\"{sensor}\",\"time\":\"{time}\",\"celsius\":{celsius}}}\n")
    });
    fs::write(path("readings.json"), json.concat()).unwrap();
    let csv = READINGS.map(|(sensor, time, celsius)| format!("{time},{celsius},{sensor}\n"));
    fs::write(path("readings.csv"), format!("time,celsius,sensor\n{}", csv.concat())).unwrap();
    for file in ["readings.json", "readings.csv"] {
        for mode in ["STREAMING", "BATCH"] {
            let file = path(file);
            let arguments = [&arguments(&file)[..], &["--execution-mode", mode]].concat();
            assert_eq!(run(&arguments).successful().records(), ALERTS, "{file} {mode}");
        }
    }
}

#[test]
fn a_malformed_reading_fails_the_job_or_is_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readings.csv");
    let rows = READINGS.map(|(sensor, time, celsius)| format!("{sensor},{time},{celsius}\n"));
    let text = format!("sensor,time,celsius\n{}oven,noon,hot\n", rows.concat());
    fs::write(&file, text).unwrap();
    let arguments = arguments(file.to_str().unwrap());
    run(&arguments).fails_saying(&["readings.csv", "10", "noon"]);
    let run = run(&[&arguments[..], &["--skip-malformed"]].concat()).successful();
    assert_eq!(run.records(), ALERTS);
    assert!(run.stderr.contains("1 malformed skipped"), "{}", run.stderr);
}
