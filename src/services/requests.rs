//! The list of requests: looking for them, one of them with everything, and all of them as CSV.

use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::Instant;
use uuid::Uuid;

use super::error::Problems;
use super::range::NamedRange;
use super::selection::WrittenFilter;
use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::model::bounds::{PAGE_DEFAULT, PAGE_MAX, REQUEST_ID_MAX};
use crate::model::{Price, Problem, RequestDetail, RequestPage, RequestQuery, RequestView, Resource, TokenCounts};
use crate::storage::Database;
use crate::storage::usage_records::{self, Explorer, Search, SearchedId};
use crate::usage::export::{CsvWriter, FileName, REQUEST_COLUMNS, request_cells};
use crate::usage::pricing;

/// How long a search for one page begins new steps.
const PATIENCE: Duration = Duration::from_millis(400);
/// Rows that an export holds in memory at a time.
const EXPORT_ROWS: u64 = 1000;

/// The list of requests.
#[derive(Clone, Debug)]
pub struct Requests(pub(super) Shared);

impl Requests {
    /// A page of requests, newest first. Rows that arrive meanwhile do not shift the pages after. A page may hold fewer rows
    /// than asked for and still have a next one: one answer looks at a bounded number of requests.
    pub async fn list(&self, actor: &Actor, query: RequestQuery) -> Result<RequestPage, ServiceError> {
        actor.authorize()?;
        let mut problems = Problems::default();
        let limit = query.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            problems.add("limit", Problem::OutOfRange { min: 1, max: u32::from(PAGE_MAX) });
        }
        let (mut explorer, _) = self.explorer(&query, problems).await?;
        let begun = Instant::now();
        let mut rows = Vec::new();
        loop {
            let missing = usize::from(limit).saturating_sub(rows.len());
            rows.extend(explorer.step(self.0.database.reader(), u64::try_from(missing).unwrap_or(0)).await?);
            if rows.len() >= usize::from(limit) || explorer.rest().is_none() || begun.elapsed() >= PATIENCE {
                break;
            }
        }
        let next = explorer.rest().map(|cursor| cursor.to_string());
        Ok(RequestPage { rows, next, searched_to_ms: explorer.searched_to_ms() })
    }

    /// The time zone in which the dates of a query are read: the one that is named, or the reporting time zone.
    pub fn time_zone(&self, actor: &Actor, tz: Option<&str>) -> Result<TimeZone, ServiceError> {
        actor.authorize()?;
        let mut problems = Problems::default();
        let range = NamedRange::read(None, None, tz, &self.0.settings.time_zone, &mut problems);
        problems.refuse()?;
        Ok(range.zone)
    }

    /// Everything about one request, by Sluice's own id of it.
    pub async fn get(&self, actor: &Actor, id: &str) -> Result<RequestDetail, ServiceError> {
        actor.authorize()?;
        let missing = || ServiceError::NotFound(Resource::Request);
        let id = Uuid::try_parse(id).map_err(|_| missing())?;
        let detail = usage_records::find(self.0.database.reader(), id).await?.ok_or_else(missing)?;
        Ok(RequestDetail { price: self.price_of(&detail.request), ..detail })
    }

    /// The price that was valid when a request arrived, if it gives the recorded cost again: prices are changed afterwards,
    /// and what is recorded stays.
    fn price_of(&self, request: &RequestView) -> Option<Price> {
        let (server_id, recorded) = request.server_id.zip(request.cost)?;
        let snapshot = self.0.catalog.snapshot();
        let target = snapshot.targets(&request.model).iter().find(|target| target.server.id == server_id)?;
        let (price, _) = target.prices.at(request.started_at_ms)?;
        let tokens = TokenCounts {
            input: request.input_tokens,
            cached: request.cached_tokens,
            output: request.output_tokens,
            reasoning: request.reasoning_tokens,
        };
        (pricing::cost(&price, &tokens) == Some(recorded)).then_some(price)
    }

    /// All requests of a query as CSV, newest first, part by part; the size of a page does not matter.
    pub async fn export(&self, actor: &Actor, query: RequestQuery) -> Result<RequestExport, ServiceError> {
        actor.authorize()?;
        let (explorer, range) = self.explorer(&query, Problems::default()).await?;
        let name = FileName::new("sluice-requests")
            .range(range.from_ms, range.to_ms, &range.zone)
            .filter("server", query.server.as_deref())
            .filter("app", query.app.as_deref())
            .filter("key", query.key.as_deref())
            .filter("model", query.model.as_deref())
            .filter("outcome", query.outcome.as_deref())
            .filter("id", query.id.as_deref());
        Ok(RequestExport {
            database: self.0.database.clone(),
            explorer,
            zone: range.zone,
            bom: query.bom.unwrap_or(false),
            begun: false,
            name,
        })
    }

    async fn explorer(
        &self,
        query: &RequestQuery,
        mut problems: Problems,
    ) -> Result<(Explorer, NamedRange), ServiceError> {
        let reader = self.0.database.reader();
        let (from, to, tz) = (query.from.as_deref(), query.to.as_deref(), query.tz.as_deref());
        let range = NamedRange::read(from, to, tz, &self.0.settings.time_zone, &mut problems);
        let written = WrittenFilter {
            server: query.server.as_deref(),
            app: query.app.as_deref(),
            key: query.key.as_deref(),
            model: query.model.as_deref(),
            outcome: query.outcome.as_deref(),
        };
        let filter = written.resolve(reader, &mut problems).await?;
        let cursor = given(query.cursor.as_deref()).map(Uuid::try_parse).transpose();
        let cursor = problems.take("cursor", cursor.map_err(|_| Problem::Unknown)).flatten();
        let id = given(query.id.as_deref());
        if id.is_some_and(|id| id.len() > REQUEST_ID_MAX) {
            let max = u32::try_from(REQUEST_ID_MAX).unwrap_or(u32::MAX);
            problems.add("id", Problem::TooLong { max });
        }
        problems.refuse()?;
        let id = match id {
            Some(id) => Some(self.searched_id(id).await?),
            None => None,
        };
        let search = Search { filter, from_ms: range.from_ms, to_ms: range.to_ms, id };
        Ok((Explorer::new(search, cursor), range))
    }

    /// Whose id it is. Clients send UUIDs too, but hardly one that Sluice made for another request.
    async fn searched_id(&self, id: &str) -> Result<SearchedId, ServiceError> {
        if let Ok(own) = Uuid::try_parse(id)
            && usage_records::find(self.0.database.reader(), own).await?.is_some()
        {
            return Ok(SearchedId::Own(own));
        }
        Ok(SearchedId::Client(id.to_owned()))
    }
}

/// What was entered, without white space around it; forms send empty texts for what was left out.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Requests on their way out as CSV. It holds one part at a time; dropping it ends the export.
#[derive(Debug)]
pub struct RequestExport {
    database: Database,
    explorer: Explorer,
    zone: TimeZone,
    bom: bool,
    begun: bool,
    name: FileName,
}

impl RequestExport {
    /// The name of the file.
    pub const fn file_name(&self) -> &FileName {
        &self.name
    }

    /// The next part of the file; none at the end. The first one has the names of the columns and comes in any case. A part
    /// may be empty.
    ///
    /// # Errors
    ///
    /// The database does not answer, or holds what this version cannot read. The file is not whole then.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        if self.begun && self.explorer.is_done() {
            return Ok(None);
        }
        let rows = self.explorer.step(self.database.reader(), EXPORT_ROWS).await?;
        let mut writer = if self.begun { CsvWriter::proceed() } else { CsvWriter::begin(self.bom, REQUEST_COLUMNS)? };
        for row in &rows {
            writer.row(request_cells(row, &self.zone))?;
        }
        self.begun = true;
        Ok(Some(writer.finish()?))
    }
}
