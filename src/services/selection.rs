//! Filters as people write them: lists of ids or names, separated by commas.

use std::hash::Hash;

use sea_orm::ConnectionTrait;

use super::ServiceError;
use super::error::Problems;
use crate::model::bounds::SELECTION_MAX;
use crate::model::{AppId, KeyId, Outcome, Problem, ServerId};
use crate::storage::names::{self, Named};
use crate::storage::{RequestFilter, Selection};

/// The word in a list for requests that have no such thing.
const NONE: &str = "none";

/// The filters of a query, as they were written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WrittenFilter<'query> {
    pub(super) server: Option<&'query str>,
    pub(super) app: Option<&'query str>,
    pub(super) key: Option<&'query str>,
    pub(super) model: Option<&'query str>,
    pub(super) outcome: Option<&'query str>,
}

impl WrittenFilter<'_> {
    /// What is meant. Names stand for what has them now; what was deleted is found by its id, or by its name if nothing
    /// else has it. What is wrong is noted under the names of the fields.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn resolve(
        self,
        connection: &impl ConnectionTrait,
        problems: &mut Problems,
    ) -> Result<RequestFilter, ServiceError> {
        Ok(RequestFilter {
            servers: ids(connection, Named::Server, self.server, ServerId, problems).await?,
            apps: ids(connection, Named::App, self.app, AppId, problems).await?,
            keys: ids(connection, Named::Key, self.key, KeyId, problems).await?,
            models: words("model", self.model, problems).map(|words| {
                let mut models = Selection { any_of: Vec::new(), or_none: false };
                for word in words {
                    models.add(if word == NONE { None } else { Some(word.to_owned()) });
                }
                models
            }),
            outcomes: words("outcome", self.outcome, problems).map(|words| {
                let mut outcomes = Vec::new();
                for word in words {
                    if let Some(outcome) = problems.take("outcome", word.parse::<Outcome>())
                        && !outcomes.contains(&outcome)
                    {
                        outcomes.push(outcome);
                    }
                }
                outcomes
            }),
        })
    }
}

impl<T: PartialEq> Selection<T> {
    fn add(&mut self, value: Option<T>) {
        match value {
            None => self.or_none = true,
            Some(value) if self.any_of.contains(&value) => {}
            Some(value) => self.any_of.push(value),
        }
    }
}

async fn ids<Id: Copy + Eq + Hash>(
    connection: &impl ConnectionTrait,
    whose: Named,
    text: Option<&str>,
    id: impl Fn(i64) -> Id,
    problems: &mut Problems,
) -> Result<Option<Selection<Id>>, ServiceError> {
    let field = match whose {
        Named::Server => "server",
        Named::App => "app",
        Named::Key => "key",
    };
    let Some(words) = words(field, text, problems) else { return Ok(None) };
    let numbers: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let known = names::by_ids(connection, whose, &numbers).await?;
    let mut selection = Selection { any_of: Vec::new(), or_none: false };
    for word in words {
        if word == NONE {
            selection.add(None);
            continue;
        }
        if let Some(number) = word.parse().ok().filter(|number| known.contains_key(number)) {
            selection.add(Some(id(number)));
            continue;
        }
        // Ids grow: of several that had this name, the newest has it now or had it last. Names of keys are not unique.
        let found =
            if whose == Named::Key { None } else { names::ids_of(connection, whose, word).await?.first().copied() };
        match found {
            Some(number) => selection.add(Some(id(number))),
            None => problems.add(field, Problem::Unknown),
        }
    }
    Ok(Some(selection))
}

/// The entries of a list; none if there is no list, which means everything. A list of nothing but commas means something, and
/// not that.
fn words<'text>(field: &str, text: Option<&'text str>, problems: &mut Problems) -> Option<Vec<&'text str>> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    if words.len() > SELECTION_MAX {
        problems.add(field, Problem::ListTooLong { max: u32::try_from(SELECTION_MAX).unwrap_or(u32::MAX) });
        return None;
    }
    if words.is_empty() {
        problems.add(field, Problem::ListEmpty);
        return None;
    }
    Some(words)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::model::Limits;
    use crate::storage::apps::{self, NewApp};
    use crate::storage::tests::database;

    async fn resolve(
        database: &crate::storage::Database,
        filter: WrittenFilter<'_>,
    ) -> Result<RequestFilter, ServiceError> {
        let mut problems = Problems::default();
        let found = filter.resolve(database.reader(), &mut problems).await?;
        problems.refuse().map(|()| found)
    }

    #[tokio::test]
    async fn finds_ids_and_names_and_the_deleted() {
        let (_folder, database) = database().await;
        let transaction = database.begin_write().await.unwrap();
        let mut ids = Vec::new();
        for name in ["alpha", "beta", "2"] {
            let app = NewApp { name, registered_by_request: false, limits: Limits::default(), created_at_ms: 0 };
            ids.push(apps::insert(&transaction, app).await.unwrap());
        }
        apps::delete(&transaction, ids[0], 1).await.unwrap();
        transaction.commit().await.unwrap();
        let app = |text| WrittenFilter { app: Some(text), ..WrittenFilter::default() };
        for (text, expected, or_none) in [
            ("alpha", vec![ids[0]], false),
            (" beta , none,beta", vec![ids[1]], true),
            // An id goes before a name, so that links are stable.
            ("2", vec![ids[1]], false),
            ("none", vec![], true),
        ] {
            let found = resolve(&database, app(text)).await.unwrap().apps;
            assert_eq!(found, Some(Selection { any_of: expected, or_none }), "{text}");
        }
        assert_eq!(resolve(&database, app(" ")).await.unwrap(), RequestFilter::default());
        for text in [",", " , ", "gamma", "Beta", "99", "-1"] {
            assert!(matches!(resolve(&database, app(text)).await, Err(ServiceError::Invalid(_))), "{text}");
        }
        assert!(resolve(&database, app(&"1,".repeat(SELECTION_MAX + 1))).await.is_err());
    }

    #[tokio::test]
    async fn reads_models_and_outcomes() {
        let (_folder, database) = database().await;
        let filter = WrittenFilter {
            model: Some("gpt-4o, none"),
            outcome: Some("completed,upstream_cut,completed"),
            ..WrittenFilter::default()
        };
        let found = resolve(&database, filter).await.unwrap();
        assert_eq!(found.models, Some(Selection { any_of: vec!["gpt-4o".to_owned()], or_none: true }));
        assert_eq!(found.outcomes, Some(vec![Outcome::Completed, Outcome::UpstreamCut]));
        let filter = WrittenFilter { outcome: Some("none"), ..WrittenFilter::default() };
        assert!(resolve(&database, filter).await.is_err());
    }
}
