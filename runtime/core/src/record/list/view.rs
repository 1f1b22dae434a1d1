//! A list as closures see it: items borrowed from columns, or from a slice of owned records.

use std::fmt;
use std::iter::FusedIterator;

use crate::record::{Columns, Record};

/// One list of a column of lists, or a slice of records that is to become one.
#[derive(Clone)]
pub struct ListView<'a, T: Record> {
    items: Items<'a, T>,
}

#[derive(Clone)]
enum Items<'a, T: Record> {
    /// The items from `start` to `end` of a column.
    Columns { columns: &'a T::Columns, start: usize, end: usize },
    /// Owned records.
    Slice(&'a [T]),
}

impl<'a, T: Record> ListView<'a, T> {
    /// Makes a view of the items from `start` to `end` of a column.
    pub(super) fn of_columns(columns: &'a T::Columns, start: usize, end: usize) -> Self {
        Self { items: Items::Columns { columns, start, end } }
    }

    /// Returns the number of items.
    #[inline]
    pub fn len(self) -> usize {
        match self.items {
            Items::Columns { start, end, .. } => end - start,
            Items::Slice(records) => records.len(),
        }
    }

    /// Returns whether there are no items.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns item `index`, `None` where there are less.
    #[inline]
    pub fn get(self, index: usize) -> Option<T::View<'a>> {
        match self.items {
            Items::Columns { columns, start, end } => {
                (index < end - start).then(|| columns.get(start + index))
            }
            Items::Slice(records) => records.get(index).map(T::view),
        }
    }

    /// Returns the items in order.
    #[inline]
    pub fn iter(self) -> ListIter<'a, T> {
        ListIter { list: self }
    }
}

impl<T: Record> Copy for ListView<'_, T> {}

impl<T: Record> Copy for Items<'_, T> {}

impl<T: Record> fmt::Debug for ListView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<T: Record> PartialEq for ListView<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(*other).all(|(one, two)| one == two)
    }
}

impl<'a, T: Record> From<&'a [T]> for ListView<'a, T> {
    #[inline]
    fn from(records: &'a [T]) -> Self {
        Self { items: Items::Slice(records) }
    }
}

impl<'a, T: Record> From<&'a Vec<T>> for ListView<'a, T> {
    #[inline]
    fn from(records: &'a Vec<T>) -> Self {
        Self::from(records.as_slice())
    }
}

impl<'a, T: Record, const N: usize> From<&'a [T; N]> for ListView<'a, T> {
    #[inline]
    fn from(records: &'a [T; N]) -> Self {
        Self::from(records.as_slice())
    }
}

impl<'a, T: Record> IntoIterator for ListView<'a, T> {
    type Item = T::View<'a>;
    type IntoIter = ListIter<'a, T>;

    #[inline]
    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

/// The items of a [`ListView`] in order.
#[derive(Debug, Clone)]
pub struct ListIter<'a, T: Record> {
    /// The items that are left.
    list: ListView<'a, T>,
}

impl<'a, T: Record> Iterator for ListIter<'a, T> {
    type Item = T::View<'a>;

    #[inline]
    fn next(&mut self) -> Option<T::View<'a>> {
        match &mut self.list.items {
            Items::Columns { columns, start, end } if *start < *end => {
                let item = columns.get(*start);
                *start += 1;
                Some(item)
            }
            Items::Columns { .. } => None,
            Items::Slice(records) => records.split_off_first().map(T::view),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.list.len(), Some(self.list.len()))
    }
}

impl<T: Record> DoubleEndedIterator for ListIter<'_, T> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.list.items {
            Items::Columns { columns, start, end } if *start < *end => {
                *end -= 1;
                Some(columns.get(*end))
            }
            Items::Columns { .. } => None,
            Items::Slice(records) => records.split_off_last().map(T::view),
        }
    }
}

impl<T: Record> ExactSizeIterator for ListIter<'_, T> {}

impl<T: Record> FusedIterator for ListIter<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Builder;

    /// Calls `check` with the items 3, 4, 5 of a column and of a slice.
    fn both_kinds(check: impl Fn(ListView<'_, i64>)) {
        check(ListView::from(&[3, 4, 5]));
        let mut builder = <Vec<i64> as Record>::Builder::with_capacity(1);
        for list in [vec![1, 2], vec![3, 4, 5], vec![6]] {
            builder.append(ListView::from(&list));
        }
        let columns = <Vec<i64> as Record>::Columns::from_array(&builder.finish()).unwrap();
        check(columns.get(1));
    }

    #[test]
    fn a_list_gives_its_items_and_no_neighbours() {
        both_kinds(|list| {
            assert_eq!((list.len(), list.is_empty()), (3, false));
            assert_eq!([list.get(0), list.get(2), list.get(3)], [Some(3), Some(5), None]);
            assert_eq!(list.iter().collect::<Vec<_>>(), [3, 4, 5]);
            assert_eq!(list.iter().rev().collect::<Vec<_>>(), [5, 4, 3]);
            let mut iter = list.iter();
            assert_eq!((iter.next(), iter.next_back(), iter.len()), (Some(3), Some(5), 1));
            assert_eq!((iter.next(), iter.next(), iter.next_back()), (Some(4), None, None));
        });
    }

    #[test]
    fn lists_are_equal_by_their_items() {
        both_kinds(|list| {
            assert_eq!(list, ListView::from(&[3, 4, 5]));
            assert_ne!(list, ListView::from(&[3, 4]));
            assert_ne!(list, ListView::from(&[3, 4, 6]));
            assert_eq!(format!("{list:?}"), "[3, 4, 5]");
        });
    }
}
