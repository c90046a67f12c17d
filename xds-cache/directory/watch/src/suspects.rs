//! Which paths may have changed, as notifications name them.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// More paths than this are not told apart: then everything may have changed.
const MOST_PATHS: usize = 10_000;

/// What may have changed since somebody looked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Suspects {
    /// Anything at all: nothing was looked at yet, or notifications were lost.
    #[default]
    Everything,
    /// These paths and what lies below them.
    Paths(BTreeSet<PathBuf>),
}

impl Suspects {
    /// Nothing.
    pub fn none() -> Suspects {
        Suspects::Paths(BTreeSet::new())
    }

    /// These as well. A notification without a path may be of anything.
    pub(crate) fn add(&mut self, paths: &[PathBuf]) {
        let Suspects::Paths(known) = self else { return };
        known.extend(paths.iter().cloned());
        if paths.is_empty() || known.len() > MOST_PATHS {
            *self = Suspects::Everything;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_up_to_a_number_and_nothing_is_forgotten() {
        let path = |number: usize| PathBuf::from(format!("/{number}"));
        let mut suspects = Suspects::none();
        (0..MOST_PATHS).for_each(|number| suspects.add(&[path(number), path(0)]));
        assert!(matches!(&suspects, Suspects::Paths(paths) if paths.len() == MOST_PATHS));
        suspects.add(&[path(MOST_PATHS)]);
        assert_eq!(suspects, Suspects::Everything);
        suspects.add(&[path(0)]);
        assert_eq!(suspects, Suspects::Everything);
    }

    #[test]
    fn a_notification_without_a_path_is_of_anything() {
        let mut suspects = Suspects::none();
        suspects.add(&[]);
        assert_eq!(suspects, Suspects::Everything);
    }
}
