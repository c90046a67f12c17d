//! The floor below the floor: bare sockets, five bytes and a ready message. No HTTP/2, no gRPC.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::answers::Answers;
use super::log::{Log, Place};
use super::told::{News, Told, delta};
use super::{Obedient, Stock};
use crate::lab::bare::{Inbox, framed};
use crate::lab::setting::{Greeting, Setting};
use crate::stand::Failure;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// The floor as it is told.
pub(super) struct Sockets {
    log: Arc<Log<Bytes>>,
    changes: Changes,
}

enum Changes {
    News(News<Bytes>),
    Stock(Stock),
}

/// What a socket has to do with requests.
#[derive(Clone)]
enum Requests {
    /// Drops them, and tells what is newest and all that comes, or only what comes.
    Dropped { greets: bool },
    /// Answers them, and tells what changes to those who named it.
    Answered(Answers),
}

impl Sockets {
    pub(super) fn start(runtime: &Runtime, listener: TcpListener, setting: &Setting) -> Result<Sockets, Failure> {
        // Made before anything is measured.
        let (log, changes, requests) = match setting.greeting {
            Greeting::All => {
                let (stock, answers) = Answers::new(setting, framed)?;
                (Log::new(Arc::default()), Changes::Stock(stock), Requests::Answered(answers))
            }
            greeting => {
                let (first, news) = News::new(setting, encoded)?;
                let greets = greeting == Greeting::One;
                (Log::new(first), Changes::News(news), Requests::Dropped { greets })
            }
        };
        runtime.spawn(serve(listener, Arc::clone(&log), requests));
        Ok(Sockets { log, changes })
    }
}

impl Obedient for Sockets {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        self.log.push(match &mut self.changes {
            Changes::News(news) => news.of(revision, number)?,
            Changes::Stock(stock) => {
                let changed = stock.changed(number, revision)?;
                Arc::new(encoded(Told::Delta(delta(&[&changed], revision))))
            }
        });
        Ok(())
    }
}

fn encoded(told: Told) -> Bytes {
    framed(&match told {
        Told::Delta(response) => response.encode_to_vec(),
        Told::Sotw(response) => response.encode_to_vec(),
    })
}

async fn serve(listener: TcpListener, log: Arc<Log<Bytes>>, requests: Requests) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(one(stream, Arc::clone(&log), requests.clone()));
    }
}

/// Serves one socket until it is closed.
async fn one(mut stream: TcpStream, log: Arc<Log<Bytes>>, requests: Requests) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut more = log.more();
    let (mut place, mut is_told) = match requests {
        Requests::Dropped { greets: true } => (log.newest(), true),
        Requests::Dropped { greets: false } => (log.end(), true),
        Requests::Answered(_) => (log.end(), false),
    };
    let mut inbox = Inbox::default();
    tell(&mut stream, &log, &mut place).await?;
    loop {
        tokio::select! {
            readable = stream.readable() => {
                readable?;
                let is_over = match &requests {
                    Requests::Dropped { .. } => read(&stream, |_| {})?,
                    Requests::Answered(_) => read(&stream, |piece| inbox.push(piece))?,
                };
                if is_over {
                    return Ok(());
                }
                if let Requests::Answered(answers) = &requests {
                    is_told |= answer(&mut stream, &mut inbox, answers).await?;
                }
            }
            changed = more.changed(), if is_told => {
                changed?;
                tell(&mut stream, &log, &mut place).await?;
            }
        }
    }
}

/// Reads a piece of what is there. Gives whether nothing more will be.
fn read(stream: &TcpStream, take: impl FnOnce(&[u8])) -> Result<bool, Failure> {
    // Not kept between reads: a socket that is idle has no buffer.
    let mut piece = [0; PIECE];
    match stream.try_read(&mut piece) {
        Ok(length) => {
            take(piece.get(..length).unwrap_or_default());
            Ok(length == 0)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Answers all requests that are complete. Gives whether one of them is about what changes.
async fn answer(stream: &mut TcpStream, inbox: &mut Inbox, answers: &Answers) -> Result<bool, Failure> {
    let mut is_about_what_changes = false;
    while let Some(request) = inbox.next() {
        is_about_what_changes |= answers.is_about_what_changes(&request);
        if let Some(answer) = answers.to(&request) {
            stream.write_all(&answer).await?;
        }
    }
    Ok(is_about_what_changes)
}

/// Tells all there is behind a place, in one write.
async fn tell(stream: &mut TcpStream, log: &Log<Bytes>, place: &mut Place) -> Result<(), Failure> {
    let frames = log.behind(place, |behind| match behind {
        [frame] => Bytes::clone(frame),
        frames => frames.iter().flat_map(|frame| frame.iter().copied()).collect(),
    });
    match frames {
        Some(frames) => Ok(stream.write_all(&frames).await?),
        None => Ok(()),
    }
}
