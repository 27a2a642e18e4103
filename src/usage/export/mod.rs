//! Usage as files that spreadsheets open: CSV, its columns, and the names of the files.
//!
//! Only shapes: what is exported comes from the caller, row by row, and nothing here reads a database or holds more than
//! the rows that it was just given. The names of columns are English in every language and are never renamed, because
//! programs read them; new ones go to the end.

mod answer;
mod csv_writer;
mod file_name;
mod report;
mod request;
mod time;

pub use answer::{CSV_TYPE, report_name, wants_csv};
pub use csv_writer::CsvWriter;
pub use file_name::FileName;
pub use report::report_csv;
pub use request::{REQUEST_COLUMNS, request_cells};
