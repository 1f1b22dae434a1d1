//! How a job is executed: settings that every job has, and running it to its end.

use std::fmt;
use std::io::{self, IsTerminal};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sciurus::Configuration;
use sciurus::config::options::execution::RUNTIME_MODE;
use sciurus::config::options::pipeline::DEFAULT_PARALLELISM;
use sciurus::config::validate::{Strictness, validate};
use sciurus::prelude::*;

use crate::Error;
use crate::progress;
use crate::report::{Statistics, Unit};

/// The most subtasks an operator can have: as many as there can be key groups.
const MAX_PARALLELISM: i64 = 32_768;

/// Settings of the execution.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Execution")]
pub struct Execution {
    /// Whether results are updated while input arrives (STREAMING), or only final ones are emitted
    /// (BATCH; all input must end), or the latter if all input ends (AUTOMATIC) [default: STREAMING]
    #[arg(long, value_name = "MODE", ignore_case = true, hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(["STREAMING", "BATCH", "AUTOMATIC"])
        .try_map(|mode| mode.parse::<RuntimeMode>()))]
    execution_mode: Option<RuntimeMode>,

    /// How many subtasks run each operator [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MAX_PARALLELISM))]
    parallelism: Option<u32>,

    /// Sets an option of the configuration, by Flink's key; may be repeated
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    properties: Vec<String>,

    /// Refuses options that are unknown or have no effect, which else are warned of
    #[arg(long)]
    strict: bool,

    /// Shows neither progress nor statistics
    #[arg(short, long)]
    quiet: bool,
}

impl Execution {
    /// Makes the environment of a job with these settings.
    ///
    /// # Errors
    /// [`Error`] where a setting can't be used.
    pub fn environment(&self) -> Result<StreamExecutionEnvironment, Error> {
        let mut configuration = Configuration::new();
        for property in &self.properties {
            configuration.merge(&Configuration::from_property(property)?);
        }
        if let Some(mode) = &self.execution_mode {
            configuration.set(&RUNTIME_MODE, mode);
        }
        if let Some(parallelism) = &self.parallelism {
            configuration.set(&DEFAULT_PARALLELISM, parallelism);
        }
        let strictness = if self.strict { Strictness::Strict } else { Strictness::Lenient };
        for warning in validate(&configuration, strictness)? {
            eprintln!("warning: {warning}");
        }
        Ok(StreamExecutionEnvironment::with_configuration(configuration))
    }

    /// Makes the environment of a job with these settings and, unless they say otherwise, this
    /// parallelism.
    ///
    /// # Errors
    /// [`Error`] where a setting can't be used.
    pub fn environment_of(&self, parallelism: u32) -> Result<StreamExecutionEnvironment, Error> {
        let env = self.environment()?;
        if !env.configuration().contains(&DEFAULT_PARALLELISM) {
            env.set_parallelism(parallelism);
        }
        Ok(env)
    }

    /// Executes a job and shows how it gets on, counted in `unit`. `prints` says whether the job
    /// prints its results.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run, or it failed.
    pub fn run(
        &self,
        env: &StreamExecutionEnvironment,
        job_name: &str,
        unit: Unit,
        prints: bool,
    ) -> Result<Statistics, JobError> {
        let client = env.execute_async(job_name)?;
        // Progress between lines of output would be a mess.
        let result = if self.quiet || (prints && io::stdout().is_terminal()) {
            client.wait()?
        } else {
            progress::watch(&client, job_name, unit)?
        };
        Ok(Statistics::of(&client, result, unit))
    }

    /// Tells the user something, unless they want quiet.
    pub fn say(&self, message: &dyn fmt::Display) {
        if !self.quiet {
            eprintln!("{message}");
        }
    }
}
