//! `POST /jars/upload`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::io::AsyncWriteExt;

use crate::packages::UploadError;
use crate::rest::Rest;
use crate::rest::body::{mismatch, read};
use crate::rest::error::{RestError, RestResult};
use crate::rest::reply::{Reply, ok};

/// How many parts a request may have.
const MAX_PARTS: usize = 16;

/// The longest name of a package, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// How long the rest of an upload is taken that is refused already.
const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// `POST /jars/upload`.
#[derive(Debug, Serialize)]
pub struct JarUploadResponse {
    filename: String,
    status: &'static str,
}

/// Takes a package.
pub async fn upload(
    State(rest): State<Rest>,
    request: Request,
) -> RestResult<Reply<JarUploadResponse>> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes().to_vec());
    let is_multipart = content_type.is_some_and(|value| value.starts_with(b"multipart/form-data"));
    if !is_multipart {
        let body = read(request.into_body(), rest.options().max_content_length).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(wrong_number_of_files(0));
        }
        let reason = "Upload a package as a file of a multipart/form-data request.";
        return Err(mismatch("EmptyRequestBody", reason));
    }
    let Ok(_permit) = rest.0.uploads.try_acquire() else {
        return Err(RestError::unavailable("Other packages are being uploaded; try again later."));
    };
    let request = with_own_limit(request);
    let mut parts = Multipart::from_request(request, &rest)
        .await
        .map_err(|error| mismatch("EmptyRequestBody", error.body_text()))?;
    let received = receive(&rest, &mut parts).await;
    if received.is_err() {
        // Most clients read the answer only when they have sent all; a connection that is closed
        // before would be all that they see of the refusal.
        let _ = tokio::time::timeout(REST_TIMEOUT, skip(&mut parts)).await;
    }
    // A file that isn't taken over is removed here.
    let Received { name, file } = received?;
    let uploaded = rest.dispatcher().packages().upload(file.path().to_owned(), name).await;
    let path = uploaded.map_err(|error| refused(&error))?.path;
    Ok(ok(JarUploadResponse { filename: path.display().to_string(), status: "success" }))
}

fn refused(error: &UploadError) -> RestError {
    match error {
        UploadError::Package { error: reason, .. } if !reason.is_of_package() => {
            RestError::internal(error.to_string())
        }
        UploadError::Io { .. } => RestError::internal(error.to_string()),
        _ => RestError::bad_request(format!("The package is refused. {error}")),
    }
}

/// Lifts the limit that axum sets: packages have one of their own.
fn with_own_limit(mut request: Request) -> Request {
    use axum::extract::DefaultBodyLimit;
    DefaultBodyLimit::apply(DefaultBodyLimit::disable(), &mut request);
    request
}

/// A file that has arrived.
struct Received {
    name: String,
    file: TemporaryFile,
}

async fn receive(rest: &Rest, parts: &mut Multipart) -> RestResult<Received> {
    let mut received: Option<Received> = None;
    let mut files = 0;
    for _ in 0..MAX_PARTS {
        let part = parts
            .next_field()
            .await
            .map_err(|error| RestError::bad_request(format!("The upload broke off: {error}")))?;
        let Some(part) = part else {
            return received.filter(|_| files == 1).ok_or_else(|| wrong_number_of_files(files));
        };
        let Some(name) = part.file_name().map(file_name) else { continue };
        files += 1;
        let is_jar = Path::new(&name).extension().is_some_and(|e| e.eq_ignore_ascii_case("jar"));
        if files == 1 && is_jar {
            received = Some(Received { file: store(rest, part).await?, name });
        } else {
            drain(part, rest.options().max_upload_bytes).await?;
            if !is_jar && files == 1 {
                return Err(RestError::bad_request(
                    "Only Jar files are allowed. A job package is a zip with a name that ends in \
                     .jar; 'sciurus package' makes one of an executable.",
                ));
            }
        }
    }
    Err(RestError::bad_request(format!("The request has more than {MAX_PARTS} parts.")))
}

/// Returns the last part of the name that the client gives, without what a name shouldn't have.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or(given);
    let kept = last.chars().filter(|character| !character.is_control()).collect::<String>();
    let mut start = kept.len().saturating_sub(MAX_NAME_BYTES);
    while !kept.is_char_boundary(start) {
        start += 1;
    }
    kept[start..].to_owned()
}

fn wrong_number_of_files(received: usize) -> RestError {
    RestError::bad_request(format!("Exactly 1 file must be sent, received {received}."))
}

/// Writes a part to disk as it comes.
async fn store(rest: &Rest, mut part: Field<'_>) -> RestResult<TemporaryFile> {
    let limit = rest.options().max_upload_bytes;
    let directory = rest.dispatcher().packages().directory().to_owned();
    let cannot = |error: std::io::Error| {
        RestError::internal(format!(
            "The package can't be stored in {} ('web.upload.dir'): {error}",
            directory.display()
        ))
    };
    tokio::fs::create_dir_all(&directory).await.map_err(cannot)?;
    let file = TemporaryFile::new(&directory);
    let mut out = tokio::fs::File::create_new(file.path()).await.map_err(cannot)?;
    let mut bytes = 0_u64;
    while let Some(chunk) = next_chunk(&mut part).await? {
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        out.write_all(&chunk).await.map_err(cannot)?;
    }
    out.flush().await.map_err(cannot)?;
    Ok(file)
}

/// Takes what else comes, and forgets it.
async fn skip(parts: &mut Multipart) {
    while let Ok(Some(mut part)) = parts.next_field().await {
        while let Ok(Some(_)) = part.chunk().await {}
    }
}

async fn drain(mut part: Field<'_>, limit: u64) -> RestResult<()> {
    let mut bytes = 0_u64;
    while let Some(chunk) = next_chunk(&mut part).await? {
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
    }
    Ok(())
}

async fn next_chunk(part: &mut Field<'_>) -> RestResult<Option<bytes::Bytes>> {
    part.chunk()
        .await
        .map_err(|error| RestError::bad_request(format!("The upload broke off: {error}")))
}

fn too_large(limit: u64) -> RestError {
    RestError::new(
        axum::http::StatusCode::PAYLOAD_TOO_LARGE,
        format!("The package has more than {limit} bytes, the most that is taken."),
    )
}

/// A file that is removed unless it was moved away.
#[derive(Debug)]
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(directory: &Path) -> Self {
        Self(directory.join(format!(".upload-{:016x}", fastrand::u64(..))))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %self.0.display(), "an upload can't be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_part_of_a_name_counts() {
        assert_eq!(file_name("C:\\jobs\\a.jar"), "a.jar");
        assert_eq!(file_name("../../etc/a\n.jar"), "a.jar");
        assert_eq!(file_name(&format!("{}.jar", "ä".repeat(300))).len(), MAX_NAME_BYTES);
    }
}
