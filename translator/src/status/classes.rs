//! The statuses of GatewayClasses.

use crate::World;
use crate::api::{GatewayClassStatus, ObjectId, Status};
use crate::attach::{ClassVerdict, Classes};
use crate::reasons;

use super::conditions::Conditions;
use super::features;

pub(crate) fn statuses(world: &World, classes: &Classes) -> Vec<(ObjectId, Status)> {
    let ours = world.gateway_classes.iter().filter_map(|(id, class)| Some((id, class, classes.verdict(&id.name)?)));
    ours.map(|(id, class, verdict)| {
        let mut conditions = Conditions::at(class.metadata.generation);
        match verdict {
            ClassVerdict::Accepted => conditions.yes(reasons::ACCEPTED, "The class is served by this controller"),
            ClassVerdict::InvalidParameters(message) => {
                conditions.no(reasons::ACCEPTED, reasons::INVALID_PARAMETERS, message.clone())
            }
        };
        let status = GatewayClassStatus { conditions: conditions.done(), supported_features: features::supported() };
        (id.clone(), Status::GatewayClass(status))
    })
    .collect()
}
