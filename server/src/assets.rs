//! The dashboard's files: embedded in the binary, served compressed and cached for ever.
//!
//! A path is looked up in a table that was built from the embedded files, so it can never lead anywhere else. The
//! files of the page bundle stand under `/pkg/<hash of all of them>/`, which changes with any of them; a browser may
//! therefore keep them for ever. A debug build with `LEPTOS_SITE_ROOT` set (`cargo leptos watch`) reads them from disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

/// What the build left in `target/site`.
#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// For files whose name changes with their content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For files whose name stays.
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// For files that change while somebody works on them.
const NEVER: HeaderValue = HeaderValue::from_static("no-cache");

/// The encodings that files are kept in, the best one first.
const ENCODINGS: [Encoding; 2] = [Encoding::Brotli, Encoding::Gzip];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// One file in all its encodings.
#[derive(Clone, Debug)]
struct Asset {
    content_type: &'static str,
    cache: HeaderValue,
    hash: String,
    plain: Bytes,
    encoded: Vec<(Encoding, Bytes)>,
}

/// The dashboard's files.
#[derive(Clone, Debug)]
pub struct Assets {
    source: Source,
    package_folder: Arc<str>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Path without the leading slash, and the file.
    Table(Arc<BTreeMap<String, Asset>>),
    /// Read anew for every request.
    Disk(Arc<Path>),
}

impl Assets {
    /// The embedded files, or those on disk for a debug build under `cargo leptos watch`.
    pub fn load() -> Self {
        if cfg!(debug_assertions)
            && let Some(root) = std::env::var_os("LEPTOS_SITE_ROOT")
        {
            return Self { source: Source::Disk(PathBuf::from(root).into()), package_folder: Arc::from("pkg") };
        }
        let files = Site::iter().filter_map(|path| {
            let file = Site::get(&path)?;
            let content = match file.data {
                Cow::Borrowed(content) => Bytes::from_static(content),
                Cow::Owned(content) => Bytes::from(content),
            };
            Some((path.into_owned(), content))
        });
        Self::from_files(&files.collect())
    }

    fn from_files(files: &BTreeMap<String, Bytes>) -> Self {
        let package_folder = format!("pkg/{}", package_hash(files));
        let table = table(files, &package_folder, &FOR_EVER, &FOR_AN_HOUR);
        Self { source: Source::Table(Arc::new(table)), package_folder: Arc::from(package_folder) }
    }

    /// The folder of the page bundle in URLs, without slashes around it.
    pub fn package_folder(&self) -> &str {
        &self.package_folder
    }

    /// Whether the binary carries the page bundle; without it pages work, but without JavaScript and styles.
    pub fn has_package(&self) -> bool {
        match &self.source {
            Source::Table(table) => table.keys().any(|path| path.starts_with("pkg/")),
            Source::Disk(_) => true,
        }
    }

    /// The routes of all files.
    pub fn router(&self) -> Router {
        let mut router = Router::new().route("/pkg/{*path}", get(serve));
        let files = match &self.source {
            Source::Table(table) => table.keys().cloned().collect::<Vec<_>>(),
            Source::Disk(root) => read_folder(root).into_keys().collect(),
        };
        for path in files {
            if !path.starts_with("pkg/") && !is_encoded(&path) && !path.contains(['{', '}', '*']) {
                router = router.route(&format!("/{path}"), get(serve));
            }
        }
        router.with_state(self.clone())
    }

    fn find(&self, path: &str) -> Option<Asset> {
        match &self.source {
            Source::Table(table) => table.get(path).cloned(),
            Source::Disk(root) => table(&read_folder(root), "pkg", &NEVER, &NEVER).remove(path),
        }
    }
}

async fn serve(State(assets): State<Assets>, request: Request) -> Response {
    match assets.find(request.uri().path().trim_start_matches('/')) {
        Some(asset) => asset.respond(request.headers()),
        None => Problem::path_not_found().into_response(),
    }
}

impl Asset {
    fn respond(&self, request: &HeaderMap) -> Response {
        let accepted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let chosen = choose_encoding(accepted, |encoding| self.encoded.iter().any(|(known, _)| *known == encoding));
        let content = chosen
            .and_then(|encoding| self.encoded.iter().find(|(known, _)| *known == encoding))
            .map_or(&self.plain, |(_, content)| content);
        let tag =
            format!("\"{}{}\"", self.hash, chosen.map(|encoding| format!("-{}", encoding.name())).unwrap_or_default());
        let is_known = request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|value| value.trim().trim_start_matches("W/"))
            .any(|value| value == tag || value == "*");

        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, self.cache.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(ETAG, tag);
        }
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        if let Some(encoding) = chosen {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        (headers, Body::from(content.clone())).into_response()
    }
}

/// The encoding that the client likes best among those that exist; `None` is the plain file.
fn choose_encoding<'a>(accepted: impl Iterator<Item = &'a str>, exists: impl Fn(Encoding) -> bool) -> Option<Encoding> {
    let mut weights: Vec<(String, f32)> = Vec::new();
    for part in accepted.flat_map(|value| value.split(',')) {
        let mut pieces = part.split(';').map(str::trim);
        let Some(name) = pieces.next().filter(|name| !name.is_empty()) else { continue };
        let weight = pieces
            .filter_map(|piece| piece.strip_prefix("q=").or_else(|| piece.strip_prefix("Q=")))
            .find_map(|weight| weight.trim().parse::<f32>().ok())
            .unwrap_or(1.0);
        weights.push((name.to_ascii_lowercase(), weight));
    }
    let weight_of = |name: &str| weights.iter().find(|(known, _)| known == name).map(|(_, weight)| *weight);
    let anything = weight_of("*").unwrap_or(0.0);
    let plain = weight_of("identity").unwrap_or(0.0);
    let mut best: Option<(Encoding, f32)> = None;
    for encoding in ENCODINGS {
        let weight = weight_of(encoding.name()).unwrap_or(anything);
        if weight > 0.0 && exists(encoding) && weight >= plain && best.is_none_or(|(_, known)| weight > known) {
            best = Some((encoding, weight));
        }
    }
    best.map(|(encoding, _)| encoding)
}

fn table(
    files: &BTreeMap<String, Bytes>,
    package_folder: &str,
    package_cache: &HeaderValue,
    other_cache: &HeaderValue,
) -> BTreeMap<String, Asset> {
    let mut table = BTreeMap::new();
    for (path, content) in files {
        if is_encoded(path) {
            continue;
        }
        let encoded = ENCODINGS
            .iter()
            .filter_map(|encoding| {
                let content = files.get(&format!("{path}{}", encoding.extension()))?;
                Some((*encoding, content.clone()))
            })
            .collect();
        let (path, cache) = match path.strip_prefix("pkg/") {
            Some(name) => (format!("{package_folder}/{name}"), package_cache),
            None => (path.clone(), other_cache),
        };
        let asset = Asset {
            content_type: content_type(&path),
            cache: cache.clone(),
            hash: short_hash(&Sha256::digest(content)),
            plain: content.clone(),
            encoded,
        };
        table.insert(path, asset);
    }
    table
}

/// The hash that stands for everything in the page bundle.
fn package_hash(files: &BTreeMap<String, Bytes>) -> String {
    let mut hash = Sha256::new();
    for (path, content) in files.iter().filter(|(path, _)| path.starts_with("pkg/")) {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(content));
    }
    short_hash(&hash.finalize())
}

fn short_hash(digest: &[u8]) -> String {
    hex::encode(digest.get(..8).unwrap_or(digest))
}

fn is_encoded(path: &str) -> bool {
    ENCODINGS.iter().any(|encoding| path.ends_with(encoding.extension()))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Every file under a folder, by its path from there. Unreadable ones are left out.
fn read_folder(root: &Path) -> BTreeMap<String, Bytes> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
                && let Ok(content) = std::fs::read(&path)
            {
                files.insert(name.replace('\\', "/"), Bytes::from(content));
            }
        }
    }
    files
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn assets() -> Assets {
        let file = |path: &str, content: &'static str| (path.to_owned(), Bytes::from_static(content.as_bytes()));
        Assets::from_files(&BTreeMap::from([
            file("pkg/sluice.js", "script"),
            file("pkg/sluice.js.br", "brotli"),
            file("pkg/sluice.js.gz", "gzip"),
            file("pkg/sluice_bg.wasm", "wasm"),
            file("favicon.svg", "<svg/>"),
        ]))
    }

    fn respond(asset: &Asset, name: http::HeaderName, value: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        asset.respond(&headers)
    }

    #[test]
    fn finds_files_by_their_path_only() {
        let assets = assets();
        let folder = assets.package_folder();
        assert_eq!(folder.len(), "pkg/".len() + 16);
        for path in [format!("{folder}/sluice.js"), format!("{folder}/sluice_bg.wasm"), "favicon.svg".to_owned()] {
            assert!(assets.find(&path).is_some(), "{path}");
        }
        for path in ["pkg/sluice.js", "", "..", "../Cargo.toml", "pkg/../favicon.svg", "favicon.svg/"] {
            assert!(assets.find(path).is_none(), "{path}");
        }
        assert!(assets.find(&format!("{folder}/sluice.js.br")).is_none());
    }

    #[test]
    fn the_folder_changes_with_any_file_of_the_bundle() {
        let change = |content: &'static str| {
            Assets::from_files(&BTreeMap::from([("pkg/a.js".to_owned(), Bytes::from_static(content.as_bytes()))]))
        };
        assert_ne!(change("1").package_folder(), change("2").package_folder());
        assert_eq!(change("1").package_folder(), change("1").package_folder());
    }

    #[test]
    fn chooses_by_weight_and_prefers_brotli() {
        let choose = |accepted: &str| choose_encoding([accepted].into_iter(), |_| true).map(Encoding::name);
        assert_eq!(choose("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(choose("gzip"), Some("gzip"));
        assert_eq!(choose("br;q=0.2, gzip;q=0.8"), Some("gzip"));
        assert_eq!(choose("br;q=0, gzip"), Some("gzip"));
        assert_eq!(choose("*"), Some("br"));
        assert_eq!(choose("*;q=0"), None);
        assert_eq!(choose("br;q=0.1, identity;q=0.9"), None);
        assert_eq!(choose(""), None);
        assert_eq!(choose("deflate"), None);
        assert_eq!(
            choose_encoding(["br, gzip"].into_iter(), |encoding| encoding == Encoding::Gzip),
            Some(Encoding::Gzip)
        );
    }

    #[test]
    fn a_known_tag_is_answered_with_304() {
        let assets = assets();
        let asset = assets.find(&format!("{}/sluice.js", assets.package_folder())).unwrap();
        let answer = respond(&asset, ACCEPT_ENCODING, "br");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers().get(CONTENT_ENCODING).unwrap(), "br");
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), "text/javascript; charset=utf-8");
        assert_eq!(answer.headers().get(CACHE_CONTROL).unwrap(), "public, max-age=31536000, immutable");
        let plain = asset.respond(&HeaderMap::new());
        assert_ne!(plain.headers().get(ETAG), answer.headers().get(ETAG));
        let tag = plain.headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
        let known = respond(&asset, IF_NONE_MATCH, &format!("\"other\", W/{tag}"));
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        assert!(known.headers().get(CONTENT_LENGTH).is_none_or(|length| length == "0"));
    }
}
