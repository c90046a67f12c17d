//! How things stand, as a table for people.

use std::fmt::Write;

use crate::gateway_api;
use crate::runner::Process;
use crate::standing::{Asked, Proxy, Standing};

const HEADINGS: [&str; 6] = ["PROXY", "TYPE", "ASKED FOR", "ACKED", "PENDING", "NACKED"];

/// The tables, with what is wrong below them.
pub(crate) fn render(standing: &Standing) -> String {
    let mut text = String::new();
    if !standing.objects.is_empty() {
        text.push_str(&gateway_api::table(&standing.objects));
        text.push('\n');
    }
    if !standing.processes.is_empty() {
        text.push_str(&processes(standing));
        text.push('\n');
    }
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for proxy in &standing.proxies {
        for (at, asked) in proxy.types.iter().enumerate() {
            let name = if at == 0 { named(proxy) } else { String::new() };
            let counts = [asked.acked, asked.pending, asked.nacked.len()].map(|count| count.to_string());
            let [acked, pending, nacked] = counts;
            rows.push([name, asked.kind.clone(), wanted(asked), acked, pending, nacked]);
        }
        if proxy.types.is_empty() {
            rows.push([named(proxy), "-".into(), "nothing yet".into(), "0".into(), "0".into(), "0".into()]);
        }
    }
    if standing.proxies.is_empty() {
        text.push_str("No proxy is connected.\n");
    } else {
        text.push_str(&aligned(&rows));
    }
    for proxy in &standing.proxies {
        for (asked, refused) in proxy.types.iter().flat_map(|asked| asked.nacked.iter().map(move |one| (asked, one))) {
            let _ = writeln!(text, "{} refused {} {:?}: {}", named(proxy), asked.kind, refused.name, refused.why);
            for origin in &refused.origins {
                let _ = writeln!(text, "  it comes from {origin}");
            }
        }
    }
    for problem in standing.problems.iter().chain(&standing.dangling) {
        let _ = writeln!(text, "{problem}");
    }
    text
}

fn processes(standing: &Standing) -> String {
    let mut rows = vec![["ENVOY", "PROCESS", "RESTARTS", "ADMIN"].map(str::to_owned)];
    for (name, process) in &standing.processes {
        rows.push(match process {
            Process::Starting { restarts } => [name.clone(), "starting".into(), restarts.to_string(), String::new()],
            Process::Running { process_id, admin, restarts } => {
                [name.clone(), process_id.to_string(), restarts.to_string(), format!("http://{admin}")]
            }
            Process::Waiting { restarts, wait_ms, why } => {
                [name.clone(), format!("ended ({why}), again in {wait_ms} ms"), restarts.to_string(), String::new()]
            }
        });
    }
    aligned(&rows)
}

/// Rows of cells, each column as wide as its widest cell.
pub(crate) fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn named(proxy: &Proxy) -> String {
    match (proxy.node.as_str(), &proxy.address) {
        ("", Some(address)) => address.clone(),
        ("", None) => format!("stream {}", proxy.stream),
        (node, _) => node.to_owned(),
    }
}

fn wanted(asked: &Asked) -> String {
    match (asked.everything, asked.names) {
        (true, 0) => "everything".to_owned(),
        (true, names) => format!("everything, and {names} by name"),
        (false, names) => format!("{names} by name"),
    }
}
