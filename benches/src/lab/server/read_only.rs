//! A floor whose objects are edited: each is read, and nothing is made of it.

use std::hint::black_box;
use std::sync::Arc;

use super::Obedient;
use super::translated::edited;
use crate::lab::usage::Counts;
use crate::stand::Failure;

pub(super) struct ReadOnly {
    floor: Box<dyn Obedient>,
    routes: usize,
    counts: Arc<Counts>,
}

impl ReadOnly {
    pub(super) fn new(floor: Box<dyn Obedient>, routes: usize, counts: &Arc<Counts>) -> ReadOnly {
        ReadOnly { floor, routes, counts: Arc::clone(counts) }
    }
}

impl Obedient for ReadOnly {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        self.floor.change(revision, number)
    }

    fn edit(&mut self, number: usize) -> Result<(), Failure> {
        black_box(edited(number, self.routes));
        self.counts.updated(true);
        Ok(())
    }
}
