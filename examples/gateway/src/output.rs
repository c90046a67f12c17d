//! Documents as JSON and YAML.

use serde::Serialize;

use crate::Failure;
use crate::command::Output;

/// The document in this form; a table is made by the caller.
pub(crate) fn render(
    document: &impl Serialize,
    form: Output,
    table: impl FnOnce() -> String,
) -> Result<String, Failure> {
    Ok(match form {
        Output::Table => table(),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(document)?),
        Output::Yaml => serde_saphyr::to_string(document)?,
    })
}
