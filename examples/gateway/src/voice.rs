//! Whether what happens is said aloud: a server tells, a demonstration tells its own story.

/// Says things, or keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Voice {
    /// One line of output for each thing.
    #[default]
    Aloud,
    /// Nothing.
    Silent,
}

impl Voice {
    /// Says one thing.
    pub(crate) fn say(self, words: impl AsRef<str>) {
        if self == Voice::Aloud {
            println!("{}", words.as_ref());
        }
    }
}
