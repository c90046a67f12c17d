//! Where the truth of a simulation comes from, and what its clients are like.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Offence, Picture, Random, Refusing, Scene, World};
use crate::{Capabilities, Reference, View};

/// What is true in a simulation, and how it changes.
///
/// Real implementers: the made-up world of [`run`](super::run); the Gateway API worlds of the translator's test
/// `simulation`, which are translated, published into a cache, and compared with what they should have come to.
pub trait Truth {
    /// The pictures clients are served from.
    type View: View;

    /// Changes something, at random, and publishes it in one step.
    ///
    /// # Errors
    /// When what was published is not what should have been.
    fn change(&mut self, random: &mut Random) -> Result<(), Offence>;

    /// Sees to it that nothing is refused any more.
    ///
    /// # Errors
    /// As [`change`](Truth::change).
    fn heal(&mut self, random: &mut Random) -> Result<Cure, Offence>;

    /// The newest pictures, one for each group of clients; always as many.
    fn views(&self) -> Vec<Arc<Self::View>>;

    /// What a client is like.
    fn habits(&self, client: usize) -> Habits;

    /// What clients refuse.
    fn refusing(&self) -> Refusing;

    /// What is named and comes from elsewhere.
    fn externals(&self) -> BTreeSet<Reference> {
        BTreeSet::new()
    }

    /// What is true now, for people who read a trace.
    fn brief(&self) -> String;
}

/// What a client is like. It never changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Habits {
    /// It speaks the delta variant, or state of the world.
    pub delta: bool,
    /// Which of the pictures it is served from.
    pub group: usize,
    /// What it can do.
    pub capabilities: Capabilities,
    /// It asks for scoped routes, as an Envoy does whose listeners find their routes by them.
    pub scoped: bool,
    /// It asks for listeners only once its first clusters are ready, as an Envoy does when it starts. Others ask at once.
    pub patient: bool,
}

/// How it came that nothing is refused any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// What was refused is something else now.
    NewContent,
    /// Clients put up with what they refused before, and come back on new streams to get it.
    NewStreams,
}

/// A made-up world: one picture for everybody.
pub(crate) struct MadeUp {
    pub(crate) scene: Scene,
    pub(crate) world: World,
    pub(crate) delta: bool,
}

impl Truth for MadeUp {
    type View = Picture;

    fn change(&mut self, random: &mut Random) -> Result<(), Offence> {
        self.scene.mutate(random);
        self.scene.publish(&mut self.world);
        Ok(())
    }

    fn heal(&mut self, random: &mut Random) -> Result<Cure, Offence> {
        self.scene.heal(random);
        self.scene.publish(&mut self.world);
        Ok(Cure::NewContent)
    }

    fn views(&self) -> Vec<Arc<Picture>> {
        alloc::vec![self.world.view()]
    }

    fn habits(&self, _client: usize) -> Habits {
        Habits { delta: self.delta, ..Habits::default() }
    }

    fn refusing(&self) -> Refusing {
        Refusing::Labelled
    }

    fn brief(&self) -> String {
        self.scene.brief()
    }
}
