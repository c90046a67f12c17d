//! Answers that were made before anybody asked: to a first request, all there is of its type.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::Stock;
use super::prepared::delta;
use crate::lab::setting::Setting;
use crate::lab::skim::{Field, field};
use crate::made;
use crate::stand::Failure;

/// All answers there are. Of a request it reads its type, its last name and whether it accepts something.
#[derive(Clone)]
pub(super) struct Answers {
    all: Arc<HashMap<Vec<u8>, Bytes>>,
    changing: Arc<str>,
}

impl Answers {
    /// In the form in which they are sent; and what can be changed.
    ///
    /// # Errors
    /// When there is no resource beside those everybody names: that is what changes.
    pub(super) fn new(setting: &Setting, form: fn(Vec<u8>) -> Bytes) -> Result<(Stock, Answers), Failure> {
        if setting.beside != 1 {
            return Err("what changes is the one resource beside those that everybody names".into());
        }
        let (stock, set) = Stock::new(setting)?;
        let mut by_type: HashMap<Vec<u8>, Vec<_>> = HashMap::new();
        for resource in set.iter() {
            by_type.entry(resource.type_url().as_str().as_bytes().to_vec()).or_default().push(resource);
        }
        let all = by_type.iter().map(|(url, resources)| (url.clone(), form(delta(resources, 0).encode_to_vec())));
        let changing = made::name(setting.resources).into();
        Ok((stock, Answers { all: Arc::new(all.collect()), changing }))
    }

    /// All there is of the type a request is about, unless it accepts something.
    pub(super) fn to(&self, request: &[u8]) -> Option<Bytes> {
        match (field(request, 2)?, field(request, 6)) {
            (Field::Bytes(type_url), None) => self.all.get(type_url).cloned(),
            _ => None,
        }
    }

    /// Whether a request names the one resource that changes: names are last in a request, and that one is the last of them.
    pub(super) fn is_about_what_changes(&self, request: &[u8]) -> bool {
        request.ends_with(self.changing.as_bytes())
    }
}
