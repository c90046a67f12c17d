//! The names a request lists.

use chancery_protocol::{ResourceName, Violation};

use super::fields::{Fields, Value, text};
use super::request::{Malformed, Rules};

/// Names listed in a request, counted before they are kept.
#[derive(Debug, Default)]
pub(super) struct NameList {
    pub(super) listed: Vec<ResourceName>,
}

impl NameList {
    pub(super) fn add(&mut self, name: ResourceName, rules: Rules<'_>) -> Result<(), Malformed> {
        if self.listed.len() >= rules.max_names {
            return Err(Violation::TooManyNames { limit: rules.max_names }.into());
        }
        self.listed.push(name);
        Ok(())
    }

    /// A locator without parameters is a name (P84).
    pub(super) fn add_locator(
        &mut self,
        bytes: &[u8],
        rules: Rules<'_>,
        unsupported: &mut Vec<ResourceName>,
    ) -> Result<(), Malformed> {
        let (mut name, mut parameters) = ("", 0_usize);
        let mut fields = Fields::of(bytes, "resource_locators");
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => name = text(bytes, "resource_locators.name")?,
                (2, Value::Bytes(_)) => parameters += 1,
                _ => {}
            }
        }
        if parameters == 0 {
            return self.add(ResourceName::new(name), rules);
        }
        if unsupported.len() >= rules.max_names {
            return Err(Violation::TooManyNames { limit: rules.max_names }.into());
        }
        unsupported.push(ResourceName::new(name));
        Ok(())
    }
}
