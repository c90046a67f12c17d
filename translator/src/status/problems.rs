//! What is wrong, in one list: for logs and tables, where a person looks first.

use crate::attach::{AddressFault, Gateways, ListenerFault, ParentVerdict, Routes, SetVerdict};
use crate::lower::Lowered;
use crate::provenance::Origin;
use crate::reasons;
use crate::translation::Problem;

pub(crate) fn of(gateways: &Gateways<'_>, routes: &Routes<'_>, lowered: &Lowered<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    gateways.all.iter().for_each(|gateway| of_gateway(gateway, &mut problems));
    for (route, outcomes) in routes.all.iter().zip(&lowered.outcomes) {
        for (at, (parent, outcome)) in route.parents.iter().zip(outcomes).enumerate() {
            if let ParentVerdict::NotAccepted { reason, message } = &parent.verdict {
                let place =
                    route.source.parents().iter().position(|one| std::ptr::eq(one, parent.reference)).unwrap_or(at);
                let origin = Origin::new(&route.id, format!("spec.parentRefs[{place}]"));
                problems.push(Problem { origin, reason: (*reason).to_owned(), message: message.clone() });
            }
            for fault in outcome.values.iter().chain(&outcome.references) {
                let origin = Origin::new(&route.id, fault.field.clone());
                problems.push(Problem { origin, reason: fault.reason.to_owned(), message: fault.message.clone() });
            }
        }
    }
    for (id, verdict) in &lowered.policies.verdicts {
        if let Some(other) = &verdict.conflicts_with {
            let message = format!("{other} is older, and has the same target");
            let origin = Origin::new(id, "spec.targetRefs");
            problems.push(Problem { origin, reason: reasons::CONFLICTED.to_owned(), message });
        }
        if let Some((reason, message)) = &verdict.unresolved {
            let origin = Origin::new(id, "spec.validation");
            problems.push(Problem { origin, reason: (*reason).to_owned(), message: message.clone() });
        }
    }
    problems
}

fn of_gateway(gateway: &crate::attach::AttachedGateway<'_>, problems: &mut Vec<Problem>) {
    let mut tell = |origin: Origin, reason: &str, message: &str| {
        problems.push(Problem { origin, reason: reason.to_owned(), message: message.to_owned() });
    };
    if let Some(message) = &gateway.parameters_fault {
        tell(Origin::new(&gateway.id, "spec.infrastructure.parametersRef"), reasons::INVALID_PARAMETERS, message);
    }
    match &gateway.address_fault {
        Some(AddressFault::Unsupported(message)) => {
            tell(Origin::new(&gateway.id, "spec.addresses"), reasons::UNSUPPORTED_ADDRESS, message);
        }
        Some(AddressFault::NotUsable(message)) => {
            tell(Origin::new(&gateway.id, "spec.addresses"), reasons::ADDRESS_NOT_USABLE, message);
        }
        None => {}
    }
    if let Some(Err((reason, message))) = &gateway.client_certificate {
        tell(Origin::new(&gateway.id, "spec.tls.backend.clientCertificateRef"), reason, message);
    }
    for set in &gateway.sets {
        if let SetVerdict::NotAllowed(message) = &set.verdict {
            tell(Origin::new(&set.id, "spec.parentRef"), reasons::NOT_ALLOWED, message);
        }
    }
    for listener in &gateway.listeners {
        for fault in &listener.faults {
            let (ListenerFault::NotAccepted { reason, message } | ListenerFault::Unresolved { reason, message, .. }) =
                fault;
            tell(listener.origin(), reason, message);
        }
        if let Some(conflict) = listener.conflict {
            tell(listener.origin(), conflict.reason(), "another listener is in the way");
        }
    }
}
