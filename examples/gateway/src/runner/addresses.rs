//! Which address each Gateway gets on this machine: one of `127.0.x.y` of its own, the same one every time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

/// How many addresses there are: `127.0.1.1` to `127.0.254.254`. Those of `127.0.0` are for others.
const COUNT: u32 = 254 * 254;

/// Envoys share a port when they are told to listen on the same one, and nobody would notice: whoever gives out an address
/// holds this UDP port of it, so that two servers on one machine do not give out the same.
const CLAIM_PORT: u16 = 65_535;

/// That an address is ours, as long as this is kept.
pub(crate) struct Claim {
    _held: Option<UdpSocket>,
}

impl Claim {
    /// `None` when somebody else has it.
    fn on(address: IpAddr) -> Option<Claim> {
        match UdpSocket::bind((address, CLAIM_PORT)) {
            Ok(held) => Some(Claim { _held: Some(held) }),
            Err(error) if error.kind() == ErrorKind::AddrInUse => None,
            // Where loopback addresses beside 127.0.0.1 are not there, Envoy will say so.
            Err(_) => Some(Claim { _held: None }),
        }
    }
}

/// Who has which address. An address stays with its owner as long as it is in the set; a new one gets the one its name
/// comes to, or the next that is free.
#[derive(Default)]
pub(crate) struct Addresses {
    taken: BTreeMap<String, (IpAddr, Claim)>,
}

impl Addresses {
    /// Gives each of these an address, and takes those of all others back.
    pub(crate) fn assign<'a>(&mut self, owners: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, IpAddr> {
        self.assign_claimed(owners, Claim::on)
    }

    fn assign_claimed<'a>(
        &mut self,
        owners: impl IntoIterator<Item = &'a str>,
        claim: impl Fn(IpAddr) -> Option<Claim>,
    ) -> BTreeMap<String, IpAddr> {
        let owners: BTreeSet<&str> = owners.into_iter().collect();
        self.taken.retain(|owner, _| owners.contains(owner.as_str()));
        let mut used: BTreeSet<IpAddr> = self.taken.values().map(|(address, _)| *address).collect();
        for owner in owners {
            if self.taken.contains_key(owner) {
                continue;
            }
            let first = place_of(owner);
            let mut all = (0..COUNT).map(|step| address_at((first + step) % COUNT));
            let free = all.find_map(|address| match used.contains(&address) {
                true => None,
                false => Some((address, claim(address)?)),
            });
            if let Some((address, claim)) = free {
                used.insert(address);
                self.taken.insert(owner.to_owned(), (address, claim));
            }
        }
        self.taken.iter().map(|(owner, (address, _))| (owner.clone(), *address)).collect()
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

    /// Nobody else is on the machine.
    fn alone(_: IpAddr) -> Option<Claim> {
        Some(Claim { _held: None })
    }

    #[test]
    fn an_address_comes_from_the_name_and_stays_whoever_else_comes_and_goes() {
        let mut addresses = Addresses::default();
        let first = addresses.assign_claimed(["shop/web"], alone)["shop/web"];
        let mut others = Addresses::default();
        let among = others.assign_claimed(["a/a", "shop/web", "z/z"], alone)["shop/web"];
        assert_eq!(first, among);
        assert_eq!(others.assign_claimed(["shop/web"], alone)["shop/web"], first);
        assert!(first.is_loopback() && !first.to_string().starts_with("127.0.0."), "{first}");
    }

    #[test]
    fn no_two_have_the_same_address() {
        let names: Vec<String> = (0..2000).map(|number| format!("shop/gateway-{number}")).collect();
        let given = Addresses::default().assign_claimed(names.iter().map(String::as_str), alone);
        let different: BTreeSet<IpAddr> = given.values().copied().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn who_was_first_keeps_the_address_another_name_comes_to() {
        let mut seen: BTreeMap<u32, String> = BTreeMap::new();
        let same_place = |name: String| seen.insert(place_of(&name), name.clone()).map(|earlier| (earlier, name));
        let (first, second) = (0..).map(|number| format!("a/{number}")).find_map(same_place).expect("a collision");
        let mut addresses = Addresses::default();
        let held = addresses.assign_claimed([second.as_str()], alone)[&second];
        let both = addresses.assign_claimed([first.as_str(), second.as_str()], alone);
        assert_eq!(both[&second], held);
        assert_ne!(both[&first], held);
    }

    #[test]
    fn two_servers_on_one_machine_do_not_give_out_the_same_address() {
        let (mut one, mut other) = (Addresses::default(), Addresses::default());
        let name = "a test/of two servers";
        let first = one.assign([name])[name];
        assert_ne!(other.assign([name])[name], first);
        drop(one);
        assert_eq!(Addresses::default().assign([name])[name], first, "free again");
    }
}
