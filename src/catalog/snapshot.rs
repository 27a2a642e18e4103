//! One consistent picture of the configuration.

use std::collections::HashMap;
use std::sync::Arc;

use crate::crypto::Secret;
use crate::model::{AppId, Budget, KeyId, Limits, Priority, ProviderKind, QueuePolicy, ServerId, Timeouts};
use crate::usage::pricing::{EnteredPrice, PriceBook, PriceHistory};

/// SHA-256 of an issued key: what is stored of it, and how it is found.
pub type KeyHash = [u8; 32];

/// A server as the path of a request sees it.
#[derive(Debug)]
pub struct ServerEntry {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// The kind of API that it speaks.
    pub provider: ProviderKind,
    /// Where it is, without a slash at the end.
    pub base_url: url::Url,
    /// Its opened API key, if it has one.
    pub api_key: Option<Secret>,
    /// Public model name and the upstream's name, in configured order.
    pub models: Vec<(String, String)>,
    /// Whether it takes requests: enabled, and everything stored of it can be read.
    pub usable: bool,
    /// Whether token counts are asked for in streams.
    pub request_stream_usage: bool,
    /// How long to wait for it.
    pub timeouts: Timeouts,
    /// What may go through it.
    pub limits: Limits,
    /// How requests wait in front of it.
    pub queue: QueuePolicy,
}

/// An app as the path of a request sees it.
#[derive(Debug)]
pub struct AppEntry {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Whether its requests are served.
    pub enabled: bool,
    /// What it may send.
    pub limits: Limits,
    /// What it may use in a day or a month.
    pub budgets: Vec<Budget>,
}

/// An issued key as the path of a request sees it. Revoked keys are not in a snapshot.
#[derive(Debug)]
pub struct KeyEntry {
    /// Its id.
    pub id: KeyId,
    /// The app that it is bound to.
    pub app_id: Option<AppId>,
    /// Public model names that it may use; empty means every model.
    pub models: Vec<String>,
    /// When it ends by itself, in milliseconds since 1970 UTC.
    pub expires_at_ms: Option<i64>,
    /// What may be sent with it.
    pub limits: Limits,
    /// What may be used with it in a day or a month.
    pub budgets: Vec<Budget>,
    /// How urgent its requests are.
    pub priority: Priority,
}

impl KeyEntry {
    /// Whether this key may use a public model.
    pub fn allows(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|allowed| allowed == model)
    }
}

/// A server and its name for a model: what can take a request.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub server: Arc<ServerEntry>,
    /// Public name of the model.
    pub model: Arc<str>,
    /// The upstream's name of the model.
    pub upstream_model: Arc<str>,
    /// What it costs.
    pub prices: Arc<PriceHistory>,
}

/// What a snapshot is built from. Servers come in configured order, the disabled ones included.
#[derive(Debug, Default)]
pub struct SnapshotParts {
    /// Revision of the configuration in the database.
    pub revision: i64,
    /// Every server.
    pub servers: Vec<ServerEntry>,
    /// Every app.
    pub apps: Vec<AppEntry>,
    /// Every key that is not revoked.
    pub keys: Vec<(KeyHash, KeyEntry)>,
    /// Every price that was entered.
    pub prices: Vec<EnteredPrice>,
}

/// One consistent picture of the configuration.
#[derive(Debug, Default)]
pub struct Snapshot {
    revision: i64,
    servers: Vec<Arc<ServerEntry>>,
    targets: HashMap<String, Vec<Target>>,
    model_names: Vec<String>,
    apps_by_name: HashMap<String, Arc<AppEntry>>,
    apps_by_id: HashMap<AppId, Arc<AppEntry>>,
    keys: HashMap<KeyHash, Arc<KeyEntry>>,
}

impl Snapshot {
    /// Builds the indexes.
    pub fn new(parts: SnapshotParts) -> Self {
        let servers: Vec<Arc<ServerEntry>> = parts.servers.into_iter().map(Arc::new).collect();
        let book = PriceBook::new(parts.prices);
        let mut targets: HashMap<String, Vec<Target>> = HashMap::new();
        let mut model_names = Vec::new();
        for server in &servers {
            for (name, upstream_name) in &server.models {
                let entry = targets.entry(name.clone()).or_insert_with(|| {
                    model_names.push(name.clone());
                    Vec::new()
                });
                let host = server.base_url.host_str().unwrap_or_default();
                let prices = book.history(server.id, name, server.provider, host, upstream_name);
                entry.push(Target {
                    server: Arc::clone(server),
                    model: Arc::from(name.as_str()),
                    upstream_model: Arc::from(upstream_name.as_str()),
                    prices: Arc::new(prices),
                });
            }
        }
        let apps: Vec<Arc<AppEntry>> = parts.apps.into_iter().map(Arc::new).collect();
        Self {
            revision: parts.revision,
            servers,
            targets,
            model_names,
            apps_by_name: apps.iter().map(|app| (app.name.clone(), Arc::clone(app))).collect(),
            apps_by_id: apps.into_iter().map(|app| (app.id, app)).collect(),
            keys: parts.keys.into_iter().map(|(hash, key)| (hash, Arc::new(key))).collect(),
        }
    }

    /// Revision of the configuration that this was built from.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// Every server, in configured order.
    pub fn servers(&self) -> &[Arc<ServerEntry>] {
        &self.servers
    }

    /// Everything that has this public model, in configured order, the unusable ones included.
    pub fn targets(&self, model: &str) -> &[Target] {
        self.targets.get(model).map_or(&[], Vec::as_slice)
    }

    /// Public model names that can be called now, each once, in configured order.
    pub fn callable_models(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.model_names.iter().filter_map(|name| {
            let target = self.targets(name).iter().find(|target| target.server.usable)?;
            Some((name.as_str(), target))
        })
    }

    /// The app with this name.
    pub fn app_by_name(&self, name: &str) -> Option<&Arc<AppEntry>> {
        self.apps_by_name.get(name)
    }

    /// The app with this id.
    pub fn app(&self, id: AppId) -> Option<&Arc<AppEntry>> {
        self.apps_by_id.get(&id)
    }

    /// Every app, in no order.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<AppEntry>> {
        self.apps_by_id.values()
    }

    /// Every key that is not revoked, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<KeyEntry>> {
        self.keys.values()
    }

    /// How many apps exist.
    pub fn app_count(&self) -> usize {
        self.apps_by_id.len()
    }

    /// The key with this hash, unless it is revoked or unknown.
    pub fn key(&self, hash: &KeyHash) -> Option<&Arc<KeyEntry>> {
        self.keys.get(hash)
    }
}
