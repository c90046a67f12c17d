//! Services and the policies attached to them: what ports lead to, and whether that is still what routes were made from.

use crate::api::ObjectId;
use crate::attach::{Fact, Lookup, Reads};
use crate::status;

use super::agenda::Agenda;
use super::said::Said;
use super::translator::Translator;

impl Translator {
    /// What a service leads to may be another: everybody who refers to it looks again.
    pub(super) fn service_changed(&mut self, service: &ObjectId, agenda: &mut Agenda) {
        self.memo.forget(service);
        agenda.changed(&self.dependents, &Fact::Backend(service.clone()));
    }

    /// Other slices mean other endpoints, and that is all, as long as the ports are reached the same way.
    pub(super) fn update_services(&mut self, agenda: &mut Agenda) {
        for service in agenda.sliced.clone() {
            if self.memo.is_reached_otherwise(&service, &self.slices) {
                self.service_changed(&service, agenda);
            }
        }
    }

    pub(super) fn update_policies(&mut self, agenda: &mut Agenda, said: &mut Said) {
        for id in std::mem::take(&mut agenda.policies) {
            let mut services = self.policies.services(&id);
            let mut rivals = self.policies.rivals(&id);
            let reads = Reads::default();
            let lookup = Lookup::told(&self.world, &self.grants, &reads);
            let changed = match self.world.backend_tls_policies.get(&id) {
                Some(policy) => self.policies.put(lookup, &id, policy),
                None => self.policies.take(&id),
            };
            self.dependents.set(&id, reads.into_facts());
            if !changed {
                continue;
            }
            services.append(&mut self.policies.services(&id));
            rivals.append(&mut self.policies.rivals(&id));
            services.iter().for_each(|service| self.service_changed(service, agenda));
            for one in rivals.into_iter().chain([id]) {
                said.complain(&mut self.problems, &one, status::problems::of_policy(&self.policies, &one));
                agenda.policy_statuses.insert(one);
            }
        }
    }

    pub(super) fn say_policies(&mut self, agenda: &mut Agenda, said: &mut Said) {
        for id in std::mem::take(&mut agenda.policy_statuses) {
            let under = self.ancestors.get(&id).into_iter().flat_map(|counts| counts.keys().cloned());
            let told = status::policies::status(&self.options, &self.policies, &id, under);
            said.say(&mut self.statuses, &id, told);
        }
    }
}
