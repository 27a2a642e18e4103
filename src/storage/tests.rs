//! Tests on real SQLite files.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DbErr, QueryTrait, Statement};
use sluice_migration::sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use sluice_migration::{Migrator, MigratorTrait};
use tempfile::TempDir;
use uuid::Uuid;

use super::apps::{self, NewApp};
use super::usage_records::recent_query;
use super::{
    BatchReport, Database, DatabaseSettings, RecentUse, StorageError, UsageRecords, catalog_state, keys, servers,
};
use crate::crypto::Secret;
use crate::model::{
    AppId, Endpoint, KeyId, LimitName, Limits, Outcome, Priority, QueuePolicy, ServerId, TokenCounts, TokenSource,
};
use crate::usage::{AppReference, UsageRecord};

/// A database in a folder of its own, at the newest schema.
pub(crate) async fn database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    database.migrate().await.unwrap();
    (folder, database)
}

/// Another handle on the database in a folder, as another process would have it.
pub(crate) async fn open(folder: &Path) -> Database {
    Database::connect(&DatabaseSettings::in_data_dir(folder.to_owned())).await.unwrap()
}

fn record(app: AppReference) -> UsageRecord {
    UsageRecord {
        id: Uuid::now_v7(),
        client_request_id: Some("client-1".to_owned()),
        started_at_ms: 1_700_000_000_000,
        app,
        key_id: None,
        server_id: None,
        model: "gpt-4o".to_owned(),
        model_exists: true,
        endpoint: Endpoint::ChatCompletions,
        streamed: true,
        outcome: Outcome::Completed,
        status: 200,
        error_code: None,
        attempts: 1,
        queue_ms: 0,
        limited_by: None,
        sent_at_ms: None,
        charged_tokens: None,
        tokens: TokenCounts { input: Some(3), cached: None, output: Some(5), reasoning: None },
        token_source: TokenSource::Reported,
        cost: None,
        first_byte_ms: Some(12),
        duration_ms: 34,
    }
}

fn named(name: &str) -> UsageRecord {
    record(AppReference::Named(name.to_owned()))
}

async fn scalar(database: &Database, sql: &str) -> i64 {
    let statement = Statement::from_string(database.backend(), sql);
    database.reader().query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

fn backups(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "bak")).collect();
    found.sort();
    found
}

#[tokio::test]
async fn makes_a_private_folder_and_a_private_file() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let database = open(&data_dir).await;
    database.migrate().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data_dir), 0o700);
    for entry in fs::read_dir(&data_dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    database.ping().await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn refuses_urls_that_it_cannot_open_without_repeating_them() {
    for url in ["postgres://user:planted@host/db", "sqlite::memory:", "sqlite:a?mode=memory", "sqlite:a?nonsense=1"] {
        let settings = DatabaseSettings {
            url: Some(Secret::new(url.to_owned())),
            ..DatabaseSettings::in_data_dir(PathBuf::from("unused"))
        };
        let error = Database::connect(&settings).await.unwrap_err();
        assert!(matches!(error, StorageError::UrlUnusable { .. }), "{url}: {error:?}");
        assert!(!format!("{error:?} {settings:?}").contains("planted"));
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, database) = database().await;
    let statement = Statement::from_string(database.backend(), "DELETE FROM users");
    assert!(database.reader().execute_raw(statement).await.is_err());
}

#[tokio::test]
async fn applies_each_migration_once_and_makes_no_copy_of_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    let report = database.migrate().await.unwrap();
    assert_eq!(report.applied.len(), Migrator::migrations().len());
    assert_eq!(report.backup, None);
    assert_eq!(database.migrate().await.unwrap().applied, Vec::<String>::new());
    assert_eq!(backups(folder.path()), Vec::<PathBuf>::new());
}

#[derive(Debug)]
struct Step(&'static str, &'static [&'static str]);

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "the trait elides it, and `async_trait` takes the signature literally"
    )]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in self.1 {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

fn with(steps: Vec<Step>) -> Vec<Box<dyn MigrationTrait>> {
    let mut migrations = Migrator::migrations();
    for step in steps {
        migrations.push(Box::new(step));
    }
    migrations
}

struct Longer;

impl MigratorTrait for Longer {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        with(vec![Step("m29990101_000001_more", &["CREATE TABLE more (id INTEGER)"])])
    }
}

/// The schema of the first release, without limits.
struct WithoutLimits;

impl MigratorTrait for WithoutLimits {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Migrator::migrations().into_iter().take(2).collect()
    }
}

struct Broken;

impl MigratorTrait for Broken {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        with(vec![
            Step("m29990101_000001_good", &["CREATE TABLE good (id INTEGER)"]),
            Step("m29990101_000002_bad", &["CREATE TABLE half (id INTEGER)", "DELETE FROM catalog_state", "NONSENSE"]),
        ])
    }
}

#[tokio::test]
async fn copies_the_file_before_it_changes_it() {
    let (folder, database) = database().await;
    let transaction = database.begin_write().await.unwrap();
    let app =
        NewApp { name: "still-in-the-log", registered_by_request: false, limits: Limits::default(), created_at_ms: 1 };
    apps::insert(&transaction, app).await.unwrap();
    transaction.commit().await.unwrap();

    let report = database.migrate_with::<Longer>().await.unwrap();
    assert_eq!(report.applied, ["m29990101_000001_more"]);
    let backup = report.backup.unwrap();
    assert_eq!(backups(folder.path()), vec![backup.clone()]);
    assert!(backup.to_str().unwrap().contains("sluice.db.before-m20261121_000004_add_usage_sums-2"));
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);

    let restored_folder = tempfile::tempdir().unwrap();
    fs::copy(&backup, restored_folder.path().join("sluice.db")).unwrap();
    let restored = open(restored_folder.path()).await;
    assert!(restored.migrate().await.unwrap().applied.is_empty());
    assert!(apps::find(restored.reader(), "still-in-the-log").await.unwrap().is_some());
}

#[tokio::test]
async fn keeps_the_newest_copies() {
    let (folder, database) = database().await;
    for number in 0..7 {
        fs::write(folder.path().join(format!("sluice.db.before-m{}-2020010{number}T000000Z.bak", 9 - number)), "")
            .unwrap();
    }
    fs::write(folder.path().join("other.bak"), "").unwrap();
    let newest = database.migrate_with::<Longer>().await.unwrap().backup.unwrap();
    let kept = backups(folder.path());
    assert_eq!(kept.len(), 5 + 1);
    assert!(kept.contains(&newest));
    assert!(kept.contains(&folder.path().join("other.bak")));
    assert!(kept.contains(&folder.path().join("sluice.db.before-m3-20200106T000000Z.bak")));
}

#[tokio::test]
async fn a_failed_migration_leaves_everything_as_it_was() {
    let (_folder, database) = database().await;
    let revision = catalog_state::revision(database.reader()).await.unwrap();
    let error = database.migrate_with::<Broken>().await.unwrap_err();
    assert!(matches!(&error, StorageError::MigrationFailed { backup: Some(_), .. }), "{error:?}");
    assert!(error.to_string().contains("as it was before"));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("NONSENSE"));

    assert_eq!(catalog_state::revision(database.reader()).await.unwrap(), revision);
    let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('good', 'half')";
    assert_eq!(scalar(&database, tables).await, 0);
    // And the version before starts as if nothing had been.
    assert!(database.migrate().await.unwrap().applied.is_empty());
}

#[tokio::test]
async fn refuses_the_database_of_a_newer_version_and_changes_nothing() {
    let (folder, database) = database().await;
    database.migrate_with::<Longer>().await.unwrap();
    database.close().await.unwrap();
    let file = folder.path().join("sluice.db");
    let before = fs::read(&file).unwrap();

    let database = open(folder.path()).await;
    let error = database.migrate().await.unwrap_err();
    assert!(matches!(&error, StorageError::NewerDatabase { migration } if migration == "m29990101_000001_more"));
    database.close().await.unwrap();
    assert!(before == fs::read(&file).unwrap());
}

#[tokio::test]
async fn rows_from_before_limits_get_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    let before = database.migrate_with::<WithoutLimits>().await.unwrap();
    assert_eq!(before.applied.last().unwrap(), "m20261120_000002_create_usage_records");
    for sql in [
        "INSERT INTO servers (name, unique_name, provider, base_url, position, enabled, request_stream_usage, connect_ms, \
         first_byte_ms, idle_ms, total_ms, created_at_ms, updated_at_ms) \
         VALUES ('old', 'old', 'openai', 'http://127.0.0.1:9/v1', 1, 1, 1, 10, 20, 30, 40, 5, 6)",
        "INSERT INTO apps (name, unique_name, enabled, registered_by_request, created_at_ms) VALUES ('old', x'6f6c64', 1, 0, 5)",
        "INSERT INTO api_keys (name, key_hash, hint, app_id, created_at_ms) VALUES ('old', zeroblob(32), 'hint', 1, 5)",
        "INSERT INTO usage_records (id, started_at_ms, model, endpoint, streamed, outcome, status, attempts, token_source, \
         duration_ms) VALUES (zeroblob(16), 7, 'm', 1, 0, 1, 200, 1, 0, 8)",
    ] {
        database.writer().execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();

    let database = open(folder.path()).await;
    let report = database.migrate().await.unwrap();
    assert_eq!(report.applied, ["m20261121_000003_add_limits", "m20261121_000004_add_usage_sums"]);
    assert!(report.backup.is_some());
    let server = servers::find(database.reader(), "old").await.unwrap().unwrap();
    assert_eq!((server.fields.limits, server.fields.queue), (Limits::default(), QueuePolicy::default()));
    assert_eq!((server.fields.timeouts.total_ms, server.unreadable), (40, None));
    let app = apps::find(database.reader(), "old").await.unwrap().unwrap();
    assert_eq!((app.limits, app.unreadable), (Limits::default(), None));
    let key = keys::get(database.reader(), KeyId(1)).await.unwrap();
    assert_eq!((key.limits, key.priority, key.unreadable), (Limits::default(), Priority::Normal, None));
    let records = UsageRecords::new(database.clone(), 10);
    let row = records.page(None, 1).await.unwrap().pop().unwrap();
    assert_eq!((row.started_at_ms, row.queue_ms, row.limited_by), (7, 0, None));
    assert_eq!(records.recent(i64::MIN).await.unwrap(), [], "what was sent before is not known");

    // And they can be changed.
    let limits = Limits { requests_per_minute: Some(1), tokens_per_minute: Some(2), concurrency: Some(3) };
    let transaction = database.begin_write().await.unwrap();
    apps::set_limits(&transaction, app.id, &limits).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(apps::find(database.reader(), "old").await.unwrap().unwrap().limits, limits);
}

#[tokio::test]
async fn finds_what_was_charged_lately() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database.clone(), 10);
    let since_ms = 1_700_000_000_000;
    let sent = |sent_at_ms: Option<i64>, started_at_ms| UsageRecord {
        sent_at_ms,
        started_at_ms,
        duration_ms: 10,
        ..record(AppReference::Registered(AppId(7)))
    };
    let waited_long = UsageRecord {
        key_id: Some(KeyId(8)),
        server_id: Some(ServerId(9)),
        attempts: 2,
        charged_tokens: Some(12),
        duration_ms: 3_600_500,
        ..sent(Some(since_ms + 1), since_ms - 3_600_000)
    };
    // The last two were sent too early, and never.
    let batch =
        [sent(Some(since_ms + 5), since_ms + 5), waited_long, sent(Some(since_ms), since_ms), sent(None, since_ms + 5)];
    records.insert_batch(&batch).await.unwrap();
    let found = records.recent(since_ms).await.unwrap();
    let first = RecentUse {
        app_id: Some(AppId(7)),
        key_id: Some(KeyId(8)),
        server_id: Some(ServerId(9)),
        attempts: 2,
        sent_at_ms: since_ms + 1,
        ended_at_ms: since_ms + 500,
        charged_tokens: 12,
    };
    let second = RecentUse {
        key_id: None,
        server_id: None,
        attempts: 1,
        sent_at_ms: since_ms + 5,
        ended_at_ms: since_ms + 15,
        charged_tokens: 0,
        ..first
    };
    assert_eq!(found, [first, second]);
    assert_eq!(records.recent(i64::MIN).await.unwrap().len(), 3);
}

#[tokio::test]
async fn two_processes_that_start_at_once_both_find_the_newest_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (open(folder.path()).await, open(folder.path()).await);
    let (left, right) = tokio::join!(first.migrate(), second.migrate());
    assert!(left.is_ok(), "{left:?}");
    assert!(right.is_ok(), "{right:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bump_of_the_revision_counts() {
    let (folder, first) = database().await;
    let second = open(folder.path()).await;
    let before = catalog_state::revision(first.reader()).await.unwrap();
    let bump = async |database: &Database| {
        for _ in 0..20 {
            let transaction = database.begin_write().await.unwrap();
            catalog_state::bump(&transaction).await.unwrap();
            transaction.commit().await.unwrap();
        }
    };
    tokio::join!(bump(&first), bump(&second), bump(&first), bump(&second));
    assert_eq!(catalog_state::revision(second.reader()).await.unwrap(), before + 80);
}

#[tokio::test]
async fn a_lock_of_another_process_is_busy_and_transient() {
    let (folder, first) = database().await;
    let second = open(folder.path()).await;
    let held = first.begin_write().await.unwrap();
    let begin = std::time::Instant::now();
    let error = second.begin_write().await.unwrap_err();
    assert!(matches!(error, StorageError::Busy(_)), "{error:?}");
    assert!(error.is_transient());
    // It was waited for: the timeout is really in force.
    assert!(begin.elapsed() >= std::time::Duration::from_secs(4));
    held.rollback().await.unwrap();
    second.begin_write().await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let (_folder, database) = database().await;
    let before = catalog_state::revision(database.reader()).await.unwrap();
    let transaction = database.begin_write().await.unwrap();
    catalog_state::bump(&transaction).await.unwrap();
    drop(transaction);
    let transaction = database.begin_write().await.unwrap();
    assert_eq!(catalog_state::revision(&transaction).await.unwrap(), before);
}

#[tokio::test]
async fn ids_are_never_used_again() {
    let (_folder, database) = database().await;
    let insert = async |name: &str| {
        let transaction = database.begin_write().await.unwrap();
        let app = NewApp { name, registered_by_request: false, limits: Limits::default(), created_at_ms: 1 };
        let id = apps::insert(&transaction, app).await.unwrap();
        transaction.commit().await.unwrap();
        id
    };
    let first = insert("a").await;
    let statement = Statement::from_string(database.backend(), "DELETE FROM apps");
    database.writer().execute_raw(statement).await.unwrap();
    assert!(insert("a").await > first);
}

#[tokio::test]
async fn a_record_is_written_once() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database.clone(), 10);
    let batch = [named("a"), named("b"), named("a")];
    let report = records.insert_batch(&batch).await.unwrap();
    assert_eq!(report, BatchReport { inserted: 3, apps_registered: 2, apps_refused: 0 });
    let again = [batch.to_vec(), vec![named("b")]].concat();
    let report = records.insert_batch(&again).await.unwrap();
    assert_eq!(report, BatchReport { inserted: 1, apps_registered: 0, apps_refused: 0 });
    assert_eq!(scalar(&database, "SELECT count(*) FROM usage_records").await, 4);
    assert_eq!(scalar(&database, "SELECT max(length(id)) FROM usage_records").await, 16);
}

#[tokio::test]
async fn registers_apps_up_to_the_bound_and_keeps_the_records() {
    let (_folder, database) = database().await;
    let revision = catalog_state::revision(database.reader()).await.unwrap();
    let records = UsageRecords::new(database.clone(), 2);
    let report = records.insert_batch(&[named("a"), named("A"), named("c"), named("c")]).await.unwrap();
    assert_eq!(report, BatchReport { inserted: 4, apps_registered: 2, apps_refused: 2 });
    assert_eq!(catalog_state::revision(database.reader()).await.unwrap(), revision + 1);

    let page = records.page(None, 10).await.unwrap();
    let names: Vec<Option<&str>> = page.iter().map(|row| row.app_name.as_deref()).collect();
    assert_eq!(names, [None, None, Some("A"), Some("a")]);

    // Nothing was registered: nobody has to reload.
    records.insert_batch(&[named("a"), named("d")]).await.unwrap();
    assert_eq!(catalog_state::revision(database.reader()).await.unwrap(), revision + 1);
}

#[tokio::test]
async fn pages_go_through_all_records_once_while_new_ones_arrive() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database, 10);
    let batch: Vec<UsageRecord> = (0..1201).map(|_| named("a")).collect();
    assert_eq!(records.insert_batch(&batch).await.unwrap().inserted, 1201);
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = records.page(cursor, 500).await.unwrap();
        assert!(page.len() <= 200);
        let Some(last) = page.last() else { break };
        cursor = Some(last.id.parse().unwrap());
        seen.extend(page.into_iter().map(|row| row.id));
        records.insert_batch(&[named("a")]).await.unwrap();
    }
    let mut expected: Vec<String> = batch.iter().map(|record| record.id.to_string()).collect();
    expected.sort_unstable_by(|left, right| right.cmp(left));
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn keeps_every_field_and_names_of_what_was_deleted() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database.clone(), 10);
    let odd = UsageRecord {
        model: format!("a\0{}", "\u{4e2d}".repeat(100)),
        outcome: Outcome::Rejected,
        status: 404,
        error_code: Some("model_not_found".into()),
        tokens: TokenCounts::default(),
        token_source: TokenSource::None,
        first_byte_ms: None,
        duration_ms: u32::MAX,
        queue_ms: u32::MAX,
        limited_by: Some(LimitName::AppTokens),
        charged_tokens: Some(i64::MAX),
        ..named("gone")
    };
    records.insert_batch(std::slice::from_ref(&odd)).await.unwrap();
    let id = apps::find(database.reader(), "gone").await.unwrap().unwrap().id;
    let transaction = database.begin_write().await.unwrap();
    apps::delete(&transaction, id, 5).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(apps::find(database.reader(), "gone").await.unwrap().is_none());

    let row = records.page(None, 1).await.unwrap().pop().unwrap();
    assert_eq!(row.app_name.as_deref(), Some("gone"));
    assert_eq!(row.id, odd.id.to_string());
    assert_eq!(row.model, format!("a\u{fffd}{}", "\u{4e2d}".repeat(66)));
    assert_eq!((row.status, row.error_code.as_deref()), (404, Some("model_not_found")));
    assert_eq!((row.input_tokens, row.first_byte_ms, row.duration_ms), (None, None, u32::MAX));
    assert_eq!((row.queue_ms, row.limited_by), (u32::MAX, Some(LimitName::AppTokens)));
    assert_eq!(scalar(&database, "SELECT charged_tokens FROM usage_records").await, i64::MAX);
    assert_eq!((row.outcome, row.endpoint, row.streamed), (Outcome::Rejected, Endpoint::ChatCompletions, true));
}

#[tokio::test]
async fn a_registered_app_needs_no_lookup() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database, 0);
    let report = records.insert_batch(&[record(AppReference::Registered(AppId(7)))]).await.unwrap();
    assert_eq!(report, BatchReport { inserted: 1, apps_registered: 0, apps_refused: 0 });
    assert_eq!(records.insert_batch(&[]).await.unwrap(), BatchReport::default());
}

#[tokio::test]
async fn lists_use_indexes() {
    let (_folder, database) = database().await;
    let recent = recent_query(5).build(database.backend()).to_string();
    for (sql, index) in [
        (recent.as_str(), "idx_usage_records_sent_at_ms (sent_at_ms>?)"),
        ("SELECT * FROM usage_records WHERE id < x'00' ORDER BY id DESC LIMIT 50", "sqlite_autoindex_usage_records_1"),
        ("SELECT * FROM usage_records WHERE started_at_ms > 5", "idx_usage_records_started_at_ms"),
        ("SELECT * FROM sessions WHERE token_hash = x'00'", "sqlite_autoindex_sessions_1"),
        ("SELECT * FROM api_keys WHERE app_id = 1", "idx_api_keys_app_id"),
    ] {
        let plan = Statement::from_string(database.backend(), format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = database.reader().query_all_raw(plan).await.unwrap();
        let text: Vec<String> = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect();
        assert!(text.join("\n").contains(index), "{sql}: {text:?}");
        assert!(!text.join("\n").contains("TEMP B-TREE"), "{sql}: {text:?}");
    }
}
