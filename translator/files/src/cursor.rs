//! A place in a document that knows how it was reached: what rules look at, and what problems are told with.

use chancery_resource::located::{Key, Node, Position};

/// A value, and the way to it. What is `null` counts as absent.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) node: &'a Node,
    above: Option<&'a Cursor<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a Key),
    Item(usize),
}

impl<'a> Cursor<'a> {
    /// The document itself.
    pub(crate) fn root(node: &'a Node) -> Cursor<'a> {
        Cursor { node, above: None, step: Step::Root }
    }

    /// The value under this key.
    pub(crate) fn get<'s>(&'s self, key: &str) -> Option<Cursor<'s>> {
        self.entries().find(|entry| matches!(entry.step, Step::Key(written) if written.text == key))
    }

    /// The entries of a map.
    pub(crate) fn entries<'s>(&'s self) -> impl Iterator<Item = Cursor<'s>> {
        let entries = self.node.entries().iter().filter(|(_, node)| !node.is_null());
        entries.map(move |(key, node)| Cursor { node, above: Some(self), step: Step::Key(key) })
    }

    /// The items of a list.
    pub(crate) fn items<'s>(&'s self) -> impl Iterator<Item = Cursor<'s>> {
        let items = self.node.items().iter().enumerate();
        items.map(move |(index, node)| Cursor { node, above: Some(self), step: Step::Item(index) })
    }

    /// Does this with every item of the list under this key.
    pub(crate) fn each(&self, key: &str, mut look: impl FnMut(&Cursor<'_>)) {
        if let Some(list) = self.get(key) {
            list.items().for_each(|item| look(&item));
        }
    }

    /// Does this with the value under this key, if there is one.
    pub(crate) fn with(&self, key: &str, look: impl FnOnce(&Cursor<'_>)) {
        if let Some(value) = self.get(key) {
            look(&value);
        }
    }

    /// Whether there is something under this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| !node.is_null())
    }

    /// The text under this key.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.node.get(key).and_then(Node::text)
    }

    /// The text under this key; nothing for the empty text.
    pub(crate) fn said(&self, key: &str) -> Option<&'a str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// The whole number under this key.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        self.node.get(key).and_then(Node::integer)
    }

    /// How many items the list under this key has; 0 without one.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.node.get(key).map_or(0, |node| node.items().len())
    }

    /// The key this value is under.
    pub(crate) fn key(&self) -> Option<&'a str> {
        match self.step {
            Step::Key(key) => Some(&key.text),
            _ => None,
        }
    }

    /// Where it is: where its key is, for a value in a map.
    pub(crate) fn position(&self) -> Position {
        match self.step {
            Step::Key(key) => key.at,
            _ => self.node.at,
        }
    }

    /// The way to it: `spec.rules[0].name`.
    pub(crate) fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(cursor) = here {
            steps.push(cursor.step);
            here = cursor.above;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Key(key) if path.is_empty() => path.push_str(&key.text),
                Step::Key(key) => path.extend([".", &key.text]),
                Step::Item(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }
}
