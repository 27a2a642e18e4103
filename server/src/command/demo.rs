//! `sluice demo`: a gateway with a fake upstream, sample servers, apps, keys and gentle traffic.
//!
//! Everything a newcomer needs to look around, without an account anywhere. It listens on loopback, ignores the
//! settings and the environment of a real installation, refuses its folder, and leaves nothing behind unless
//! `--data-dir` is given.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use sluice::config::Settings;
use sluice::model::{
    Amount, AppInput, Budget, BudgetAmount, BudgetPeriod, Currency, KeyInput, KeyState, Limits, Price, PriceInput,
    Priority, ProviderKind, QueueOrder, QueuePolicy, ServerInput, ServerModel, Timeouts,
};
use sluice::services::{Actor, Services};
use sluice::telemetry::init_logging;
use sluice_fake_upstream::FakeUpstream;
use tokio_util::sync::CancellationToken;

use super::demo_traffic::{self, BATCH, Visitor};
use super::serve::stop_at_signals;
use crate::administration::answer;
use crate::run::{start, visible_address};
use crate::{console, listener};

const USERNAME: &str = "demo";
/// Where the password is kept between two runs on the same folder. It also marks a folder as the demo's own.
const PASSWORD_FILE: &str = "demo-password.txt";
/// What a real installation has in its folder.
const INSTALLATION_FILES: [&str; 2] = ["sluice.db", "master.key"];
/// What the fake upstream asks for; it opens nothing else.
const UPSTREAM_KEY: &str = "sk-fake-upstream-of-the-demo";
const APPS: [&str; 4] = ["chat-assistant", "code-review", "search-index", BATCH];

/// Arguments of `sluice demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sluice demo
  sluice demo --listen 127.0.0.1:9090 --data-dir ./demo-data")]
pub(super) struct Arguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))]
    listen: SocketAddr,
    /// Keep the data in this folder; without it, a temporary one is removed at the end
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Start without sample traffic
    #[arg(long)]
    quiet: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let is_temporary = arguments.data_dir.is_none();
    let folder = arguments.data_dir.clone().unwrap_or_else(temporary_folder);
    let result = serve(&arguments, &folder).await;
    if is_temporary && let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::debug!(%error, "the temporary folder could not be removed");
    }
    result
}

fn temporary_folder() -> PathBuf {
    std::env::temp_dir().join(format!("sluice-demo-{}", hex::encode(rand::random::<[u8; 6]>())))
}

async fn serve(arguments: &Arguments, folder: &Path) -> anyhow::Result<()> {
    let password = password(folder)?;
    let settings = settings(arguments.listen, folder, &password)?;
    init_logging(&settings.log)?;
    let listener = listener::bind(settings.listen).await?;
    let upstream = FakeUpstream::builder()
        .api_key(UPSTREAM_KEY)
        .models(["fake-small", "fake-large", "fake-embedding"])
        .keep_bodies(false)
        .start()
        .await
        .context("cannot start the fake upstream")?;
    let running = start(settings, listener).await?;
    let visitors = furnish(running.services(), &upstream.base_url()).await?;
    let origin = format!("http://{}", visible_address(running.address()));
    announce(&origin, &password, &visitors, folder, arguments.data_dir.is_some());

    let ends = CancellationToken::new();
    let traffic = (!arguments.quiet).then(|| tokio::spawn(demo_traffic::flow(origin, visitors, ends.clone())));
    let result = stop_at_signals(running).await;
    ends.cancel();
    if let Some(traffic) = traffic {
        traffic.await.context("the sample traffic ended in a panic")??;
    }
    upstream.shutdown().await;
    result
}

/// The settings of the demo: nothing of the environment, so that a real installation is never touched by mistake.
fn settings(listen: SocketAddr, folder: &Path, password: &str) -> anyhow::Result<Settings> {
    let settings = [
        ("SLUICE_LISTEN", listen.to_string()),
        ("SLUICE_DATA_DIR", folder.display().to_string()),
        ("SLUICE_ADMIN_USERNAME", USERNAME.to_owned()),
        ("SLUICE_ADMIN_PASSWORD", password.to_owned()),
        ("SLUICE_LOG__FORMAT", "pretty".to_owned()),
        ("SLUICE_LOG__LEVEL", "error".to_owned()),
        ("SLUICE_LIMITS__DRAIN_SECONDS", "2".to_owned()),
    ];
    Ok(Settings::load(None, settings.into_iter().map(|(name, value)| (name.to_owned(), value)))?)
}

/// The password of the demo's administrator: random, and the same as long as the folder stays. It is written before
/// anything else, so that a folder with a database and without it belongs to somebody else.
fn password(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join(PASSWORD_FILE);
    match std::fs::read_to_string(&file) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
    if let Some(found) = INSTALLATION_FILES.into_iter().find(|name| folder.join(name).exists()) {
        bail!(
            "{} has `{found}` of a real installation, which the demo would change; give it another folder",
            folder.display()
        );
    }
    let password = hex::encode(rand::random::<[u8; 8]>());
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut file| file.write_all(password.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(password)
}

/// What the key of an app of the demo is called.
fn key_name(app: &str) -> String {
    format!("{app} demo")
}

/// Makes servers, apps and keys. On a folder that was used before, servers move to the new upstream and keys are
/// issued anew, because old ones cannot be shown again. Keys that somebody made by hand stay.
async fn furnish(services: &Services, base_url: &str) -> anyhow::Result<Vec<Visitor>> {
    let actor = &Actor::Console;
    for input in servers(base_url) {
        match services.servers.find(actor, &input.name).await {
            Ok(known) => answer(services.servers.update(actor, known.id, input).await)?,
            Err(_) => answer(services.servers.create(actor, input).await)?,
        };
    }
    let known_apps = answer(services.apps.list(actor).await)?;
    for key in answer(services.keys.list(actor).await)? {
        if key.state == KeyState::Active && APPS.iter().any(|app| key.name == key_name(app)) {
            answer(services.keys.revoke(actor, key.id).await)?;
        }
    }
    if answer(services.prices.list(actor).await)?.entered.is_empty() {
        for input in prices() {
            answer(services.prices.create(actor, input).await)?;
        }
    }
    let mut visitors = Vec::new();
    for name in APPS {
        let app = match known_apps.iter().find(|app| app.name == name) {
            Some(app) => app.clone(),
            None => answer(
                services
                    .apps
                    .create(
                        actor,
                        AppInput { name: name.to_owned(), limits: app_limits(name), budgets: app_budgets(name) },
                    )
                    .await,
            )?,
        };
        let input = KeyInput {
            name: key_name(name),
            app_id: Some(app.id),
            priority: if name == BATCH { Priority::Low } else { Priority::default() },
            ..KeyInput::default()
        };
        let created = answer(services.keys.create(actor, input).await)?;
        visitors.push(Visitor { app: name, key: created.key });
    }
    Ok(visitors)
}

/// The batch app may not take all places of a server: of what it sends at once, some waits in its own line.
fn app_limits(app: &str) -> Limits {
    Limits { concurrency: (app == BATCH).then_some(4), ..Limits::default() }
}

/// Prices as they could be; `thinker` has none, so that an unknown cost can be seen.
fn prices() -> [PriceInput; 5] {
    let price = |model: &str, input: i64, output: i64| PriceInput {
        model: model.to_owned(),
        server_id: None,
        price: Price {
            currency: Currency::USD,
            input: Amount::from_nanos(input),
            cached_input: None,
            output: Amount::from_nanos(output),
        },
        valid_from_ms: None,
    };
    [
        price("small", 150_000_000, 600_000_000),
        price("large", 2_500_000_000, 10_000_000_000),
        price("embedding", 20_000_000, 0),
        price("flaky", 150_000_000, 600_000_000),
        price("cut-short", 150_000_000, 600_000_000),
    ]
}

/// What the batch app may use: so much that the traffic of a few minutes comes near it.
fn app_budgets(app: &str) -> Vec<Budget> {
    let daily =
        Budget { period: BudgetPeriod::Day, amount: BudgetAmount::Tokens { tokens: 2_000_000 }, warn_percent: 80 };
    if app == BATCH { vec![daily] } else { Vec::new() }
}

/// A busy server whose limits are a little below what the traffic asks for at its peaks, one with plenty of tokens, and
/// one without limits. Where `small` has to wait at the first, the second takes it; `large` waits, most often for less
/// than 5 s.
fn servers(base_url: &str) -> [ServerInput; 3] {
    let server = |name: &str, limits: Limits, models: &[(&str, &str)]| ServerInput {
        name: name.to_owned(),
        provider: ProviderKind::default(),
        base_url: base_url.to_owned(),
        api_key: Some(UPSTREAM_KEY.to_owned()),
        remove_api_key: false,
        models: models
            .iter()
            .map(|(name, upstream_name)| ServerModel {
                name: (*name).to_owned(),
                upstream_name: (*upstream_name).to_owned(),
            })
            .collect(),
        enabled: true,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits,
        queue: QueuePolicy { length: 20, deadline_ms: 30_000, order: QueueOrder::Fair, ..QueuePolicy::default() },
    };
    let busy = Limits { requests_per_minute: Some(50), concurrency: Some(4), ..Limits::default() };
    let roomy = Limits { tokens_per_minute: Some(2000), ..Limits::default() };
    [
        server(
            "riverside",
            busy,
            &[
                ("small", "fake-small?chunks=24&chunk_delay_ms=30"),
                ("large", "fake-large?first_byte_ms=600&chunks=80&chunk_delay_ms=25"),
            ],
        ),
        server(
            "hilltop",
            roomy,
            &[
                ("small", "fake-small"),
                ("embedding", "fake-embedding"),
                ("thinker", "fake-large?first_byte_ms=2500&chunks=40&chunk_delay_ms=50"),
            ],
        ),
        server(
            "old-mill",
            Limits::default(),
            &[("flaky", "fake-small?status=503"), ("cut-short", "fake-small?cut_after=4")],
        ),
    ]
}

fn announce(origin: &str, password: &str, visitors: &[Visitor], folder: &Path, stays: bool) {
    let key = visitors.first().map_or("", |visitor| visitor.key.as_str());
    let mut lines = vec![
        "This is the demo of Sluice, with a fake upstream and a little traffic.".to_owned(),
        String::new(),
        format!("  Dashboard  {origin}"),
        format!("  Sign in    {USERNAME} / {password}"),
        String::new(),
        "Call it like any OpenAI-compatible endpoint:".to_owned(),
        String::new(),
        format!("  curl {origin}/v1/chat/completions \\"),
        format!("    -H 'Authorization: Bearer {key}' \\"),
        "    -H 'Content-Type: application/json' \\".to_owned(),
        r#"    -d '{"model": "small", "messages": [{"role": "user", "content": "Hello"}]}'"#.to_owned(),
        String::new(),
        "Models: small, large, thinker, embedding; flaky and cut-short fail on purpose.".to_owned(),
        format!("Now and then {BATCH} sends more than the limits of riverside let through: then requests wait there."),
        "Answers are canned: no model runs here and nothing leaves this machine.".to_owned(),
    ];
    lines.push(if stays {
        format!("Data stays in {}. Ctrl-C stops it.", folder.display())
    } else {
        "Data is removed when Ctrl-C stops it.".to_owned()
    });
    console::notice(&lines);
}
