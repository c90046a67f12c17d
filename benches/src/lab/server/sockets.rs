//! The floor below the floor: bare sockets, five bytes and a ready message. No HTTP/2, no gRPC.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::Either;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::Obedient;
use super::answers::Answers;
use super::log::{Log, Place, Untold};
use super::prepared::{News, Prepared};
use crate::lab::bare::{Inbox, framed, unframed};
use crate::lab::setting::{Greeting, Setting};
use crate::stand::Failure;

/// The floor as it is told.
pub(super) struct Sockets {
    log: Arc<Log<Bytes>>,
    news: News<Bytes>,
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
        let (log, news, requests) = match setting.greeting {
            Greeting::All => {
                let (stock, answers) = Answers::new(setting, |message| framed(&[&message]))?;
                (Log::new(Arc::default()), News::Made { stock, form: encoded }, Requests::Answered(answers))
            }
            greeting => {
                let (first, news) = News::new(setting, encoded)?;
                let greets = greeting == Greeting::One;
                (Log::new(first), news, Requests::Dropped { greets })
            }
        };
        let served = serve(listener, Arc::clone(&log), requests);
        runtime.spawn(async {
            if let Err(error) = served.await {
                eprintln!("the floor stopped serving: {error}");
            }
        });
        Ok(Sockets { log, news })
    }
}

impl Obedient for Sockets {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        self.log.push(self.news.of(revision, number)?);
        Ok(())
    }
}

fn encoded(response: Prepared) -> Bytes {
    framed(&[&response.encode()])
}

async fn serve(listener: TcpListener, log: Arc<Log<Bytes>>, requests: Requests) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        let log = Arc::clone(&log);
        tokio::spawn(match &requests {
            Requests::Dropped { greets } => Either::Left(tell_only(stream, log, *greets)),
            Requests::Answered(answers) => Either::Right(answer_and_tell(stream, log, answers.clone())),
        });
    }
}

/// Tells one socket what there is until it is closed, and drops what comes from it.
async fn tell_only(stream: TcpStream, log: Arc<Log<Bytes>>, greets: bool) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let dropped = async move {
        let mut request = [0; 256];
        while read.read(&mut request).await? > 0 {}
        Ok::<(), Failure>(())
    };
    let told = async move {
        let mut more = log.more();
        let mut place = if greets { log.newest() } else { log.end() };
        loop {
            tell(&mut write, &log, &mut place).await?;
            more.changed().await?;
        }
    };
    tokio::select! {
        ended = dropped => ended,
        ended = told => ended,
    }
}

/// Answers what one socket asks until it is closed, and tells it what changes once it has asked for that.
async fn answer_and_tell(stream: TcpStream, log: Arc<Log<Bytes>>, answers: Answers) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let (mut more, mut place, mut is_told) = (log.more(), log.end(), false);
    let mut inbox = Inbox::default();
    loop {
        tokio::select! {
            length = read.read_buf(inbox.room()) => {
                if length? == 0 {
                    return Ok(());
                }
                while let Some(request) = inbox.next() {
                    is_told |= answers.is_about_what_changes(&request);
                    if let Some(answer) = answers.to(&request) {
                        write.write_all(&answer).await?;
                    }
                }
            }
            changed = more.changed(), if is_told => {
                changed?;
                tell(&mut write, &log, &mut place).await?;
            }
        }
    }
}

/// Tells all there is from a place on, as one message: of a resource that has changed twice both, the newer one behind.
async fn tell(to: &mut OwnedWriteHalf, log: &Log<Bytes>, place: &mut Place) -> Result<(), Failure> {
    let Some(Untold { earlier, newest }) = log.since(place) else { return Ok(()) };
    if earlier.is_empty() {
        return Ok(to.write_all(&newest).await?);
    }
    // Messages of one type, one behind the other, are one message: lists are joined, and of the rest the last counts.
    let parts: Vec<&[u8]> = earlier.iter().chain([&newest]).map(|frame| unframed(frame)).collect();
    Ok(to.write_all(&framed(&parts)).await?)
}
