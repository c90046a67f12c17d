//! Which GatewayClasses are ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::GatewayClass;
use crate::{Options, World};

/// What becomes of a GatewayClass of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClassVerdict {
    Accepted,
    /// It names parameters nobody here reads.
    InvalidParameters(String),
}

/// The GatewayClasses that are ours.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    verdicts: BTreeMap<Arc<str>, ClassVerdict>,
}

impl Classes {
    pub(crate) fn of(world: &World, options: &Options) -> Classes {
        let assumed = options.assumed_classes.iter().map(|name| (name.as_str().into(), ClassVerdict::Accepted));
        let mut verdicts: BTreeMap<Arc<str>, ClassVerdict> = assumed.collect();
        for class in world.gateway_classes.values() {
            match class.spec.controller_name == options.controller_name {
                true => drop(verdicts.insert(class.metadata.name.clone(), verdict(class))),
                // An object beats the assumption.
                false => drop(verdicts.remove(&class.metadata.name)),
            }
        }
        Classes { verdicts }
    }

    /// Every class that is ours.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.verdicts.keys()
    }

    /// What becomes of a class; `None` for a class that is not ours.
    pub(crate) fn verdict(&self, class: &str) -> Option<&ClassVerdict> {
        self.verdicts.get(class)
    }

    pub(crate) fn accepts(&self, class: &str) -> bool {
        self.verdict(class) == Some(&ClassVerdict::Accepted)
    }
}

fn verdict(class: &GatewayClass) -> ClassVerdict {
    match &class.spec.parameters_ref {
        None => ClassVerdict::Accepted,
        Some(parameters) => ClassVerdict::InvalidParameters(format!(
            "spec.parametersRef: objects of kind {} ({}) are not read",
            parameters.kind, parameters.group
        )),
    }
}
