//! Stage 3: the targets for a model, in the order in which they are tried.

use crate::catalog::{KeyEntry, Snapshot, Target};

/// Why no target can take a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCandidate {
    /// No server has the model.
    UnknownModel,
    /// The caller's key may not use the model.
    NotAllowed {
        /// Its public name.
        model: String,
    },
    /// Servers have it, but none takes requests.
    NoneUsable {
        /// Its public name.
        model: String,
    },
}

/// The usable targets for the model that a client named: a public name, or `server-name/model` to choose the server. A
/// public name that has a slash in it counts as a public name first.
///
/// # Errors
/// Why there is none. A key that may not use a model is told so only if the model exists.
pub fn candidates(snapshot: &Snapshot, model: &str, key: Option<&KeyEntry>) -> Result<Vec<Target>, NoCandidate> {
    let named = snapshot.targets(model);
    let chosen: Vec<&Target> =
        if named.is_empty() { on_chosen_server(snapshot, model) } else { named.iter().collect() };
    let Some(first) = chosen.first() else { return Err(NoCandidate::UnknownModel) };
    if key.is_some_and(|key| !key.allows(&first.model)) {
        return Err(NoCandidate::NotAllowed { model: first.model.to_string() });
    }
    let model = first.model.to_string();
    let usable: Vec<Target> = chosen.into_iter().filter(|target| target.server.usable).cloned().collect();
    if usable.is_empty() { Err(NoCandidate::NoneUsable { model }) } else { Ok(usable) }
}

fn on_chosen_server<'a>(snapshot: &'a Snapshot, model: &str) -> Vec<&'a Target> {
    let Some((server_name, model)) = model.split_once('/') else { return Vec::new() };
    snapshot.targets(model).iter().filter(|target| target.server.name.eq_ignore_ascii_case(server_name)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::catalog::{ServerEntry, SnapshotParts};
    use crate::model::{KeyId, ProviderKind, ServerId, Timeouts};

    fn server(id: i64, name: &str, models: &[(&str, &str)], usable: bool) -> ServerEntry {
        ServerEntry {
            id: ServerId(id),
            name: name.to_owned(),
            provider: ProviderKind::OpenAi,
            base_url: url::Url::parse("http://127.0.0.1:1/v1").unwrap(),
            api_key: None,
            models: models.iter().map(|(name, upstream)| ((*name).to_owned(), (*upstream).to_owned())).collect(),
            usable,
            request_stream_usage: true,
            timeouts: Timeouts::default(),
            limits: crate::model::Limits::default(),
            queue: crate::model::QueuePolicy::default(),
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot::new(SnapshotParts {
            servers: vec![
                server(1, "one", &[("a", "up-a"), ("x/y", "x/y")], false),
                server(2, "Two", &[("a", "two-a"), ("only-two", "o")], true),
                server(3, "three", &[("a", "three-a")], true),
                server(4, "x", &[("y", "other-y")], true),
            ],
            ..SnapshotParts::default()
        })
    }

    fn names(model: &str, key: Option<&KeyEntry>) -> Result<Vec<String>, NoCandidate> {
        candidates(&snapshot(), model, key).map(|targets| {
            targets.iter().map(|target| format!("{}:{}", target.server.name, target.upstream_model)).collect()
        })
    }

    fn key(models: &[&str]) -> KeyEntry {
        KeyEntry {
            id: KeyId(1),
            app_id: None,
            models: models.iter().map(ToString::to_string).collect(),
            expires_at_ms: None,
            limits: crate::model::Limits::default(),
            budgets: Vec::new(),
            priority: crate::model::Priority::default(),
        }
    }

    #[test]
    fn keeps_the_configured_order_and_skips_what_is_off() {
        assert_eq!(names("a", None).unwrap(), ["Two:two-a", "three:three-a"]);
    }

    #[test]
    fn a_prefix_chooses_the_server() {
        assert_eq!(names("three/a", None).unwrap(), ["three:three-a"]);
        assert_eq!(names("two/only-two", None).unwrap(), ["Two:o"]);
        assert_eq!(names("three/only-two", None), Err(NoCandidate::UnknownModel));
        assert_eq!(names("one/a", None), Err(NoCandidate::NoneUsable { model: "a".to_owned() }));
    }

    #[test]
    fn a_public_name_with_a_slash_is_a_public_name_first() {
        assert_eq!(names("x/y", None), Err(NoCandidate::NoneUsable { model: "x/y".to_owned() }));
    }

    #[test]
    fn keys_are_limited_by_public_name_also_behind_a_prefix() {
        let refused = Err(NoCandidate::NotAllowed { model: "a".to_owned() });
        assert_eq!(names("a", Some(&key(&["only-two"]))), refused);
        assert_eq!(names("three/a", Some(&key(&["only-two"]))), refused);
        assert_eq!(names("three/a", Some(&key(&["a"]))).unwrap(), ["three:three-a"]);
        assert_eq!(names("nonsense", Some(&key(&["a"]))), Err(NoCandidate::UnknownModel));
        assert_eq!(names("", None), Err(NoCandidate::UnknownModel));
    }
}
