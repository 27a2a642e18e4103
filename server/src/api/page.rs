//! Paging of the short lists: servers, apps and keys.

use axum::Json;
use serde::{Deserialize, Serialize};
use sluice::model::bounds::{PAGE_DEFAULT, PAGE_MAX};
use sluice::model::{FieldProblem, Problem as FieldFault, Refusal};

use crate::problem::Problem;

/// Which part of a list to answer with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// `next` of the page before: the id of its last row.
    #[serde(default)]
    cursor: Option<i64>,
    /// Rows on a page: 1 to 200, 50 if none is given.
    #[serde(default)]
    limit: Option<u16>,
}

/// A part of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    rows: Vec<T>,
    /// Cursor of the next page; none at the end.
    next: Option<i64>,
}

/// Cuts the wanted page out of a list.
pub(super) fn page<T>(rows: Vec<T>, query: &PageQuery, id: impl Fn(&T) -> i64) -> Result<Json<Page<T>>, Problem> {
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(refuse("limit", FieldFault::OutOfRange { min: 1, max: u32::from(PAGE_MAX) }));
    }
    let start = match query.cursor {
        None => 0,
        Some(cursor) => match rows.iter().position(|row| id(row) == cursor) {
            Some(position) => position.saturating_add(1),
            None => return Err(refuse("cursor", FieldFault::Unknown)),
        },
    };
    let is_last = rows.len().saturating_sub(start) <= usize::from(limit);
    let rows: Vec<T> = rows.into_iter().skip(start).take(usize::from(limit)).collect();
    let next = if is_last { None } else { rows.last().map(id) };
    Ok(Json(Page { rows, next }))
}

fn refuse(field: &str, fault: FieldFault) -> Problem {
    Problem::from(&Refusal::Invalid { fields: vec![FieldProblem::new(field, fault)] })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn cut(rows: Vec<i64>, cursor: Option<i64>, limit: u16) -> (Vec<i64>, Option<i64>) {
        let Json(page) = page(rows, &PageQuery { cursor, limit: Some(limit) }, |row| *row).unwrap();
        (page.rows, page.next)
    }

    #[test]
    fn pages_cover_the_list_once() {
        assert_eq!(cut(vec![9, 7, 5], None, 2), (vec![9, 7], Some(7)));
        assert_eq!(cut(vec![9, 7, 5], Some(7), 2), (vec![5], None));
        assert_eq!(cut(vec![9, 7], None, 2), (vec![9, 7], None));
        assert_eq!(cut(Vec::new(), None, 2), (Vec::new(), None));
    }

    #[test]
    fn refuses_sizes_and_cursors_that_make_no_sense() {
        for (cursor, limit) in [(None, 0), (None, 201), (Some(4), 2)] {
            assert!(page(vec![1_i64], &PageQuery { cursor, limit: Some(limit) }, |row| *row).is_err());
        }
    }
}
