//! Parameters in paths and queries.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;
use sciurus_core::ids::{AttemptNumber, JobId, JobVertexId, SubtaskIndex, TaskManagerId};

use super::error::{RestError, RestResult};
use super::server::AskedPath;

/// The most values that a parameter which is a list may have.
const MAX_LIST: usize = 10_000;

/// What the name of a package begins with that lies in the image.
pub const LOCAL: &str = "local://";

/// The parameters of a request, by Flink's names. Those nobody asks for are ignored.
#[derive(Clone, Debug, Default)]
pub struct Params {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    uri: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> RestResult<Self> {
        let asked = parts.extensions.get::<AskedPath>().map(|AskedPath(path)| path.clone());
        let uri = asked.unwrap_or_else(|| parts.uri.path().to_owned());
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| RestError::no_such_file(&uri))?;
        let path: Vec<_> =
            path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // Flink decodes a path before it looks for the endpoint; with a slash in a parameter it
        // finds none. A package of the image is named by its path, which Flink doesn't know.
        let is_refused = |(name, value): &(String, String)| {
            value.contains('/') && !(name == "jarid" && value.starts_with(LOCAL))
        };
        if path.iter().any(is_refused) {
            return Err(RestError::no_such_file(&decoded(&uri)));
        }
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| RestError::bad_request(format!("The query is malformed: {error}")))?;
        Ok(Self { path, query, uri })
    }
}

/// Decodes `%xx`; what is no UTF-8 is replaced.
pub fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Params {
    /// Returns the path that was asked for.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns a parameter of the path as it stands there, decoded.
    pub fn text(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(candidate, _)| candidate == name);
        found.map_or("", |(_, value)| value)
    }

    /// Reads a parameter of the path.
    pub fn path<T: FromStr>(&self, name: &str) -> RestResult<T> {
        let text = self.text(name);
        text.parse().map_err(|_| unresolved("path", name, text))
    }

    /// Returns the job in the path.
    pub fn job(&self) -> RestResult<JobId> {
        self.path("jobid")
    }

    /// Returns the vertex in the path.
    pub fn vertex(&self) -> RestResult<JobVertexId> {
        self.path("vertexid")
    }

    /// Returns the subtask in the path.
    pub fn subtask(&self) -> RestResult<SubtaskIndex> {
        Ok(SubtaskIndex(self.number("subtaskindex")?))
    }

    /// Returns the attempt in the path.
    pub fn attempt(&self) -> RestResult<AttemptNumber> {
        Ok(AttemptNumber(self.number("attempt")?))
    }

    /// Returns the TaskManager in the path.
    pub fn task_manager(&self) -> TaskManagerId {
        TaskManagerId::new(self.text("taskmanagerid"))
    }

    fn number(&self, name: &str) -> RestResult<u32> {
        let text = self.text(name);
        let number = text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| unresolved("path", name, text))
    }

    /// Returns the first value of a parameter of the query.
    pub fn query_text(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads a parameter of the query, if it is there.
    pub fn query<T: FromStr>(&self, name: &str) -> RestResult<Option<T>> {
        let read = |text: &str| text.parse().map_err(|_| unresolved("query", name, text));
        self.query_text(name).map(read).transpose()
    }

    /// Returns the values of a parameter that is a list: with commas between them, or repeated.
    pub fn list(&self, name: &str) -> RestResult<Vec<&str>> {
        let values = self.query.iter().filter(|(candidate, _)| candidate == name);
        let mut list = Vec::new();
        for text in values.flat_map(|(_, value)| value.split(',')).filter(|text| !text.is_empty()) {
            if list.len() == MAX_LIST {
                let problem =
                    format!("The query parameter {name} has more than {MAX_LIST} values.");
                return Err(RestError::bad_request(problem));
            }
            list.push(text);
        }
        Ok(list)
    }

    /// Reads the values of a parameter that is a list.
    pub fn list_of<T: FromStr>(&self, name: &str) -> RestResult<Vec<T>> {
        let read = |text: &str| text.parse().map_err(|_| unresolved("query", name, text));
        self.list(name)?.into_iter().map(read).collect()
    }
}

/// Says in Flink's words that a parameter can't be read.
pub fn unresolved(kind: &str, name: &str, value: impl Display) -> RestError {
    RestError::bad_request(format!(
        "Bad request, could not parse parameters: Cannot resolve {kind} parameter ({name}) from \
         value \"{value}\"."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(path: &[(&str, &str)], query: &[(&str, &str)]) -> Params {
        let own = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Params { path: own(path), query: own(query), uri: String::new() }
    }

    #[test]
    fn lists_have_commas_or_are_repeated() {
        let params = params(&[], &[("get", "a,b"), ("x", "1"), ("get", ",c")]);
        assert_eq!(params.list("get").unwrap(), ["a", "b", "c"]);
        assert!(params.list("agg").unwrap().is_empty());
        let many = "1,".repeat(MAX_LIST + 1);
        let params = self::params(&[], &[("get", &many)]);
        assert_eq!(params.list("get").unwrap_err().status(), 400);
    }

    #[test]
    fn what_can_t_be_read_is_named() {
        for (name, text) in [("jobid", "xyz"), ("subtaskindex", "-1"), ("attempt", "4294967295")] {
            let params = params(&[(name, text)], &[]);
            let error = match name {
                "jobid" => params.job().unwrap_err(),
                "attempt" => params.attempt().unwrap_err(),
                _ => params.subtask().unwrap_err(),
            };
            assert_eq!(error, unresolved("path", name, text));
        }
    }

    #[test]
    fn percent_signs_are_decoded_or_left() {
        assert_eq!(decoded("/a/..%2Fb%zz%4"), "/a/../b%zz%4");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}
