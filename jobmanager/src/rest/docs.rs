//! The documentation of all endpoints, generated from the table.

use std::fmt::Write;

use super::endpoints;

const INTRODUCTION: &str = "\
# REST API

<!-- Generated from jobmanager/src/rest/endpoints.rs. To write it anew:
     UPDATE_DOCS=1 cargo test -p sciurus-jobmanager rest_docs -->

The JobManager answers Flink's REST API, version 1, on port 8081 (`rest.port`), with and without
`/v1` in front of each path: the endpoints, fields, types and status codes are those of Flink 2.3.
Tests compare the answers with recorded ones of a real Flink.

- Errors are `{\"errors\":[\"…\"]}` with Flink's status codes; where Flink sends a Java stack trace,
  one readable message stands. What goes wrong inside is a 500 with two texts, the second of which
  says what.
- Operations that take time are triggered by one request, which answers with a `request-id`, and
  looked at by another, as in Flink; results are kept for `rest.async.store-duration`.
- Uploads and submissions are unknown paths where `web.submit.enable` is false.
- Limits: `rest.server.max-content-length` for bodies in JSON, 2 GiB for packages, 256 requests and
  1024 connections at once, 30 s for the head of a request, `rest.idleness-timeout` without a byte
  within a body. Answers of more than 4 KiB are compressed for clients that accept gzip.
- There is no TLS and no authentication: keep the port inside a network that you trust.
";

/// Returns the text of `docs/rest-api.md`.
pub fn markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for group in endpoints::groups() {
        // Writing to a string can't fail.
        let _ = write!(out, "\n## {}\n\n| Endpoint | How it is met |\n|---|---|\n", group.title);
        for endpoint in group.endpoints {
            let _ = writeln!(out, "| `{} {}` | {} |", endpoint.method, endpoint.path, endpoint.met);
        }
    }
    out
}
