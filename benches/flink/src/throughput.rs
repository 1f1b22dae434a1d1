//! Records a second and a CPU second, memory, checkpoints.

use std::time::Duration;

use serde_json::Value;

use crate::arguments::Arguments;
use crate::cluster::{Cluster, Programs, System};
use crate::input::Text;
use crate::outcome::Outcome;
use crate::processes::{PeakMemory, cpu_seconds};
use crate::report::{Checkpoints, Report, Round, Run, WorkloadResult};
use crate::statistics::median;
use crate::workload::{Job, WORKLOADS, Workload};

/// How often a job is asked whether it has ended.
const ASK: Duration = Duration::from_millis(100);

/// Measures the workloads that are wanted.
pub fn measure(arguments: &Arguments, programs: &Programs, report: &mut Report) {
    let wanted: Vec<_> =
        WORKLOADS.iter().filter(|workload| arguments.wants(workload.name)).collect();
    if wanted.is_empty() {
        return;
    }
    let text = Text::cached(arguments);
    eprintln!("{} words, {} different ones", text.words, text.distinct_words);
    for workload in wanted {
        report.workloads.push(measure_one(arguments, programs, workload, &text));
    }
}

/// Both clusters live during the rounds of a workload, so that the JVM has been warmed up by its code;
/// they take turns, and only one works at a time.
fn measure_one(
    arguments: &Arguments,
    programs: &Programs,
    workload: &Workload,
    text: &Text,
) -> WorkloadResult {
    eprintln!("{}: {}", workload.name, workload.about);
    let (job, records) = workload.arguments(arguments, text);
    let clusters =
        System::BOTH.map(|system| Cluster::start(programs, system, 1, workload.settings));
    let arguments_for = |cluster: &Cluster, more: &[&str]| {
        let for_flink = if cluster.system == System::Flink { workload.for_flink } else { &[] };
        let more = for_flink.iter().chain(more).map(|&word| word.to_owned());
        job.iter().cloned().chain(more).collect::<Vec<_>>()
    };

    let outcomes = clusters.each_ref().map(|cluster| {
        let out = cluster.folder().join("outcome");
        let out = out.to_str().unwrap();
        run(cluster, &arguments_for(cluster, &["--out", out]));
        Outcome::read(out.as_ref())
    });
    let counts_of_windows = workload.job == Job::Words("windows");
    assert!(
        outcomes[0].agrees_with(&outcomes[1], counts_of_windows),
        "{}: the systems don't come to the same: {outcomes:?}",
        workload.name
    );
    if workload.job != Job::Words("streaming") {
        let expected = if counts_of_windows || workload.job == Job::Words("batch") {
            outcomes[0].sum
        } else {
            outcomes[0].emitted
        };
        assert_eq!(expected, records, "{}: records are missing", workload.name);
    }

    let rounds = if workload.is_slow { arguments.rounds.div_ceil(2) } else { arguments.rounds };
    let mut result = WorkloadResult {
        name: workload.name.to_owned(),
        about: workload.about.to_owned(),
        records,
        outcome: outcomes[0],
        goal: workload.goal,
        memory_goal: workload.memory_goal,
        rounds: Vec::new(),
    };
    for round in 0..rounds {
        // Every other round backwards.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut runs = [None, None];
        for index in order {
            let cluster = &clusters[index];
            let run = run(cluster, &arguments_for(cluster, &[]));
            eprintln!(
                "round {} of {rounds}: {}: {:.2} s, {:.2} CPU s, {:.0} MiB",
                round + 1,
                cluster.system,
                run.wall_s,
                run.cpu_s,
                run.peak_mib
            );
            runs[index] = Some(run);
        }
        if let [Some(sciurus), Some(flink)] = runs {
            result.rounds.push(Round { sciurus, flink });
        }
    }
    result
}

/// Runs a job to its end.
pub fn run(cluster: &Cluster, arguments: &[String]) -> Run {
    let managers = cluster.managers();
    cluster.wait_until_idle();
    let before = cpu_seconds(&managers);
    let memory = PeakMemory::watch(managers.clone());
    let job = cluster.submit(arguments);
    cluster.rest.wait_for_state(&job, "FINISHED", ASK);
    cluster.wait_until_idle();
    let cpu_s = cpu_seconds(&managers) - before;
    cluster.rest.check_parallelism(&job);
    let details = cluster.rest.get(&format!("/jobs/{job}"));
    Run {
        wall_s: details["duration"].as_f64().unwrap_or(f64::NAN) / 1e3,
        cpu_s,
        peak_mib: memory.mib(),
        // A batch job has none, and no such path.
        checkpoints: cluster
            .rest
            .try_get(&format!("/jobs/{job}/checkpoints"))
            .as_ref()
            .and_then(checkpoints),
    }
}

/// The checkpoints that a job has completed, if there are any.
fn checkpoints(answer: &Value) -> Option<Checkpoints> {
    let history = answer["history"].as_array()?;
    let completed: Vec<&Value> =
        history.iter().filter(|checkpoint| checkpoint["status"] == "COMPLETED").collect();
    let values = |name: &str| -> Vec<f64> {
        completed.iter().filter_map(|checkpoint| checkpoint[name].as_f64()).collect()
    };
    (!completed.is_empty()).then(|| Checkpoints {
        count: completed.len(),
        ms: median(&values("end_to_end_duration")),
        mib: median(&values("checkpointed_size")) / f64::from(1 << 20),
        state_mib: median(&values("state_size")) / f64::from(1 << 20),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_completed_checkpoints_count() {
        let of = |status: &str, ms: u64| {
            json!({
                "status": status, "end_to_end_duration": ms,
                "checkpointed_size": 1 << 20, "state_size": 2 << 20,
            })
        };
        let history =
            [of("COMPLETED", 10), of("FAILED", 500), of("COMPLETED", 30), of("COMPLETED", 20)];
        let found = checkpoints(&json!({ "history": history })).unwrap();
        let expected = Checkpoints { count: 3, ms: 20.0, mib: 1.0, state_mib: 2.0 };
        assert_eq!(found, expected);
        assert_eq!(checkpoints(&json!({ "history": [] })), None);
    }
}
