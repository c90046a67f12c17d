//! The reader against every way a message can be cut into frames.

use std::collections::VecDeque;
use std::convert::Infallible;

use futures::FutureExt;
use http_body::Frame;

use super::*;

struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

fn message(size: usize) -> Vec<u8> {
    let mut wire = vec![0];
    wire.extend_from_slice(&(size as u32).to_be_bytes());
    wire.extend((0..size).map(|at| at as u8));
    wire
}

fn reader(wire: &[u8], piece: usize, budget: &Budget) -> Reader<Pieces> {
    Reader::new(Pieces(wire.chunks(piece).map(Bytes::copy_from_slice).collect()), 100_000, budget)
}

/// The next message, put together of its parts.
fn next(reader: &mut Reader<Pieces>) -> Result<Option<Bytes>, Unreadable> {
    let mut whole = Vec::new();
    loop {
        match std::future::poll_fn(|cx| reader.poll_next(cx)).now_or_never().unwrap()? {
            Read::Message(message) => {
                whole.extend_from_slice(&message);
                return Ok(Some(whole.into()));
            }
            Read::Part(part) => {
                assert!(!part.is_empty() && reader.is_midway());
                whole.extend_from_slice(&part);
            }
            Read::Begun => assert!(reader.is_midway()),
            Read::Ended => return Ok(None),
        }
    }
}

#[test]
fn messages_are_read_however_they_are_cut() {
    let sizes = [0, 1, 300, 0, 17, 70_000, 2];
    let wire: Vec<u8> = sizes.iter().flat_map(|size| message(*size)).collect();
    for piece in [1, 2, 3, 5, 6, 7, 100, 16_384, 1 << 20] {
        let budget = Budget::new(1 << 20);
        let mut reader = reader(&wire, piece, &budget);
        for size in sizes {
            let read = next(&mut reader).unwrap().unwrap();
            assert_eq!(read[..], message(size)[5..], "pieces of {piece}");
        }
        assert_eq!(next(&mut reader), Ok(None));
        assert_eq!(budget.drawn(), 0);
        assert_eq!(reader.begun.capacity(), 0, "no buffer stays");
    }
}

#[test]
fn a_message_of_the_limit_is_read_and_one_byte_more_is_refused_before_it_is_buffered() {
    let budget = Budget::new(1 << 20);
    assert!(next(&mut reader(&message(100_000), 1000, &budget)).is_ok());
    let mut over = reader(&message(100_001), 1000, &budget);
    assert_eq!(next(&mut over), Err(Unreadable::TooLarge { announced: 100_001, limit: 100_000 }));
    assert!(over.begun.len() <= 1000);
}

#[test]
fn a_compressed_message_is_refused() {
    let mut wire = message(3);
    wire[0] = 1;
    assert_eq!(next(&mut reader(&wire, 100, &Budget::new(0))), Err(Unreadable::Compressed));
}

#[test]
fn a_message_cut_off_is_told_from_an_end() {
    let wire = message(10);
    assert_eq!(next(&mut reader(&wire[..9], 4, &Budget::new(0))), Err(Unreadable::Truncated));
    assert_eq!(next(&mut reader(&[], 4, &Budget::new(0))), Ok(None));
}

#[test]
fn small_messages_are_read_when_the_budget_is_used_up() {
    let budget = Budget::new(10);
    let mut other = budget.draw();
    other.set(10).unwrap();
    let small = message(FREE_BYTES);
    assert!(next(&mut reader(&small, 1000, &budget)).is_ok());
    let large = message(FREE_BYTES + 1);
    assert_eq!(next(&mut reader(&large, 1000, &budget)), Err(Unreadable::BudgetExhausted { limit: 10 }));
    drop(other);
    assert!(next(&mut reader(&large, 1000, &budget)).is_ok());
}

#[test]
fn a_long_request_is_handed_out_in_whole_fields_and_is_nowhere_as_a_whole() {
    // A hundred thousand names of ten bytes, field 3.
    let field = |number: usize| [&[3 << 3 | 2, 10][..], format!("{number:010}").as_bytes()].concat();
    let content: Vec<u8> = (0..100_000).flat_map(field).collect();
    let wire = [&[0][..], &(content.len() as u32).to_be_bytes(), &content].concat();
    // What was handed out draws on the budget until the request ends: whoever takes it in keeps what it says.
    let budget = Budget::new(content.len());
    let pieces = Pieces(wire.chunks(16_384).map(Bytes::copy_from_slice).collect());
    let mut reader = Reader::new(pieces, content.len(), &budget);
    let (mut parts, mut read) = (0, Vec::new());
    loop {
        match std::future::poll_fn(|cx| reader.poll_next(cx)).now_or_never().unwrap().unwrap() {
            Read::Part(part) => {
                assert_eq!(budget.drawn(), reader.taken - FREE_BYTES);
                assert_eq!(whole_fields(&part), part.len());
                assert!(part.len() <= 2 * PART_BYTES && reader.begun.len() < 12);
                parts += 1;
                read.extend_from_slice(&part);
            }
            Read::Message(last) => {
                read.extend_from_slice(&last);
                break;
            }
            Read::Begun => {}
            Read::Ended => unreachable!("the message has an end"),
        }
    }
    assert!(parts > 10 && read == content);
    assert_eq!(budget.drawn(), 0);
}

#[test]
fn a_group_without_an_end_is_not_looked_through_again_for_each_frame() {
    // The beginning of a group, and numbers in it.
    let content = [&[1 << 3 | 3][..], &[2 << 3, 1].repeat(500_000)].concat();
    let wire = [&[0][..], &(content.len() as u32).to_be_bytes(), &content].concat();
    let budget = Budget::new(content.len());
    let pieces = Pieces(wire.chunks(16).map(Bytes::copy_from_slice).collect());
    let mut reader = Reader::new(pieces, content.len(), &budget);
    assert_eq!(next(&mut reader).unwrap().unwrap().len(), content.len());
    let mut reader = Reader { enough: PART_BYTES, ..reader };
    reader.begun = content[..PART_BYTES].to_vec();
    (reader.missing, reader.chunk) = (Some(100), Bytes::from_static(&[0]));
    assert_eq!(reader.take(), Ok(None));
    assert_eq!(reader.enough, 2 * (PART_BYTES + 1));
}
