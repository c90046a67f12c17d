//! A pool of names for the sessions of one simulation.

use alloc::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::{NamePool, Names, ResourceName};

/// How many sets are kept: so few that some are found again and some are not.
const MOST: usize = 16;

/// Keeps the last few sets it was shown.
#[derive(Default)]
pub(super) struct Pool(Mutex<VecDeque<Names>>);

impl NamePool for Pool {
    fn find(&self, fingerprint: u64, names: &[ResourceName]) -> Option<Names> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.fingerprint() == fingerprint && kept.are(names)).cloned()
    }

    fn add(&self, names: &Names) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(names.clone());
        if kept.len() > MOST {
            kept.pop_front();
        }
    }
}
