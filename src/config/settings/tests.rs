#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn load(file: Option<(&str, &str)>, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = file.map(|(name, content)| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    });
    let variables = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let prefix = format!("{}/", folder.path().display());
    Settings::load(path.as_deref(), variables)
        .map_err(|error| error.problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect())
}

#[test]
fn defaults_are_sound() {
    let settings = load(None, &[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.limits.max_body_bytes, 32 << 20);
    assert_eq!(settings.access.policy, AccessPolicy::Keys);
    assert_eq!(settings.queue.window, Duration::from_mins(1));
    assert_eq!((settings.queue.line_length, settings.queue.pause_retries), (100, 3));
    assert_eq!(settings.queue.upstream_pause_max, Duration::from_mins(5));
    assert!(!settings.metrics.public);
    assert!(matches!(settings.master_key, MasterKeySource::Generated { .. }));
}

#[test]
fn environment_wins_over_file_and_file_over_default() {
    let toml =
        "listen = \"127.0.0.1:1\"\n[limits]\nmax_body_bytes = 2048\ndrain_seconds = 1.5\n[access]\npolicy = \"open\"\n";
    let settings = load(Some(("a.toml", toml)), &[("SLUICE_LISTEN", "127.0.0.1:2"), ("OTHER", "x")]).unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.limits.max_body_bytes, 2048);
    assert_eq!(settings.limits.drain_timeout, Duration::from_millis(1500));
    assert_eq!(settings.access.policy, AccessPolicy::Open);
}

#[test]
fn reads_how_limits_count() {
    let toml =
        "[limits]\nwindow_seconds = 0.1\nline_length = 0\nupstream_pause_seconds = 86_400\npause_retries = 100\n";
    let queue = load(Some(("a.toml", toml)), &[]).unwrap().queue;
    assert_eq!((queue.window, queue.line_length), (Duration::from_millis(100), 0));
    assert_eq!((queue.upstream_pause_max, queue.pause_retries), (Duration::from_hours(24), 100));
    let wrong = [
        ("SLUICE_LIMITS__LINE_LENGTH", "10001"),
        ("SLUICE_LIMITS__PAUSE_RETRIES", "101"),
        ("SLUICE_LIMITS__UPSTREAM_PAUSE_SECONDS", "0.5"),
        ("SLUICE_LIMITS__WINDOW_SECONDS", "0"),
    ];
    let problems = load(None, &wrong).unwrap_err();
    assert_eq!(problems.len(), wrong.len(), "{problems:?}");
}

#[test]
fn reads_yaml_and_json() {
    for (name, content) in [
        ("a.yaml", "access:\n  max_apps: 7\n"),
        ("a.yml", "access: {max_apps: 7}"),
        ("a.json", r#"{"access":{"max_apps":7}}"#),
    ] {
        assert_eq!(load(Some((name, content)), &[]).unwrap().access.max_apps, 7, "{name}");
    }
}

#[test]
fn reports_every_problem_at_once_with_its_name() {
    let toml = "listen = 5\nlisten_on = 1\n[limits]\nmax_body_bytes = [1]\n[log]\nformat = \"xml\"\n";
    let problems = load(
        Some(("a.toml", toml)),
        &[
            ("SLUICE_ACCESS__POLICY", "everyone"),
            ("SLUICE_ACCESS__MAX_APPS", "0"),
            ("SLUICE_ACCESS__TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/33"),
            ("SLUICE_ADMIN_USERNAME", "ada lovelace"),
            ("SLUICE_ADMIN_PASSWORD", "short"),
            ("SLUICE_LIMITS__UNREADY_SECONDS", "601"),
            ("SLUICE_MASTER_KEY_FILE", "/nowhere/at/all"),
            ("SLUICE_NONSENSE", "1"),
            ("SLUICE_PUBLIC_URL", "ftp://x"),
            ("DATABASE_URL", "oracle://user:secret-password@host"),
        ],
    )
    .unwrap_err();
    insta::assert_snapshot!(problems.join("\n"), @r"
    access.max_apps (from SLUICE_ACCESS__MAX_APPS): 0 is out of range: 1 to 100000
    access.policy (from SLUICE_ACCESS__POLICY): `everyone` is not one of `keys`, `open`
    access.trusted_proxies (from SLUICE_ACCESS__TRUSTED_PROXIES): `10.0.0.0/33` is neither an address such as `10.0.0.1` nor a network such as `10.0.0.0/8`
    admin.password (from SLUICE_ADMIN_PASSWORD): must have at least 10 characters and at most 256 bytes
    admin.username (from SLUICE_ADMIN_USERNAME): must be 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or a digit
    database.url (from DATABASE_URL): must begin with `sqlite:`, e.g. `sqlite:./data/sluice.db`
    limits.max_body_bytes (from a.toml): is a list or a table, but must be a single value
    limits.unready_seconds (from SLUICE_LIMITS__UNREADY_SECONDS): 601 is out of range: 0 to 600 seconds
    listen (from a.toml): `5` is not an address such as `127.0.0.1:8080` or `[::]:8080`: invalid socket address syntax
    listen_on (from a.toml): there is no such setting
    log.format (from a.toml): `xml` is not one of `json`, `pretty`
    master_key (from SLUICE_MASTER_KEY_FILE): the file /nowhere/at/all cannot be read: No such file or directory (os error 2)
    nonsense (from SLUICE_NONSENSE): there is no such setting
    public_url (from SLUICE_PUBLIC_URL): `ftp://x` must begin with `https://` or `http://`
    ");
    assert!(!problems.join("").contains("secret-password"));
}

#[test]
fn unreadable_files_are_problems() {
    let problems = load(Some(("a.toml", "listen = ")), &[]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems.concat().starts_with("a.toml: "), "{problems:?}");
    assert!(load(Some(("a.ini", "")), &[]).unwrap_err().concat().contains(".toml"));
    let missing = Settings::load(Some(Path::new("/nowhere/a.toml")), std::iter::empty()).unwrap_err();
    assert_eq!(missing.problems.len(), 1);
}

#[test]
fn secrets_can_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = "00112233445566778899aabbccddeeff".repeat(2);
    std::fs::write(&path, format!("{key}\n")).unwrap();
    let settings = load(None, &[("SLUICE_MASTER_KEY_FILE", path.to_str().unwrap())]).unwrap();
    let MasterKeySource::Value(secret) = settings.master_key else { unreachable!() };
    assert_eq!(secret.expose(), key);
}

#[test]
fn a_bad_master_key_is_a_problem_like_others_and_is_never_repeated() {
    let good = "00112233445566778899aabbccddeeff".repeat(2);
    for (keys, problem) in [
        ("planted", "master key number 1 is not 32 bytes"),
        (format!("{good},planted").as_str(), "master key number 2 is not 32 bytes"),
        ("00".repeat(32).as_str(), "master key number 1 is obviously weak"),
        ("", "no master key was given"),
    ] {
        let problems = load(None, &[("SLUICE_MASTER_KEY", keys), ("SLUICE_LISTEN", "x")]).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        let text = problems.join("\n");
        assert!(text.contains(&format!("master_key (from SLUICE_MASTER_KEY): {problem}")), "{text}");
        assert!(!text.contains("planted") && !text.contains(&good) && !text.contains("0000"), "{text}");
    }
}

#[test]
fn half_an_administrator_is_a_problem_and_a_bad_name_is_only_one() {
    let password = ("SLUICE_ADMIN_PASSWORD", "long enough 1");
    let problems = load(None, &[password]).unwrap_err();
    assert_eq!(problems, ["admin.username: is needed together with `admin.password`"]);
    let problems = load(None, &[password, ("SLUICE_ADMIN_USERNAME", "-")]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn reads_networks() {
    assert!(load(None, &[]).unwrap().trusted_proxies.is_empty());
    let toml = "[access]\ntrusted_proxies = \"10.0.0.7, fd00::/8,::ffff:192.0.2.1\"\n[limits]\nunready_seconds = 5\n";
    let settings = load(Some(("a.toml", toml)), &[]).unwrap();
    let networks: Vec<String> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.7/32", "fd00::/8", "192.0.2.1/32"]);
    assert_eq!(settings.limits.unready_pause, Duration::from_secs(5));
}

#[test]
fn every_setting_is_documented() {
    let documentation = include_str!("../../../docs/configuration.md");
    for name in SETTING_NAMES {
        assert!(documentation.contains(&format!("`{name}`")), "docs/configuration.md does not mention `{name}`");
    }
}
