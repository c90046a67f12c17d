//! What becomes of a condition: it holds, it fails and why, or it cannot be worked out here.

/// The answer of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails(String),
    /// It uses something that is not evaluated: what.
    Unknown(String),
}

impl Verdict {
    /// Holds if `holds`, else fails for this reason.
    pub(crate) fn unless(holds: bool, reason: impl FnOnce() -> String) -> Verdict {
        if holds { Verdict::Holds } else { Verdict::Fails(reason()) }
    }
}

/// All of them: one that fails decides, else one that is not known.
pub(crate) fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let mut unknown = None;
    for verdict in verdicts {
        match verdict {
            Verdict::Holds => {}
            Verdict::Fails(_) => return verdict,
            Verdict::Unknown(reason) => unknown = unknown.or(Some(reason)),
        }
    }
    unknown.map_or(Verdict::Holds, Verdict::Unknown)
}
