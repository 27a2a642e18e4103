//! `sluice price`, and budgets on the command line.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

async fn sluice(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear().current_dir(folder).env("SLUICE_DATA_DIR", folder).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn prices_and_budgets_are_set_changed_and_shown() {
    let folder = TempDir::new().unwrap();
    let done = async |arguments: &[&str]| {
        let (status, stdout, stderr) = sluice(folder.path(), arguments).await;
        assert_eq!(status, 0, "{arguments:?}: {stderr}");
        stdout
    };
    let json_of = async |arguments: &[&str]| {
        serde_json::from_str::<Value>(&done(&[arguments, &["--json"]].concat()).await).unwrap()
    };
    done(&["server", "add", "a", "--url", "http://127.0.0.1:9/v1", "--model", "m", "--model", "gpt-4o-mini"]).await;
    let list = done(&["price", "list"]).await;
    assert!(list.contains("unknown") && list.contains("shipped"), "{list}");

    let price = ["price", "set", "m", "--input", "1.5", "--output", "0", "--currency", "cny"];
    let price = json_of(&[&price[..], &["--server", "A", "--from", "2026-01-01T00:00:00+08:00"]].concat()).await;
    assert_eq!(price["price"], json!({"currency": "CNY", "input": "1.5", "cached_input": null, "output": "0"}));
    assert_eq!((&price["server_name"], &price["valid_from_ms"]), (&json!("a"), &json!(1_767_196_800_000_i64)));
    let list = done(&["price", "list"]).await;
    assert!(list.contains("1.5 input, 0 output CNY") && list.contains("entered for this server"), "{list}");
    let id = price["id"].to_string();
    assert!(done(&["price", "remove", &id]).await.contains("removed price"));
    assert_eq!(json_of(&["price", "list"]).await["entered"], json!([]));

    let app =
        json_of(&["app", "add", "chat", "--daily-tokens", "1000", "--monthly-cost", "20.5", "--warn-at", "90"]).await;
    let budgets = app["budgets"].as_array().unwrap();
    assert_eq!((budgets.len(), &budgets[0]["tokens"], &budgets[0]["warn_percent"]), (2, &json!(1000), &json!(90)));
    assert_eq!((&budgets[1]["amount"], &budgets[1]["currency"]), (&json!("20.5"), &json!("USD")));
    let changed = done(&["app", "limit", "chat", "--daily-tokens", "none"]).await;
    assert!(changed.contains("budgets of `chat`: 0/20.5 USD per month"), "{changed}");
    assert!(done(&["app", "list"]).await.contains("0/20.5 USD per month"));
    let key = json_of(&["key", "create", "k", "--daily-cost", "3 eur"]).await;
    assert_eq!(key["budgets"][0]["currency"], "EUR");
    assert!(done(&["key", "list"]).await.contains("0/3 EUR per day"));

    for (arguments, status) in [
        (&["price", "set", "m", "--input", "1"][..], 2),
        (&["price", "set", "m", "--input", "1e3", "--output", "0"], 2),
        (&["price", "set", "m", "--input", "1", "--output", "0", "--currency", "dollar"], 2),
        (&["price", "set", "m", "--input", "1000001", "--output", "0"], 1),
        (&["price", "set", "m", "--input", "1", "--output", "0", "--server", "b"], 1),
        (&["price", "remove", "99"], 1),
        (&["app", "limit", "chat", "--daily-tokens", "0"], 1),
        (&["app", "limit", "chat", "--daily-cost", "1 2 3"], 2),
    ] {
        let (found, _, stderr) = sluice(folder.path(), arguments).await;
        assert_eq!(found, status, "{arguments:?}: {stderr}");
    }
}
