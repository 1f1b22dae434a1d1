//! What is done to backend and model.

use proptest::prelude::*;
use proptest::sample::select;

use super::{KEYS, NAMESPACES, TIME_TO_LIVE};
use crate::namespace::Namespace;
use crate::timer::TimeDomain;

/// Something done with one key's state.
#[derive(Debug, Clone)]
pub(super) enum RowOperation {
    /// Value state without expiry.
    SetCount(i64),
    AddCount(i64),
    ClearCount,
    /// Value state that writing renews.
    SetNote(String),
    ReadNote,
    UpdateNote(bool),
    /// Value state that reading renews.
    SetSeen(i64),
    ReadSeen,
    /// List state without expiry.
    AddList(Vec<i64>),
    SetList(Vec<i64>),
    ClearList,
    /// List state whose elements expire.
    AddRecent(i64),
    SetRecent(Vec<i64>),
    ReadRecent,
    /// Map state without expiry.
    PutMap(i64, String),
    UpdateMap(i64, Option<String>),
    RemoveMap(i64),
    ClearMap,
    /// Map state whose entries expire and are renewed by reading.
    PutCache(i64, i64),
    GetCache(i64),
    UpdateCache(i64, Option<i64>),
    RemoveCache(i64),
    ReadCache,
    /// Reducing and aggregating state.
    AddSum(i64),
    ClearSum,
    AddAverage(i64),
    /// All that is there.
    ReadAll,
    RegisterTimer(TimeDomain, i64, Namespace),
    DeleteTimer(TimeDomain, i64, Namespace),
}

/// What a row of a batch does to its key's count.
#[derive(Debug, Clone, Copy)]
pub(super) enum BatchRow {
    Add(i64),
    Clear,
    /// Its slot is resolved, and that's all.
    Nothing,
}

/// Something done to a whole job.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// To one key.
    Row(Namespace, u8, RowOperation),
    /// To the counts of many keys, batch-wise. In the void namespace an operation on each row's key
    /// follows within the batch.
    Batch {
        namespace: Namespace,
        rows: Vec<(u8, BatchRow)>,
        /// Leaves out every second row.
        select: bool,
        then: Option<RowOperation>,
    },
    /// Looks every key's count up.
    Lookup(Namespace),
    /// Adds the counts of one namespace to those of another and drops the one.
    Merge(Namespace, Namespace),
    Drop(Namespace),
    /// Visits counts and keys of a namespace.
    Visit(Namespace),
    Namespaces,
    PopTimers(TimeDomain, i64),
    Advance(i64),
    /// Takes a snapshot, which is written while the rest goes on and looked at in the end.
    Snapshot,
    /// Restores the job from a snapshot of now.
    Rescale(u32),
}

fn namespace() -> impl Strategy<Value = Namespace> {
    prop_oneof![3 => Just(Namespace::VOID), 2 => select(&NAMESPACES[..])]
}

fn other_namespace() -> impl Strategy<Value = Namespace> {
    select(&NAMESPACES[1..])
}

fn domain() -> impl Strategy<Value = TimeDomain> {
    prop_oneof![Just(TimeDomain::Event), Just(TimeDomain::Processing)]
}

fn text() -> impl Strategy<Value = String> {
    "[a-z]{0,20}"
}

fn row_operation() -> impl Strategy<Value = RowOperation> {
    use RowOperation as Row;
    let small = || 0..4_i64;
    let list = || prop::collection::vec(small(), 0..4);
    prop_oneof![
        1 => any::<i64>().prop_map(Row::SetCount),
        1 => small().prop_map(Row::AddCount),
        1 => Just(Row::ClearCount),
        1 => text().prop_map(Row::SetNote),
        1 => Just(Row::ReadNote),
        1 => any::<bool>().prop_map(Row::UpdateNote),
        1 => small().prop_map(Row::SetSeen),
        1 => Just(Row::ReadSeen),
        1 => list().prop_map(Row::AddList),
        1 => list().prop_map(Row::SetList),
        1 => Just(Row::ClearList),
        1 => small().prop_map(Row::AddRecent),
        1 => list().prop_map(Row::SetRecent),
        1 => Just(Row::ReadRecent),
        1 => (small(), text()).prop_map(|(key, value)| Row::PutMap(key, value)),
        1 => (small(), prop::option::of(text())).prop_map(|(key, value)| Row::UpdateMap(key, value)),
        1 => small().prop_map(Row::RemoveMap),
        1 => Just(Row::ClearMap),
        1 => (small(), small()).prop_map(|(key, value)| Row::PutCache(key, value)),
        1 => small().prop_map(Row::GetCache),
        1 => (small(), prop::option::of(small())).prop_map(|(key, value)| Row::UpdateCache(key, value)),
        1 => small().prop_map(Row::RemoveCache),
        1 => Just(Row::ReadCache),
        1 => small().prop_map(Row::AddSum),
        1 => Just(Row::ClearSum),
        1 => small().prop_map(Row::AddAverage),
        2 => Just(Row::ReadAll),
        3 => (domain(), 0..200_i64, namespace())
            .prop_map(|(domain, time, namespace)| Row::RegisterTimer(domain, time, namespace)),
        1 => (domain(), 0..200_i64, namespace())
            .prop_map(|(domain, time, namespace)| Row::DeleteTimer(domain, time, namespace)),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let keys = 0..KEYS;
    let row = prop_oneof![
        8 => (-3..3_i64).prop_map(BatchRow::Add),
        1 => Just(BatchRow::Clear),
        1 => Just(BatchRow::Nothing),
    ];
    let rows = prop::collection::vec((0..KEYS, row), 0..60);
    let then = prop::option::of(row_operation());
    prop_oneof![
        24 => (namespace(), keys, row_operation())
            .prop_map(|(namespace, key, row)| Operation::Row(namespace, key, row)),
        8 => (namespace(), rows, any::<bool>(), then).prop_map(|(namespace, rows, select, then)| {
            let then = then.filter(|_| namespace == Namespace::VOID);
            Operation::Batch { namespace, rows, select, then }
        }),
        1 => namespace().prop_map(Operation::Lookup),
        2 => (other_namespace(), namespace()).prop_map(|(from, into)| Operation::Merge(from, into)),
        1 => other_namespace().prop_map(Operation::Drop),
        2 => namespace().prop_map(Operation::Visit),
        1 => Just(Operation::Namespaces),
        1 => (domain(), 0..250_i64).prop_map(|(domain, time)| Operation::PopTimers(domain, time)),
        4 => select(&[1, 20, 60, TIME_TO_LIVE][..]).prop_map(Operation::Advance),
        1 => Just(Operation::Snapshot),
        1 => (1..4_u32).prop_map(Operation::Rescale),
    ]
}

/// A parallelism and what is done.
pub(super) fn operations() -> impl Strategy<Value = (u32, Vec<Operation>)> {
    (1..4_u32, prop::collection::vec(operation(), 1..120))
}
