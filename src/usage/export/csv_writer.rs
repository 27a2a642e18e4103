//! Comma-separated values as RFC 4180 has them, safe to open in a spreadsheet.
//!
//! Names of models and apps come from clients. A spreadsheet takes a cell that begins with `=` for a formula and runs it, so
//! such a cell gets an apostrophe in front, which is how a person would write it there.

use std::borrow::Cow;
use std::io;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

/// What makes spreadsheets believe that a file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// With what a cell begins that a spreadsheet could take for a formula, or that could hide one; the wide forms are what
/// input methods for Chinese and Japanese write, and some spreadsheets take them for the narrow ones.
const FORMULA_SIGNS: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Writes rows into memory: lines end with CR LF, cells are quoted where they must be, and none begins a formula. A long
/// file is written by several of these, one after the other.
#[derive(Debug)]
pub struct CsvWriter {
    writer: Writer<Vec<u8>>,
}

impl CsvWriter {
    /// The beginning of a file: the byte order mark if it is wanted, and the names of the columns.
    ///
    /// # Errors
    ///
    /// None is known: memory takes everything.
    pub fn begin<'columns>(bom: bool, columns: impl IntoIterator<Item = &'columns str>) -> io::Result<Self> {
        let start = if bom { BYTE_ORDER_MARK.as_bytes().to_vec() } else { Vec::new() };
        let mut writer = Self::over(start);
        writer.row(columns)?;
        Ok(writer)
    }

    /// A later part of a file.
    pub fn proceed() -> Self {
        Self::over(Vec::new())
    }

    fn over(buffer: Vec<u8>) -> Self {
        let writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .quote_style(QuoteStyle::Necessary)
            .has_headers(false)
            .from_writer(buffer);
        Self { writer }
    }

    /// Writes a row.
    ///
    /// # Errors
    ///
    /// It has another number of cells than the row before.
    pub fn row<Cell: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = Cell>) -> io::Result<()> {
        for cell in cells {
            self.writer.write_field(neutralised(cell.as_ref()).as_bytes())?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// What was written.
    ///
    /// # Errors
    ///
    /// None is known: memory takes everything.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.writer.into_inner().map_err(|error| io::Error::new(error.error().kind(), error.error().to_string()))
    }
}

/// The text as a cell that is no formula.
fn neutralised(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA_SIGNS) && !is_negative_number(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether the text is a number such as `-12` or `-0.5`, which is harmless and should stay one.
fn is_negative_number(text: &str) -> bool {
    let Some(number) = text.strip_prefix('-') else { return false };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && fraction.is_none_or(digits)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows of a file, by another reader's rules: the first one too.
    pub(in crate::usage::export) fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes)
            .into_records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    fn text(bom: bool, rows: &[Vec<&str>]) -> String {
        let mut writer = CsvWriter::begin(bom, ["a", "b"]).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn follows_rfc_4180() {
        assert_eq!(
            text(false, &[vec!["1", "x,y"], vec!["say \"hi\"", "two\r\nlines"], vec!["", ""]]),
            "a,b\r\n1,\"x,y\"\r\n\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n,\r\n"
        );
    }

    #[test]
    fn begins_with_a_byte_order_mark_on_request() {
        assert_eq!(text(true, &[]).as_bytes(), b"\xef\xbb\xbfa,b\r\n");
    }

    #[test]
    fn goes_on_where_a_part_ended() {
        let mut first = CsvWriter::begin(false, ["a", "b"]).unwrap();
        first.row(["1", "2"]).unwrap();
        let mut second = CsvWriter::proceed();
        second.row(["3", "4"]).unwrap();
        let whole = [first.finish().unwrap(), second.finish().unwrap()].concat();
        assert_eq!(String::from_utf8(whole).unwrap(), "a,b\r\n1,2\r\n3,4\r\n");
    }

    #[test]
    fn formulas_become_texts() {
        for formula in [
            "=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "-1.", "-.5", "-1e3", "＝1", "＋", "－",
            "＠",
        ] {
            assert_eq!(neutralised(formula), format!("'{formula}"), "{formula:?}");
        }
        for harmless in ["", "gpt-4o", "-1", "-0.5", "1", "a=b", "'=1", " =1", "a@b"] {
            assert_eq!(neutralised(harmless), harmless);
        }
    }

    #[test]
    fn a_row_of_another_length_is_an_error() {
        let mut writer = CsvWriter::begin(false, ["a", "b"]).unwrap();
        assert!(writer.row(["1"]).is_err());
    }

    proptest! {
        /// Whatever stands in the cells, a reader finds the same number of rows and cells, each of them what it was or that
        /// with an apostrophe in front, and none that begins a formula.
        #[test]
        fn what_is_written_is_read_again(
            rows in prop::collection::vec(
                prop::collection::vec("[=+@\t\r\n,;\"'a-z0-9 .＝－人-]{0,12}|\\PC{0,12}", 3),
                1..8,
            ),
        ) {
            let mut writer = CsvWriter::begin(false, ["a", "b", "c"]).unwrap();
            for row in &rows {
                writer.row(row).unwrap();
            }
            let found = read(&writer.finish().unwrap());
            prop_assert_eq!(found.len(), rows.len() + 1);
            for (found, row) in found.iter().skip(1).zip(&rows) {
                prop_assert_eq!(found.len(), 3);
                for (found, cell) in found.iter().zip(row) {
                    prop_assert!(found == cell || found.strip_prefix('\'') == Some(cell.as_str()));
                    prop_assert!(!found.starts_with(FORMULA_SIGNS) || is_negative_number(found), "{found:?}");
                }
            }
        }
    }
}
