//! How a text is compared: whole, by an end, by a part, or by a regular expression.

use envoy_types::pb::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatchAndSubstitute, StringMatcher};
use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::problem::Problem;
use crate::verdict::Verdict;

/// Where problems go that are found while resources are read, and what is being read.
pub(crate) struct Findings<'a> {
    pub(crate) place: String,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Findings<'_> {
    /// The same for a part of what is being read.
    pub(crate) fn at(&mut self, part: &str) -> Findings<'_> {
        let place = if self.place.is_empty() { part.to_owned() } else { format!("{}, {part}", self.place) };
        Findings { place, problems: self.problems }
    }
}

/// A regular expression, or why it is none.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Ready { regex: Regex, source: String },
    Broken(String),
}

impl Pattern {
    /// An expression that must cover the whole text.
    pub(crate) fn whole(source: &str, findings: &mut Findings<'_>) -> Pattern {
        Pattern::compile(source, &format!(r"\A(?:{source})\z"), findings)
    }

    /// An expression to be found anywhere in a text.
    pub(crate) fn part(source: &str, findings: &mut Findings<'_>) -> Pattern {
        Pattern::compile(source, source, findings)
    }

    fn compile(source: &str, text: &str, findings: &mut Findings<'_>) -> Pattern {
        // RE2's classes (\d, \w) are ASCII; only what needs Unicode (\p{L}) gets it.
        let ascii = RegexBuilder::new(text).unicode(false).build();
        match ascii.or_else(|_| RegexBuilder::new(text).build()) {
            Ok(regex) => Pattern::Ready { regex, source: source.to_owned() },
            Err(error) => {
                let reason = error.to_string();
                findings.problems.push(Problem::Regex {
                    place: findings.place.clone(),
                    pattern: source.to_owned(),
                    reason: reason.clone(),
                });
                Pattern::Broken(format!("the regular expression {source:?} cannot be read: {reason}"))
            }
        }
    }

    /// Whether it is found in the text; why not, as what the text does not do.
    pub(crate) fn verdict(&self, text: &str) -> Verdict {
        match self {
            Pattern::Broken(reason) => Verdict::Unknown(reason.clone()),
            Pattern::Ready { regex, source } => {
                Verdict::unless(regex.is_match(text.as_bytes()), || format!("does not match the expression {source:?}"))
            }
        }
    }
}

/// A regular expression and what takes the place of what it finds.
#[derive(Debug, Clone)]
pub(crate) struct Substitution {
    pattern: Pattern,
    with: String,
}

impl Substitution {
    pub(crate) fn new(message: &RegexMatchAndSubstitute, findings: &mut Findings<'_>) -> Substitution {
        let pattern = message.pattern.as_ref().map_or("", |pattern| pattern.regex.as_str());
        Substitution { pattern: Pattern::part(pattern, findings), with: message.substitution.clone() }
    }

    /// The text with every occurrence replaced, or why that is not known. `\1` stands for the first group.
    pub(crate) fn replaced(&self, text: &str) -> Result<String, String> {
        match &self.pattern {
            Pattern::Broken(reason) => Err(reason.clone()),
            Pattern::Ready { regex, .. } => {
                let replaced = regex.replace_all(text.as_bytes(), |found: &Captures<'_>| self.replacement(found));
                Ok(String::from_utf8_lossy(&replaced).into_owned())
            }
        }
    }

    fn replacement(&self, found: &Captures<'_>) -> Vec<u8> {
        let mut replacement = Vec::new();
        let mut bytes = self.with.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                replacement.push(byte);
                continue;
            }
            match bytes.next() {
                Some(digit @ b'0'..=b'9') => {
                    let group = found.get(usize::from(digit - b'0'));
                    replacement.extend(group.map(|group| group.as_bytes()).unwrap_or_default());
                }
                Some(other) => replacement.push(other),
                None => {}
            }
        }
        replacement
    }
}

/// How a text is compared.
#[derive(Debug, Clone)]
pub(crate) enum TextTest {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Pattern(Pattern),
    IgnoringCase(Box<TextTest>),
    Unknown(String),
}

impl TextTest {
    pub(crate) fn new(message: &StringMatcher, findings: &mut Findings<'_>) -> TextTest {
        let fold = |text: &String| if message.ignore_case { text.to_ascii_lowercase() } else { text.clone() };
        let test = match &message.match_pattern {
            Some(MatchPattern::Exact(text)) => TextTest::Exact(fold(text)),
            Some(MatchPattern::Prefix(text)) => TextTest::Prefix(fold(text)),
            Some(MatchPattern::Suffix(text)) => TextTest::Suffix(fold(text)),
            Some(MatchPattern::Contains(text)) => TextTest::Contains(fold(text)),
            Some(MatchPattern::SafeRegex(regex)) => return TextTest::Pattern(Pattern::whole(&regex.regex, findings)),
            Some(MatchPattern::Custom(custom)) => {
                return TextTest::Unknown(format!("the string matcher extension {:?} is not evaluated", custom.name));
            }
            None => return TextTest::Unknown("a string matcher without a pattern is not evaluated".into()),
        };
        if message.ignore_case { TextTest::IgnoringCase(Box::new(test)) } else { test }
    }

    /// Whether the text passes; why not, as what the text does not do.
    pub(crate) fn verdict(&self, text: &str) -> Verdict {
        match self {
            TextTest::Exact(wanted) => Verdict::unless(text == wanted, || format!("is not {wanted:?}")),
            TextTest::Prefix(wanted) => {
                Verdict::unless(text.starts_with(wanted.as_str()), || format!("does not start with {wanted:?}"))
            }
            TextTest::Suffix(wanted) => {
                Verdict::unless(text.ends_with(wanted.as_str()), || format!("does not end with {wanted:?}"))
            }
            TextTest::Contains(wanted) => {
                Verdict::unless(text.contains(wanted.as_str()), || format!("does not contain {wanted:?}"))
            }
            TextTest::Pattern(pattern) => pattern.verdict(text),
            TextTest::IgnoringCase(test) => test.verdict(&text.to_ascii_lowercase()),
            TextTest::Unknown(reason) => Verdict::Unknown(reason.clone()),
        }
    }
}
