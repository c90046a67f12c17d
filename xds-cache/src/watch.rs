//! One stream's seat: the newest view when asked, a wake-up when there is a newer one, and an ear for what happens.

use std::fmt;
use std::sync::Arc;

use chancery_protocol::{Event, Watch};

use crate::GroupKey;
use crate::cache::Shared;
use crate::delivery::Seat;
use crate::group::Group;
use crate::snapshot::GroupView;

/// One stream's seat at a [`SnapshotCache`](crate::SnapshotCache). Dropping it frees all that was kept for the stream.
///
/// It holds no view: what a stream does not ask for costs it nothing, and a stream that never asks pins nothing.
pub struct GroupWatch {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: Arc<Group>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) seen: u64,
}

impl GroupWatch {
    /// The group the stream was put into.
    pub fn group(&self) -> &GroupKey {
        &self.group.key
    }
}

impl Watch for GroupWatch {
    type View = GroupView;

    fn latest(&mut self) -> Option<Arc<GroupView>> {
        // First the stamp, then the view: a commit in between costs a wake-up too many, never one too few.
        self.seen = self.seat.bell.stamp();
        self.shared.view_of(&self.group)
    }

    async fn changed(&mut self) -> bool {
        let moved = self.seat.bell.moved_from(self.seen).await;
        self.seen = self.seat.bell.stamp();
        moved
    }

    fn progressed(&mut self, event: &Event) {
        self.group.audience.hear(event, &self.seat);
        if self.seat.hear(event, || self.shared.view_of(&self.group)) {
            self.shared.progress.raise();
        }
    }
}

impl Drop for GroupWatch {
    fn drop(&mut self) {
        self.group.leave(&self.seat);
        self.shared.forget_if_unused(&self.group);
        self.shared.progress.raise();
    }
}

impl fmt::Debug for GroupWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupWatch").field("group", &self.group.key).field("seat", &self.seat.number).finish()
    }
}
