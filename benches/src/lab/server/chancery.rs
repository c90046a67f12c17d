//! Chancery as it is served in the lab: the cache, the server, and a change as a patch.

use std::future::pending;
use std::sync::Arc;

use chancery_cache::{EveryoneTogether, GroupKey, Patch, Publisher, SnapshotCache};
use chancery_core::{ClientCertificates, InsecureAllowEveryone, Limits, Material, Server, Tls};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::counting::CountingSessions;
use super::{Obedient, Stock};
use crate::lab::setting::{Setting, TlsFiles};
use crate::lab::usage::Counts;
use crate::stand::Failure;

pub(super) struct Published {
    publisher: Publisher,
    stock: Stock,
    counts: Arc<Counts>,
}

impl Published {
    pub(super) fn start(
        runtime: &Runtime,
        listener: TcpListener,
        setting: &Setting,
        counts: &Arc<Counts>,
    ) -> Result<Published, Failure> {
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        let (stock, set) = Stock::new(setting)?;
        publisher.publish(&GroupKey::everyone(), set)?;
        run(runtime, listener, setting, cache, counts)?;
        Ok(Published { publisher, stock, counts: Arc::clone(counts) })
    }
}

impl Obedient for Published {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        let mut patch = Patch::new();
        patch.upsert(self.stock.changed(number, revision)?);
        self.publisher.apply(&GroupKey::everyone(), patch)?;
        self.counts.published();
        Ok(())
    }
}

/// Serves this cache from now on. Limits are the server's own, but for those a herd from one address cannot keep.
pub(super) fn run(
    runtime: &Runtime,
    listener: TcpListener,
    setting: &Setting,
    cache: SnapshotCache,
    counts: &Arc<Counts>,
) -> Result<(), Failure> {
    let limits = Limits { connections_per_address: usize::MAX, subscribed_names: usize::MAX, ..Limits::default() };
    let mut builder = Server::builder(cache, InsecureAllowEveryone)
        .limits(limits)
        .sessions(CountingSessions::new(Arc::clone(counts)));
    if let Some(files) = &setting.tls {
        builder = builder.tls(tls(files)?);
    }
    let server = builder.build()?;
    runtime.spawn(async move {
        if let Err(error) = server.serve(listener, pending()).await {
            eprintln!("the server stopped serving: {error}");
        }
    });
    Ok(())
}

fn tls(files: &TlsFiles) -> Result<Tls, Failure> {
    let clients = ClientCertificates::Required { authorities_pem: std::fs::read(&files.authority)? };
    Ok(Tls::new(&Material {
        certificates_pem: std::fs::read(&files.certificate)?,
        key_pem: std::fs::read(&files.key)?,
        clients,
    })?)
}
