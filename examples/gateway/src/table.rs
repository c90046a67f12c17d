//! How things stand, as a table for people.

use std::fmt::Write;

use crate::standing::{Asked, Proxy, Standing};

const HEADINGS: [&str; 6] = ["PROXY", "TYPE", "ASKED FOR", "ACKED", "PENDING", "NACKED"];

/// The table, with what is wrong below it.
pub(crate) fn render(standing: &Standing) -> String {
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
    let mut text = String::new();
    if standing.proxies.is_empty() {
        text.push_str("No proxy is connected.\n");
    } else {
        aligned(&mut text, &rows);
    }
    for proxy in &standing.proxies {
        for (asked, refused) in proxy.types.iter().flat_map(|asked| asked.nacked.iter().map(move |one| (asked, one))) {
            let _ = writeln!(text, "{} refused {} {:?}: {}", named(proxy), asked.kind, refused.name, refused.why);
        }
    }
    for problem in standing.problems.iter().chain(&standing.dangling) {
        let _ = writeln!(text, "{problem}");
    }
    text
}

fn aligned(text: &mut String, rows: &[[String; 6]]) {
    let mut widths = [0; 6];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
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
