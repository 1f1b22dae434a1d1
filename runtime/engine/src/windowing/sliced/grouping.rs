//! Sorts the rows of a batch by slice.

use sciurus_core::time::Timestamp;

use crate::windowing::slicing::{Slice, Slicing};

/// The rows of a batch that belong to one slice.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) slice: Slice,
    /// In the order of the batch.
    pub(super) rows: Vec<u32>,
}

/// Sorts rows by slice, with memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    groups: Vec<Group>,
    used: usize,
}

/// How the rows of a batch fall into slices.
pub(super) enum Grouped<'a> {
    /// All into one.
    One(Slice),
    /// Into several, in the order in which these come in the batch.
    Several(&'a [Group]),
}

impl Grouping {
    /// Sorts the rows of `selection`, all where it is `None`, by their timestamps; `None` where
    /// there are no rows.
    pub(super) fn group(
        &mut self,
        slicing: &Slicing,
        timestamps: &[Timestamp],
        selection: Option<&[u32]>,
    ) -> Option<Grouped<'_>> {
        let (least, greatest) = match selection {
            None => extremes(timestamps.iter().copied()),
            Some(rows) => extremes(rows.iter().map(|row| timestamps[*row as usize])),
        }?;
        let slice = slicing.slice_of(least);
        if slice.contains(greatest) {
            return Some(Grouped::One(slice));
        }
        self.used = 0;
        match selection {
            None => self.sort(slicing, timestamps, 0..timestamps.len() as u32),
            Some(rows) => self.sort(slicing, timestamps, rows.iter().copied()),
        }
        Some(Grouped::Several(&self.groups[..self.used]))
    }

    fn sort(
        &mut self,
        slicing: &Slicing,
        timestamps: &[Timestamp],
        rows: impl Iterator<Item = u32>,
    ) {
        let mut current = 0;
        for row in rows {
            let timestamp = timestamps[row as usize];
            // Rows of one slice nearly always come together.
            if current >= self.used || !self.groups[current].slice.contains(timestamp) {
                current = self.find(slicing, timestamp);
            }
            self.groups[current].rows.push(row);
        }
    }

    /// Returns the group of the slice that `timestamp` belongs to.
    fn find(&mut self, slicing: &Slicing, timestamp: Timestamp) -> usize {
        let known = &self.groups[..self.used];
        if let Some(group) = known.iter().position(|group| group.slice.contains(timestamp)) {
            return group;
        }
        let slice = slicing.slice_of(timestamp);
        if let Some(group) = self.groups.get_mut(self.used) {
            group.slice = slice;
            group.rows.clear();
        } else {
            self.groups.push(Group { slice, rows: Vec::new() });
        }
        self.used += 1;
        self.used - 1
    }
}

fn extremes(timestamps: impl Iterator<Item = Timestamp>) -> Option<(Timestamp, Timestamp)> {
    let start = (Timestamp::MAX, Timestamp::MIN);
    let (least, greatest) =
        timestamps.fold(start, |(least, greatest), time| (least.min(time), greatest.max(time)));
    (least <= greatest).then_some((least, greatest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(timestamps: &[Timestamp], selection: Option<&[u32]>) -> Vec<(Timestamp, Vec<u32>)> {
        let slicing = Slicing::tumbling(10, 0);
        let mut grouping = Grouping::default();
        // What was there before must not show.
        let _ = grouping.group(&slicing, &[1, 11, 21, 31], None);
        match grouping.group(&slicing, timestamps, selection) {
            None => Vec::new(),
            Some(Grouped::One(slice)) => vec![(slice.end, Vec::new())],
            Some(Grouped::Several(groups)) => {
                groups.iter().map(|group| (group.slice.end, group.rows.clone())).collect()
            }
        }
    }

    #[test]
    fn rows_of_one_slice_stay_together() {
        assert_eq!(grouped(&[1, 9, 3], None), [(10, vec![])]);
        assert_eq!(grouped(&[1, 19, 3], Some(&[0, 2])), [(10, vec![])]);
    }

    #[test]
    fn rows_of_several_slices_keep_their_order() {
        let timestamps = [12, 5, 11, -1, 6, 15];
        let expected = [(20, vec![0, 2, 5]), (10, vec![1, 4]), (0, vec![3])];
        assert_eq!(grouped(&timestamps, None), expected);
        let expected = [(20, vec![0, 5]), (10, vec![1])];
        assert_eq!(grouped(&timestamps, Some(&[0, 1, 5])), expected);
    }

    #[test]
    fn no_rows_belong_nowhere() {
        assert_eq!(grouped(&[], None), []);
        assert_eq!(grouped(&[1, 2], Some(&[])), []);
    }
}
