//! `list`: which jobs there are, in Flink's layout.

use std::fmt::Write;

use chrono::{Local, TimeZone};

use super::{connect, output};
use crate::Error;
use crate::arguments::List;
use crate::rest::answers::{JobSummary, JobsOverview};

/// Asks for jobs and prints them.
pub fn run(arguments: &List) -> Result<(), Error> {
    let (client, _) = connect(&arguments.target)?;
    if !arguments.target.json {
        output::print("Waiting for response...")?;
    }
    let JobsOverview { jobs } = client.get("/jobs/overview")?;
    let chosen = Chosen::of(arguments);
    if arguments.target.json {
        let jobs = jobs.into_iter().filter(|job| chosen.has(Phase::of(&job.state)));
        return output::print_json(&jobs.collect::<Vec<_>>());
    }
    let start = |job: &JobSummary| {
        let time = Local.timestamp_millis_opt(job.start_time).single();
        time.map(|time| time.format("%d.%m.%Y %H:%M:%S").to_string()).unwrap_or_default()
    };
    // Beside the list, whose lines are Flink's.
    for job in jobs.iter().filter(|job| chosen.has(Phase::of(&job.state))) {
        if let Some(shortage) = &job.slot_shortage {
            eprintln!("Job {} waits for slots: {} missing.", job.jid, shortage.missing);
        }
    }
    output::print(table(jobs, &chosen, start).trim_end())
}

/// Where a job is in its life, as this command tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Scheduled,
    Running,
    Ended,
}

impl Phase {
    fn of(state: &str) -> Self {
        match state {
            "CREATED" => Self::Scheduled,
            "FAILED" | "CANCELED" | "FINISHED" => Self::Ended,
            _ => Self::Running,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Running => "------------------ Running/Restarting Jobs -------------------",
            Self::Scheduled => "----------------------- Scheduled Jobs -----------------------",
            Self::Ended => "---------------------- Terminated Jobs -----------------------",
        }
    }

    /// Returns what stands in place of an empty list.
    fn none(self) -> Option<&'static str> {
        match self {
            Self::Running => Some("No running jobs."),
            Self::Scheduled => Some("No scheduled jobs."),
            Self::Ended => None,
        }
    }
}

const LINE: &str = "--------------------------------------------------------------";

/// Which phases are asked for.
struct Chosen(Vec<Phase>);

impl Chosen {
    fn of(arguments: &List) -> Self {
        let List { running, scheduled, all, .. } = arguments;
        let neither = !running && !scheduled;
        let mut phases = Vec::new();
        if *all || *running || neither {
            phases.push(Phase::Running);
        }
        if *all || *scheduled || neither {
            phases.push(Phase::Scheduled);
        }
        if *all {
            phases.push(Phase::Ended);
        }
        Self(phases)
    }

    fn has(&self, phase: Phase) -> bool {
        self.0.contains(&phase)
    }
}

fn table(
    mut jobs: Vec<JobSummary>,
    chosen: &Chosen,
    start: impl Fn(&JobSummary) -> String,
) -> String {
    let mut out = String::new();
    jobs.sort_by(|a, b| a.start_time.cmp(&b.start_time).then_with(|| a.jid.cmp(&b.jid)));
    for phase in &chosen.0 {
        let mut of_phase = jobs.iter().filter(|job| Phase::of(&job.state) == *phase).peekable();
        if of_phase.peek().is_none() {
            out.extend(phase.none().into_iter().chain(phase.none().map(|_| "\n")));
            continue;
        }
        out.push_str(phase.title());
        out.push('\n');
        for job in of_phase {
            // Writing to a string can't fail.
            let _ = writeln!(out, "{} : {} : {} ({})", start(job), job.jid, job.name, job.state);
        }
        out.push_str(LINE);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::arguments::Target;

    fn job(jid: &str, state: &str, start_time: i64) -> JobSummary {
        let others = BTreeMap::new();
        JobSummary {
            jid: jid.into(),
            name: "cli job".into(),
            state: state.into(),
            start_time,
            slot_shortage: None,
            others,
        }
    }

    fn shown(jobs: Vec<JobSummary>, running: bool, scheduled: bool, all: bool) -> String {
        let arguments = List { running, scheduled, all, target: Target::default() };
        table(jobs, &Chosen::of(&arguments), |job| format!("22.11.2026 07:52:{}", job.start_time))
    }

    #[test]
    fn jobs_are_listed_in_flinks_layout() {
        let jobs = || vec![job("29ce", "RUNNING", 49), job("17aa", "RESTARTING", 48)];
        let list = "\
------------------ Running/Restarting Jobs -------------------
22.11.2026 07:52:48 : 17aa : cli job (RESTARTING)
22.11.2026 07:52:49 : 29ce : cli job (RUNNING)
--------------------------------------------------------------
";
        assert_eq!(shown(jobs(), true, false, false), list);
        assert_eq!(shown(jobs(), false, true, false), "No scheduled jobs.\n");
        let both = format!("{list}No scheduled jobs.\n");
        assert_eq!(shown(jobs(), false, false, false), both);
        assert_eq!(shown(jobs(), false, false, true), both);
        let none = "No running jobs.\nNo scheduled jobs.\n";
        assert_eq!(shown(Vec::new(), false, false, false), none);
    }

    #[test]
    fn jobs_that_have_ended_are_listed_with_all_only() {
        let jobs = || vec![job("29ce", "FAILED", 49), job("17aa", "CREATED", 50)];
        let list = "\
No running jobs.
----------------------- Scheduled Jobs -----------------------
22.11.2026 07:52:50 : 17aa : cli job (CREATED)
--------------------------------------------------------------
---------------------- Terminated Jobs -----------------------
22.11.2026 07:52:49 : 29ce : cli job (FAILED)
--------------------------------------------------------------
";
        assert_eq!(shown(jobs(), false, false, true), list);
        assert!(!shown(jobs(), false, false, false).contains("29ce"));
    }
}
