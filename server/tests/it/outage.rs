//! The database is away for a while, in several ways, under load: no request fails, no record is lost, memory stays flat,
//! and the gateway says what is wrong and catches up.
//!
//! An outage takes 3 seconds, or `SLUICE_TEST_OUTAGE_SECONDS`. Read-only is done with the attribute `immutable` and a full
//! disk with a `tmpfs` of a few MiB; both need a superuser and are skipped, loudly, without one.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::administrator::{Administrator, ENVIRONMENT};
use crate::binary::Binary;
use crate::harness::{PATIENCE, eventually, send};

/// Clients that send one request after the other, with a pause between.
const CLIENTS: usize = 8;
/// The pause. What comes in a minute fits into the buffer, so that a journal on the same full disk costs nothing.
const PAUSE: Duration = Duration::from_millis(60);
/// How much more memory the process may hold after an outage: the buffer holds 10 000 records.
const MEMORY_GROWTH: u64 = 48 << 20;
/// Within this time after the database is back, everything is in it: a record's second, and the pause between two tries.
const CATCHING_UP: Duration = Duration::from_millis(2500);

/// How long the database is away.
fn outage() -> Duration {
    let seconds = std::env::var("SLUICE_TEST_OUTAGE_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

/// A gateway under load.
struct Load {
    client: reqwest::Client,
    upstream: FakeUpstream,
    binary: Binary,
    stop: CancellationToken,
    calls: Vec<tokio::task::JoinHandle<Vec<String>>>,
    cookie: String,
}

impl Load {
    async fn start(data_dir: Option<&Path>) -> Self {
        sluice::outbound::install_tls_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
        let mut environment = ENVIRONMENT.to_vec();
        let data_dir = data_dir.map(|path| path.to_str().unwrap());
        environment.extend(data_dir.map(|path| ("SLUICE_DATA_DIR", path)));
        let binary = Binary::start(&environment).await;
        let administrator = Administrator::sign_in(&client, &binary).await;
        let (key, cookie) = (administrator.set_up(&upstream).await, administrator.cookie.clone());
        let stop = CancellationToken::new();
        let calls = (0..CLIENTS)
            .map(|number| {
                let url = binary.url("/v1/chat/completions");
                tokio::spawn(call(client.clone(), url, key.clone(), format!("c{number}"), stop.clone()))
            })
            .collect();
        Self { client, upstream, binary, stop, calls, cookie }
    }

    fn administrator(&self) -> Administrator<'_> {
        Administrator { client: &self.client, binary: &self.binary, cookie: self.cookie.clone() }
    }

    async fn health(&self) -> Value {
        send(self.client.get(self.binary.url("/health"))).await.json()
    }

    /// A value of `/metrics`, asked for with the session: signing in went through the same database.
    async fn metric(&self, name: &str) -> u64 {
        let text = send(self.administrator().request(Method::GET, "/metrics")).await.text();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("{name} is missing: {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    async fn written(&self) -> u64 {
        self.metric("sluice_usage_rows_written_total").await
    }

    fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.binary.process_id())).unwrap();
        statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }

    /// The gateway knows that the database is away, and says so everywhere.
    async fn assert_degraded(&self) {
        let is_known = || async { self.health().await["components"]["usage_writer"]["status"] == "degraded" };
        assert!(eventually(PATIENCE, is_known).await, "health does not know: {}", self.health().await);
        let health = self.health().await;
        assert_eq!(
            (&health["status"], &health["components"]["database"]["status"]),
            (&json!("degraded"), &json!("degraded"))
        );
        assert_eq!(self.metric("sluice_database_up").await, 0);
        let storage = send(self.administrator().request(Method::GET, "/api/storage")).await.json();
        assert_eq!(storage["recording"]["database_takes"], false, "{storage}");

        // What would have to be written is refused at once and in clear words.
        let asked = Instant::now();
        let app = json!({ "name": "unlucky" });
        let refused = send(self.administrator().request(Method::POST, "/api/apps").json(&app)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{}", refused.text());
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }

    /// Waits until everything that was answered up to now is in the database.
    async fn assert_catches_up(&self) {
        let back = Instant::now();
        let due = self.upstream.ledger().completed();
        let is_there = || async { self.written().await >= due };
        assert!(eventually(PATIENCE, is_there).await, "{} of {due}: {}", self.written().await, self.health().await);
        println!("caught up {:?} after the database was back", back.elapsed());
        assert!(back.elapsed() < CATCHING_UP, "{:?}", back.elapsed());
        let is_well = || async { self.health().await["status"] == "ok" };
        assert!(eventually(PATIENCE, is_well).await, "{}", self.health().await);
    }

    /// Ends the load and compares what was answered with what is recorded.
    async fn finish(mut self) {
        self.stop.cancel();
        let calls = std::mem::take(&mut self.calls);
        let answered: Vec<String> = join_all(calls).await.into_iter().flat_map(Result::unwrap).collect();
        let due = self.upstream.ledger().calls();
        assert_eq!(u64::try_from(answered.len()), Ok(due));
        assert!(
            eventually(PATIENCE, || async { self.written().await >= due }).await,
            "{} of {due}",
            self.written().await
        );
        let rows = self.administrator().rows().await;
        assert_eq!(rows.len(), answered.len());
        let ids: HashSet<&str> = rows.iter().map(|row| row["client_request_id"].as_str().unwrap()).collect();
        assert!(answered.iter().all(|id| ids.contains(id.as_str())));
        assert!(rows.iter().all(|row| row["outcome"] == "completed"));
        let totals = self.upstream.ledger().totals();
        let sum = |column: &str| rows.iter().map(|row| row[column].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("input_tokens"), sum("output_tokens")), (totals.prompt_tokens, totals.completion_tokens));
        assert_eq!(self.metric("sluice_usage_records_lost_total").await, 0);
        println!("{} requests, none failed, none lost", rows.len());
        self.binary.stop().await;
    }
}

/// Sends requests until it is stopped; each has to be answered well. Returns their ids.
async fn call(
    client: reqwest::Client,
    url: String,
    key: String,
    prefix: String,
    stop: CancellationToken,
) -> Vec<String> {
    let mut answered = Vec::new();
    while !stop.is_cancelled() {
        let id = format!("{prefix}-{}", answered.len());
        let is_streamed = answered.len() % 2 == 1;
        let body = json!({
            "model": if is_streamed { "streamed" } else { "plain" },
            "stream": is_streamed,
            "messages": [{ "role": "user", "content": "hello" }],
        });
        let request = client.post(&url).bearer_auth(&key).header("app-name", "load").header("x-request-id", &id);
        let answer = send(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answered.push(id);
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
    answered
}

/// Puts a gateway under load through an outage. `back` undoes what `away` did.
async fn survive<State>(load: Load, away: impl AsyncFnOnce(&Load) -> State, back: impl AsyncFnOnce(State)) {
    let is_warm = || async { load.upstream.ledger().completed() > 40 };
    assert!(eventually(PATIENCE, is_warm).await);
    let before = load.resident();
    let state = away(&load).await;
    let began = Instant::now();
    load.assert_degraded().await;
    tokio::time::sleep(outage().saturating_sub(began.elapsed())).await;
    load.assert_degraded().await;
    let log = std::fs::read_to_string(load.binary.folder().join("log")).unwrap();
    let growth = load.resident().saturating_sub(before);
    back(state).await;
    load.assert_catches_up().await;
    let said = log.matches("the database takes no usage records").count();
    assert!(said >= 1, "it is not in the log: {log}");
    let allowed = 2 + usize::try_from(began.elapsed().as_secs() / 30).unwrap();
    assert!(said <= allowed, "the log is flooded: {said} times");
    println!("memory grew by {} KiB", growth / 1024);
    assert!(growth < MEMORY_GROWTH, "memory grew by {growth} bytes");
    load.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked() {
    let load = Load::start(None).await;
    let lock = async |load: &Load| {
        let file = load.binary.folder().join("sluice.db");
        let options = sea_orm::ConnectOptions::new(format!("sqlite:{}", file.display())).max_connections(1).to_owned();
        let other = sea_orm::Database::connect(options).await.unwrap();
        other.execute_unprepared("PRAGMA busy_timeout = 20000").await.unwrap();
        other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
        other
    };
    survive(load, lock, async |other| {
        other.execute_unprepared("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_folder_was_moved_away() {
    let parent = TempDir::new().unwrap();
    let (here, there) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let load = Load::start(Some(&here)).await;
    let rename = |from: PathBuf, to: PathBuf| std::fs::rename(from, to).unwrap();
    survive(
        load,
        async |_: &Load| rename(here.clone(), there.clone()),
        async |()| {
            // The journal was made again in the old place: its records are in memory, too.
            drop(std::fs::remove_dir_all(&here));
            rename(there.clone(), here.clone());
        },
    )
    .await;
}

/// Files that nobody may change, until it is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// None if this process or this file system cannot do it.
    fn new(paths: Vec<PathBuf>) -> Option<Self> {
        let immutable = Self(paths);
        immutable.set("+i").then_some(immutable)
    }

    fn set(&self, attribute: &str) -> bool {
        Command::new("chattr").arg(attribute).args(&self.0).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.set("-i");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_may_only_be_read() {
    let probe = TempDir::new().unwrap();
    let file = probe.path().join("file");
    let mut open = File::create(&file).unwrap();
    let guard = Immutable::new(vec![file]);
    if guard.is_none() || open.write_all(b"x").is_ok() {
        println!("SKIPPED: nobody can be kept from writing here; it needs a superuser and ext4");
        return;
    }
    drop(guard);
    let load = Load::start(None).await;
    survive(
        load,
        async |load: &Load| {
            let folder = load.binary.folder();
            // Not `-shm`: a memory that is shared and may suddenly not be written ends a process, and no disk does that.
            let files = ["sluice.db", "sluice.db-wal"].map(|name| folder.join(name));
            Immutable::new(files.into_iter().chain([folder.to_owned()]).collect()).unwrap()
        },
        async |immutable| drop(immutable),
    )
    .await;
}

/// A file system of a few MiB, until it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// None if this process may not mount.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=12m", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    /// Takes all the room that there is, again and again.
    async fn fill(filler: PathBuf, stop: CancellationToken) {
        let mut file = File::options().create(true).append(true).open(&filler).unwrap();
        while !stop.is_cancelled() {
            while file.write_all(&[0; 4096]).is_ok() {}
            stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(20))).await;
        }
        std::fs::remove_file(filler).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).output());
    }
}

/// The journal is on the same disk: records wait in memory alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: a small file system cannot be mounted; it needs a superuser");
        return;
    };
    let load = Load::start(Some(&disk.0.path().join("data"))).await;
    let filler = disk.0.path().join("filler");
    survive(
        load,
        async |load: &Load| {
            let stop = CancellationToken::new();
            let filling = tokio::spawn(SmallDisk::fill(filler, stop.clone()));
            let is_full = || async { load.health().await["components"]["journal"]["status"] == "degraded" };
            assert!(eventually(PATIENCE, is_full).await, "{}", load.health().await);
            (stop, filling)
        },
        async |(stop, filling)| {
            stop.cancel();
            filling.await.unwrap();
        },
    )
    .await;
}
