//! The pages of the web interface, as a browser gets them.

use super::cluster::Cluster;
use super::http::{Answer, get, request};

/// Finds what a page names between `before` and the next quotation mark.
fn named(page: &Answer, before: &str) -> String {
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn the_page_is_at_the_root_and_may_load_nothing_from_elsewhere() {
    let cluster = Cluster::start();
    let page = get(cluster.rest(), "/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=UTF-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("access-control-allow-origin"), None);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(get(cluster.rest(), "/index.html").body, page.body);
}

#[test]
fn what_the_page_names_is_relative_and_kept_for_good() {
    let cluster = Cluster::start();
    let page = get(cluster.rest(), "/");
    for before in [" src=\"./assets/", " href=\"./assets/"] {
        let path = format!("/assets/{}", named(&page, before));
        let plain = get(cluster.rest(), &path);
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(plain.header("content-encoding"), None);
        let gzip = [("accept-encoding", "gzip, br")];
        let packed = request(cluster.rest(), "GET", &path, &gzip, b"");
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        assert!(packed.body.len() < plain.body.len() / 2, "{path}");
        let known = [("if-none-match", plain.header("etag").unwrap())];
        let again = request(cluster.rest(), "GET", &path, &known, b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
}

#[test]
fn other_paths_are_answered_as_if_there_were_no_pages() {
    let cluster = Cluster::start();
    for path in ["/assets/none.js", "/assets", "/index", "/assets/../index.html"] {
        let answer = get(cluster.rest(), path);
        let text = format!("Unable to load requested file {path}.");
        assert_eq!((answer.status, &answer.json()["errors"][0]), (404, &text.into()));
    }
    assert_eq!(request(cluster.rest(), "HEAD", "/", &[], b"").status, 404);
    assert_eq!(request(cluster.rest(), "POST", "/", &[], b"").status, 404);
    assert_eq!(get(cluster.rest(), "/overview").json()["taskmanagers"], 0);
}
