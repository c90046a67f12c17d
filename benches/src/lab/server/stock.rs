//! The resources of a server, and what one of them becomes by a change.

use bytes::Bytes;
use chancery_cache::ResourceSet;
use chancery_protocol::Resource;
use chancery_resource::{Draft, encode};
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;

use crate::edge;
use crate::lab::setting::{Content, Setting};
use crate::made::Measured;
use crate::stand::Failure;

/// The number of a field in `RouteConfiguration`.
const VIRTUAL_HOSTS: u32 = 2;

/// What can be changed.
pub(super) struct Stock {
    content: Content,
    /// The encoded hosts of the one table, which is put together from them as the translator does.
    hosts: Vec<Bytes>,
}

impl Stock {
    /// All that is served at the beginning, and what changes it.
    pub(super) fn new(setting: &Setting) -> Result<(Stock, ResourceSet), Failure> {
        let mut stock = Stock { content: setting.content, hosts: Vec::new() };
        let mut set = ResourceSet::new();
        if matches!(setting.content, Content::Table | Content::Tables | Content::Hosts) {
            for number in 0..edge::CLUSTERS {
                set.insert(encode(&edge::cluster(number))?)?;
                set.insert(Measured::Endpoints.resource(number, 0)?)?;
            }
        }
        for number in 0..setting.resources {
            match setting.content {
                Content::Endpoints => {}
                Content::Everything => {
                    set.insert(encode(&edge::cluster(number))?)?;
                    set.insert(encode(&edge::listener(number))?)?;
                    set.insert(encode(&edge::routes(number))?)?;
                }
                Content::Table => {
                    stock.hosts.push(encoded_host(number, 0)?);
                    continue;
                }
                Content::Tables | Content::Hosts => {}
                Content::Shops => return Err("shops are translated".into()),
            }
            set.insert(stock.one(number, 0)?)?;
        }
        for number in setting.resources..setting.resources + setting.beside {
            set.insert(Measured::Endpoints.resource(number, 0)?)?;
        }
        if setting.content == Content::Table {
            set.insert(stock.table()?)?;
        }
        Ok((stock, set))
    }

    /// What a change replaces.
    pub(super) fn changed(&mut self, number: usize, revision: usize) -> Result<Resource, Failure> {
        match self.content {
            Content::Table => {
                *self.hosts.get_mut(number).ok_or("no such host")? = encoded_host(number, revision)?;
                self.table()
            }
            _ => self.one(number, revision),
        }
    }

    fn one(&self, number: usize, revision: usize) -> Result<Resource, Failure> {
        Ok(match self.content {
            Content::Tables => encode(&edge::table_of_one(number, revision))?,
            Content::Hosts => encode(&edge::host(number, revision))?,
            _ => Measured::Endpoints.resource(number, revision)?,
        })
    }

    fn table(&self) -> Result<Resource, Failure> {
        let empty = Draft::new(&RouteConfiguration { name: edge::TABLE.into(), ..Default::default() })?;
        let end = empty.body().len();
        Ok(empty.with_repeated(end, VIRTUAL_HOSTS, self.hosts.iter().map(|host| &**host)).encode()?)
    }
}

fn encoded_host(number: usize, revision: usize) -> Result<Bytes, Failure> {
    Ok(Draft::new(&edge::host(number, revision))?.into_body().into())
}

/// The number of the resource that is changed for the nth time in the fan-out experiments: each time another one.
pub(in crate::lab) fn nth(revision: usize, resources: usize) -> usize {
    revision * 7919 % resources
}
