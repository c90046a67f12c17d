//! Which listener of a socket a host name belongs to: always the one that says the most about it.

use crate::host::Host;

/// The host names of the listeners that share a socket.
#[derive(Debug)]
pub(crate) struct Siblings {
    hosts: Vec<Host>,
    /// For each listener, those whose names lie within its own.
    within: Vec<Vec<usize>>,
}

impl Siblings {
    pub(crate) fn new(hosts: Vec<Host>) -> Siblings {
        let within = hosts
            .iter()
            .enumerate()
            .map(|(at, own)| {
                let narrower = |other: &usize| *other != at && hosts[*other] != *own && own.contains(&hosts[*other]);
                (0..hosts.len()).filter(narrower).collect()
            })
            .collect();
        Siblings { hosts, within }
    }

    /// Whether a name of one listener's routes is answered by it, and not by one that says more.
    pub(crate) fn answers(&self, listener: usize, host: &Host) -> bool {
        let narrower = self.within.get(listener).map_or(&[][..], Vec::as_slice);
        !narrower.iter().any(|other| self.hosts[*other].contains(host))
    }

    /// The names of the others.
    pub(crate) fn others(&self, listener: usize) -> impl Iterator<Item = &Host> {
        let own = self.hosts.get(listener);
        self.hosts
            .iter()
            .enumerate()
            .filter(move |(at, host)| *at != listener && Some(*host) != own)
            .map(|(_, host)| host)
    }
}
