//! `info`: a job's plan.

use super::submit::{job_settings, parallelism, upload};
use super::{connect, output};
use crate::Error;
use crate::arguments::Info;
use crate::rest::answers::{Plan, PlanRequest};

/// Sends the package, asks for the plan, and takes the package back.
pub fn run(arguments: &Info) -> Result<(), Error> {
    let Info { target, submission } = arguments;
    let (client, configuration) = connect(target)?;
    let request = PlanRequest {
        entry_class: submission.entry.as_deref(),
        program_args_list: submission.job_arguments(),
        parallelism: parallelism(submission, &configuration)?,
        flink_configuration: job_settings(target)?,
    };
    let package = upload(&client, submission)?;
    let plan = client.post::<Plan>(&format!("/jars/{package}/plan"), &request);
    let deleted = client.delete(&format!("/jars/{package}"));
    let plan = plan?.plan;
    deleted?;
    if target.json {
        return output::print_json(&plan);
    }
    output::print("----------------------- Execution Plan -----------------------")?;
    output::print_json(&plan)?;
    output::print("--------------------------------------------------------------")?;
    output::print("\nNo description provided.")
}
