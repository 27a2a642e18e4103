//! Many rows by few statements.
//!
//! Statements come in a few sizes, so that their texts are always the same and a connection keeps them prepared. What a
//! database says in its own way (placeholders, what to do with rows that exist) is in this file and in
//! `rollups/query.rs`.

use sea_orm::{ConnectionTrait, Statement, Value};

use super::StorageError;

/// Rows of one statement. With 26 columns, the largest has 6656 values; SQLite takes 32 766, others 65 535.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// Inserts rows: `head` goes to the word `VALUES`, `tail` says what to do with rows that exist.
pub(super) async fn insert<T>(
    connection: &impl ConnectionTrait,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    push: impl Fn(&T, &mut Vec<Value>),
) -> Result<(), StorageError> {
    for chunk in chunks(rows) {
        let mut values = Vec::with_capacity(chunk.len().saturating_mul(columns));
        for row in chunk {
            push(row, &mut values);
        }
        let row = format!("({})", list("?", columns));
        let sql = format!("{head} VALUES {} {tail}", list(&row, chunk.len()));
        connection.execute_raw(Statement::from_sql_and_values(connection.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// Asks for the rows of some ids: `head` goes to the word `IN` and comes after `first` values.
pub(super) async fn select<R>(
    connection: &impl ConnectionTrait,
    head: &str,
    first: &[Value],
    ids: &[Value],
    read: impl Fn(&sea_orm::QueryResult) -> Result<R, sea_orm::DbErr>,
) -> Result<Vec<R>, StorageError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let sql = format!("{head} IN ({})", list("?", chunk.len()));
        let values: Vec<Value> = first.iter().chain(chunk).cloned().collect();
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        for row in connection.query_all_raw(statement).await? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}

/// The rows in parts that have one of the sizes.
fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (chunk, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(chunk)
    })
}

fn list(item: &str, count: usize) -> String {
    let mut list = String::with_capacity(item.len().saturating_add(1).saturating_mul(count));
    for index in 0..count {
        if index > 0 {
            list.push(',');
        }
        list.push_str(item);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_in_one_part() {
        for count in [0_usize, 1, 3, 63, 256, 1000] {
            let rows: Vec<usize> = (0..count).collect();
            let parts: Vec<&[usize]> = chunks(&rows).collect();
            assert_eq!(parts.concat(), rows);
            assert!(parts.iter().all(|part| SIZES.contains(&part.len())));
        }
    }
}
