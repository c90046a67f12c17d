//! Make before break: which changes wait for which, on one stream, and for how long.
//!
//! A resource that names another one the peer is *pushed* (a cluster) waits until the peer holds that one. A removal
//! waits until the peer has let go of everything that names the resource. Both waits are bounded, and hold up nothing
//! but the resource itself.

use alloc::collections::BTreeSet;

use crate::conversation::Channel;
use crate::standing::{Anchor, Exception, Told, Variant, Warming};
use crate::{Moment, Ordering, Reference, Resource, ResourceName, Settings, TypeUrl, View};

/// Whether something may be said now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes.
    Go,
    /// Yes, for it has waited long enough; what it waited for did not happen.
    Overdue,
    /// Not before something happens, or this moment comes.
    Wait(Moment),
}

/// What the peer's resources, as far as they are in motion, still name: removals wait for them.
pub(crate) struct Pins<'a> {
    named: BTreeSet<&'a Reference>,
    /// Types of which the peer holds resources nobody knows the content of.
    blind: alloc::vec::Vec<&'a TypeUrl>,
}

impl<'a> Pins<'a> {
    /// Of every type of the stream but `target`.
    pub(crate) fn gather(channels: &'a [Channel], target: &TypeUrl) -> Pins<'a> {
        let mut pins = Pins { named: BTreeSet::new(), blind: alloc::vec::Vec::new() };
        for channel in channels.iter().filter(|channel| channel.type_url != *target) {
            for exception in channel.standing.exceptions.values() {
                pins.add(&channel.type_url, exception, target);
            }
            for warming in channel.standing.warming.values() {
                pins.add_told(&channel.type_url, &warming.former, target);
                pins.add_references(warming.perhaps.iter(), target);
            }
            let unread = !matches!(channel.standing.anchor(), Anchor::At(_));
            if unread && channel.standing.inherited.at.is_some() {
                pins.blind.push(&channel.type_url);
            }
        }
        pins
    }

    fn add(&mut self, holder: &'a TypeUrl, exception: &'a Exception, target: &TypeUrl) {
        let sent = exception.sent.iter().filter_map(|sent| sent.content.as_ref());
        self.add_references(sent, target);
        self.add_told(holder, &exception.told, target);
    }

    fn add_told(&mut self, holder: &'a TypeUrl, told: &'a Told, target: &TypeUrl) {
        match told {
            Told::Lacks => {}
            Told::Holds(resource) => self.add_references(core::iter::once(resource), target),
            Told::Unsure(candidates) => self.add_references(candidates.iter(), target),
            Told::Version(_) => self.blind.push(holder),
        }
    }

    fn add_references(&mut self, resources: impl Iterator<Item = &'a Resource>, target: &TypeUrl) {
        let references = resources.flat_map(Resource::references);
        self.named.extend(references.filter(|reference| reference.type_url == *target));
    }

    fn hold(&self, target: &Reference) -> bool {
        self.named.contains(target) || self.blind.iter().any(|holder| may_name(holder, &target.type_url))
    }
}

/// Whether resources of one type can name resources of another.
fn may_name(holder: &TypeUrl, target: &TypeUrl) -> bool {
    let holders: &[TypeUrl] = if *target == TypeUrl::CLUSTER {
        &[TypeUrl::LISTENER, TypeUrl::ROUTE, TypeUrl::VIRTUAL_HOST, TypeUrl::EXTENSION_CONFIG]
    } else if *target == TypeUrl::ENDPOINTS {
        &[TypeUrl::CLUSTER]
    } else if *target == TypeUrl::ROUTE {
        &[TypeUrl::LISTENER, TypeUrl::SCOPED_ROUTE]
    } else if *target == TypeUrl::SECRET {
        &[TypeUrl::CLUSTER, TypeUrl::LISTENER, TypeUrl::EXTENSION_CONFIG]
    } else if *target == TypeUrl::EXTENSION_CONFIG {
        &[TypeUrl::LISTENER, TypeUrl::ROUTE]
    } else {
        &[]
    };
    holders.contains(holder)
}

/// Whether `resource`, due since `since`, may be told now.
pub(crate) fn may_tell<V: View>(
    channels: &[Channel],
    view: &V,
    settings: &Settings,
    now: Moment,
    resource: &Resource,
    since: Moment,
) -> Verdict {
    if settings.ordering == Ordering::Free {
        return Verdict::Go;
    }
    let pushed = resource
        .references()
        .iter()
        .filter(|reference| reference.type_url.traits().pushed && reference.type_url != *resource.type_url());
    for reference in pushed {
        let Some(target) = channel_of(channels, &reference.type_url) else { continue };
        let unproven = target.standing.unproven_since.is_some_and(|at| now < at + settings.dependency_patience);
        if target.standing.settled() && target.standing.warming.is_empty() && !unproven {
            continue;
        }
        let awaited =
            target.interest.covers_name(&reference.name) && view.get(&reference.type_url, &reference.name).is_some();
        if awaited
            && !(is_ready(target, &reference.name)
                && unproven_is_warm(channels, view, now, settings, target, reference))
        {
            return bounded(now, since, settings);
        }
    }
    Verdict::Go
}

fn bounded(now: Moment, since: Moment, settings: &Settings) -> Verdict {
    let end = since + settings.dependency_patience;
    if now >= end { Verdict::Overdue } else { Verdict::Wait(end) }
}

/// Whether the peer holds a resource, and what it needs to make use of it.
fn is_ready(target: &Channel, name: &ResourceName) -> bool {
    let standing = &target.standing;
    let held = match standing.exceptions.get(name) {
        Some(exception) => exception.told.held().is_some() && !exception.is_leaving(),
        None => standing.anchored(),
    };
    held && standing.warming.get(name).is_none_or(|warming| warming.former.holds_something())
}

/// Of a set accepted whole, or held since before a reconnect, nobody noted what each member waits for: its own
/// references are looked at, for a while.
fn unproven_is_warm<V: View>(
    channels: &[Channel],
    view: &V,
    now: Moment,
    settings: &Settings,
    target: &Channel,
    reference: &Reference,
) -> bool {
    let Some(since) = target.standing.unproven_since else { return true };
    let told = target.standing.exceptions.get(&reference.name).and_then(|exception| exception.told.held());
    let Some(resource) = told.or_else(|| view.get(&reference.type_url, &reference.name)) else { return true };
    now >= since + settings.dependency_patience
        || pulled(resource).all(|pulled| {
            let Some(channel) = channel_of(channels, &pulled.type_url) else { return false };
            let exception = channel.standing.exceptions.get(&pulled.name);
            channel.interest.covers_name(&pulled.name)
                && channel.standing.is_compared(&pulled.name)
                && exception.is_none_or(|exception| exception.told.held().is_some())
        })
}

/// What a resource names and its peer asks for because of that.
fn pulled(resource: &Resource) -> impl Iterator<Item = &Reference> {
    resource.references().iter().filter(|named| {
        let traits = named.type_url.traits();
        !traits.pushed && !traits.collected
    })
}

/// Whether everything an accepted resource pulls has arrived. In the delta variant that a resource does not exist is an
/// answer too; in the state-of-the-world variant there is no such answer, and the peer waits in vain.
pub(crate) fn is_warm<V: View>(channels: &[Channel], view: &V, variant: Variant, warming: &Warming) -> bool {
    warming.references.iter().all(|reference| {
        let exists = view.get(&reference.type_url, &reference.name).is_some();
        let Some(channel) = channel_of(channels, &reference.type_url) else { return false };
        let exception = channel.standing.exceptions.get(&reference.name);
        (exists || variant == Variant::Delta)
            && channel.interest.covers_name(&reference.name)
            && channel.standing.is_compared(&reference.name)
            && exception.is_none_or(|exception| {
                exists && exception.sent.is_none() && exception.told.held().is_some() && exception.is_welcome()
            })
    })
}

/// Whether a removal, due since `exception.since`, may be told now. Notes since when nothing stands in its way.
pub(crate) fn may_remove(
    channels: &[Channel],
    pins: &Pins<'_>,
    settings: &Settings,
    now: Moment,
    at: usize,
    target: &Reference,
    exception: &Exception,
) -> (Verdict, Option<Moment>) {
    if settings.ordering == Ordering::Free {
        return (Verdict::Go, None);
    }
    let end = exception.since + settings.dependency_patience;
    if now >= end {
        return (Verdict::Overdue, exception.free_since);
    }
    let never_held = matches!(exception.told, Told::Lacks);
    if pins.hold(target) || (!never_held && expects_referrers(channels, at)) {
        return (Verdict::Wait(end), None);
    }
    if never_held {
        return (Verdict::Go, None);
    }
    let free_since = exception.free_since.unwrap_or(now);
    let resumed = channels.get(at).is_some_and(|channel| channel.standing.inherited.at.is_some());
    let graced = target.type_url.traits().pushed && (channels.len() > 1 || resumed);
    let open = if graced { free_since + settings.removal_grace } else { free_since };
    let verdict = if now >= open { Verdict::Go } else { Verdict::Wait(open.min(end)) };
    (verdict, Some(free_since))
}

/// After a reconnect, the types that may name the resource are asked for a little later than the type itself.
fn expects_referrers(channels: &[Channel], at: usize) -> bool {
    channels.get(at).is_some_and(|channel| {
        channel.standing.inherited.at.is_some() && may_name(&TypeUrl::LISTENER, &channel.type_url)
    }) && channel_of(channels, &TypeUrl::LISTENER).is_none()
}

pub(crate) fn channel_of<'a>(channels: &'a [Channel], type_url: &TypeUrl) -> Option<&'a Channel> {
    channels.iter().find(|channel| channel.type_url == *type_url)
}
