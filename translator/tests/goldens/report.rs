//! How far two implementations agree, and what explains the rest.

use std::collections::BTreeMap;

use crate::compare::Comparison;

/// What all cases come to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    agreed: usize,
    /// `case: -tuple` for what is missing, `case: +tuple` for what is beyond; exact values are told by themselves.
    differences: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, case: &str, comparison: Comparison) {
        self.agreed += comparison.wanted.intersection(&comparison.found).count();
        let missing = comparison.wanted.difference(&comparison.found).map(|tuple| format!("{case}: -{tuple}"));
        let beyond = comparison.found.difference(&comparison.wanted).map(|tuple| format!("{case}: +{tuple}"));
        self.differences.extend(missing.chain(beyond));
    }

    /// F1 over all tuples but those that are waived: differences that are merely explained count.
    pub(crate) fn agreement(&self, known: &str) -> f64 {
        let differences = self.differences.len() - self.waived(known);
        2.0 * self.agreed as f64 / (2.0 * self.agreed as f64 + differences as f64)
    }

    pub(crate) fn summary(&self, known: &str) -> String {
        let (agreed, all, waived) = (self.agreed, self.differences.len(), self.waived(known));
        format!(
            "{agreed} tuples agree, {all} are on one side only, {waived} of them waived: F1 {:.4}",
            self.agreement(known)
        )
    }

    fn waived(&self, known: &str) -> usize {
        let reasons = reasons(known);
        let waived = |one: &&String| reasons.get(one.as_str()).is_some_and(|reason| reason.starts_with("Waived"));
        self.differences.iter().filter(waived).count()
    }

    /// The differences as the file of residuals, with the reasons that are known.
    pub(crate) fn residuals(&self, known: &str) -> String {
        let reasons = reasons(known);
        let line = |difference: &String| {
            let reason = reasons.get(difference.as_str()).copied().unwrap_or("UNEXPLAINED");
            format!("{difference}\n    {reason}\n")
        };
        let head = known.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n"));
        head.chain(self.differences.iter().map(line)).collect()
    }

    pub(crate) fn unexplained(&self, known: &str) -> Vec<&str> {
        let reasons = reasons(known);
        let explained =
            |difference: &&String| reasons.get(difference.as_str()).is_none_or(|reason| *reason == "UNEXPLAINED");
        self.differences.iter().filter(explained).map(String::as_str).collect()
    }

    pub(crate) fn gone<'a>(&self, known: &'a str) -> Vec<&'a str> {
        reasons(known).into_keys().filter(|known| !self.differences.iter().any(|one| one == known)).collect()
    }
}

/// The reasons of a file of residuals: each difference is followed by one, indented.
fn reasons(known: &str) -> BTreeMap<&str, &str> {
    let mut reasons = BTreeMap::new();
    let mut last = None;
    for line in known.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("    "), last) {
            (Some(reason), Some(difference)) => drop(reasons.insert(difference, reason)),
            _ => last = Some(line),
        }
    }
    reasons
}
