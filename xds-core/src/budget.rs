//! A shared allowance of bytes or names that streams draw on and give back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The allowance. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    drawn: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Budget {
        Budget(Arc::new(Shared { limit, drawn: AtomicUsize::new(0) }))
    }

    /// A draw of nothing, to be grown; given back when dropped.
    pub(crate) fn draw(&self) -> Draw {
        Draw { budget: self.clone(), amount: 0 }
    }

    #[cfg(test)]
    pub(crate) fn drawn(&self) -> usize {
        self.0.drawn.load(Ordering::Relaxed)
    }
}

/// That a budget has nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// One stream's part of a budget.
#[derive(Debug)]
pub(crate) struct Draw {
    budget: Budget,
    amount: usize,
}

impl Draw {
    /// Makes this draw as large as `amount`; takes more, or gives back.
    ///
    /// # Errors
    /// When the budget does not have as much; the draw is then unchanged.
    pub(crate) fn set(&mut self, amount: usize) -> Result<(), Exhausted> {
        let shared = &self.budget.0;
        if let Some(more) = amount.checked_sub(self.amount) {
            let grown = |drawn: usize| drawn.checked_add(more).filter(|drawn| *drawn <= shared.limit);
            shared.drawn.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).map_err(|_| Exhausted)?;
        } else {
            shared.drawn.fetch_sub(self.amount - amount, Ordering::Relaxed);
        }
        self.amount = amount;
        Ok(())
    }

    pub(crate) fn limit(&self) -> usize {
        self.budget.0.limit
    }

    pub(crate) fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Draw {
    fn drop(&mut self) {
        self.budget.0.drawn.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_beyond_the_limit_is_refused_and_what_is_dropped_comes_back() {
        let budget = Budget::new(10);
        let (mut first, mut second) = (budget.draw(), budget.draw());
        assert_eq!(first.set(6), Ok(()));
        assert_eq!(second.set(5), Err(Exhausted));
        assert_eq!(second.set(4), Ok(()));
        assert_eq!(first.set(2), Ok(()));
        assert_eq!(second.set(8), Ok(()));
        drop(first);
        assert_eq!(budget.drawn(), 8);
        drop(second);
        assert_eq!(budget.drawn(), 0);
    }
}
