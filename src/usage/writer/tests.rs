//! Databases that are away, journals, and what is lost.

#![expect(clippy::unwrap_used, reason = "tests")]

use sea_orm::ConnectionTrait;

use super::*;
use crate::model::Outcome;
use crate::storage::Database;
use crate::storage::tests::{database, open};
use crate::usage::record::tests::record;

fn writing(records: UsageRecords) -> (Writing, UsageSink) {
    let (sink, _) = UsageSink::new(1);
    let (progress, announce) = (sink.progress(), watch::channel(None).0);
    let metrics = UsageMetrics::none();
    let (apps_registered, unread_said) = (Arc::default(), Mutex::default());
    (Writing { records, apps_registered, progress, journal: None, metrics, announce, unread_said }, sink)
}

#[tokio::test]
async fn a_locked_database_loses_no_record_that_is_written_singly() {
    let (folder, database) = database().await;
    let other = open(folder.path()).await;
    let records = UsageRecords::new(database, 10);
    let (writing, sink) = writing(records.clone());
    let batch = [record(), record()];
    let held = other.begin_write().await.unwrap();
    let release = async {
        // Longer than a connection waits for a lock: the first try fails.
        sleep(Duration::from_millis(5300)).await;
        assert_eq!(records.page(None, 10).await.unwrap().len(), 0);
        held.rollback().await.unwrap();
    };
    tokio::join!(writing.write_singly(&batch, &StorageError::NotFound), release);
    assert_eq!(records.page(None, 10).await.unwrap().len(), 2);
    assert_eq!(sink.status().lost, 0);
    // The app of the records is new: the catalog was told.
    timeout(Duration::from_secs(1), writing.apps_registered.notified()).await.unwrap();
}

async fn outcomes(records: &UsageRecords) -> Vec<(String, Outcome)> {
    let rows = records.page(None, 200).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.outcome)).collect()
}

#[tokio::test]
async fn what_does_not_fit_while_the_database_is_away_is_read_back() {
    let (folder, database) = database().await;
    let other = open(folder.path()).await;
    let records = UsageRecords::new(database, 10);
    let journal = Journal::open(&folder.path().join("journal"), u64::MAX);
    let held = other.begin_write().await.unwrap();
    let (sink, writer) =
        UsageWriter::start(records.clone(), 10, Arc::default(), Some(journal.clone()), UsageMetrics::none(), async {});
    assert!(writer.replayed(Duration::from_secs(5)).await);
    for _ in 0..150 {
        sink.record(record());
    }
    assert!(journal.status().spilled >= 130, "{:?}", journal.status());
    assert_eq!((outcomes(&records).await.len(), sink.status().lost), (0, 0));
    held.rollback().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while outcomes(&records).await.len() < 150 && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((outcomes(&records).await.len(), sink.status().lost), (150, 0));
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
    assert_eq!((journal.status().spilled, journal.status().segments), (0, 0));
}

/// Fills the buffer while the database is away, so that records wait in the journal alone. The journal's folder cannot be
/// written for a moment meanwhile, and a part of it cannot be read at first.
#[tokio::test]
async fn a_journal_in_trouble_mends_while_the_database_is_away() {
    let (folder, database) = database().await;
    let other = open(folder.path()).await;
    let records = UsageRecords::new(database, 10);
    let path = folder.path().join("journal");
    let journal = Journal::open(&path, u64::MAX);
    let held = other.begin_write().await.unwrap();
    let (sink, writer) =
        UsageWriter::start(records.clone(), 10, Arc::default(), Some(journal.clone()), UsageMetrics::none(), async {});
    assert!(writer.replayed(Duration::from_secs(5)).await);
    sink.record(record());
    eventually(async || !sink.status().database_takes).await;
    // What is in it waits in memory as well.
    while std::fs::write(&path, "").is_err() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    eventually(async || !journal.status().works).await;
    std::fs::remove_file(&path).unwrap();
    eventually(async || journal.status().works).await;
    assert!(!sink.status().database_takes, "it worked again because the database is back");

    for _ in 0..50 {
        sink.record(record());
    }
    assert_eq!(journal.status().spilled, 40);
    let spilled = journal.next_spilled(None).unwrap();
    let aside = folder.path().join("aside");
    std::fs::rename(&spilled.path, &aside).unwrap();
    std::fs::create_dir(&spilled.path).unwrap();
    held.rollback().await.unwrap();
    eventually(async || outcomes(&records).await.len() == 11).await;
    assert_eq!((journal.status().spilled, sink.status().lost), (40, 0));
    // It is not in the way of what can be read, and is there when it can be read again.
    std::fs::remove_dir(&spilled.path).unwrap();
    std::fs::rename(&aside, &spilled.path).unwrap();
    eventually(async || outcomes(&records).await.len() == 51).await;
    eventually(async || journal.status().spilled == 0).await;
    assert_eq!(sink.status().lost, 0);
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn what_cannot_be_read_back_stays_for_the_next_start() {
    let (folder, database) = database().await;
    let records = UsageRecords::new(database, 10);
    let journal = Journal::open(&folder.path().join("journal"), u64::MAX);
    let (sink, writer) =
        UsageWriter::start(records.clone(), 1, Arc::default(), Some(journal.clone()), UsageMetrics::none(), async {});
    for _ in 0..5 {
        sink.record(record());
    }
    let spilled = journal.next_spilled(None).unwrap();
    let aside = folder.path().join("aside");
    std::fs::rename(&spilled.path, &aside).unwrap();
    std::fs::create_dir(&spilled.path).unwrap();
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await, "the end waits for a file that cannot be read");
    assert_eq!((outcomes(&records).await.len(), sink.status().lost), (1, 0));
    std::fs::remove_dir(&spilled.path).unwrap();
    std::fs::rename(&aside, &spilled.path).unwrap();
    let journal = Journal::open(&folder.path().join("journal"), u64::MAX);
    let (_, writer) =
        UsageWriter::start(records.clone(), 1, Arc::default(), Some(journal), UsageMetrics::none(), async {});
    assert!(writer.replayed(Duration::from_secs(5)).await);
    assert_eq!(outcomes(&records).await.len(), 5);
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn what_an_earlier_process_left_is_written_once() {
    let (folder, database) = database().await;
    let records = UsageRecords::new(database, 10);
    let path = folder.path().join("journal");
    let begun = UsageRecord { outcome: Outcome::Interrupted, status: 0, ..record() };
    let (ended, both, known) = (record(), record(), record());
    let earlier = Journal::open(&path, u64::MAX);
    earlier.begun(&begun);
    earlier.begun(&UsageRecord { id: both.id, ..begun.clone() });
    earlier.begun(&UsageRecord { id: known.id, ..begun.clone() });
    assert!(earlier.ended(&ended) && earlier.ended(&both));
    records.insert_batch(std::slice::from_ref(&known)).await.unwrap();
    // Killed: nothing closes it, and the lock goes with the process.
    drop(earlier);
    let foreign = path.join(format!("{}-00000001.journal", Uuid::now_v7().simple()));
    std::fs::write(&foreign, "sluice journal 999\n").unwrap();
    for _ in 0..2 {
        let journal = Journal::open(&path, u64::MAX);
        let (_, writer) = UsageWriter::start(
            records.clone(),
            10,
            Arc::default(),
            Some(journal.clone()),
            UsageMetrics::none(),
            async {},
        );
        assert!(writer.replayed(Duration::from_secs(5)).await);
        // What stays does not take room for ever: there is only the segment that is written next.
        assert_eq!(journal.status().bytes, 17);
        let mut expected = [&begun, &ended, &both, &known].map(|record| (record.id.to_string(), record.outcome));
        expected.sort_unstable_by(|one, other| other.0.cmp(&one.0));
        assert_eq!(outcomes(&records).await, expected);
        assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
        let left: Vec<_> = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(left, std::slice::from_ref(&foreign));
    }
}

/// What retention deletes must not come back: its sums stay, and would count twice.
#[tokio::test]
async fn what_was_deleted_is_not_summed_up_again_after_a_kill() {
    let (folder, database) = database().await;
    let records = UsageRecords::new(database.clone(), 10);
    let path = folder.path().join("journal");
    let sums = async || {
        let sum = "SELECT sum(requests) FROM usage_rollups";
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sum);
        let row = database.reader().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<Option<i64>>(0).unwrap()
    };
    let earlier = Journal::open(&path, u64::MAX);
    let ended = record();
    assert!(earlier.ended(&ended));
    records.insert_batch(std::slice::from_ref(&ended)).await.unwrap();
    earlier.settled(std::iter::once(ended.id));
    earlier.tend_at(std::time::Instant::now() + Duration::from_mins(2));
    let before = sums().await;
    assert!(before > Some(0), "{before:?}");
    assert_eq!(records.delete_oldest(Uuid::max(), 10).await.unwrap(), 1);
    // Killed: nothing closes it.
    drop(earlier);
    let journal = Journal::open(&path, u64::MAX);
    let (_, writer) =
        UsageWriter::start(records.clone(), 10, Arc::default(), Some(journal), UsageMetrics::none(), async {});
    assert!(writer.replayed(Duration::from_secs(5)).await);
    assert!(outcomes(&records).await.is_empty());
    assert_eq!(sums().await, before);
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn what_the_database_refuses_for_good_is_counted_as_lost() {
    let (_folder, database) = database().await;
    let transaction = database.begin_write().await.unwrap();
    let odd = "CREATE TRIGGER odd BEFORE INSERT ON usage_records WHEN NEW.model = 'odd' \
        BEGIN SELECT RAISE(ABORT, 'odd'); END";
    transaction.execute_unprepared(odd).await.unwrap();
    transaction.commit().await.unwrap();
    let records = UsageRecords::new(database, 10);
    let (sink, writer) = UsageWriter::start(records.clone(), 10, Arc::default(), None, UsageMetrics::none(), async {});
    for model in ["model", "odd", "model", "odd"] {
        sink.record(UsageRecord { model: model.to_owned(), ..record() });
    }
    assert!(writer.flush_and_stop(Duration::from_secs(20)).await);
    assert_eq!((sink.status().lost, outcomes(&records).await.len()), (2, 2));
    assert!(sink.status().database_takes);
}

/// Waits until a condition holds that the task brings about.
async fn eventually(condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "it does not come about");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Records while the database is away in some way; nothing is lost, other writes are refused at once, and it catches up.
async fn survives(database: &Database, take_away: impl AsyncFnOnce(), give_back: impl AsyncFnOnce()) {
    let records = UsageRecords::new(database.clone(), 10);
    let (sink, writer) =
        UsageWriter::start(records.clone(), 1000, Arc::default(), None, UsageMetrics::none(), async {});
    sink.record(record());
    eventually(async || outcomes(&records).await.len() == 1).await;
    assert!(sink.status().database_takes);

    take_away().await;
    for _ in 0..20 {
        sink.record(record());
    }
    eventually(async || !sink.status().database_takes).await;
    let asked = Instant::now();
    let refused = database.begin_write().await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    assert!(asked.elapsed() < Duration::from_secs(1), "it was waited for the database");

    give_back().await;
    let back = Instant::now();
    eventually(async || outcomes(&records).await.len() == 21).await;
    let delay = back.elapsed();
    assert!(delay < LONGEST_PAUSE + Duration::from_secs(1), "{delay:?}");
    eventually(async || sink.status().database_takes).await;
    database.begin_write().await.unwrap().rollback().await.unwrap();
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
    assert_eq!(sink.status().lost, 0);
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_waited_for() {
    let (_folder, database) = database().await;
    // SQLite's word for a file that it may not write, without the rights of the process in the way.
    let query_only = async |value: &str| {
        let connection = database.writer_for_tests();
        connection.execute_unprepared(&format!("PRAGMA query_only = {value}")).await.unwrap();
    };
    survives(&database, async || query_only("on").await, async || query_only("off").await).await;
}

/// Whatever is wrong with the database and not with a record: somebody may mend it.
#[tokio::test]
async fn a_database_without_the_table_is_waited_for() {
    let (_folder, database) = database().await;
    let rename = async |from: &str, to: &str| {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        database.writer_for_tests().execute_unprepared(&statement).await.unwrap();
    };
    survives(
        &database,
        async || rename("usage_records", "elsewhere").await,
        async || rename("elsewhere", "usage_records").await,
    )
    .await;
}

#[tokio::test]
async fn a_database_that_was_moved_away_is_waited_for() {
    let (folder, database) = database().await;
    let (here, away) = (folder.path().join("sluice.db"), folder.path().join("away.db"));
    survives(
        &database,
        async || std::fs::rename(&here, &away).unwrap(),
        async || std::fs::rename(&away, &here).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn nothing_is_written_to_a_file_whose_place_another_one_took() {
    let (folder, database) = database().await;
    let (here, away) = (folder.path().join("sluice.db"), folder.path().join("away.db"));
    survives(
        &database,
        async || {
            std::fs::rename(&here, &away).unwrap();
            std::fs::write(&here, "").unwrap();
        },
        async || std::fs::rename(&away, &here).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn a_database_that_somebody_else_locks_is_waited_for() {
    let (folder, database) = database().await;
    let other = open(folder.path()).await;
    let held = std::cell::RefCell::new(None);
    survives(
        &database,
        async || *held.borrow_mut() = Some(other.begin_write().await.unwrap()),
        async || {
            let transaction = held.borrow_mut().take().unwrap();
            transaction.rollback().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_record_is_visible_within_a_second() {
    let (_folder, database) = database().await;
    let records = UsageRecords::new(database, 10);
    let (sink, writer) =
        UsageWriter::start(records.clone(), 1000, Arc::default(), None, UsageMetrics::none(), async {});
    for number in 1..=5 {
        let ended = Instant::now();
        sink.record(record());
        eventually(async || outcomes(&records).await.len() == number).await;
        let delay = ended.elapsed();
        assert!(delay < Duration::from_secs(1), "{delay:?}");
    }
    assert!(writer.flush_and_stop(Duration::from_secs(5)).await);
}

/// SQLite ends the transaction by itself then, and the driver does not notice: what is written after must be there, and
/// not in a transaction that nobody ends.
#[tokio::test]
async fn a_full_database_leaves_no_broken_connection_behind() {
    let (folder, database) = database().await;
    let records = UsageRecords::new(database.clone(), 10);
    let pages = async |most: u32| {
        let pragma = format!("PRAGMA max_page_count = {most}");
        database.writer_for_tests().execute_unprepared(&pragma).await.unwrap();
    };
    pages(1).await;
    let batch: Vec<UsageRecord> = (0..500).map(|_| record()).collect();
    let error = records.insert_batch(&batch).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    pages(1_000_000).await;
    records.insert_batch(&batch).await.unwrap();
    let other = UsageRecords::new(open(folder.path()).await, 10);
    assert_eq!(outcomes(&other).await.len(), 200, "a page of what another process sees");
}
