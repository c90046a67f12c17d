//! The parents of a route.

use crate::cursor::Cursor;
use crate::findings::Findings;

/// What tells one parent from another.
type Parent<'a> = (&'a str, &'a str, &'a str, &'a str);
/// What tells the references to one parent from each other.
type Section<'a> = (&'a str, i64);

fn parent<'a>(reference: &Cursor<'a>) -> Parent<'a> {
    let text = |field: &str, default| reference.text(field).unwrap_or(default);
    (text("group", "gateway.networking.k8s.io"), text("kind", "Gateway"), text("namespace", ""), text("name", ""))
}

fn section<'a>(reference: &Cursor<'a>) -> Section<'a> {
    (reference.said("sectionName").unwrap_or_default(), reference.integer("port").unwrap_or_default())
}

/// Two references to one parent differ in their section or port, and name the same of the two: either both a section or
/// neither, either both a port or neither.
pub(super) fn are_distinct(spec: &Cursor<'_>, findings: &mut Findings) {
    let Some(references) = spec.get("parentRefs") else { return };
    let mut seen: Vec<(Parent<'_>, Section<'_>, u32)> = Vec::new();
    for reference in references.items() {
        let (this_parent, this_section) = (parent(&reference), section(&reference));
        let same_parent = seen.iter().filter(|(other, ..)| *other == this_parent);
        for (_, other, line) in same_parent {
            let named = |section: Section<'_>| (!section.0.is_empty(), section.1 != 0);
            if *other == this_section {
                let message =
                    format!("this parent is referred to already, on line {line}; name another section or port");
                findings.add(&reference, "duplicate-parent", message);
                break;
            }
            if named(*other) != named(this_section) {
                let message = format!(
                    "this and the reference on line {line} are to one parent: both have to name a section, or a port, or neither"
                );
                findings.add(&reference, "ambiguous-parent", message);
                break;
            }
        }
        seen.push((this_parent, this_section, reference.position().line));
    }
}
