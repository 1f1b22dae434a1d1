//! The pages of the web interface, which are part of the executable: `jobmanager/web/dist`.
//!
//! They are files below `/` that no endpoint has. Names below `assets/` change with their content,
//! so that browsers keep them for good; the rest is asked for again, and mostly hasn't changed.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

use super::Rest;
use super::reply::WithoutCors;

/// What the browser is allowed: this server alone, and no script or style within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// The headers of every file.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN),
    (HeaderName::from_static("cross-origin-resource-policy"), SAME_ORIGIN),
];

/// The page that `/` stands for.
const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Built;

/// A file as it is sent.
#[derive(Debug)]
struct File {
    content: Bytes,
    gzip: LazyLock<Option<Bytes>, Box<dyn FnOnce() -> Option<Bytes> + Send>>,
    content_type: &'static str,
    cache_control: &'static str,
    tag: HeaderValue,
}

impl File {
    fn new(path: &str) -> Option<Self> {
        let built = Built::get(path)?;
        let content = match built.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        let to_pack = content.clone();
        let digest = u128::from_be_bytes(*built.metadata.sha256_hash().first_chunk()?);
        let is_named_by_content = path.starts_with("assets/");
        Some(Self {
            content,
            gzip: LazyLock::new(Box::new(move || smaller(&to_pack))),
            content_type: content_type(path),
            cache_control: if is_named_by_content {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            },
            tag: HeaderValue::from_str(&format!("\"{digest:032x}\"")).ok()?,
        })
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.extend(HEADERS);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(ETAG, self.tag.clone());
        response.extensions_mut().insert(WithoutCors);
        if is_known(request, &self.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let packed = if takes_gzip(request) { self.gzip.as_ref() } else { None };
        if packed.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let body = packed.unwrap_or(&self.content).clone();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        *response.body_mut() = Body::from(body);
        response
    }
}

/// Packs a file once for all requests; `None` where that gains nothing.
fn smaller(content: &[u8]) -> Option<Bytes> {
    let packed = pack(content).ok()?;
    (packed.len() < content.len()).then(|| Bytes::from(packed))
}

fn pack(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=UTF-8",
        Some("js") => "text/javascript; charset=UTF-8",
        Some("css") => "text/css; charset=UTF-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let tags = request.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').any(|known| known.trim().trim_start_matches("W/").as_bytes() == tag)
}

fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// Adds the files to the endpoints.
pub(super) fn add(mut routes: Router<Rest>) -> Router<Rest> {
    for path in Built::iter() {
        let Some(file) = File::new(&path).map(Arc::new) else { continue };
        let answer = move |request: HeaderMap| {
            let file = file.clone();
            async move { file.answer(&request).into_response() }
        };
        if path == INDEX {
            routes = routes.route("/", get(answer.clone()));
        }
        routes = routes.route(&format!("/{path}"), get(answer));
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for takes in ["gzip", "deflate, GZIP;q=0.5, br", "br,gzip"] {
            assert!(takes_gzip(&headers(ACCEPT_ENCODING, takes)), "{takes}");
        }
        for refuses in ["", "br", "gzip;q=0", "x-gzip2"] {
            assert!(!takes_gzip(&headers(ACCEPT_ENCODING, refuses)), "{refuses}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let tag = HeaderValue::from_static("\"ab\"");
        for known in ["\"ab\"", "W/\"ab\"", "\"x\", \"ab\""] {
            assert!(is_known(&headers(IF_NONE_MATCH, known), &tag), "{known}");
        }
        assert!(!is_known(&headers(IF_NONE_MATCH, "\"abc\""), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }

    #[test]
    fn all_that_a_browser_loads_is_small() {
        let sizes = Built::iter()
            .filter_map(|path| File::new(&path))
            .map(|file| file.gzip.as_ref().map_or(file.content.len(), Bytes::len));
        let total: usize = sizes.sum();
        assert!(total > 0 && total <= 400 * 1024, "{total} bytes, packed");
    }
}
