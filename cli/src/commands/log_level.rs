//! `log-level`: what the cluster's processes log.

use serde::{Deserialize, Serialize};

use super::connect;
use super::output::Answer;
use crate::Error;
use crate::arguments::LogLevel;

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    level: String,
}

/// Shows what is logged, or changes it.
pub fn run(arguments: &LogLevel) -> Result<(), Error> {
    let (client, _) = connect(&arguments.target)?;
    let body: Body = match &arguments.level {
        Some(level) => client.put("/log-level", &Body { level: level.clone() })?,
        None => client.get("/log-level")?,
    };
    Answer { json: arguments.target.json }.tell(&body.level, &body)
}
