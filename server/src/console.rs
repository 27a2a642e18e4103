//! What people read on standard output: results of commands, the set-up link, the tour of the demo.
//!
//! The only place that prints. Logs never come here; they go to standard error through `tracing`, so that
//! `sluice ... --json | jq` works. A reader that went away (`| head`) is not an error.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints one line.
pub fn line(text: impl Display) {
    // A closed pipe ends the interest in the output, not the command.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a problem on standard error, as one line that begins with `sluice:`.
pub fn problem(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "sluice: {text}");
}

/// Prints several lines between two rules, so that they are found among log lines.
pub fn notice(lines: &[String]) {
    let width = lines.iter().map(|text| text.chars().count()).max().unwrap_or(0).clamp(40, 100);
    let rule = "-".repeat(width);
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "\n{rule}");
    for text in lines {
        let _ = writeln!(output, "{text}");
    }
    let _ = writeln!(output, "{rule}\n");
    let _ = output.flush();
}

/// Prints a table: columns as wide as their widest cell, two spaces between them.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(layout(&widths, head.iter().copied()));
    for row in rows {
        line(layout(&widths, row.iter().map(String::as_str)));
    }
}

fn layout<'a>(widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
    let padded: Vec<String> = widths.iter().zip(cells).map(|(width, cell)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_do_not_end_in_spaces() {
        assert_eq!(layout(&[4, 3], ["a", "b"].into_iter()), "a     b");
    }
}
