//! Set-up, signing in and out.

use std::net::Ipv6Addr;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};

use super::*;
use crate::crypto::hash_token;

const PASSWORD: &str = "correct horse battery";

async fn set_up(services: &Services) {
    assert!(services.accounts.ensure_admin("Ada", PASSWORD).await.unwrap());
}

async fn execute(database: &Database, sql: &str) {
    let transaction = database.begin_write().await.unwrap();
    transaction.execute_raw(Statement::from_string(sea_orm::DbBackend::Sqlite, sql)).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn the_set_up_link_makes_one_administrator() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    assert!(services.accounts.setup_needed().await.unwrap());
    let old = services.accounts.begin_setup().await.unwrap().unwrap();
    let token = services.accounts.begin_setup().await.unwrap().unwrap();
    for wrong in [old, String::new(), "x".repeat(100_000)] {
        let error = services.accounts.complete_setup(setup_input(wrong)).await.unwrap_err();
        assert!(matches!(error, ServiceError::SetupLinkInvalid), "{error:?}");
    }

    let mut input = setup_input(token.clone());
    input.username = "a b".to_owned();
    input.password = "short".to_owned();
    let fields: Vec<String> =
        problems(services.accounts.complete_setup(input).await).into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["username", "password", "password_again"]);

    let signed_in = services.accounts.complete_setup(setup_input(token.clone())).await.unwrap();
    let actor = services.sessions.authenticate(signed_in.token.expose()).await.unwrap().unwrap();
    assert_eq!(actor, Actor::User { id: signed_in.user.id, username: "Ada".to_owned() });
    assert!(!services.accounts.setup_needed().await.unwrap());
    let error = services.accounts.complete_setup(setup_input(token)).await.unwrap_err();
    assert!(matches!(error, ServiceError::SetupDone));
    assert_eq!(services.accounts.begin_setup().await.unwrap(), None);
}

#[tokio::test]
async fn of_two_at_once_one_becomes_administrator() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let token = services.accounts.begin_setup().await.unwrap().unwrap();
    let other = SetupInput { username: "Bob".to_owned(), ..setup_input(token.clone()) };
    let (left, right) =
        tokio::join!(services.accounts.complete_setup(setup_input(token)), services.accounts.complete_setup(other));
    assert!(left.is_ok() != right.is_ok());
    let refused = left.err().or(right.err());
    assert!(matches!(refused, Some(ServiceError::SetupDone)));
}

#[tokio::test]
async fn the_unattended_administrator_is_made_once() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    assert_eq!(problems(services.accounts.ensure_admin("Ada", "short").await).len(), 1);
    set_up(&services).await;
    assert!(!services.accounts.ensure_admin("Bob", PASSWORD).await.unwrap());
    assert!(services.sessions.sign_in("ada", PASSWORD, HERE).await.is_ok());
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    set_up(&services).await;
    let signed_in = services.sessions.sign_in("ADA", PASSWORD, HERE).await.unwrap();
    assert_eq!((signed_in.user.username.as_str(), signed_in.token.expose().len()), ("Ada", 43));
    assert_eq!(signed_in.expires_in, Duration::from_hours(7 * 24));
    let token = signed_in.token.expose();
    assert!(services.sessions.authenticate(token).await.unwrap().is_some());
    services.sessions.sign_out(token).await.unwrap();
    assert!(services.sessions.authenticate(token).await.unwrap().is_none());
    services.sessions.sign_out(token).await.unwrap();
    for wrong in ["", "x", &"x".repeat(100_000)] {
        assert!(services.sessions.authenticate(wrong).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_owner_gets_in_from_elsewhere() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    set_up(&services).await;
    let network = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    for number in 0..5_u8 {
        // Another address of the same network each time.
        let address = Ipv6Addr::from(u128::from(network) + u128::from(number));
        let error = services.sessions.sign_in("ada", "wrong password", address.into()).await.unwrap_err();
        assert!(matches!(error, ServiceError::WrongCredentials), "{error:?}");
    }
    let error = services.sessions.sign_in("Ada", PASSWORD, network.into()).await.unwrap_err();
    assert!(matches!(error, ServiceError::TooManyAttempts { retry_after } if retry_after <= Duration::from_secs(30)));
    assert!(services.sessions.sign_in("Ada", PASSWORD, HERE).await.is_ok());
}

#[tokio::test]
async fn wrong_names_and_endless_passwords_look_like_wrong_passwords() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    set_up(&services).await;
    for (name, password) in [("nobody", PASSWORD), ("' OR 1=1 --", PASSWORD), ("ada", &"x".repeat(1_000_000)), ("", "")]
    {
        let error = services.sessions.sign_in(name, password, HERE).await.unwrap_err();
        assert!(matches!(error, ServiceError::WrongCredentials), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_and_its_use_is_written_down() {
    let Fixture { services, database, folder: _folder, .. } = fixture().await;
    set_up(&services).await;
    let signed_in = services.sessions.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let token = signed_in.token.expose();
    execute(&database, "UPDATE sessions SET last_seen_at_ms = last_seen_at_ms - 120000").await;
    assert!(services.sessions.authenticate(token).await.unwrap().is_some());
    services.finish().await;
    let session = crate::storage::sessions::find(database.reader(), &hash_token(token)).await.unwrap().unwrap();
    assert!(session.times.last_seen_at_ms >= session.times.created_at_ms);

    execute(&database, "UPDATE sessions SET last_seen_at_ms = last_seen_at_ms - 43200000").await;
    assert!(services.sessions.authenticate(token).await.unwrap().is_none());
    // The next one to sign in clears it away.
    services.sessions.sign_in("ada", PASSWORD, HERE).await.unwrap();
    assert!(crate::storage::sessions::find(database.reader(), &hash_token(token)).await.unwrap().is_none());
}
