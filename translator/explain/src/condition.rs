//! What a route demands beside the path: headers, query parameters, cookies, a fraction of requests, TLS.

use envoy_types::pb::envoy::config::core::v3::RuntimeFractionalPercent;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::{CookieMatcher, HeaderMatcher, QueryParameterMatcher};
use envoy_types::pb::envoy::r#type::v3::fractional_percent::DenominatorType;

use crate::manager::Seen;
use crate::text::{Findings, Pattern, TextTest};
use crate::verdict::Verdict;

#[derive(Debug, Clone)]
enum ValueTest {
    Present(bool),
    Range { start: i64, end: i64 },
    Text(TextTest),
}

impl ValueTest {
    fn verdict(&self, value: &str) -> Verdict {
        match self {
            ValueTest::Present(wanted) => Verdict::unless(*wanted, || "must not be there".into()),
            ValueTest::Range { start, end } => {
                let number = value.trim().parse::<i64>();
                Verdict::unless(number.is_ok_and(|number| (*start..*end).contains(&number)), || {
                    format!("is no number from {start} to below {end}")
                })
            }
            ValueTest::Text(test) => test.verdict(value),
        }
    }
}

/// A header a route asks for.
#[derive(Debug, Clone)]
pub(crate) struct HeaderTest {
    name: String,
    test: ValueTest,
    inverted: bool,
    missing_is_empty: bool,
}

impl HeaderTest {
    #[allow(deprecated, reason = "resources written for older proxies still say it so")]
    pub(crate) fn new(message: &HeaderMatcher, findings: &mut Findings<'_>) -> HeaderTest {
        let test = match &message.header_match_specifier {
            None => ValueTest::Present(true),
            Some(HeaderMatchSpecifier::PresentMatch(wanted)) => ValueTest::Present(*wanted),
            Some(HeaderMatchSpecifier::RangeMatch(range)) => ValueTest::Range { start: range.start, end: range.end },
            Some(HeaderMatchSpecifier::StringMatch(text)) => ValueTest::Text(TextTest::new(text, findings)),
            Some(HeaderMatchSpecifier::SafeRegexMatch(regex)) => {
                ValueTest::Text(TextTest::Pattern(Pattern::whole(&regex.regex, findings)))
            }
            Some(HeaderMatchSpecifier::ExactMatch(text)) => ValueTest::Text(TextTest::Exact(text.clone())),
            Some(HeaderMatchSpecifier::PrefixMatch(text)) => ValueTest::Text(TextTest::Prefix(text.clone())),
            Some(HeaderMatchSpecifier::SuffixMatch(text)) => ValueTest::Text(TextTest::Suffix(text.clone())),
            Some(HeaderMatchSpecifier::ContainsMatch(text)) => ValueTest::Text(TextTest::Contains(text.clone())),
        };
        HeaderTest {
            name: message.name.to_ascii_lowercase(),
            test,
            inverted: message.invert_match,
            missing_is_empty: message.treat_missing_header_as_empty,
        }
    }

    pub(crate) fn verdict(&self, seen: &Seen) -> Verdict {
        let name = &self.name;
        if Seen::written_before(name) {
            return Verdict::Unknown(format!("header {name} is written by the proxy, and not evaluated"));
        }
        let mut values = seen.compared_values(name);
        if values.is_empty() && self.missing_is_empty {
            values.push(String::new());
        }
        if values.is_empty() {
            return match self.test {
                // A missing header only ever satisfies a test of presence: inverted tests of its value fail, too.
                ValueTest::Present(wanted) if wanted == self.inverted => Verdict::Holds,
                _ => Verdict::Fails(format!("header {name} is missing")),
            };
        }
        // One value that passes is enough.
        let shown = values.join(", ");
        let mut first = None;
        for value in &values {
            match (self.test.verdict(value), self.inverted) {
                (Verdict::Holds, false) => return Verdict::Holds,
                (Verdict::Holds, true) => {
                    return Verdict::Fails(format!("header {name}: {shown:?} is what it must not be"));
                }
                (failed, _) => first = first.or(Some(failed)),
            }
        }
        match (first, self.inverted) {
            (Some(Verdict::Unknown(reason)), _) => Verdict::Unknown(format!("header {name}: {reason}")),
            (_, true) => Verdict::Holds,
            (Some(Verdict::Fails(reason)), false) => Verdict::Fails(format!("header {name}: {shown:?} {reason}")),
            (Some(Verdict::Holds) | None, false) => Verdict::Holds,
        }
    }
}

/// A query parameter a route asks for.
#[derive(Debug, Clone)]
pub(crate) struct QueryTest {
    name: String,
    test: ValueTest,
}

impl QueryTest {
    pub(crate) fn new(message: &QueryParameterMatcher, findings: &mut Findings<'_>) -> QueryTest {
        let test = match &message.query_parameter_match_specifier {
            None => ValueTest::Present(true),
            Some(QueryParameterMatchSpecifier::PresentMatch(wanted)) => ValueTest::Present(*wanted),
            Some(QueryParameterMatchSpecifier::StringMatch(text)) => ValueTest::Text(TextTest::new(text, findings)),
        };
        QueryTest { name: message.name.clone(), test }
    }

    pub(crate) fn verdict(&self, seen: &Seen) -> Verdict {
        let name = &self.name;
        match (first_parameter(&seen.path, name), &self.test) {
            (None, ValueTest::Present(false)) => Verdict::Holds,
            (None, _) => Verdict::Fails(format!("query parameter {name} is missing")),
            (Some(value), test) => match test.verdict(value) {
                Verdict::Fails(reason) => Verdict::Fails(format!("query parameter {name}: {value:?} {reason}")),
                Verdict::Unknown(reason) => Verdict::Unknown(format!("query parameter {name}: {reason}")),
                Verdict::Holds => Verdict::Holds,
            },
        }
    }
}

fn first_parameter<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let (_, query) = path.split_once('?')?;
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A cookie a route asks for.
#[derive(Debug, Clone)]
pub(crate) struct CookieTest {
    name: String,
    test: ValueTest,
    inverted: bool,
}

impl CookieTest {
    pub(crate) fn new(message: &CookieMatcher, findings: &mut Findings<'_>) -> CookieTest {
        let test = match &message.string_match {
            None => ValueTest::Present(true),
            Some(text) => ValueTest::Text(TextTest::new(text, findings)),
        };
        CookieTest { name: message.name.clone(), test, inverted: message.invert_match }
    }

    pub(crate) fn verdict(&self, seen: &Seen) -> Verdict {
        let name = &self.name;
        let Some(value) = seen.cookie(name) else {
            return Verdict::unless(self.inverted, || format!("cookie {name} is missing"));
        };
        match (self.test.verdict(&value), self.inverted) {
            (Verdict::Unknown(reason), _) => Verdict::Unknown(format!("cookie {name}: {reason}")),
            (Verdict::Holds, false) | (Verdict::Fails(_), true) => Verdict::Holds,
            (Verdict::Fails(reason), false) => Verdict::Fails(format!("cookie {name}: {value:?} {reason}")),
            (Verdict::Holds, true) => Verdict::Fails(format!("cookie {name}: {value:?} is what it must not be")),
        }
    }
}

/// A part of all requests, chosen by chance.
#[derive(Debug, Clone)]
pub(crate) struct Fraction {
    numerator: u64,
    denominator: u64,
}

impl Fraction {
    pub(crate) fn new(message: &RuntimeFractionalPercent) -> Fraction {
        let value = message.default_value.unwrap_or_default();
        let denominator = match DenominatorType::try_from(value.denominator).unwrap_or(DenominatorType::Hundred) {
            DenominatorType::Hundred => 100,
            DenominatorType::TenThousand => 10_000,
            DenominatorType::Million => 1_000_000,
        };
        Fraction { numerator: value.numerator.into(), denominator }
    }

    pub(crate) fn verdict(&self, random: u64) -> Verdict {
        Verdict::unless(random % self.denominator < self.numerator, || {
            format!("chance did not choose this request for its {} in {}", self.numerator, self.denominator)
        })
    }

    /// As text: `25 in 100`.
    pub(crate) fn text(&self) -> String {
        format!("{} in {}", self.numerator, self.denominator)
    }
}
