//! Names that are read, taken from the set of another stream that has them: proxies of one gateway list the same ten thousand, and
//! a text that is looked up is neither made nor dropped.

use chancery_protocol::{Names, PoolChoice, ResourceName};

/// How many names are made anew before a set is looked for, and then again whenever twice as many were. Short lists are not worth it.
const SOME: usize = 16;

/// Where the names of one request are taken from. Default: from nowhere yet.
#[derive(Debug, Default)]
pub(super) struct KnownNames {
    set: Option<Names>,
    made: usize,
}

impl KnownNames {
    /// The name with this text.
    pub(super) fn name(&mut self, text: &str, pool: &PoolChoice) -> ResourceName {
        if let Some(name) = self.set.as_ref().and_then(|set| set.named(text)) {
            return name.clone();
        }
        self.made += 1;
        if self.made >= SOME && self.made.is_power_of_two() {
            self.set = pool.with(text).or(self.set.take());
        }
        ResourceName::new(text)
    }
}
