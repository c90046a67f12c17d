//! Which address each Gateway gets on this machine: one of `127.0.x.y` of its own, the same one every time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener};

/// How many addresses there are: `127.0.1.1` to `127.0.254.254`. Those of `127.0.0` are for others.
const COUNT: u32 = 254 * 254;

/// Who has which address. An address stays with its owner as long as it is in the set; a new one gets the one its name
/// comes to, or the next that is free.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    taken: BTreeMap<String, IpAddr>,
}

impl Addresses {
    /// Gives each of these an address, and takes those of all others back.
    pub(crate) fn assign<'a>(&mut self, owners: impl IntoIterator<Item = &'a str>) -> &BTreeMap<String, IpAddr> {
        let owners: BTreeSet<&str> = owners.into_iter().collect();
        self.taken.retain(|owner, _| owners.contains(owner.as_str()));
        let mut used: BTreeSet<IpAddr> = self.taken.values().copied().collect();
        for owner in owners {
            if self.taken.contains_key(owner) {
                continue;
            }
            let first = place_of(owner);
            let free =
                (0..COUNT).map(|step| address_at((first + step) % COUNT)).find(|address| !used.contains(address));
            if let Some(address) = free {
                used.insert(address);
                self.taken.insert(owner.to_owned(), address);
            }
        }
        &self.taken
    }
}

fn place_of(owner: &str) -> u32 {
    let hash = blake3::hash(owner.as_bytes());
    hash.as_bytes().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)).rem_euclid(COUNT.into()) as u32
}

fn address_at(place: u32) -> IpAddr {
    let part = |number: u32| u8::try_from(number + 1).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::new(127, 0, part(place / 254), part(place % 254)))
}

/// What has to be added to ports below 1024 on this machine: nothing when they may be bound, 10000 otherwise.
pub(crate) fn privileged_port_offset() -> u16 {
    // Whether the port is free does not matter.
    match TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 1)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => 10_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_from_the_name_and_stays_whoever_else_comes_and_goes() {
        let mut addresses = Addresses::default();
        let alone = addresses.assign(["shop/web"])["shop/web"];
        let mut others = Addresses::default();
        let among = others.assign(["a/a", "shop/web", "z/z"])["shop/web"];
        assert_eq!(alone, among);
        assert_eq!(others.assign(["shop/web"])["shop/web"], alone);
        assert!(alone.is_loopback() && !alone.to_string().starts_with("127.0.0."), "{alone}");
    }

    #[test]
    fn no_two_have_the_same_address() {
        let names: Vec<String> = (0..2000).map(|number| format!("shop/gateway-{number}")).collect();
        let mut addresses = Addresses::default();
        let given: BTreeSet<IpAddr> = addresses.assign(names.iter().map(String::as_str)).values().copied().collect();
        assert_eq!(given.len(), names.len());
    }

    #[test]
    fn who_was_first_keeps_the_address_another_name_comes_to() {
        // Two names with the same place.
        let mut seen: BTreeMap<u32, String> = BTreeMap::new();
        let (first, second) = (0..)
            .map(|number| format!("a/{number}"))
            .find_map(|name| seen.insert(place_of(&name), name.clone()).map(|earlier| (earlier, name)))
            .expect("a collision");
        let mut addresses = Addresses::default();
        let held = addresses.assign([second.as_str()])[&second];
        let both = addresses.assign([first.as_str(), second.as_str()]);
        assert_eq!(both[&second], held);
        assert_ne!(both[&first], held);
    }
}
