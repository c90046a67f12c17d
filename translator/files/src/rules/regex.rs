//! Regular expressions are compiled here, so that no proxy has to refuse them.

use crate::cursor::Cursor;
use crate::findings::Findings;

/// The memory a compiled expression may take.
const MOST_BYTES: usize = 1 << 20;

/// A regular expression has to compile.
pub(super) fn compiles(at: &Cursor<'_>, pattern: &str, findings: &mut Findings) {
    if let Err(error) = regex::RegexBuilder::new(pattern).size_limit(MOST_BYTES).build() {
        let text = error.to_string();
        let why = text.lines().rev().find_map(|line| line.trim().strip_prefix("error: ")).unwrap_or(&text);
        findings.add(at, "regex", format!("{pattern:?} is not a regular expression (RE2): {why}"));
    }
}

/// Matches of headers and parameters: what is given as a regular expression is one.
pub(super) fn value_matches(holder: &Cursor<'_>, field: &str, findings: &mut Findings) {
    holder.each(field, |matched| {
        if let (Some("RegularExpression"), Some(value)) = (matched.text("type"), matched.get("value")) {
            compiles(&value, value.node.text().unwrap_or_default(), findings);
        }
    });
}
