//! What floors tell: responses made before anybody asked, and what a change is.

use std::sync::Arc;

use chancery_protocol::Resource as Served;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse, Resource};
use envoy_types::pb::google::protobuf::Any;
use prost::Message;

use super::Stock;
use super::stock::nth;
use crate::lab::setting::{Novelty, Setting};
use crate::stand::Failure;

/// A response that is ready.
pub(super) enum Prepared {
    Delta(DeltaDiscoveryResponse),
    Sotw(DiscoveryResponse),
}

impl Prepared {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Prepared::Delta(response) => response.encode_to_vec(),
            Prepared::Sotw(response) => response.encode_to_vec(),
        }
    }
}

/// What a floor tells when something changes, in the form `T` in which it sends it.
pub(super) enum News<T> {
    /// One of two that are ready.
    InTurn([Arc<T>; 2]),
    /// What changes, made of this.
    Made { stock: Stock, form: fn(Prepared) -> T },
}

impl<T> News<T> {
    /// What is told first, and all that comes after it.
    ///
    /// # Errors
    /// What is made when it changes is a delta response.
    pub(super) fn new(setting: &Setting, form: fn(Prepared) -> T) -> Result<(Arc<T>, News<T>), Failure> {
        let (mut stock, [first, even, odd]) = responses(setting)?;
        let first = Arc::new(form(first));
        let news = match setting.novelty {
            Novelty::InTurn => News::InTurn([even, odd].map(|told| Arc::new(form(told)))),
            Novelty::Made if setting.sotw => return Err("a floor makes delta responses only".into()),
            Novelty::Made => {
                // What responses were made of is as it was at the beginning.
                stock.changed(nth(2, setting.resources), 0)?;
                stock.changed(nth(1, setting.resources), 0)?;
                News::Made { stock, form }
            }
        };
        Ok((first, news))
    }

    /// The response to a change.
    pub(super) fn of(&mut self, revision: usize, number: usize) -> Result<Arc<T>, Failure> {
        match self {
            News::InTurn([even, odd]) => Ok(Arc::clone(if revision.is_multiple_of(2) { even } else { odd })),
            News::Made { stock, form } => {
                let changed = stock.changed(number, revision)?;
                Ok(Arc::new(form(Prepared::Delta(delta(&[&changed], revision)))))
            }
        }
    }
}

/// The response to the beginning, and to two changes: in delta as Chancery sends them, byte for byte but for the versions; in state
/// of the world all there is, of which Chancery sends what has changed.
fn responses(setting: &Setting) -> Result<(Stock, [Prepared; 3]), Failure> {
    let (mut stock, all) = Stock::new(setting)?;
    let resources = setting.resources;
    let (one, two) = (stock.changed(nth(1, resources), 1)?, stock.changed(nth(2, resources), 2)?);
    let first = stock.changed(0, 0)?;
    // In state of the world a response is all there is, with what has changed in it.
    let everything = || all.iter().filter(|resource| resource.type_url() == first.type_url());
    let with = |changed: &Served| match setting.sotw {
        true => everything()
            .map(|resource| if resource.name() == changed.name() { changed } else { resource })
            .map(|resource| Any { type_url: resource.type_url().as_str().to_owned(), value: resource.body().to_vec() })
            .collect(),
        false => Vec::new(),
    };
    let told = [(&first, 0), (&two, 2), (&one, 1)].map(|(resource, revision)| match setting.sotw {
        true => Prepared::Sotw(sotw(resource, with(resource), revision)),
        false => Prepared::Delta(delta(&[resource], revision)),
    });
    Ok((stock, told))
}

/// A response with these resources, all of one type.
pub(super) fn delta(resources: &[&Served], revision: usize) -> DeltaDiscoveryResponse {
    let wrapped = |resource: &&Served| Resource {
        name: resource.name().as_str().to_owned(),
        version: resource.version().as_str().to_owned(),
        resource: Some(Any { type_url: resource.type_url().as_str().to_owned(), value: resource.body().to_vec() }),
        ..Default::default()
    };
    DeltaDiscoveryResponse {
        system_version_info: resources.first().map(|one| one.version().as_str().to_owned()).unwrap_or_default(),
        type_url: resources.first().map(|one| one.type_url().as_str().to_owned()).unwrap_or_default(),
        resources: resources.iter().map(wrapped).collect(),
        nonce: (revision + 1).to_string(),
        ..Default::default()
    }
}

fn sotw(changed: &Served, resources: Vec<Any>, revision: usize) -> DiscoveryResponse {
    DiscoveryResponse {
        version_info: changed.version().as_str().to_owned(),
        resources,
        type_url: changed.type_url().as_str().to_owned(),
        nonce: (revision + 1).to_string(),
        ..Default::default()
    }
}
