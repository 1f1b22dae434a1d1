//! Connected components and cycles of small graphs.

use std::collections::BTreeSet;

/// Finds connected components (union-find with path halving).
pub(super) struct Components {
    parents: Vec<usize>,
}

impl Components {
    pub(super) fn new(size: usize) -> Self {
        Self { parents: (0..size).collect() }
    }

    pub(super) fn root(&mut self, mut element: usize) -> usize {
        while self.parents[element] != element {
            self.parents[element] = self.parents[self.parents[element]];
            element = self.parents[element];
        }
        element
    }

    /// Joins two components; the root of a component is its smallest element.
    pub(super) fn join(&mut self, first: usize, second: usize) {
        let (first, second) = (self.root(first), self.root(second));
        self.parents[first.max(second)] = first.min(second);
    }

    /// Numbers the components in the order of their smallest elements; returns the component of
    /// each element and the elements of each component.
    pub(super) fn numbered(mut self) -> (Vec<usize>, Vec<Vec<usize>>) {
        let mut component_of = vec![0; self.parents.len()];
        let mut members: Vec<Vec<usize>> = Vec::new();
        for element in 0..self.parents.len() {
            let root = self.root(element);
            if root == element {
                component_of[element] = members.len();
                members.push(Vec::new());
            } else {
                component_of[element] = component_of[root];
            }
            members[component_of[element]].push(element);
        }
        (component_of, members)
    }
}

/// Returns the nodes that lie on a cycle or between two.
///
/// What has no arrow to or from what is left is taken away until nothing changes.
pub(super) fn on_cycles(arrows: &BTreeSet<(usize, usize)>) -> BTreeSet<usize> {
    let mut left = arrows.clone();
    loop {
        let starts: BTreeSet<usize> = left.iter().map(|&(from, _)| from).collect();
        let ends: BTreeSet<usize> = left.iter().map(|&(_, to)| to).collect();
        let before = left.len();
        left.retain(|(from, to)| ends.contains(from) && starts.contains(to));
        if left.len() == before {
            return starts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_by_their_smallest_elements() {
        let mut components = Components::new(5);
        components.join(4, 1);
        components.join(2, 4);
        let (component_of, members) = components.numbered();
        assert_eq!(component_of, [0, 1, 1, 2, 1]);
        assert_eq!(members, [vec![0], vec![1, 2, 4], vec![3]]);
    }

    #[test]
    fn only_cycles_and_what_is_between_them_stays() {
        let arrows = |list: &[(usize, usize)]| on_cycles(&list.iter().copied().collect());
        assert_eq!(arrows(&[(0, 1), (1, 2), (0, 2)]), BTreeSet::new());
        assert_eq!(arrows(&[(0, 1), (1, 2), (2, 1), (2, 3)]), BTreeSet::from([1, 2]));
        assert_eq!(arrows(&[(0, 0), (0, 1), (1, 2), (2, 2)]), BTreeSet::from([0, 1, 2]));
    }
}
