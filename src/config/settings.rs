//! Every setting with its unit, default and range.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use url::Url;

use super::problem::SettingsError;
use super::reader::SettingsReader;
use crate::crypto::{self, KeyRing, SealedData, Secret};
use crate::identity::{check_password, check_username};
use crate::model::bounds::{NAME_MAX, PASSWORD_MAX, PASSWORD_MIN};
use crate::model::{AccessPolicy, AppRegistration, PrivateAddresses};

/// Names of all settings, as a file spells them with dots between levels.
pub const SETTING_NAMES: &[&str] = &[
    "listen",
    "public_url",
    "data_dir",
    "database.url",
    "database.read_connections",
    "master_key",
    "admin.username",
    "admin.password",
    "access.policy",
    "access.app_registration",
    "access.max_apps",
    "access.private_addresses",
    "access.trusted_proxies",
    "limits.max_body_bytes",
    "limits.max_json_depth",
    "limits.max_event_bytes",
    "limits.max_connections",
    "limits.header_read_seconds",
    "limits.body_read_seconds",
    "limits.write_seconds",
    "limits.unready_seconds",
    "limits.drain_seconds",
    "limits.window_seconds",
    "limits.line_length",
    "limits.upstream_pause_seconds",
    "limits.pause_retries",
    "usage.buffer_records",
    "usage.journal_max_bytes",
    "usage.time_zone",
    "usage.retention_days",
    "metrics.public",
    "log.format",
    "log.level",
];

/// The settings of one process. They do not change while it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `listen`: where to listen. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `public_url`: under which URL people reach the dashboard, if that is not the listening address. With `https`,
    /// cookies are marked `Secure`.
    pub public_url: Option<Url>,
    /// `data_dir`: folder of the SQLite file and the generated master key. Default `./data`.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// `master_key`: what opens the stored upstream API keys.
    pub master_key: MasterKeySource,
    /// The first administrator, for unattended installations.
    pub admin: Option<AdminCredentials>,
    /// Who may call.
    pub access: AccessSettings,
    /// `access.trusted_proxies`: addresses and networks of reverse proxies whose `X-Forwarded-For` is believed; default
    /// none.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds of the traffic.
    pub limits: TrafficLimits,
    /// How limits count, and what waits for them.
    pub queue: QueueSettings,
    /// Recording of requests.
    pub usage: UsageSettings,
    /// Measurements for Prometheus.
    pub metrics: MetricsSettings,
    /// The log.
    pub log: LogSettings,
}

/// The database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `database.url`: default `sqlite:<data_dir>/sluice.db`.
    pub url: Option<String>,
    /// `database.read_connections`: connections for reading, 1 to 64, default 4.
    pub read_connections: u32,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// From `SLUICE_MASTER_KEY`, the file that `SLUICE_MASTER_KEY_FILE` names, or `master_key` in the configuration file.
    Value(Secret),
    /// From `master.key` in the data folder, made at the first start.
    Generated {
        /// The data folder.
        data_dir: PathBuf,
    },
}

/// The first administrator, created if there is none.
#[derive(Clone, Debug)]
pub struct AdminCredentials {
    /// `admin.username`
    pub username: String,
    /// `admin.password`
    pub password: Secret,
}

/// Who may call `/v1`.
#[derive(Clone, Copy, Debug)]
pub struct AccessSettings {
    /// `access.policy`: `keys` (default) or `open`.
    pub policy: AccessPolicy,
    /// `access.app_registration`: `auto` (default) or `known_only`.
    pub app_registration: AppRegistration,
    /// `access.max_apps`: most apps that exist at once, 1 to 100 000, default 1000.
    pub max_apps: u32,
    /// `access.private_addresses`: whether a server may have a private address: `allow` (default) or `deny`.
    pub private_addresses: PrivateAddresses,
}

/// Bounds of the traffic.
#[derive(Clone, Copy, Debug)]
pub struct TrafficLimits {
    /// `limits.max_body_bytes`: largest request body, as sent and decompressed; default 32 MiB, at most 1 GiB.
    pub max_body_bytes: usize,
    /// `limits.max_json_depth`: deepest nesting of a request body, 8 to 1000, default 128.
    pub max_json_depth: usize,
    /// `limits.max_event_bytes`: most of one unfinished stream event that is held back, 64 KiB to 256 MiB, default 16 MiB.
    pub max_event_bytes: usize,
    /// `limits.max_connections`: most client connections at once, 1 to 1 000 000, default 10 000.
    pub max_connections: usize,
    /// `limits.header_read_seconds`: time for a request's head to arrive, default 30.
    pub header_read_timeout: Duration,
    /// `limits.body_read_seconds`: longest pause while a request's body arrives, default 30.
    pub body_read_timeout: Duration,
    /// `limits.write_seconds`: how long a client may leave what is sent to it unread, default 60.
    pub write_timeout: Duration,
    /// `limits.unready_seconds`: after a stop was asked for: how long `/health/ready` says 503 while requests are still
    /// taken, so that a load balancer can turn away first; 0 to 600, default 0.
    pub unready_pause: Duration,
    /// `limits.drain_seconds`: how long requests in flight may go on after a stop was asked for, default 30.
    pub drain_timeout: Duration,
}

/// How limits of servers, apps and keys count, and what waits for them.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// `limits.window_seconds`: the time for which every limit "per minute" counts, 0.1 to 3600, default 60; shortened for
    /// tests.
    pub window: Duration,
    /// `limits.line_length`: most requests that wait in front of the limits of one app or one key, 0 to 10 000, default
    /// 100. With 0 nothing waits there.
    pub line_length: u32,
    /// `limits.upstream_pause_seconds`: the longest time for which a 429 of its upstream closes a server, 1 to 86 400,
    /// default 300.
    pub upstream_pause_max: Duration,
    /// `limits.pause_retries`: how often a request that an upstream refused with 429 and a time is sent again after that
    /// time, 0 to 100, default 3.
    pub pause_retries: u32,
}

/// Recording of requests.
#[derive(Clone, Debug)]
pub struct UsageSettings {
    /// `usage.buffer_records`: records that wait for the database in memory at most, 1000 to 10 000 000, default 10 000; more
    /// wait in the journal alone.
    pub buffer_records: usize,
    /// `usage.journal_max_bytes`: most that the journal may hold while the database is away, 16 MiB to 1 TiB, default 4 GiB.
    pub journal_max_bytes: u64,
    /// `usage.time_zone`: the time zone in which days and months begin in reports and budgets, an IANA name, default `UTC`.
    pub time_zone: TimeZone,
    /// `usage.retention_days`: for how many days single requests are kept, 1 to 3650, default 30; 0 keeps them for ever. Sums
    /// are kept for ever.
    pub retention_days: u32,
}

/// Measurements for Prometheus.
#[derive(Clone, Copy, Debug)]
pub struct MetricsSettings {
    /// `metrics.public`: whether `/metrics` needs no credentials; default `false`: it needs an admin token or a session.
    pub public: bool,
}

/// The log, on standard error.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `log.format`: `json` (default) or `pretty`.
    pub format: LogFormat,
    /// `log.level`: `error`, `warn`, `info` (default), `debug`, `trace`, or a filter such as `info,sluice=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// For people.
    Pretty,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// Every problem of every setting at once, each with the setting's name and where the value came from.
    pub fn load(
        config_file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut reader = SettingsReader::new(config_file, environment, SETTING_NAMES);
        let data_dir = reader.text("data_dir", path).unwrap_or_else(|| PathBuf::from("./data"));
        let settings = Self {
            listen: reader
                .parsed("listen", "an address such as `127.0.0.1:8080` or `[::]:8080`")
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: reader.text("public_url", public_url),
            database: DatabaseSettings {
                url: reader.text("database.url", database_url),
                read_connections: count(&mut reader, "database.read_connections", 4, 1, 64),
            },
            master_key: reader
                .text("master_key", master_key)
                .unwrap_or_else(|| MasterKeySource::Generated { data_dir: data_dir.clone() }),
            admin: admin(&mut reader),
            access: AccessSettings {
                policy: reader.choice(
                    "access.policy",
                    AccessPolicy::Keys,
                    &[("keys", AccessPolicy::Keys), ("open", AccessPolicy::Open)],
                ),
                app_registration: reader.choice(
                    "access.app_registration",
                    AppRegistration::Auto,
                    &[("auto", AppRegistration::Auto), ("known_only", AppRegistration::KnownOnly)],
                ),
                max_apps: count(&mut reader, "access.max_apps", 1000, 1, 100_000),
                private_addresses: reader.choice(
                    "access.private_addresses",
                    PrivateAddresses::Allow,
                    &[("allow", PrivateAddresses::Allow), ("deny", PrivateAddresses::Deny)],
                ),
            },
            trusted_proxies: reader.text("access.trusted_proxies", networks).unwrap_or_default(),
            limits: TrafficLimits {
                max_body_bytes: size(&mut reader, "limits.max_body_bytes", 32 << 20, 1 << 10, 1 << 30),
                max_json_depth: size(&mut reader, "limits.max_json_depth", 128, 8, 1000),
                max_event_bytes: size(&mut reader, "limits.max_event_bytes", 16 << 20, 64 << 10, 256 << 20),
                max_connections: size(&mut reader, "limits.max_connections", 10_000, 1, 1_000_000),
                header_read_timeout: reader.seconds("limits.header_read_seconds", SECONDS_30, 0.1, 3600.0),
                body_read_timeout: reader.seconds("limits.body_read_seconds", SECONDS_30, 0.1, 3600.0),
                write_timeout: reader.seconds("limits.write_seconds", Duration::from_mins(1), 0.1, 3600.0),
                unready_pause: reader.seconds("limits.unready_seconds", Duration::ZERO, 0.0, 600.0),
                drain_timeout: reader.seconds("limits.drain_seconds", SECONDS_30, 0.0, 3600.0),
            },
            queue: QueueSettings {
                window: reader.seconds("limits.window_seconds", Duration::from_mins(1), 0.1, 3600.0),
                line_length: count(&mut reader, "limits.line_length", 100, 0, 10_000),
                upstream_pause_max: reader.seconds(
                    "limits.upstream_pause_seconds",
                    Duration::from_mins(5),
                    1.0,
                    86_400.0,
                ),
                pause_retries: count(&mut reader, "limits.pause_retries", 3, 0, 100),
            },
            usage: UsageSettings {
                buffer_records: size(&mut reader, "usage.buffer_records", 10_000, 1000, 10_000_000),
                journal_max_bytes: reader.number("usage.journal_max_bytes", 4 << 30, 16 << 20, 1 << 40),
                time_zone: reader.text("usage.time_zone", time_zone).unwrap_or(TimeZone::UTC),
                retention_days: count(&mut reader, "usage.retention_days", 30, 0, 3650),
            },
            metrics: MetricsSettings {
                public: reader.choice("metrics.public", false, &[("true", true), ("false", false)]),
            },
            log: LogSettings {
                format: reader.choice(
                    "log.format",
                    LogFormat::Json,
                    &[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)],
                ),
                level: reader.text("log.level", log_filter).unwrap_or_else(|| "info".to_owned()),
            },
            data_dir,
        };
        reader.finish(settings)
    }
}

const SECONDS_30: Duration = Duration::from_secs(30);

fn size(reader: &mut SettingsReader, setting: &str, default: u32, minimum: u32, maximum: u32) -> usize {
    let number = reader.number(setting, u64::from(default), u64::from(minimum), u64::from(maximum));
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn count(reader: &mut SettingsReader, setting: &str, default: u32, minimum: u32, maximum: u32) -> u32 {
    let number = reader.number(setting, u64::from(default), u64::from(minimum), u64::from(maximum));
    u32::try_from(number).unwrap_or(default)
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn public_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        Ok(_) => Err(format!("`{text}` must begin with `https://` or `http://`")),
        Err(error) => Err(format!("`{text}` is not a URL: {error}")),
    }
}

/// The URL may hold a password, so it is never repeated.
fn database_url(text: &str) -> Result<String, String> {
    if text.starts_with("sqlite:") {
        Ok(text.to_owned())
    } else {
        Err("must begin with `sqlite:`, e.g. `sqlite:./data/sluice.db`".to_owned())
    }
}

/// Reads the keys as they will be read later, so that bad ones are reported with everything else. The keys themselves
/// are never repeated.
fn master_key(text: &str) -> Result<MasterKeySource, String> {
    let keys = Secret::new(text.to_owned());
    match KeyRing::load(&crypto::MasterKeySource::Value(keys.clone()), SealedData::None) {
        Ok(_) => Ok(MasterKeySource::Value(keys)),
        Err(error) => Err(error.to_string()),
    }
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let address = || entry.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            entry.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
                format!("`{entry}` is neither an address such as `10.0.0.1` nor a network such as `10.0.0.0/8`")
            })
        })
        .collect()
}

fn time_zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text)
        .map_err(|_| format!("`{text}` is not a time zone; it looks like `Asia/Shanghai`: a name of the IANA database"))
}

fn log_filter(text: &str) -> Result<String, String> {
    match text.parse::<tracing_subscriber::filter::EnvFilter>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("`{text}` is not a log level or filter: {error}")),
    }
}

fn admin(reader: &mut SettingsReader) -> Option<AdminCredentials> {
    let username = reader.text("admin.username", |text| {
        check_username(text).map(ToOwned::to_owned).map_err(|_| {
            format!("must be 1 to {NAME_MAX} letters, digits, `.`, `_` and `-`, beginning with a letter or a digit")
        })
    });
    let password = reader.text("admin.password", |text| {
        check_password(text)
            .map(|()| Secret::new(text.to_owned()))
            .map_err(|_| format!("must have at least {PASSWORD_MIN} characters and at most {PASSWORD_MAX} bytes"))
    });
    match (username, password) {
        (Some(username), Some(password)) => Some(AdminCredentials { username, password }),
        (Some(_), None) if !reader.is_set("admin.password") => {
            reader.problem("admin.password", None, "is needed together with `admin.username`".to_owned());
            None
        }
        (None, Some(_)) if !reader.is_set("admin.username") => {
            reader.problem("admin.username", None, "is needed together with `admin.password`".to_owned());
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
