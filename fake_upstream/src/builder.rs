//! How a [`FakeUpstream`] is set up before it listens. Nothing is opened before [`FakeUpstreamBuilder::start`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::server::{FakeUpstream, Settings};

/// Sets up a [`FakeUpstream`].
#[derive(Debug, Clone)]
pub struct FakeUpstreamBuilder {
    settings: Settings,
    listen: SocketAddr,
    keep_bodies: bool,
}

impl FakeUpstreamBuilder {
    pub(crate) fn new() -> Self {
        let models = ["fake-small", "fake-large", "fake-embedding"];
        Self {
            settings: Settings { api_key: None, models: models.into_iter().map(String::from).collect() },
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keep_bodies: true,
        }
    }

    /// Asks every request under `/v1` for this key; without it any key or none will do.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.api_key = Some(key.into());
        self
    }

    /// What `GET /v1/models` lists. Requests may name other models all the same.
    #[must_use]
    pub fn models<Name: Into<String>>(mut self, models: impl IntoIterator<Item = Name>) -> Self {
        self.settings.models = models.into_iter().map(Into::into).collect();
        self
    }

    /// Where to listen; port 0 (the default, on 127.0.0.1) takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Whether the ledger keeps request bodies (it does by default, the newest 64 MiB of them).
    #[must_use]
    pub fn keep_bodies(mut self, keep: bool) -> Self {
        self.keep_bodies = keep;
        self
    }

    /// Listens and serves from now on.
    pub async fn start(self) -> io::Result<FakeUpstream> {
        FakeUpstream::start(self.settings, self.listen, self.keep_bodies).await
    }
}
