//! The list of requests.

use uuid::Uuid;

use super::error::Problems;
use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::model::bounds::{PAGE_DEFAULT, PAGE_MAX};
use crate::model::{Problem, RequestPage, RequestQuery};
use crate::storage::usage_records;

/// The list of requests.
#[derive(Clone, Debug)]
pub struct Requests(pub(super) Shared);

impl Requests {
    /// A page of requests, newest first. Rows that arrive meanwhile do not shift the pages after.
    pub async fn list(&self, actor: &Actor, query: RequestQuery) -> Result<RequestPage, ServiceError> {
        actor.authorize()?;
        let mut problems = Problems::default();
        let limit = query.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            problems.add("limit", Problem::OutOfRange { min: 1, max: u32::from(PAGE_MAX) });
        }
        let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let cursor = problems.take("cursor", cursor.map(Uuid::try_parse).transpose().map_err(|_| Problem::Unknown));
        problems.refuse()?;
        // One row more than asked for tells whether there is a next page.
        let mut rows = usage_records::page(self.0.database.reader(), cursor.flatten(), limit.saturating_add(1)).await?;
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next = if more { rows.last().map(|row| row.id.clone()) } else { None };
        Ok(RequestPage { rows, next })
    }
}
