//! Rows of JSON as CSV (RFC 4180), for people who open it in a spreadsheet.
//!
//! A spreadsheet takes a text that begins with `=`, `+`, `-`, `@` or a tab for a formula and may run
//! it (OWASP: CSV injection), so such a text gets a quotation mark before it.

use serde_json::Value;

/// Nested figures become columns named `split.citizen` and the like.
///
/// # Errors
/// When the text cannot be written.
pub fn csv_of(rows: &[Value]) -> Result<String, csv::Error> {
    let flat = |row: &Value| {
        let mut cells: Vec<(String, String)> = Vec::new();
        for (name, value) in row.as_object().into_iter().flatten() {
            match value {
                Value::Object(parts) => cells.extend(
                    parts.iter().map(|(part, value)| (format!("{name}.{part}"), cell(value))),
                ),
                other => cells.push((name.clone(), cell(other))),
            }
        }
        cells
    };
    let rows: Vec<_> = rows.iter().map(flat).collect();
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&columns)?;
    for row in &rows {
        let of = |column: &String| row.iter().find(|(name, _)| name == column);
        writer.write_record(columns.iter().map(|c| of(c).map_or("", |(_, text)| text)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that a spreadsheet would take for a formula gets a quotation mark before it; a number is
/// never one.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
