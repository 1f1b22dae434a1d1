//! `/jars`: job packages, which are zips named `.jar`.

mod request;
mod upload;

use std::path::{Path, PathBuf};

use axum::extract::State;
use sciurus_core::graph::JobPlan;
use sciurus_core::ids::{ApplicationId, JobId};
use sciurus_core::time::Timestamp;
use serde::Serialize;

pub use upload::upload;

use super::Rest;
use super::body::Json;
use super::error::{RestError, RestResult};
use super::jobs::JobPlanInfo;
use super::params::{LOCAL, Params};
use super::reply::{Empty, Reply, accepted, ok};
use crate::dispatcher::{JobSubmission, PackageRef, SubmitError};
use crate::packages::{DeletePackageError, UploadedPackage, blocking};
use request::{JarRequest, RunRequest};

/// `GET /jars`.
#[derive(Debug, Serialize)]
pub struct JarList {
    address: String,
    files: Vec<JarFile>,
}

#[derive(Debug, Serialize)]
struct JarFile {
    id: String,
    name: String,
    uploaded: Timestamp,
    entry: Vec<JarEntry>,
}

#[derive(Debug, Serialize)]
struct JarEntry {
    name: String,
    description: Option<String>,
}

/// Lists uploaded packages.
pub async fn list(State(rest): State<Rest>) -> Reply<JarList> {
    let entry = |name: &String| JarEntry { name: name.clone(), description: None };
    let file = |package: UploadedPackage| JarFile {
        id: package.id,
        name: package.name,
        uploaded: package.uploaded,
        entry: package.info.entries.iter().map(entry).collect(),
    };
    let packages = rest.dispatcher().packages().list().await;
    ok(JarList { address: rest.url().to_owned(), files: packages.into_iter().map(file).collect() })
}

/// Deletes an uploaded package.
pub async fn delete(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    let id = params.text("jarid");
    let packages = rest.dispatcher().packages();
    match packages.delete(id).await {
        Ok(()) => Ok(ok(Empty {})),
        Err(DeletePackageError::Unknown(id)) => Err(RestError::bad_request(format!(
            "File {id} does not exist in {}.",
            packages.directory().display()
        ))),
        Err(error) => Err(RestError::internal(error.to_string())),
    }
}

/// Asks a package's executable for its plan.
pub async fn plan(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<JarRequest>,
) -> RestResult<Reply<JobPlanInfo>> {
    let request = RunRequest::new(body, &params)?;
    let id = request.job_id.unwrap_or_else(JobId::random);
    let submission = submission(&rest, &params, request).await?;
    let planned = rest.dispatcher().plan(submission).await.map_err(|error| refused(&error))?;
    Ok(ok(JobPlanInfo { plan: JobPlan::new(id, &planned.graph) }))
}

/// The answer to `…/run`.
#[derive(Debug, Serialize)]
pub struct JarRunResponse {
    jobid: JobId,
    #[serde(rename = "applicationId")]
    application_id: ApplicationId,
}

/// Runs a package.
pub async fn run(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<JarRequest>,
) -> RestResult<Reply<JarRunResponse>> {
    let jobid = submit(&rest, &params, body).await?;
    Ok(ok(JarRunResponse { jobid, application_id: jobid.into() }))
}

/// The answer to `…/run-application`.
#[derive(Debug, Serialize)]
pub struct JarRunApplicationResponse {
    applicationid: ApplicationId,
}

/// Runs a package as an application.
pub async fn run_application(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<JarRequest>,
) -> RestResult<Reply<JarRunApplicationResponse>> {
    let job = submit(&rest, &params, body).await?;
    Ok(accepted(JarRunApplicationResponse { applicationid: job.into() }))
}

async fn submit(rest: &Rest, params: &Params, body: JarRequest) -> RestResult<JobId> {
    let request = RunRequest::new(body, params)?;
    let submission = submission(rest, params, request).await?;
    rest.dispatcher().submit(submission).await.map_err(|error| refused(&error))
}

async fn submission(
    rest: &Rest,
    params: &Params,
    request: RunRequest,
) -> RestResult<JobSubmission> {
    let id = params.text("jarid");
    let package = if let Some(path) = id.strip_prefix(LOCAL) {
        PackageRef::Path(installed(rest, Path::new(path)).await?)
    } else {
        let packages = rest.dispatcher().packages();
        let package = packages.get(id).await.ok_or_else(|| {
            RestError::internal(format!(
                "Jar file {} does not exist",
                packages.directory().join(id).display()
            ))
        })?;
        PackageRef::Uploaded(package.id)
    };
    Ok(JobSubmission {
        package,
        entry: request.entry,
        arguments: request.arguments,
        configuration: request.configuration,
        job_id: request.job_id,
    })
}

/// Finds a package where packages may be installed; other files of the machine are nobody's business.
async fn installed(rest: &Rest, path: &Path) -> RestResult<PathBuf> {
    let directories = rest.dispatcher().settings().installed.installed.clone();
    let asked = path.to_owned();
    let found = blocking(move || {
        let path = std::fs::canonicalize(&asked).ok()?;
        let lies_in = |directory: &PathBuf| {
            std::fs::canonicalize(directory).is_ok_and(|directory| path.starts_with(directory))
        };
        (directories.iter().any(lies_in) && path.is_file()).then_some(path)
    });
    found.await.ok_or_else(|| {
        RestError::bad_request(format!(
            "There is no package {} in the image below one of the directories of \
             sciurus.package.installed-directories.",
            path.display()
        ))
    })
}

/// Answers as Flink does where a program can't be run: 500 where the package is at fault, 400 where
/// what is asked of it is.
fn refused(error: &SubmitError) -> RestError {
    match error {
        SubmitError::ShuttingDown => RestError::unavailable(error.to_string()),
        SubmitError::UnknownPackage(_)
        | SubmitError::Package { .. }
        | SubmitError::UnknownEntry { .. } => RestError::internal(error.to_string()),
        _ if error.is_of_submission() => {
            RestError::bad_request(format!("Could not execute application. {error}"))
        }
        _ => RestError::internal(error.to_string()),
    }
}
