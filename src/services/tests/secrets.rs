//! Where secrets are, and the master keys that protect them.

use std::collections::BTreeMap;
use std::fs;

use sea_orm::ConnectionTrait;

use super::*;
use crate::crypto::{CryptoError, MASTER_KEY_FILE, Secret};
use crate::model::{KeyInput, ServerState};

const CONSOLE: &Actor = &Actor::Console;

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_secret_is_in_the_files_in_clear() {
    let Fixture { services, folder, .. } = fixture().await;
    let setup = services.accounts.begin_setup().await.unwrap().unwrap();
    let planted = "sk-planted-upstream-key-0123456789";
    let first = ServerInput { api_key: Some(planted.to_owned()), ..server_input("a") };
    let id = services.servers.create(CONSOLE, first).await.unwrap().id;
    let during: Vec<Vec<u8>> = files(folder.path()).into_values().collect();
    let session = services.accounts.complete_setup(setup_input(setup.clone())).await.unwrap().token;
    let key = services.keys.create(CONSOLE, KeyInput { name: "k".to_owned(), ..KeyInput::default() }).await.unwrap();
    let token = services.admin_tokens.create(CONSOLE, "t").await.unwrap();
    let secrets = [planted, "correct horse battery", session.expose(), &setup, &key.key, &token.token];
    for bytes in during.iter().chain(files(folder.path()).values()) {
        for secret in secrets {
            assert!(!contains(bytes, secret), "{secret}");
        }
    }
    // The search finds what is there in clear.
    assert!(files(folder.path()).values().any(|bytes| contains(bytes, "http://127.0.0.1:9/v1")));
    let debug = format!("{:?} {key:?} {token:?} {:?}", services, services.servers.get(CONSOLE, id).await.unwrap());
    for secret in secrets {
        assert!(!debug.contains(secret), "{secret}");
    }
}

/// Takes the last migration back, so that it is pending as after an update of Sluice.
async fn make_migration_pending(database: &Database) {
    let transaction = database.begin_write().await.unwrap();
    transaction.execute_unprepared("DROP TABLE usage_records").await.unwrap();
    transaction
        .execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE '%create_usage_records'")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_wrong_master_key_stops_before_the_migrations() {
    let Fixture { services, database, catalog, folder } = fixture().await;
    make_migration_pending(&database).await;
    drop((services, catalog));
    database.close().await.unwrap();
    let key_file = folder.path().join(MASTER_KEY_FILE);
    let key = fs::read(&key_file).unwrap();
    let generated = || MasterKeySource::Generated { data_dir: folder.path().to_owned() };
    let value = |keys: String| MasterKeySource::Value(Secret::new(keys));

    for (source, key_file_is_there) in [
        (value(format!("{:064x}", 12345)), true),
        (value("no key".to_owned()), true),
        (value(String::new()), true),
        (generated(), false),
    ] {
        if !key_file_is_there {
            fs::remove_file(&key_file).unwrap();
        }
        let before = files(folder.path());
        let database = open(folder.path()).await;
        let error = open_key_ring(&database, source).await.unwrap_err();
        assert!(matches!(error, ServiceError::Crypto(_)), "{error:?}");
        database.close().await.unwrap();
        assert!(before == files(folder.path()), "{error:?}");
    }

    fs::write(&key_file, key).unwrap();
    let database = open(folder.path()).await;
    let (_, report) = open_key_ring(&database, generated()).await.unwrap();
    assert_eq!(report.applied, ["m20261120_000002_create_usage_records"]);
    assert!(report.backup.is_some());
}

#[tokio::test]
async fn a_new_database_is_not_migrated_with_a_key_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    let source = MasterKeySource::Value(Secret::new("abc".to_owned()));
    let error = open_key_ring(&database, source).await.unwrap_err();
    assert!(matches!(error, ServiceError::Crypto(CryptoError::MasterKeyMalformed { number: 1 })), "{error:?}");
    let report = database.migrate().await.unwrap();
    assert!(!report.applied.is_empty());
}

#[tokio::test]
async fn a_wrong_master_key_changes_nothing() {
    let Fixture { services, database, catalog, folder } = fixture().await;
    services.servers.create(CONSOLE, server_input("a")).await.unwrap();
    drop((services, catalog));
    database.close().await.unwrap();
    let before = files(folder.path());

    let wrong = MasterKeySource::Value(Secret::new(format!("{:064x}", 12345)));
    let database = open(folder.path()).await;
    let error = open_key_ring(&database, wrong).await.unwrap_err();
    assert!(matches!(error, ServiceError::Crypto(CryptoError::MasterKeyWrong)), "{error:?}");
    database.close().await.unwrap();
    assert!(before == files(folder.path()));
}

#[tokio::test]
async fn a_lost_master_key_is_not_replaced() {
    let Fixture { folder, database, .. } = fixture().await;
    fs::remove_file(folder.path().join(MASTER_KEY_FILE)).unwrap();
    let source = || MasterKeySource::Generated { data_dir: folder.path().to_owned() };
    let error = open_key_ring(&database, source()).await.unwrap_err();
    assert!(matches!(error, ServiceError::Crypto(CryptoError::MasterKeyMissing { .. })), "{error:?}");
    assert!(!folder.path().join(MASTER_KEY_FILE).exists());
}

#[tokio::test]
async fn processes_that_start_at_once_agree_on_the_master_key() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    database.migrate().await.unwrap();
    let source = || MasterKeySource::Generated { data_dir: folder.path().to_owned() };
    let other = open(folder.path()).await;
    let (left, right) = tokio::join!(open_key_ring(&database, source()), open_key_ring(&other, source()));
    let ((left, _), (right, _)) = (left.unwrap(), right.unwrap());
    assert_eq!(left.current_key_id(), right.current_key_id());
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_shown_and_can_be_entered_again() {
    let Fixture { services, database, catalog, folder: _folder } = fixture().await;
    let id = services.servers.create(CONSOLE, server_input("a")).await.unwrap().id;
    let stolen = services.servers.create(CONSOLE, server_input("b")).await.unwrap().id;
    // The seal of another record does not open here.
    let transaction = database.begin_write().await.unwrap();
    let key = crate::storage::servers::get(&transaction, stolen).await.unwrap().api_key;
    crate::storage::servers::set_key(&transaction, id, key).await.unwrap();
    crate::storage::catalog_state::bump(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    catalog.reload().await.unwrap();

    assert_eq!(services.servers.get(CONSOLE, id).await.unwrap().state, ServerState::KeyUnreadable);
    assert!(!catalog.snapshot().servers().first().unwrap().usable);
    let probed = services.servers.probe_saved(CONSOLE, id).await;
    assert_eq!(problems(probed), problem("api_key", Problem::Required));
    let again = services.servers.update(CONSOLE, id, server_input("a")).await.unwrap();
    assert_eq!(again.state, ServerState::Enabled);
    assert!(catalog.snapshot().servers().first().unwrap().usable);
}
