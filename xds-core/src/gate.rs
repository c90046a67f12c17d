//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the connections that are open.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total_limit: usize,
    address_limit: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Gate {
    pub(crate) fn new(total_limit: usize, address_limit: usize) -> Gate {
        Gate(Arc::new(Inner { total_limit, address_limit, open: Mutex::default() }))
    }

    /// Lets a connection in.
    ///
    /// # Errors
    /// When there are too many: the name of the limit.
    pub(crate) fn enter(&self, address: Option<IpAddr>) -> Result<Pass, &'static str> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.0.total_limit {
            return Err("connections");
        }
        if let Some(address) = address {
            let count = open.by_address.entry(address).or_default();
            if *count >= self.0.address_limit {
                return Err("connections_per_address");
            }
            *count += 1;
        }
        open.total += 1;
        ::metrics::gauge!("chancery_connections_open").increment(1);
        Ok(Pass { gate: self.clone(), address })
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Gate,
    address: Option<IpAddr>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.gate.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        ::metrics::gauge!("chancery_connections_open").decrement(1);
        if let Some(address) = self.address
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_too_many_is_refused_until_another_leaves() {
        let gate = Gate::new(3, 2);
        let [a, b] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        let first = gate.enter(Some(a)).unwrap();
        let _second = gate.enter(Some(a)).unwrap();
        assert_eq!(gate.enter(Some(a)).unwrap_err(), "connections_per_address");
        let _third = gate.enter(Some(b)).unwrap();
        assert_eq!(gate.enter(None).unwrap_err(), "connections");
        drop(first);
        let _fourth = gate.enter(Some(a)).unwrap();
        assert_eq!(gate.0.open.lock().unwrap().by_address.len(), 2);
    }
}
