//! The documents in a file: each on its own, so that one that cannot be read costs no other.

use chancery_resource::located::{self, Content, Key, Node, Position, SyntaxError};

/// What the bytes of a file come to.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) documents: Vec<Node>,
    /// Why single documents could not be read.
    pub(crate) broken: Vec<SyntaxError>,
}

/// Reads every document that can be read.
///
/// # Errors
/// When nothing can: the bytes are not text.
pub(crate) fn read_documents(bytes: &[u8]) -> Result<Documents, SyntaxError> {
    let text = std::str::from_utf8(bytes).ok();
    located::read(bytes, |documents, error| match (error, text) {
        (None, _) => Ok(Documents { documents, broken: Vec::new() }),
        (Some(error), None) => Err(error),
        (Some(_), Some(text)) => Ok(one_by_one(text)),
    })?
}

/// Reads the documents between lines of three dashes one by one: such a line cannot be within a document.
fn one_by_one(text: &str) -> Documents {
    let mut read = Documents::default();
    for (lines_before, part) in parts(text) {
        let (documents, error) = located::parse(part.as_bytes());
        read.documents.extend(documents.into_iter().map(|document| moved(document, lines_before)));
        read.broken.extend(
            error
                .map(|error| explained(error, part))
                .map(|error| SyntaxError { at: down(error.at, lines_before), ..error }),
        );
    }
    read
}

/// The parts of a text, and how many lines are before each.
fn parts(text: &str) -> Vec<(u32, &str)> {
    let mut parts = Vec::new();
    let (mut begin, mut begin_line, mut offset, mut line) = (0, 0, 0, 0);
    for written in text.split_inclusive('\n') {
        if is_separator(written) && offset > begin {
            parts.push((begin_line, text.get(begin..offset).unwrap_or_default()));
            (begin, begin_line) = (offset, line);
        }
        offset += written.len();
        line += 1;
    }
    parts.push((begin_line, text.get(begin..).unwrap_or_default()));
    parts
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn down(at: Position, lines: u32) -> Position {
    match at.line {
        0 => Position { line: lines + 1, column: 1 },
        line => Position { line: line + lines, ..at },
    }
}

fn moved(node: Node, lines: u32) -> Node {
    if lines == 0 {
        return node;
    }
    let content = match node.content {
        Content::List(items) => Content::List(items.into_iter().map(|item| moved(item, lines)).collect()),
        Content::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = Key { at: down(key.at, lines), text: key.text };
                (key, moved(value, lines))
            });
            Content::Map(entries.collect())
        }
        scalar => scalar,
    };
    Node { at: down(node.at, lines), content }
}

/// The error in words that help: the usual cause of what a YAML reader cannot make sense of is a tab.
fn explained(error: SyntaxError, part: &str) -> SyntaxError {
    let indented = |line: &str| line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t');
    let tab = part.lines().enumerate().find_map(|(index, line)| Some((index, indented(line)?)));
    let Some((index, column)) = tab.filter(|_| !part.trim_start_matches("---").trim_start().starts_with('{')) else {
        return error;
    };
    let narrow = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    SyntaxError {
        at: Position { line: narrow(index), column: narrow(column) },
        message: "this line is indented with a tab".to_owned(),
        help: Some("YAML is indented with spaces only".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<u32>, Vec<u32>) {
        let read = read_documents(text.as_bytes()).expect("text");
        let lines = |at: Vec<Position>| at.into_iter().map(|at| at.line).collect();
        (
            lines(read.documents.iter().map(|document| document.at).collect()),
            lines(read.broken.iter().map(|error| error.at).collect()),
        )
    }

    #[test]
    fn a_document_that_cannot_be_read_costs_no_other() {
        let (good, bad) = lines("a: 1\n---\nb: [1\nc: 2\n--- # next\nd: {e: 3}\n---\nf:\n\tg: 1\n");
        assert_eq!(good, [1, 6]);
        assert_eq!(bad.len(), 2);
        assert_eq!(bad[1], 9);
    }

    #[test]
    fn a_tab_is_named() {
        let read = read_documents(b"spec:\n  a: 1\n\tb: 2\n").expect("text");
        assert_eq!(read.broken[0].message, "this line is indented with a tab");
        assert_eq!(read.broken[0].at, Position { line: 3, column: 1 });
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_as_a_whole() {
        assert!(read_documents(b"a: 1\n---\nb: \xff\n").is_err());
    }

    #[test]
    fn a_bomb_is_one_broken_document() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let uses = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
        }
        let (good, bad) = lines(&format!("a: 1\n---\n{bomb}---\nb: 1\n"));
        assert_eq!((good.len(), bad.len()), (2, 1));
    }
}
