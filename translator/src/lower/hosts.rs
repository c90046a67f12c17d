//! Which listener of a socket a host name belongs to: always the one that says the most about it.

use std::collections::HashSet;

use crate::host::Host;

/// The host names of the listeners that share a socket, no two alike.
#[derive(Debug)]
pub(crate) struct Siblings {
    hosts: Vec<Host>,
    known: HashSet<Host>,
    all_exact: bool,
}

impl Siblings {
    pub(crate) fn new(hosts: Vec<Host>) -> Siblings {
        Siblings { known: hosts.iter().cloned().collect(), all_exact: hosts.iter().all(Host::is_exact), hosts }
    }

    /// Whether no name is a wildcard: then no route can bring one.
    pub(crate) fn all_exact(&self) -> bool {
        self.all_exact
    }

    /// Whether a name of one listener's routes is answered by it, and not by one that says more.
    pub(crate) fn answers(&self, listener: usize, host: &Host) -> bool {
        let own = self.hosts.get(listener);
        if self.known.contains(host) {
            return own == Some(host);
        }
        let narrowest = host.ancestors().find(|ancestor| self.known.contains(ancestor));
        narrowest.as_ref() == own
    }

    /// The names of others for which a client must be told that it came to the wrong listener; every name, where a listener
    /// answers for all that no other has.
    pub(crate) fn misdirected(&self, listener: usize) -> Vec<&Host> {
        let Some(own) = self.hosts.get(listener) else { return Vec::new() };
        let everyone = self.hosts.iter().find(|host| host.is_any() && *host != own);
        let others = self.hosts.iter().filter(|host| *host != own && !host.is_any());
        match everyone {
            // What is not within the listener's own name falls to that one anyway.
            Some(everyone) => others.filter(|host| own.contains(host)).chain([everyone]).collect(),
            None => others.collect(),
        }
    }
}
