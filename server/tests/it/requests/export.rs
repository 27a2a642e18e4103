//! Requests as CSV: the same rows as in JSON, streamed, whole or visibly broken.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::Method;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::{Explored, add_rows, database};
use crate::harness::{PATIENCE, TestGateway, eventually, send};

/// Cells of a file by a reader of its own: quotes, doubled quotes and line breaks as RFC 4180 has them.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let cell = rows.last_mut().unwrap().last_mut().unwrap();
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => cell.push(signs.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => rows.last_mut().unwrap().push(String::new()),
            '\r' if !quoted => {
                assert_eq!(signs.next(), Some('\n'), "a line ends with CR LF");
                rows.push(vec![String::new()]);
            }
            sign => cell.push(sign),
        }
    }
    assert_eq!(rows.pop().unwrap(), [""], "the last line is ended too");
    rows
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '@']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn csv_has_the_rows_of_json() {
    let explored = Explored::start().await;
    for query in ["", "app=shop", "model=none", "app=desk&tz=Asia/Kolkata", "id=nobody"] {
        let rows = explored.rows(query).await;
        let answer = explored.gateway.get(&format!("/api/requests?{query}&format=csv")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-type").starts_with("text/csv; charset=utf-8"));
        let cells = cells(&answer.text());
        let header: Vec<&str> = cells[0].iter().map(String::as_str).collect();
        assert_eq!(cells.len() - 1, rows.len(), "{query}");
        for (line, row) in cells[1..].iter().zip(&rows) {
            for (column, cell) in header.iter().zip(line) {
                let expected = match *column {
                    "app" | "key" | "server" => text(&row[format!("{column}_name")]),
                    "started_at" => {
                        let offset = if query.contains("Kolkata") { "+05:30" } else { "+00:00" };
                        assert!(cell.ends_with(offset), "{cell}");
                        let at: written_time::Milliseconds = cell.parse().unwrap();
                        assert_eq!(row["started_at_ms"], at.0);
                        continue;
                    }
                    "cost" => text(&row["cost"]["amount"]),
                    "currency" => text(&row["cost"]["currency"]),
                    column => text(&row[column]),
                };
                assert_eq!(*cell, expected, "{column}");
            }
        }
    }
    explored.gateway.stop().await;
}

/// Reads the times of the file without the library that wrote them.
mod written_time {
    pub(super) struct Milliseconds(pub(super) i64);

    impl std::str::FromStr for Milliseconds {
        type Err = std::num::ParseIntError;

        fn from_str(text: &str) -> Result<Self, Self::Err> {
            let number = |range: std::ops::Range<usize>| text[range].parse::<i64>();
            let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
            // Days since 1970, by the calendar of years that begin in March.
            let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
            let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
            let minutes = days * 1440 + number(11..13)? * 60 + number(14..16)?;
            let offset = number(24..26)? * 60 + number(27..29)?;
            assert_eq!(&text[23..24], "+");
            Ok(Self(((minutes - offset) * 60 + number(17..19)?) * 1000 + number(20..23)?))
        }
    }
}

#[tokio::test]
async fn the_file_says_what_is_in_it() {
    let explored = Explored::start().await;
    let query = "from=2026-11-01&to=2026-11-08&app=shop&model=small,a%22b&format=csv&bom=true";
    let answer = explored.gateway.get(&format!("/api/requests?{query}")).await;
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"sluice-requests_2026-11-01_2026-11-08_app-shop_model-small-a-b.csv\""
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body.starts_with(b"\xef\xbb\xbfid,client_request_id,"), "{}", answer.text());

    let accepted = explored.gateway.request(Method::GET, "/api/requests").bearer_auth(explored.gateway.token());
    let answer = send(accepted.header("accept", "text/csv;q=0.9, */*;q=0.1")).await;
    assert!(answer.text().starts_with("id,client_request_id,"), "{}", answer.text());
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"sluice-requests_start_now.csv\"");
    explored.gateway.stop().await;
}

#[tokio::test]
async fn long_exports_are_whole_and_in_order() {
    let gateway = TestGateway::builder().start().await;
    add_rows(&database(&gateway).await, 3500).await;
    let lines = cells(&gateway.get("/api/requests?format=csv&outcome=completed&limit=7").await.text());
    let found: Vec<&str> = lines[1..].iter().map(|line| line[1].as_str()).collect();
    let expected: Vec<String> = (1..=3500).rev().filter(|n| n % 13 != 0).map(|n| format!("client-{n}")).collect();
    assert_eq!(found, expected);
    gateway.stop().await;
}

#[tokio::test]
async fn an_error_in_the_middle_breaks_the_connection() {
    let gateway = TestGateway::builder().start().await;
    let database = database(&gateway).await;
    add_rows(&database, 2500).await;
    // The oldest row: it comes last. No version knows this outcome.
    let broken = "UPDATE usage_records SET outcome = 99 WHERE client_request_id = 'client-1'";
    database.execute_unprepared(broken).await.unwrap();
    let request = gateway.request(Method::GET, "/api/requests?format=csv").bearer_auth(gateway.token());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let read = tokio::time::timeout(PATIENCE, response.bytes()).await.expect("an end in time");
    assert!(read.is_err(), "the file must not seem whole");

    // As the first part, it is an answer with an error status.
    database.execute_unprepared("DELETE FROM usage_records WHERE client_request_id <> 'client-1'").await.unwrap();
    let request = gateway.request(Method::GET, "/api/requests?format=csv").bearer_auth(gateway.token());
    assert!(request.send().await.is_err() || gateway.get("/api/requests").await.status == 500);
    gateway.stop().await;
}

#[tokio::test]
async fn exports_are_bounded_and_end_with_their_client() {
    let gateway = TestGateway::builder().start().await;
    add_rows(&database(&gateway).await, 100_000).await;
    let export = || gateway.request(Method::GET, "/api/requests?format=csv").bearer_auth(gateway.token()).send();
    let mut readers = Vec::new();
    for _ in 0..sluice_server::host::MAX_EXPORTS {
        let response = export().await.unwrap();
        assert_eq!(response.status(), 200);
        // Nobody reads on, so the export waits.
        readers.push(response);
    }
    let refused = send(gateway.request(Method::GET, "/api/requests?format=csv").bearer_auth(gateway.token())).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "too_many_exports"));
    assert_eq!(refused.header("retry-after"), "10");
    assert_eq!(gateway.get("/api/requests").await.status, 200, "pages are still answered");
    readers.clear();
    let free = || async { export().await.unwrap().status() == 200 };
    assert!(eventually(PATIENCE, free).await, "a client that leaves gives its place back");
    gateway.stop().await;
}

/// Must show: a million rows leave in bounded memory. Prints what it took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes and exports a million rows; run it with --release and --nocapture"]
async fn a_million_rows_take_little_memory() {
    const ROWS: u32 = 1_000_000;
    let gateway = TestGateway::builder().start().await;
    let begun = Instant::now();
    add_rows(&database(&gateway).await, ROWS).await;
    println!("{ROWS} rows written in {:.1} s", begun.elapsed().as_secs_f64());
    // Once with few rows, so that what every first answer needs is there.
    gateway.get("/api/requests?format=csv&id=client-1").await;
    for query in ["", "&model=vendor/model-3&outcome=upstream_error", "&model=nobody"] {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = resident("VmRSS");
        let begun = Instant::now();
        let url = format!("/api/requests?format=csv{query}");
        let response = gateway.request(Method::GET, &url).bearer_auth(gateway.token()).send().await.unwrap();
        let (mut bytes, mut lines) = (0, 0);
        let mut body = response.bytes_stream();
        while let Some(part) = body.next().await {
            let part = part.unwrap();
            bytes += part.len();
            lines += part.split(|byte| *byte == b'\n').count() - 1;
        }
        let extra = resident("VmHWM").saturating_sub(before);
        let seconds = begun.elapsed().as_secs_f64();
        println!("`{query}`: {} rows, {bytes} bytes in {seconds:.2} s, {extra} KiB of extra memory at most", lines - 1);
        assert!(extra < 50 * 1024, "{extra} KiB");
    }
    for query in [
        "",
        "model=nobody",
        "id=client-1",
        "outcome=upstream_error&model=vendor/model-3",
        "from=2026-01-05&to=2026-01-05",
    ] {
        let begun = Instant::now();
        let page = gateway.get(&format!("/api/requests?{query}")).await.json();
        let took: Duration = begun.elapsed();
        println!("page `{query}`: {} rows in {took:.1?}", page["rows"].as_array().unwrap().len());
    }
    gateway.stop().await;
}

/// A line of `/proc/self/status`, in KiB.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
