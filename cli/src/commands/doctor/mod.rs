//! `doctor`: what is wrong with a job, and what to do about it.
//!
//! [`facts`] asks the REST API, [`diagnosis`] draws conclusions from the answers.

mod diagnosis;
mod facts;

use std::time::Duration;

use serde_json::json;

use super::connect;
use super::output::{self, Answer};
use crate::Error;
use crate::arguments::Doctor;
use diagnosis::{Finding, Grade, diagnose};
use facts::Facts;

/// How long it may be looked on.
const LONGEST_LOOK: Duration = Duration::from_secs(3600);

/// Looks at a job twice and prints what it finds.
pub fn run(arguments: &Doctor) -> Result<(), Error> {
    let (client, _) = connect(&arguments.target)?;
    let answer = Answer { json: arguments.target.json };
    let before = Facts::ask(&client, arguments.job)?;
    let pause = arguments.during.min(LONGEST_LOOK);
    if before.is_running() {
        answer.say(format!("Looking at job '{}' for {} s.", before.name, pause.as_secs_f64()))?;
        std::thread::sleep(pause);
    }
    let after = Facts::ask(&client, arguments.job)?;
    let findings = diagnose(&before, &after);
    if arguments.target.json {
        return output::print_json(&json!({
            "jobid": arguments.job.to_string(),
            "name": after.name,
            "state": after.state,
            "findings": findings,
        }));
    }
    output::print(format!("Job '{}' ({}) is {}.", after.name, arguments.job, after.state))?;
    findings.iter().try_for_each(show)
}

fn show(finding: &Finding) -> Result<(), Error> {
    let mark = match finding.grade {
        Grade::Problem => "PROBLEM",
        Grade::Hint => "hint",
        Grade::Well => "ok",
    };
    output::print(format!("\n{mark:>7}  {}", finding.what))?;
    for reason in &finding.because {
        output::print(format!("         - {reason}"))?;
    }
    for step in &finding.next {
        output::print(format!("   next  {step}"))?;
    }
    Ok(())
}
