//! From the bytes of a YAML or JSON file to trees whose every node knows its place.
//!
//! For whoever reads files that people write, and wants to say on which line something is wrong. Nothing in a file makes this
//! panic or use memory without bound: depth, size and the work of aliases are limited.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// How deep collections may be nested; Envoy's deepest messages stay below 50.
const MAX_DEPTH: usize = 100;
/// How many values one document may hold, aliases expanded. Bounds the memory one file can take.
const MAX_NODES: usize = 4_000_000;
/// How many values aliases may repeat, in all.
const MAX_REPLAYED: usize = 200_000;
const MAX_SCALAR_BYTES: usize = 128 << 20;
/// The YAML reader takes some 40 KiB of stack a level in a debug build.
const STACK_BYTES: usize = 16 << 20;

/// A place in a text, from 1; zeros when it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// Why a text cannot be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
}

/// A value in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Content {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it is.
    pub at: Position,
    /// What it says.
    pub text: String,
}

impl Node {
    /// What the value is, to a person.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a boolean",
            Content::Unsigned(_) | Content::Negative(_) | Content::Float(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The value under this key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(other, _)| other.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is a list; none otherwise.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entries in the order they are written, if this is a map; none otherwise.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The whole number, if this is one.
    pub fn integer(&self) -> Option<i64> {
        match self.content {
            Content::Unsigned(value) => i64::try_from(value).ok(),
            Content::Negative(value) => Some(value),
            _ => None,
        }
    }

    /// Whether nothing is written here (`null`, `~`, or nothing after a colon).
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// Where the value at this path (`spec.rules[0].name`) is: its key, for a value in a map. Of a path that leads nowhere,
    /// the last place that is there.
    ///
    /// ```
    /// use chancery_resource::located;
    /// let line = located::read(b"spec:\n  rules:\n  - name: a\n", |documents, _| documents[0].locate("spec.rules[0].name").line);
    /// assert_eq!(line, Ok(3));
    /// ```
    pub fn locate(&self, path: &str) -> Position {
        let (mut node, mut at) = (self, self.at);
        for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
            if let Some(index) = part.strip_suffix(']') {
                let Some(item) = index.parse().ok().and_then(|index: usize| node.items().get(index)) else { break };
                (node, at) = (item, item.at);
            } else {
                let Some((key, value)) = node.entries().iter().find(|(key, _)| key.text == part) else { break };
                (node, at) = (value, key.at);
            }
        }
        at
    }

    /// The same value without positions.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.content {
            Content::Null => serde_json::Value::Null,
            Content::Bool(value) => (*value).into(),
            Content::Unsigned(value) => (*value).into(),
            Content::Negative(value) => (*value).into(),
            Content::Float(value) => (*value).into(),
            Content::Text(value) => value.as_str().into(),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect(),
            ),
        }
    }
}

/// Parses the bytes and reads the documents found, all on a stack that is deep enough for any document that is accepted.
/// `read` gets the documents up to the first error of syntax, and that error; empty documents are left out.
///
/// # Errors
/// When there is no thread to read on, or `read` panics.
///
/// ```
/// use chancery_resource::located;
/// let read = located::read(b"a: 1\n---\nb: [2\n", |documents, error| (documents[0].to_json(), error.is_some()));
/// assert_eq!(read, Ok((serde_json::json!({"a": 1}), true)));
/// ```
pub fn read<T: Send>(
    bytes: &[u8],
    read: impl FnOnce(Vec<Node>, Option<SyntaxError>) -> T + Send,
) -> Result<T, SyntaxError> {
    let failed = |cause: String| SyntaxError {
        at: Position::default(),
        message: format!("the file cannot be read now: {cause}"),
        help: None,
    };
    std::thread::scope(|scope| {
        let work = move || {
            let (documents, problem) = parse(bytes);
            read(documents, problem)
        };
        let worker = std::thread::Builder::new().name("resource-reader".into()).stack_size(STACK_BYTES);
        match worker.spawn_scoped(scope, work).map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) => Err(failed("the reader stopped".into())),
            Err(error) => Err(failed(error.to_string())),
        }
    })
}

/// The documents in these bytes, up to the first error of syntax. Empty documents are left out. For who is already within
/// [`read`]: it needs a deep stack.
pub fn parse(bytes: &[u8]) -> (Vec<Node>, Option<SyntaxError>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return (Vec::new(), Some(not_utf8(bytes, error.valid_up_to()))),
    };
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_total_scalar_bytes: MAX_SCALAR_BYTES,
            // JSON without line breaks is one long line.
            simple_key_max_lookahead: 1 << 20,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let mut documents = Vec::new();
    let mut reader = text.trim_start_matches('\u{feff}').as_bytes();
    for document in serde_saphyr::read_with_options::<_, Node>(&mut reader, options) {
        match document {
            Ok(node) => documents.push(node),
            Err(error) => return (documents, Some(syntax(&error))),
        }
    }
    (documents, None)
}

fn syntax(error: &serde_saphyr::Error) -> SyntaxError {
    let text = error.without_snippet().to_string();
    // The place is told by line and column, not in the words.
    let message = match text.rfind(" at line ") {
        Some(at) => text[..at].trim_end_matches(':').to_owned(),
        None => text,
    };
    SyntaxError { at: error.location().map(position).unwrap_or_default(), message, help: None }
}

fn not_utf8(bytes: &[u8], valid: usize) -> SyntaxError {
    let before = bytes.get(..valid).unwrap_or_default();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(&before[line_start..]).chars().count();
    SyntaxError {
        at: Position { line: line.try_into().unwrap_or(u32::MAX), column: column.try_into().unwrap_or(u32::MAX) },
        message: "the file is not UTF-8 text".into(),
        help: Some("save it as UTF-8".into()),
    }
}

fn position(location: Location) -> Position {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(location.line()), column: narrow(location.column()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Node { at: position(node.referenced), content: node.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(u64::try_from(value).map_or(Content::Negative(value), Content::Unsigned))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Unsigned(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let key = Key { at: position(key.referenced), text: key.value };
            map.push((key, entries.next_value()?));
        }
        Ok(Content::Map(map))
    }
}

/// `did you mean ...?`, where a name is near enough to one of these.
///
/// ```
/// let help = chancery_resource::located::closest("hostnmae", ["port", "hostname"].map(str::to_owned).into_iter());
/// assert_eq!(help.as_deref(), Some("did you mean `hostname`?"));
/// ```
pub fn closest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let near = candidates
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 5)
        .min()?;
    Some(format!("did you mean `{}`?", near.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Node {
        let (mut documents, problem) = parse(text.as_bytes());
        assert!(problem.is_none(), "{problem:?}");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    #[test]
    fn every_node_and_key_knows_its_place() {
        let root = only("a:\n  - b: 1\n    cde: [x, 'y']\n");
        let Content::Map(entries) = &root.content else { panic!("{root:?}") };
        assert_eq!(entries[0].0.at, Position { line: 1, column: 1 });
        let Content::List(items) = &entries[0].1.content else { panic!("{root:?}") };
        assert_eq!(items[0].at, Position { line: 2, column: 5 });
        let Content::Map(entries) = &items[0].content else { panic!("{root:?}") };
        assert_eq!(entries[1].0.at, Position { line: 3, column: 5 });
        let Content::List(items) = &entries[1].1.content else { panic!("{root:?}") };
        assert_eq!(items[1].at, Position { line: 3, column: 14 });
    }

    #[test]
    fn scalars_are_what_they_look_like() {
        let root = only("[1, -1, 1.5, true, no, ~, '1', 0644, 1_000, text, 18446744073709551615, '', \"\"]");
        let kinds = root.to_json().to_string();
        assert_eq!(kinds, r#"[1,-1,1.5,true,false,null,"1","0644","1_000","text",18446744073709551615,"",""]"#);
    }

    #[test]
    fn documents_keep_absolute_lines_and_empty_ones_are_left_out() {
        let (documents, problem) = parse(b"---\na: 1\n---\n---\n# nothing\n---\nb: 2\n");
        assert!(problem.is_none());
        let lines: Vec<u32> = documents.iter().map(|document| document.at.line).collect();
        assert_eq!(lines, [2, 7]);
    }

    #[test]
    fn json_is_read_as_it_is() {
        let root = only("{\n\t\"a\":\t[1, {\"b\\u0041\": \"\\/\\ud83d\\ude00\"}],\n\t\"no\": null\n}\n");
        assert_eq!(root.to_json().to_string(), r#"{"a":[1,{"bA":"/😀"}],"no":null}"#);
    }

    #[test]
    fn what_comes_before_a_syntax_error_is_kept() {
        let (documents, problem) = parse(b"a: 1\n---\nb: [1\nc: 2\n---\nd: 3\n");
        assert_eq!(documents.len(), 1);
        let problem = problem.unwrap();
        assert!((3..=5).contains(&problem.at.line), "{problem:?}");
        assert!(!problem.message.contains(" at line "), "{problem:?}");
    }

    #[test]
    fn duplicate_keys_are_refused() {
        let (_, problem) = parse(b"a: 1\nb: 2\na: 3\n");
        let problem = problem.unwrap();
        assert_eq!(problem.at.line, 3, "{problem:?}");
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_place() {
        let (_, problem) = parse(b"a: 1\nb: \xff\n");
        assert_eq!(problem.unwrap().at, Position { line: 2, column: 4 });
    }

    #[test]
    fn bombs_and_towers_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let uses = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
        }
        let refused = |text: &str| super::read(text.as_bytes(), |_, problem| problem.is_some()).unwrap();
        assert!(refused(&bomb));
        assert!(refused(&"[".repeat(100_000)));
        assert!(refused(&"- ".repeat(100_000)));
        assert!(refused(&"{a: ".repeat(100_000)));
        assert!(!refused(&"- ".repeat(MAX_DEPTH)));
        let towers: String = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(refused(&towers));
    }
}
