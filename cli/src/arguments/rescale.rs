//! What `rescale` is told.

use std::str::FromStr;

use clap::Args;
use sciurus_core::ids::JobId;

use super::{Target, job_id};

/// Changes the parallelism of a job that runs.
///
/// The job takes a checkpoint and goes on from it with other subtasks. The command waits until they
/// run.
#[derive(Debug, Args)]
pub struct Rescale {
    /// The parallelism of one vertex, by its name or id; can be given several times.
    #[arg(long = "vertex", value_name = "NAME=N")]
    pub vertices: Vec<VertexParallelism>,
    /// Doesn't wait until the job runs with its new parallelism.
    #[arg(short, long)]
    pub detached: bool,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id)]
    pub job: JobId,
    /// The parallelism of all vertices, but those that are named by themselves.
    #[arg(value_name = "PARALLELISM", required_unless_present = "vertices")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub target: Target,
}

/// The parallelism of one vertex, as in `counter=4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexParallelism {
    /// Its name or id.
    pub vertex: String,
    /// How many subtasks it is to have.
    pub parallelism: u32,
}

impl FromStr for VertexParallelism {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Names of vertices may have this sign in them.
        let (vertex, number) = text.rsplit_once('=').ok_or_else(|| {
            "expected a vertex's name or id and a number, as in counter=4".to_owned()
        })?;
        match number.trim().parse() {
            Ok(parallelism) if parallelism > 0 && !vertex.is_empty() => {
                Ok(Self { vertex: vertex.to_owned(), parallelism })
            }
            _ => Err(format!("'{number}' is no number of subtasks: at least 1 is needed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_equals_sign_parts_name_and_number() {
        let parsed: VertexParallelism = "map a=b -> sink=4".parse().unwrap();
        let expected = VertexParallelism { vertex: "map a=b -> sink".to_owned(), parallelism: 4 };
        assert_eq!(parsed, expected);
        for text in ["counter", "counter=0", "counter=x", "=3"] {
            assert!(text.parse::<VertexParallelism>().is_err(), "{text}");
        }
    }
}
