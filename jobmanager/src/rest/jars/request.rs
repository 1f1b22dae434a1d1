//! What to run of a package, and how: from the body of a request or its query.

use std::collections::BTreeMap;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::client::{self, RecoveryClaimMode};
use sciurus_core::config::options::pipeline;
use sciurus_core::ids::{ApplicationId, JobId};
use serde::Deserialize;

use crate::rest::body::JsonRequest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;

/// What becomes of a savepoint that a job starts from.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ClaimMode {
    Claim,
    NoClaim,
    Legacy,
}

impl From<ClaimMode> for RecoveryClaimMode {
    fn from(mode: ClaimMode) -> Self {
        match mode {
            ClaimMode::Claim => Self::Claim,
            ClaimMode::NoClaim => Self::NoClaim,
            ClaimMode::Legacy => Self::Legacy,
        }
    }
}

/// The body of `…/run`, `…/run-application` and `…/plan`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JarRequest {
    entry_class: Option<String>,
    program_args_list: Option<Vec<String>>,
    parallelism: Option<i32>,
    job_id: Option<JobId>,
    application_id: Option<ApplicationId>,
    allow_non_restored_state: Option<bool>,
    savepoint_path: Option<String>,
    /// The former name of `claimMode`.
    restore_mode: Option<ClaimMode>,
    claim_mode: Option<ClaimMode>,
    flink_configuration: Option<BTreeMap<String, String>>,
}

impl JsonRequest for JarRequest {
    const FORMAT: &str = "JarRunRequestBody";
}

/// What to run and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRequest {
    /// The id that the job shall have.
    pub job_id: Option<JobId>,
    /// Which of the package's jobs.
    pub entry: Option<String>,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// What its configuration begins with.
    pub configuration: Configuration,
}

impl RunRequest {
    /// Reads a request; what its body says goes before its query.
    pub fn new(body: JarRequest, params: &Params) -> RestResult<Self> {
        // Values that can't be read are errors, whether they are needed or not.
        let query_parallelism = params.query::<i32>("parallelism")?;
        let query_allows = params.query::<bool>("allowNonRestoredState")?;
        let arguments = match body.program_args_list {
            Some(list) => list,
            None => params.list("programArg")?.into_iter().map(str::to_owned).collect(),
        };
        let mut configuration =
            Configuration::from_pairs(body.flink_configuration.unwrap_or_default());
        let savepoint = body.savepoint_path.as_deref().or(params.query_text("savepointPath"));
        if let Some(path) = savepoint.filter(|path| !path.is_empty()) {
            configuration.set(&client::STATE_RECOVERY_PATH, &path.to_owned());
        }
        if let Some(allows) = body.allow_non_restored_state.or(query_allows) {
            configuration.set(&client::STATE_RECOVERY_IGNORE_UNCLAIMED_STATE, &allows);
        }
        if let Some(mode) = body.claim_mode.or(body.restore_mode) {
            configuration.set(&client::STATE_RECOVERY_CLAIM_MODE, &mode.into());
        }
        match body.parallelism.or(query_parallelism) {
            None | Some(-1) => {}
            Some(parallelism) => match u32::try_from(parallelism) {
                Ok(parallelism) if parallelism > 0 => {
                    configuration.set(&pipeline::DEFAULT_PARALLELISM, &parallelism);
                }
                _ => {
                    return Err(RestError::bad_request(format!(
                        "The parallelism must be at least 1, or -1 for the default; it is \
                         {parallelism}."
                    )));
                }
            },
        }
        let entry = body.entry_class.as_deref().or(params.query_text("entry-class"));
        Ok(Self {
            job_id: body.job_id.or(body.application_id.map(JobId::from)),
            entry: entry.map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned),
            arguments,
            configuration,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RunRequest, RestError> {
        let body: JarRequest = serde_json::from_str(json).unwrap();
        RunRequest::new(body, &Params::default())
    }

    #[test]
    fn a_body_says_what_runs_and_how() {
        let request = read(
            r#"{"entryClass": " word-count ", "programArgsList": ["-i", "a b"], "parallelism": 3,
                "flinkConfiguration": {"pipeline.name": "x"}, "claimMode": "NO_CLAIM",
                "jobId": "00000000000000000000000000000abc", "savepointPath": null}"#,
        )
        .unwrap();
        assert_eq!(request.entry.as_deref(), Some("word-count"));
        assert_eq!(request.arguments, ["-i", "a b"]);
        assert_eq!(request.configuration.text("parallelism.default"), Some("3"));
        assert_eq!(request.configuration.text("pipeline.name"), Some("x"));
        assert_eq!(request.job_id.unwrap().to_string(), format!("{:032x}", 0xabc));
    }

    #[test]
    fn minus_one_is_the_default_parallelism_and_others_below_one_are_refused() {
        assert!(read(r#"{"parallelism": -1}"#).unwrap().configuration.is_empty());
        for parallelism in [0, -2] {
            assert!(read(&format!(r#"{{"parallelism": {parallelism}}}"#)).is_err());
        }
    }

    #[test]
    fn a_savepoint_and_how_it_is_restored_are_settings_of_the_job() {
        let read = |json: &str| read(json).unwrap().configuration;
        let configuration = read(
            r#"{"savepointPath": "file:///sp", "allowNonRestoredState": true, "claimMode": "CLAIM",
                "flinkConfiguration": {"execution.state-recovery.path": "other"}}"#,
        );
        for (key, value) in [
            ("execution.state-recovery.path", "file:///sp"),
            ("execution.state-recovery.ignore-unclaimed-state", "true"),
            ("execution.state-recovery.claim-mode", "CLAIM"),
        ] {
            assert_eq!(configuration.text(key), Some(value), "{key}");
        }
        let old_name = read(r#"{"restoreMode": "LEGACY"}"#);
        assert_eq!(old_name.text("execution.state-recovery.claim-mode"), Some("LEGACY"));
        // What isn't said is as the configuration has it.
        assert!(read(r#"{"savepointPath": "", "claimMode": null}"#).is_empty());
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<JarRequest>(r#"{"bogus": 1}"#).is_err());
        assert!(serde_json::from_str::<JarRequest>(r#"{"claimMode": "X"}"#).is_err());
    }
}
