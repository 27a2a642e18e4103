//! The dashboard's files over HTTP. What is served from the table is tested beside the code; here, the way there.

use http::Method;

use crate::harness::{TestGateway, send};

#[tokio::test]
async fn paths_lead_to_files_of_the_dashboard_only() {
    let gateway = TestGateway::builder().start().await;
    for path in [
        "/pkg/",
        "/pkg/sluice.js",
        "/pkg/0000000000000000/sluice.js",
        "/pkg/..%2f..%2fCargo.toml",
        "/pkg/%2e%2e/%2e%2e/etc/passwd",
        "/pkg//etc/passwd",
        "/Cargo.toml",
        "/.env",
    ] {
        let answer = send(gateway.request(Method::GET, path)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "path_not_found"), "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_a_page_refers_to_is_there() {
    let gateway = TestGateway::builder().start().await;
    let assets = sluice_server::assets::Assets::load();
    if !assets.has_package() {
        // `make test` builds the dashboard first; `cargo test` alone need not.
        gateway.stop().await;
        return;
    }
    let page = send(gateway.request(Method::GET, "/login").header("accept", "text/html")).await.text();
    for (name, content_type) in
        [("sluice.js", "text/javascript"), ("sluice_bg.wasm", "application/wasm"), ("sluice.css", "text/css")]
    {
        let path = format!("/{}/{name}", assets.package_folder());
        assert!(page.contains(&path), "the page does not refer to {path}");
        let plain = send(gateway.request(Method::GET, &path)).await;
        assert_eq!(plain.status, 200, "{path}");
        assert!(plain.header("content-type").starts_with(content_type));
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(plain.header("vary"), "accept-encoding");
        let tag = plain.header("etag").to_owned();
        let known = send(gateway.request(Method::GET, &path).header("if-none-match", &tag)).await;
        assert_eq!((known.status, known.body.len()), (304, 0));
        let head = send(gateway.request(Method::HEAD, &path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let encoded = send(gateway.request(Method::GET, &path).header("accept-encoding", "gzip")).await;
        if encoded.header("content-encoding") == "gzip" {
            let mut decoded = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&encoded.body[..]), &mut decoded).unwrap();
            assert!(decoded == plain.body, "{path} differs when it is compressed");
            assert_ne!(encoded.header("etag"), tag);
        }
    }
    gateway.stop().await;
}
