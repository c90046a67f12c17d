//! A session that calls itself quiet is not asked: whether it has nothing to say.

use alloc::format;

use super::oracle::{Offence, offence};
use crate::{Moment, Session, View};

/// Whether a caller would not ask, unless something is published.
pub(super) fn is_quiet<S: Session>(session: &S, now: Moment) -> bool {
    session.is_quiet() && session.poll_timeout().is_none_or(|due| due > now)
}

/// A session that was quiet has said something (`spoke`), though nothing had happened.
pub(super) fn stays_quiet(spoke: bool) -> Result<(), Offence> {
    match spoke {
        true => offence("quiet", "a session that had called itself quiet spoke, and nothing had happened".into()),
        false => Ok(()),
    }
}

/// A session that says it is quiet is not asked again before something happens: it must have nothing to say, and no moment to wake
/// that it has not named.
pub(super) fn keeps_quiet<S: Session>(session: &mut S, now: Moment, view: &impl View) -> Result<(), Offence> {
    if !session.is_quiet() {
        return Ok(());
    }
    let named = session.poll_timeout();
    if session.poll_transmit(now, view).is_some() {
        return offence("quiet", "a session that called itself quiet had something to say".into());
    }
    match (named, session.poll_timeout()) {
        (None, Some(then)) => offence("quiet", format!("the moment {then:?} was not named")),
        (Some(named), Some(then)) if then < named => offence("quiet", format!("{then:?} was not named, but {named:?}")),
        _ => Ok(()),
    }
}
