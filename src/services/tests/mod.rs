//! Tests of the services, on real SQLite files and real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accounts;
mod authorization;
mod keys;
mod probe;
mod secrets;
mod servers;
mod stats;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Actor, ServiceError, Services, ServicesSettings, open_key_ring};
use crate::catalog::Catalog;
use crate::crypto::MasterKeySource;
use crate::model::{
    FieldProblem, Limits, Problem, ProviderKind, QueuePolicy, ServerInput, ServerModel, SetupInput, Timeouts,
};
use crate::storage::Database;
use crate::storage::tests::open;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Fixture {
    folder: TempDir,
    database: Database,
    catalog: Arc<Catalog>,
    services: Services,
}

async fn fixture() -> Fixture {
    fixture_with(ServicesSettings::default()).await
}

async fn fixture_with(settings: ServicesSettings) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let (database, catalog, services) = start(folder.path(), settings).await;
    Fixture { folder, database, catalog, services }
}

/// Starts as a process does on this folder.
async fn start(folder: &Path, settings: ServicesSettings) -> (Database, Arc<Catalog>, Services) {
    let database = open(folder).await;
    let source = MasterKeySource::Generated { data_dir: folder.to_owned() };
    let (key_ring, _) = open_key_ring(&database, source).await.unwrap();
    let catalog = Catalog::load(database.clone(), Arc::clone(&key_ring)).await.unwrap();
    let limiter = crate::limit::LocalLimiter::new(std::time::Duration::from_mins(1), 100);
    let limiter = Arc::new(limiter);
    let services = Services::new(database.clone(), key_ring, Arc::clone(&catalog), limiter, settings).unwrap();
    (database, catalog, services)
}

fn server_input(name: &str) -> ServerInput {
    ServerInput {
        name: name.to_owned(),
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:9/v1".to_owned(),
        api_key: Some("sk-upstream-secret".to_owned()),
        remove_api_key: false,
        models: vec![ServerModel { name: "m".to_owned(), upstream_name: "m".to_owned() }],
        enabled: true,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits: Limits::default(),
        queue: QueuePolicy::default(),
    }
}

fn setup_input(token: String) -> SetupInput {
    SetupInput {
        token,
        username: "Ada".to_owned(),
        password: "correct horse battery".to_owned(),
        password_again: "correct horse battery".to_owned(),
    }
}

/// The field problems of a refusal.
fn problems<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> Vec<FieldProblem> {
    match result {
        Err(ServiceError::Invalid(problems)) => problems,
        other => panic!("expected field problems, got {other:?}"),
    }
}

fn problem(field: &str, problem: Problem) -> Vec<FieldProblem> {
    vec![FieldProblem::new(field, problem)]
}
