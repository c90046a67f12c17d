//! Whether what happens is said aloud, and how: a server tells, a demonstration tells its own story. Nobody has to listen: what is
//! said waits for the reader in a thread of its own, and when too much waits, words are left out and no work stands still.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How many things wait to be read,
const MOST_WAITING: usize = 4_096;
/// and how many bytes.
const MOST_BYTES: usize = 4 << 20;
/// How long the end waits for what was said before.
const LAST_WORDS: Duration = Duration::from_millis(500);

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
    /// Says one thing. Never waits.
    pub(crate) fn say(self, words: impl Into<String>) {
        if self == Voice::Aloud {
            mouth().say(Said::Words(words.into()));
        }
    }
}

/// Says that something went wrong, where errors are said. Never waits.
pub(crate) fn complain(words: impl Into<String>) {
    mouth().say(Said::Error(words.into()));
}

/// Waits until all that was said is out; not for long, as nobody may read it.
pub(crate) fn finish() {
    let Some(mouth) = MOUTH.get() else { return };
    let (done, waiting) = channel();
    // Where too much waits, this does, too: in a thread that nobody waits for.
    thread::spawn(move || mouth.waiting.send(Said::End(done)));
    let _ = waiting.recv_timeout(LAST_WORDS);
}

/// Output and errors have one mouth.
static MOUTH: OnceLock<Mouth> = OnceLock::new();
/// How many bytes wait.
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// How many things were not said.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

struct Mouth {
    waiting: SyncSender<Said>,
}

enum Said {
    Words(String),
    Error(String),
    /// All before this is out.
    End(Sender<()>),
}

impl Said {
    fn bytes(&self) -> usize {
        match self {
            Said::Words(words) | Said::Error(words) => words.len(),
            Said::End(_) => 0,
        }
    }
}

fn mouth() -> &'static Mouth {
    MOUTH.get_or_init(|| {
        let (waiting, words) = sync_channel(MOST_WAITING);
        thread::spawn(move || speak(&words));
        Mouth { waiting }
    })
}

impl Mouth {
    fn say(&self, said: Said) {
        let bytes = said.bytes();
        let has_room = BYTES.fetch_add(bytes, Ordering::Relaxed) < MOST_BYTES;
        if !has_room || self.waiting.try_send(said).is_err() {
            BYTES.fetch_sub(bytes, Ordering::Relaxed);
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn speak(words: &Receiver<Said>) {
    let (mut output, mut errors) = (io::stdout(), io::stderr());
    for said in words {
        BYTES.fetch_sub(said.bytes(), Ordering::Relaxed);
        let written = match &said {
            Said::Words(words) => writeln!(output, "{words}").and_then(|()| tell_what_is_left_out(&mut output)),
            Said::Error(words) => writeln!(errors, "{words}").or(Ok(())),
            Said::End(_) => tell_what_is_left_out(&mut output),
        };
        if let Said::End(done) = said {
            let _ = done.send(());
        }
        // Nobody will ever read again.
        if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            return;
        }
    }
}

fn tell_what_is_left_out(output: &mut impl Write) -> io::Result<()> {
    match LEFT_OUT.swap(0, Ordering::Relaxed) {
        0 => Ok(()),
        count => writeln!(output, "({count} lines were left out: they were not read in time)"),
    }
}
